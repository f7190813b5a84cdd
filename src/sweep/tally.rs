//! Outcomes added up, in memory that does not grow with their number, to the same sums in any
//! order.

use std::collections::BTreeMap;

use gatesim_sim::{
    check::{
        figures::{Accumulate, Figures},
        invariants::Invariant,
        marks::{Floors, Mark, MissedFloor},
    },
    run::outcome::Outcome,
};

use crate::{
    sweep::{
        durations::Durations,
        groups::{FailedSeed, Groups},
    },
    target::failure::{FailureSignature, finish_name},
};

/// All outcomes of one design in one scenario, added up.
#[derive(Clone, Debug, Default)]
pub struct PairTally {
    /// Runs.
    pub runs: u64,
    /// Scheduler steps.
    pub steps: u64,
    /// Failures by cause.
    pub groups: Groups,
    /// Everything that runs broke, first or as a consequence: a run counts once for each
    /// invariant, so that a rare race shows behind a frequent cause.
    pub broken: Groups,
    /// How many runs broke each invariant, over all causes.
    pub broken_in: BTreeMap<Invariant, u64>,
    /// How the runs ended, by the name of the reason.
    pub finishes: BTreeMap<String, u64>,
    /// How many runs went through each rare state; those that none did are left out.
    pub marks: BTreeMap<Mark, u64>,
    /// Figures of merit.
    pub figures: Figures<Durations>,
}

impl PairTally {
    /// Adds one run.
    pub fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.runs += 1;
        self.steps += outcome.steps;
        let digest = outcome.digest;
        let failed = FailedSeed { seed, digest };
        if let Some(failure) = FailureSignature::of(outcome) {
            self.groups.add(failure, failed);
        }
        for violation in &outcome.violations {
            let failure = FailureSignature::Violation(violation.signature());
            self.broken.add(failure, failed);
        }
        for invariant in outcome.broken() {
            *self.broken_in.entry(invariant).or_default() += 1;
        }
        *self.finishes.entry(finish_name(outcome)).or_default() += 1;
        for mark in outcome.marks.iter() {
            *self.marks.entry(mark).or_default() += 1;
        }
        self.figures.accumulate(&outcome.figures);
    }

    /// Adds what another worker counted.
    pub fn merge(&mut self, other: PairTally) {
        self.runs += other.runs;
        self.steps += other.steps;
        self.groups.merge(other.groups);
        self.broken.merge(other.broken);
        self.broken_in.accumulate(&other.broken_in);
        self.finishes.accumulate(&other.finishes);
        self.marks.accumulate(&other.marks);
        self.figures.accumulate(&other.figures);
    }

    /// Runs that held.
    pub fn held(&self) -> u64 {
        self.runs - self.groups.total()
    }

    /// The floors that were missed although everything held. Where something broke, the sweep has
    /// shown that it can find something, and a protocol that is at fault owes no rare states.
    pub fn missed(&self, floors: &Floors) -> Vec<MissedFloor> {
        match self.groups.total() {
            0 => MissedFloor::among(floors, self.runs, &self.marks),
            _ => Vec::new(),
        }
    }

    /// Whether connections should have become ready and none did: most invariants speak of ready
    /// connections, and without any they hold for nothing.
    pub fn is_vacuous(&self) -> bool {
        self.figures.connections_expected > 0 && self.figures.connections_ready == 0
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
        let runs: Vec<(u64, Outcome)> = (0..500)
            .map(|seed| {
                (
                    seed,
                    outcome(Some(&format!("cause {:02}", seed % 50)), seed),
                )
            })
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
        assert_eq!(alone.groups.total(), 500);
        assert_eq!(alone.groups.not_kept(), 180);
        let (_, first) = alone.groups.iter().next().unwrap();
        let seeds: Vec<u64> = first.seeds.iter().map(|s| s.seed).collect();
        assert_eq!(seeds, [0, 50, 100, 150, 200]);
    }
}
