//! Outcomes added up, in memory that does not grow with their number, to the same sums in any
//! order.

use std::{collections::BTreeMap, time::Duration};

use gatesim_sim::{
    check::{
        invariants::Invariant,
        marks::{Floors, Mark, MissedFloor},
    },
    run::outcome::Outcome,
};
use hdrhistogram::Histogram;

use crate::{
    sweep::groups::{Groups, Sighting},
    target::failure::{FailureSignature, finish_name},
};

/// Durations added up: quantiles to three digits, the maximum exactly.
#[derive(Clone, Debug)]
pub struct Durations {
    histogram: Histogram<u64>,
    max: Duration,
}

impl Default for Durations {
    fn default() -> Self {
        Durations {
            histogram: Histogram::new(3).expect("three significant digits are supported"),
            max: Duration::ZERO,
        }
    }
}

impl Durations {
    /// The value that `percent` of all values do not exceed; none if there are no values.
    pub fn percentile(&self, percent: u8) -> Option<Duration> {
        if self.histogram.is_empty() {
            return None;
        }
        let micros = self.histogram.value_at_percentile(f64::from(percent));
        Some(Duration::from_micros(micros).min(self.max))
    }

    /// The largest value; none if there are no values.
    pub fn max(&self) -> Option<Duration> {
        (!self.histogram.is_empty()).then_some(self.max)
    }

    fn add(&mut self, value: Duration) {
        let micros = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
        self.histogram
            .record(micros)
            .expect("the histogram grows as needed");
        self.max = self.max.max(value);
    }

    fn merge(&mut self, other: &Durations) {
        self.histogram
            .add(&other.histogram)
            .expect("the histogram grows as needed");
        self.max = self.max.max(other.max);
    }
}

/// All outcomes of one design in one scenario, added up.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Runs.
    pub runs: u64,
    /// Scheduler steps.
    pub steps: u64,
    /// Failures by cause.
    pub groups: Groups,
    /// Everything that runs broke, first or as a consequence: a run counts once for each
    /// invariant, and a rare race is not hidden behind what breaks before it.
    pub broken: Groups,
    /// How many runs broke each invariant, whatever the cause and however many causes there are.
    pub broken_in: BTreeMap<Invariant, u64>,
    /// How the runs ended, by the name of the reason.
    pub finishes: BTreeMap<String, u64>,
    /// How many runs went through each rare state; those that none did are left out.
    pub marks: BTreeMap<Mark, u64>,
    /// Connections that should have become ready.
    pub connections_expected: u64,
    /// Of these, those that did.
    pub connections_ready: u64,
    /// Connections that should have become ready and began when every fault was over.
    pub healed_expected: u64,
    /// Of these, those that did.
    pub healed_ready: u64,
    /// Connect to welcome, at the client.
    pub time_to_ready: Durations,
    /// The same without network, authentication and services.
    pub coordination_overhead: Durations,
    /// Agent runs begun.
    pub agent_runs_started: u64,
    /// Agent runs whose events all arrived.
    pub agent_runs_delivered: u64,
    /// Messages that clients sent.
    pub messages_sent: u64,
    /// Of these, those executed more than once.
    pub messages_executed_twice: u64,
    /// Of these, those that nobody worked on while their client was there and ready.
    pub messages_lost: u64,
    /// What was there at the end of connections that had ended.
    pub left_behind: u64,
    /// Agent events that arrived.
    pub events_delivered: u64,
    /// Text frames, both directions.
    pub frames: u64,
    /// Reconnects by clients.
    pub reconnects: u64,
    /// Close codes seen by clients.
    pub close_codes: BTreeMap<u16, u64>,
}

