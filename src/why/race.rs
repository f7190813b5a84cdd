//! The racing pair: two steps whose order decides.
//!
//! A step that led to the violation is delayed until after later and later steps. Bisection finds the
//! step with which the run begins to pass: the run still fails if the first step is executed right
//! *before* the second, and passes if it is executed right *after* it. So the order of these two
//! decides, and not the delay alone. Both must do in the reordered run what they did before; if, for
//! example, the connection has ended meanwhile, the order explains nothing.

use gatesim_model::core::{ids::SocketId, time::Time};
use gatesim_sim::{
    run::outcome::Outcome,
    scheduler::{OrderingConstraint, Side},
};

use super::{
    graph::{Graph, StepSite, WEIGHTY, weight},
    symptom::{EventIdentity, Symptom},
    trials::{Trials, Variation},
};

/// Most steps that are delayed.
const MAX_HELD: usize = 48;

/// Most steps that one of these waits for.
const MAX_AWAITED: usize = 2_000;

/// Most steps that are searched for them.
const MAX_SCANNED: usize = 100_000;

/// Their largest distance, in virtual time.
const WINDOW_NS: u64 = 5_000_000_000;

/// Two steps whose order decides: in the failing run the first came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RacingPair {
    /// The step that came first.
    pub first: u64,
    /// The step that came second; the run passes if it comes first.
    pub second: u64,
}

/// The parameters of the search.
pub struct RaceSearch<'a> {
    /// The failing run.
    pub graph: &'a Graph<'a>,
    /// How it failed.
    pub symptom: &'a Symptom,
    /// The step at which the search begins, backwards.
    pub step: u64,
    /// When it failed.
    pub time: Time,
    /// The connection concerned.
    pub socket: Option<SocketId>,
}

