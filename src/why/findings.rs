//! All decisive factors, the best explanation first.

use super::{
    Comes, Decisive, OtherTiming, StepWords, Timing,
    blame::{ClientInput, Remedy, answers, faults, inputs},
    graph::Graph,
    race::{RaceSearch, RacingPair},
    threshold::{Threshold, thresholds},
    trials::Trials,
};

/// Most values of the environment that no limit explains.
const MAX_UNEXPLAINED: usize = 2;

/// The changes with which a run passes.
pub struct DecisiveFactors {
    /// The best first.
    pairs: Vec<RacingPair>,
    /// By number.
    faults: Vec<u32>,
    parts: Vec<ClientInput>,
    remedies: Vec<Remedy>,
    /// Those that a limit explains first.
    thresholds: Vec<Threshold>,
}

impl DecisiveFactors {
    /// Searches for them. Searches that take few runs come first, so that the budget cuts short only
    /// the search for a pair.
    pub fn of(trials: &Trials, search: &RaceSearch<'_>) -> Self {
        let faults = faults(trials, search.symptom);
        let parts = inputs(trials, search.symptom);
        let remedies = answers(trials, search.symptom, search.graph.trace());
        let thresholds = thresholds(trials, search.symptom, search.graph.trace());
        DecisiveFactors {
            pairs: search.pairs(trials),
            faults,
            parts,
            remedies,
            thresholds,
        }
    }

    /// A pair, then faults, values that a limit explains, inputs of other clients, the design, other
    /// values. What the failing client itself does is an answer only if there is no other.
    pub fn ranked(
        self,
        trials: &Trials,
        search: &RaceSearch<'_>,
        other_timing: OtherTiming,
    ) -> Vec<Decisive> {
        let graph = search.graph;
        let pair = self.pairs.iter().find(|pair| !is_about_fault(graph, pair));
        let (close, far) = match pair {
            Some(pair) if search.is_close(*pair) => (Some(race(graph, *pair)), None),
            Some(pair) => (None, Some(race(graph, *pair))),
            None => (None, None),
        };
        let own = search.socket.map(|socket| socket.peer);
        let (owned, foreign): (Vec<ClientInput>, Vec<ClientInput>) = self
            .parts
            .into_iter()
            .partition(|part| Some(part.client) == own);
        let mut ranked: Vec<Decisive> = close.into_iter().collect();
        for number in self.faults {
            let plan = trials.target().plan.fault(number);
            ranked.push(Decisive::Fault {
                number,
                what: plan.map_or_else(String::new, |plan| plan.kind.to_string()),
                timing: self
                    .pairs
                    .iter()
                    .find_map(|pair| timing_of(graph, *pair, number)),
                threshold: (self.thresholds.iter())
                    .filter(|threshold| threshold.fault() == Some(number))
                    // When it begins says less than how long it lasts.
                    .min_by_key(|threshold| threshold.name.field == "at_ms")
                    .cloned(),
            });
        }
        let of_environment = self.thresholds.into_iter();
        let (explained, others): (Vec<Threshold>, Vec<Threshold>) = of_environment
            .filter(|threshold| threshold.fault().is_none())
            .partition(|threshold| !threshold.limits.is_empty());
        ranked.extend(explained.into_iter().map(Decisive::Value));
        ranked.extend(foreign.into_iter().map(input));
        ranked.extend(self.remedies.into_iter().map(|remedy| Decisive::Answer {
            changes: remedy.changes,
            order: remedy.order.filter(|_| other_timing.is_all()),
        }));
        // If other timing helps as well, a value may do no more than shift it.
        if other_timing.is_all() {
            let values = others.into_iter().take(MAX_UNEXPLAINED);
            ranked.extend(values.map(Decisive::Value));
        }
        ranked.extend(far);
        if ranked.is_empty() {
            // That the run passes without the failing client itself explains little.
            ranked.extend(owned.into_iter().map(input));
        }
        ranked
    }
}

fn race(graph: &Graph<'_>, pair: RacingPair) -> Decisive {
    let [first, second] = StepWords::of_pair(graph, [pair.first, pair.second]);
    Decisive::Race { first, second }
}

fn input(part: ClientInput) -> Decisive {
    Decisive::Input {
        what: part.what,
        later_ms: part.later_ms,
    }
}

fn is_about_fault(graph: &Graph<'_>, pair: &RacingPair) -> bool {
    graph.is_fault(pair.first) || graph.is_fault(pair.second)
}

/// On which side of a step this fault does no harm, if the pair is about it.
fn timing_of(graph: &Graph<'_>, pair: RacingPair, number: u32) -> Option<Timing> {
    let (comes, step) = if graph.fault_of(pair.first) == Some(number) {
        (Comes::After, pair.second)
    } else if graph.fault_of(pair.second) == Some(number) {
        (Comes::Before, pair.first)
    } else {
        return None;
    };
    Some(Timing {
        comes,
        step: StepWords::of(graph, step),
    })
}