impl Tally {
    /// Adds one run.
    pub fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.runs += 1;
        self.steps += outcome.steps;
        let digest = outcome.digest;
        let sighting = Sighting { seed, digest };
        if let Some(failure) = FailureSignature::of(outcome) {
            self.groups.add(failure, sighting);
        }
        for violation in &outcome.violations {
            let failure = FailureSignature::Violation(violation.signature());
            self.broken.add(failure, sighting);
            *self.broken_in.entry(violation.invariant).or_default() += 1;
        }
        *self.finishes.entry(finish_name(outcome)).or_default() += 1;
        for mark in outcome.marks.iter() {
            *self.marks.entry(mark).or_default() += 1;
        }
        let figures = &outcome.figures;
        self.connections_expected += figures.connections_expected;
        self.connections_ready += figures.connections_ready;
        self.healed_expected += figures.healed_expected;
        self.healed_ready += figures.healed_ready;
        self.messages_sent += figures.messages_sent;
        self.messages_executed_twice += figures.messages_executed_twice;
        self.messages_lost += figures.messages_lost;
        self.left_behind += figures.left_behind;
        for value in &figures.time_to_ready {
            self.time_to_ready.add(*value);
        }
        for value in &figures.coordination_overhead {
            self.coordination_overhead.add(*value);
        }
        self.agent_runs_started += figures.runs_started;
        self.agent_runs_delivered += figures.runs_delivered;
        self.events_delivered += figures.events_delivered;
        self.frames += figures.frames;
        self.reconnects += figures.reconnects;
        sum(&mut self.close_codes, &figures.close_codes);
    }

    /// Adds what another worker counted.
    pub fn merge(&mut self, other: Tally) {
        self.runs += other.runs;
        self.steps += other.steps;
        self.groups.merge(other.groups);
        self.broken.merge(other.broken);
        sum(&mut self.broken_in, &other.broken_in);
        sum(&mut self.finishes, &other.finishes);
        sum(&mut self.marks, &other.marks);
        self.connections_expected += other.connections_expected;
        self.connections_ready += other.connections_ready;
        self.healed_expected += other.healed_expected;
        self.healed_ready += other.healed_ready;
        self.messages_sent += other.messages_sent;
        self.messages_executed_twice += other.messages_executed_twice;
        self.messages_lost += other.messages_lost;
        self.left_behind += other.left_behind;
        self.time_to_ready.merge(&other.time_to_ready);
        self.coordination_overhead
            .merge(&other.coordination_overhead);
        self.agent_runs_started += other.agent_runs_started;
        self.agent_runs_delivered += other.agent_runs_delivered;
        self.events_delivered += other.events_delivered;
        self.frames += other.frames;
        self.reconnects += other.reconnects;
        sum(&mut self.close_codes, &other.close_codes);
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
        self.connections_expected > 0 && self.connections_ready == 0
    }
}

fn sum<K: Ord + Clone>(into: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (key, count) in from {
        *into.entry(key.clone()).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use gatesim_model::core::time::Time;
    use gatesim_sim::{
        check::{invariants::Invariant, marks::Marks},
        run::outcome::{Digest, Figures, Violation},
        scheduler::choices::{Divergence, Record},
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
            trace: Vec::new(),
            choices: Record::default(),
            divergence: Divergence::default(),
            causes: Default::default(),
            constraints: Vec::new(),
        }
    }

    /// Everything that is reported, as text.
    fn summary(tally: &Tally) -> String {
        format!(
            "{} {:?} {} {:?} {:?} {:?}",
            tally.runs,
            tally.groups,
            tally.groups.not_kept(),
            tally.time_to_ready.percentile(50),
            tally.time_to_ready.max(),
            tally.close_codes
        )
    }

    #[test]
    fn sums_do_not_depend_on_order_or_on_who_counted() {
        // More causes than are kept, so that groups are pushed out on the way.
        let runs: Vec<(u64, Outcome)> = (0..500)
            .map(|seed| {
                (
                    seed,
                    outcome(Some(&format!("cause {:02}", seed % 50)), seed),
                )
            })
            .collect();
        let mut alone = Tally::default();
        for (seed, outcome) in &runs {
            alone.add(*seed, outcome);
        }
        let mut workers = vec![Tally::default(); 3];
        for (seed, outcome) in runs.iter().rev() {
            workers[(*seed % 3) as usize].add(*seed, outcome);
        }
        let mut merged = Tally::default();
        for worker in workers {
            merged.merge(worker);
        }
        assert_eq!(summary(&alone), summary(&merged));
        assert_eq!(alone.groups.iter().count(), MAX_GROUPS);
        assert_eq!(alone.groups.total(), 500);
        assert_eq!(alone.groups.not_kept(), 180);
        let (_, first) = alone.groups.iter().next().unwrap();
        let seeds: Vec<u64> = first.sightings.iter().map(|s| s.seed).collect();
        assert_eq!(seeds, [0, 50, 100, 150, 200]);
    }

    #[test]
    fn quantiles_never_exceed_the_maximum() {
        let mut tally = Tally::default();
        tally.add(0, &outcome(None, 123_457));
        assert_eq!(
            tally.time_to_ready.percentile(99),
            tally.time_to_ready.max()
        );
        assert_eq!(tally.coordination_overhead.percentile(99), None);
    }
}
