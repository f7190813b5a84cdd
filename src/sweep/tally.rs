//! Outcomes added up, in memory that does not grow with their number, to the same sums in any
//! order.

use std::{collections::BTreeMap, time::Duration};

use gatesim_sim::{
    check::{
        figures::{Accumulate, Figures},
        invariants::Invariant,
        marks::{Floors, Mark, MissedFloor},
        premises::{Occurs, Premises},
    },
    run::outcome::Outcome,
    trace::event::FinishReason,
};

use crate::{
    sweep::{
        durations::Durations,
        groups::{FailedSeed, Groups},
        happened::Happened,
        limits::Extremes,
    },
    target::failure::{FailureSignature, finish_name},
};

/// All outcomes of one design in one scenario, added up.
#[derive(Clone, Debug, Default)]
pub struct PairTally {
    /// Runs.
    pub runs: u64,
    /// The smallest and the largest seed.
    pub seeds: Option<(u64, u64)>,
    /// Scheduler steps.
    pub steps: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Everything that runs broke, first or as a consequence: a run counts once for each cause, so
    /// that a rare race shows behind a frequent cause.
    pub groups: Groups,
    /// How many runs broke each invariant, over all causes.
    pub broken_in: BTreeMap<Invariant, u64>,
    /// How the runs ended, by the name of the reason.
    pub finishes: BTreeMap<String, u64>,
    /// How many runs went through each rare state; those that none did are left out.
    pub marks: BTreeMap<Mark, u64>,
    /// Figures of merit.
    pub figures: Figures<Durations>,
    /// The runs with the least and the greatest figures.
    pub extremes: Extremes,
    /// In how many runs each fault happened.
    pub happened: Happened,
    /// What occurred in any run of that which invariants judge.
    pub premises: Premises,
    /// Runs that were cut off by their limit of time or of steps.
    cut_off: u64,
    /// Wall-clock time of all workers. It reaches no result but the times of a JUnit report.
    pub busy: Duration,
}

impl PairTally {
    /// Adds one run.
    pub fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.runs += 1;
        self.seeds = span(self.seeds, Some((seed, seed)));
        self.steps += outcome.steps;
        self.failed += u64::from(!outcome.held());
        let digest = outcome.digest;
        for failure in FailureSignature::all(outcome) {
            self.groups.add(failure, FailedSeed { seed, digest });
        }
        for invariant in outcome.broken() {
            *self.broken_in.entry(invariant).or_default() += 1;
        }
        *self.finishes.entry(finish_name(outcome)).or_default() += 1;
        for mark in outcome.marks.iter() {
            *self.marks.entry(mark).or_default() += 1;
        }
        self.figures.accumulate(&outcome.figures);
        self.extremes.add(seed, &outcome.figures);
        self.premises.join(outcome.premises);
        let limits = [FinishReason::TimeLimit, FinishReason::StepLimit];
        self.cut_off += u64::from(outcome.finish.is_some_and(|end| limits.contains(&end)));
    }

    /// Adds what another worker counted.
    pub fn merge(&mut self, other: PairTally) {
        self.runs += other.runs;
        self.seeds = span(self.seeds, other.seeds);
        self.steps += other.steps;
        self.failed += other.failed;
        self.groups.merge(other.groups);
        self.broken_in.accumulate(&other.broken_in);
        self.finishes.accumulate(&other.finishes);
        self.marks.accumulate(&other.marks);
        self.figures.accumulate(&other.figures);
        self.extremes.merge(&other.extremes);
        self.happened.merge(&other.happened);
        self.premises.join(other.premises);
        self.cut_off += other.cut_off;
        self.busy += other.busy;
    }

    /// Runs that were cut off by their limit of time or of steps.
    pub fn cut_off(&self) -> u64 {
        self.cut_off
    }

    /// Invariants that no run has put to the test, and whether a scenario with messages owes that.
    pub fn never_judged(&self) -> impl Iterator<Item = (Invariant, Occurs)> {
        let all = Invariant::ALL.iter().copied();
        all.filter(|invariant| !self.premises.has(invariant.premise()))
            .map(|invariant| (invariant, invariant.premise().occurs()))
    }

    /// Runs that held.
    pub fn held(&self) -> u64 {
        self.runs - self.failed
    }

    /// The floors that were missed although everything held. Where something broke, the sweep has
    /// shown that it can find something, and a protocol that is at fault owes no rare states.
    pub fn missed(&self, floors: &Floors) -> Vec<MissedFloor> {
        match self.failed {
            0 => MissedFloor::among(floors, self.runs, &self.marks),
            _ => Vec::new(),
        }
    }
}