impl RaceSearch<'_> {
    /// Pairs whose order decides, the best first.
    pub fn pairs(&self, trials: &Trials) -> Vec<RacingPair> {
        let mut found = Vec::new();
        for held in self.candidates() {
            let awaited = self.awaited(held);
            if let Some(pair) = self.bisect(trials, held, &awaited) {
                found.push(pair);
            }
        }
        found.sort_by_key(|pair| self.rank(*pair));
        found
    }

    /// Whether both steps are related to each other or to the violation, so that their order explains
    /// it; another pair may help only because the run becomes a different one.
    pub fn is_close(&self, pair: RacingPair) -> bool {
        let is_violation = pair.first == self.step || pair.second == self.step;
        let on_connection = |step| {
            let speaking = self.graph.speaking(step)?;
            let events = self.graph.events(speaking).iter();
            events
                .filter(|entry| entry.sockets().iter().any(|s| Some(*s) == self.socket))
                .map(weight)
                .max()
        };
        let is_decisive = match (on_connection(pair.first), on_connection(pair.second)) {
            (Some(first), Some(second)) => first.max(second) >= WEIGHTY,
            (_, _) => false,
        };
        is_violation || is_decisive || self.graph.meeting([pair.first, pair.second]).is_some()
    }

    /// Steps that led to the violation, the latest first.
    fn candidates(&self) -> Vec<u64> {
        let speaks = |step: &u64| self.graph.speaking(*step).is_some();
        let place = self.graph.place(self.step);
        let is_near =
            |step: &u64| self.graph.place(*step).meets(place) || self.graph.is_fault(*step);
        let behind = self.graph.behind(self.step).into_iter().rev();
        behind
            .filter(is_near)
            .filter(speaks)
            .take(MAX_HELD)
            .collect()
    }

    /// Steps that could have come before `held` and may influence it.
    fn awaited(&self, held: u64) -> Vec<u64> {
        let causes = self.graph.causes();
        let until = self.time_of(held).0.max(self.time.0) + WINDOW_NS;
        let last = causes
            .steps()
            .skip(held as usize)
            .take(MAX_SCANNED)
            .take_while(|(_, step)| step.time.0 <= until)
            .last()
            .map_or(held, |(number, _)| number);
        let ahead = self.graph.ahead(held, last);
        let place = self.graph.place(held);
        let is_fault = self.graph.is_fault(held);
        (held + 1..=last)
            .filter(|step| !ahead.has(*step))
            .filter(|step| {
                let other: StepSite = self.graph.place(*step);
                place.meets(other) || is_fault || self.graph.is_fault(*step)
            })
            .take(MAX_AWAITED)
            .collect()
    }

    /// The first of `awaited` with which waiting helps, if the order alone decides.
    fn bisect(&self, trials: &Trials, held: u64, awaited: &[u64]) -> Option<RacingPair> {
        let far = awaited.len().checked_sub(1)?;
        let mut probes = vec![0, far / 64, far / 8, far / 2, far];
        probes.dedup();
        let variations: Vec<Variation> = probes
            .iter()
            .map(|index| self.waiting(held, awaited[*index], Side::After))
            .collect();
        let helped = trials.each(&variations, |index, outcome| {
            self.helps(outcome, held, awaited[probes[index]])
        });
        let hit = helped.iter().position(|helped| *helped == Some(true))?;
        let mut good = probes[hit];
        let mut bad = hit.checked_sub(1).map(|before| probes[before]);
        while good > bad.map_or(0, |bad| bad + 1) {
            let middle = bad.map_or(0, |bad| bad + 1).midpoint(good);
            let middle = if middle == good { good - 1 } else { middle };
            let variation = self.waiting(held, awaited[middle], Side::After);
            let helps = trials.one(variation, |outcome| {
                self.helps(outcome, held, awaited[middle])
            })?;
            match helps {
                true => good = middle,
                false => bad = Some(middle),
            }
        }
        let second = awaited[good];
        let before = self.waiting(held, second, Side::Before);
        let fails = trials.one(before, |outcome| {
            self.symptom.expect.is_met_by(outcome) && self.in_order(outcome, held, second)
        })?;
        fails.then_some(RacingPair {
            first: held,
            second,
        })
    }

    fn waiting(&self, held: u64, until: u64, side: Side) -> Variation {
        let name = |step| self.graph.causes().name(step).expect("it was taken");
        Variation::order(OrderingConstraint {
            delayed: name(held),
            awaited: name(until),
            side,
        })
    }

    /// Whether the symptom is gone, the order is reversed, and both steps do what they did.
    fn helps(&self, outcome: &Outcome, held: u64, until: u64) -> bool {
        self.symptom.is_gone(outcome)
            && self.in_order(outcome, until, held)
            && self.does_the_same(outcome, held)
            && self.does_the_same(outcome, until)
    }

    /// Whether both steps were taken, in this order.
    fn in_order(&self, outcome: &Outcome, first: u64, second: u64) -> bool {
        let place = |step| {
            let name = self.graph.causes().name(step)?;
            outcome.causes.find(&name)
        };
        matches!((place(first), place(second)), (Some(first), Some(second)) if first < second)
    }

    /// Whether one of the most important events of a step, except the violation itself, happened as
    /// well.
    fn does_the_same(&self, outcome: &Outcome, step: u64) -> bool {
        let Some(speaking) = self.graph.speaking(step) else {
            return true;
        };
        let events = self.graph.events(speaking);
        let most = events.iter().map(weight).max().unwrap_or(0);
        let weighty = events.iter().filter(|entry| weight(entry) == most);
        weighty
            .map(EventIdentity::of)
            .any(|mark| Some(&mark) == self.symptom.mark.as_ref() || mark.is_in(&outcome.trace))
    }

    /// Smaller is better: related to the violation, named by events, close together, close to it.
    fn rank(&self, pair: RacingPair) -> (u8, u8, u64, u64, u64) {
        let silent = |step| match self.graph.events(step).is_empty() {
            true => 1,
            false => 0,
        };
        let apart = self.time_of(pair.second).0 - self.time_of(pair.first).0;
        let loose = match self.is_close(pair) {
            true => 0,
            false => 1,
        };
        (
            loose,
            silent(pair.first) + silent(pair.second),
            apart,
            pair.second - pair.first,
            self.step.abs_diff(pair.first),
        )
    }

    fn time_of(&self, step: u64) -> Time {
        self.graph
            .causes()
            .step(step)
            .map_or(Time::ZERO, |step| step.time)
    }
}
