//! Failures by cause, in memory that does not grow with their number.

use std::{collections::BTreeMap, fmt};

use gatesim_sim::run::outcome::{Digest, Outcome, Signature};

/// Groups of failures that are kept per scenario and design; the rest are only counted.
pub const MAX_GROUPS: usize = 32;

/// Seeds that are remembered per group, the smallest ones.
pub const MAX_SEEDS_PER_GROUP: usize = 5;

/// Longest panic message that is part of a cause.
const MAX_PANIC_CHARS: usize = 200;

/// What failures are grouped by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// The model or the simulator panicked; the message without its numbers.
    Panic(String),
    /// The earliest violation of the run.
    Violation(Signature),
}

impl Failure {
    /// How the run failed, if it did. A panic outranks what was broken before it.
    pub fn of(outcome: &Outcome) -> Option<Failure> {
        match (&outcome.panic, outcome.signature()) {
            (Some(message), _) => Some(Failure::Panic(without_numbers(message))),
            (None, Some(signature)) => Some(Failure::Violation(signature)),
            (None, None) => None,
        }
    }

    /// The invariant as it is named in outputs; `panic` if it was none.
    pub fn invariant(&self) -> String {
        match self {
            Failure::Panic(_) => "panic".to_owned(),
            Failure::Violation(signature) => signature.invariant.to_string(),
        }
    }

    /// The cause in words that are the same for every seed.
    pub fn cause(&self) -> &str {
        match self {
            Failure::Panic(message) => message,
            Failure::Violation(signature) => &signature.cause,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant(), self.cause())
    }
}

/// The first line of a panic message with every number replaced, so that one bug is one group.
fn without_numbers(message: &str) -> String {
    let mut text = String::new();
    let mut in_number = false;
    for c in message
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(MAX_PANIC_CHARS)
    {
        if !c.is_ascii_digit() {
            text.push(c);
        } else if !in_number {
            text.push('#');
        }
        in_number = c.is_ascii_digit();
    }
    text
}

/// Failures with the same cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// How many runs.
    pub count: u64,
    /// The ones with the smallest seeds, ascending.
    pub sightings: Vec<Sighting>,
}

/// A failing run as a worker of the sweep saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sighting {
    /// The seed.
    pub seed: u64,
    /// The fingerprint of the trace.
    pub digest: Digest,
}

impl Group {
    fn add(&mut self, count: u64, sightings: &[Sighting]) {
        self.count += count;
        self.sightings.extend_from_slice(sightings);
        self.sightings.sort_unstable();
        self.sightings.truncate(MAX_SEEDS_PER_GROUP);
    }

    /// After how many runs a sweep has found the cause with even odds, if it fails `count` of
    /// `runs` times.
    pub fn median_runs_to_find(&self, runs: u64) -> u64 {
        if self.count >= runs {
            return 1;
        }
        let rate = self.count as f64 / runs as f64;
        ((0.5_f64).ln() / (-rate).ln_1p()).ceil().max(1.0) as u64
    }
}

/// At most [`MAX_GROUPS`] groups: those that sort first. A group that is pushed out once can
/// never come back, so the counts of the ones that stay are exact and independent of order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    kept: BTreeMap<Failure, Group>,
    /// Everything added, in groups that are kept or not.
    total: u64,
}

impl Groups {
    /// The kept groups, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&Failure, &Group)> {
        self.kept.iter()
    }

    /// Failed runs.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Failed runs whose group was not kept.
    pub fn not_kept(&self) -> u64 {
        self.total - self.kept.values().map(|group| group.count).sum::<u64>()
    }

    /// Adds one failed run.
    pub fn add(&mut self, failure: Failure, sighting: Sighting) {
        self.total += 1;
        self.insert(failure, 1, &[sighting]);
    }

    /// Adds what another worker counted.
    pub fn merge(&mut self, other: Groups) {
        self.total += other.total;
        for (failure, group) in other.kept {
            self.insert(failure, group.count, &group.sightings);
        }
    }

    fn insert(&mut self, failure: Failure, count: u64, sightings: &[Sighting]) {
        self.kept.entry(failure).or_default().add(count, sightings);
        while self.kept.len() > MAX_GROUPS {
            self.kept.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::failure::tests::failed_outcome;

    #[test]
    fn one_panic_is_one_group_whatever_its_numbers() {
        assert_eq!(
            without_numbers("index 17 is out of bounds for 3\nbacktrace"),
            "index # is out of bounds for #"
        );
        let panicked = Outcome {
            panic: Some("index 17".to_owned()),
            ..failed_outcome()
        };
        assert_eq!(
            Failure::of(&panicked),
            Some(Failure::Panic("index #".to_owned()))
        );
    }

    #[test]
    fn even_odds() {
        let seen = |count| Group {
            count,
            sightings: Vec::new(),
        };
        assert_eq!(seen(100).median_runs_to_find(100), 1);
        assert_eq!(seen(50).median_runs_to_find(100), 1);
        assert_eq!(seen(1).median_runs_to_find(1_000), 693);
    }
}