/// The smallest and the largest of two spans.
fn span(one: Option<(u64, u64)>, other: Option<(u64, u64)>) -> Option<(u64, u64)> {
    match (one, other) {
        (Some((least, most)), Some((less, more))) => Some((least.min(less), most.max(more))),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gatesim_model::core::time::Time;
    use gatesim_sim::{
        check::{Violation, figures::Figures, invariants::Invariant, marks::Marks},
        run::outcome::Digest,
        scheduler::choices::{Record, RecordDivergence},
        trace::event::{Actor, FinishReason},
    };

    use super::*;
    use crate::sweep::groups::MAX_GROUPS;

    fn outcome(cause: Option<&str>, ready_ms: u64) -> Outcome {
        let violation = |cause: &str| Violation {
            invariant: Invariant::IdsAgree,
            time: Time::ZERO,
            step: 0,
            event: 0,
            actor: Actor::World,
            socket: None,
            message: None,
            cause: cause.to_owned(),
            sentence: String::new(),
        };
        Outcome {
            digest: Digest::default(),
            finish: Some(FinishReason::Done),
            panic: None,
            steps: 3,
            events: 2,
            time: Time::ZERO,
            violations: cause.map(violation).into_iter().collect(),
            marks: Marks::default(),
            figures: Figures {
                connections_expected: 1,
                connections_ready: 1,
                time_to_ready: vec![Duration::from_millis(ready_ms)],
                close_codes: [(1000, 1)].into(),
                ..Figures::default()
            },
            faults: Default::default(),
            premises: Default::default(),
            trace: Vec::new(),
            choices: Record::default(),
            divergence: RecordDivergence::default(),
            causes: Default::default(),
            constraints: Vec::new(),
        }
    }

    /// Everything that is reported, as text.
    fn summary(tally: &PairTally) -> String {
        format!(
            "{} {:?} {} {:?} {:?} {:?}",
            tally.runs,
            tally.groups,
            tally.groups.not_kept(),
            tally.figures.time_to_ready.percentile(50),
            tally.figures.time_to_ready.max(),
            tally.figures.close_codes
        )
    }

    #[test]
    fn sums_do_not_depend_on_order_or_on_who_counted() {
        // More causes than are kept, so that groups are dropped on the way.
        let cause = |seed| format!("cause {:03}", seed % 400);
        let runs: Vec<(u64, Outcome)> = (0..1_000)
            .map(|seed| (seed, outcome(Some(&cause(seed)), seed)))
            .collect();
        let mut alone = PairTally::default();
        for (seed, outcome) in &runs {
            alone.add(*seed, outcome);
        }
        let mut workers = vec![PairTally::default(); 3];
        for (seed, outcome) in runs.iter().rev() {
            workers[(*seed % 3) as usize].add(*seed, outcome);
        }
        let mut merged = PairTally::default();
        for worker in workers {
            merged.merge(worker);
        }
        assert_eq!(summary(&alone), summary(&merged));
        assert_eq!(alone.groups.iter().count(), MAX_GROUPS);
        assert_eq!(alone.failed, 1_000);
        assert_eq!(alone.groups.not_kept(), 2 * 144);
        let (_, first) = alone.groups.iter().next().unwrap();
        let seeds: Vec<u64> = first.seeds.iter().map(|s| s.seed).collect();
        assert_eq!(seeds, [0, 400, 800]);
    }
}
