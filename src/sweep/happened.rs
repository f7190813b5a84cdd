//! In how many runs each fault of a scenario happened, and why not in the others.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use gatesim_sim::{
    check::faults::FaultFate,
    plan::scenario::{DrawnPlan, DropReason},
};
use serde::Serialize;

/// One fault of a scenario, over many runs. A run counts once in each number that is true of it: a
/// fault that is tried several times may both happen and be dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FaultCounts {
    /// Runs that were to have it.
    pub drawn: u64,
    /// Runs in which it was applied to something.
    pub happened: u64,
    /// Runs in which it was applied and what it acts on was not there.
    pub without_effect: u64,
    /// Runs that ended before it.
    pub not_reached: u64,
    /// Runs in which it could not be part of the plan, by reason.
    pub dropped: BTreeMap<DropReason, u64>,
}

impl FaultCounts {
    fn add(&mut self, run: &FaultInRun) {
        let had = |fate| u64::from(run.fates.contains(&fate));
        self.drawn += u64::from(!run.fates.is_empty() || !run.dropped.is_empty());
        self.happened += had(FaultFate::Happened);
        self.without_effect += had(FaultFate::WithoutEffect);
        self.not_reached += had(FaultFate::NotReached);
        for reason in &run.dropped {
            *self.dropped.entry(*reason).or_default() += 1;
        }
    }

    fn merge(&mut self, other: &FaultCounts) {
        self.drawn += other.drawn;
        self.happened += other.happened;
        self.without_effect += other.without_effect;
        self.not_reached += other.not_reached;
        for (reason, count) in &other.dropped {
            *self.dropped.entry(*reason).or_default() += count;
        }
    }

    /// Why it did not happen, with the number of runs for each reason.
    pub fn reasons(&self) -> Vec<String> {
        let others = [
            ("it found nothing to act on", self.without_effect),
            ("the run ended before it", self.not_reached),
        ];
        let dropped = self
            .dropped
            .iter()
            .map(|(reason, count)| (reason.to_string(), *count));
        let others = others.map(|(reason, count)| (reason.to_owned(), count));
        dropped
            .chain(others)
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| format!("{reason} ({count})"))
            .collect()
    }
}

/// What became of one fault of a scenario in one run, each time that it was tried.
#[derive(Clone, Debug, Default)]
struct FaultInRun {
    fates: Vec<FaultFate>,
    dropped: BTreeSet<DropReason>,
}

/// The faults of a scenario over many runs, in the order of their tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Happened {
    faults: Vec<FaultCounts>,
}

impl Happened {
    /// Adds one run of a plan, in which its faults had these fates.
    pub fn add(&mut self, drawn: &DrawnPlan, fates: &BTreeMap<u32, FaultFate>) {
        let dropped = drawn.dropped.iter().map(|dropped| dropped.table);
        let Some(last) = drawn.tables.iter().copied().chain(dropped).max() else {
            return;
        };
        let mut run = vec![FaultInRun::default(); last + 1];
        for ((number, _), table) in drawn.plan.faults().zip(&drawn.tables) {
            // A run that panicked has no fates.
            run[*table].fates.extend(fates.get(&number));
        }
        for dropped in &drawn.dropped {
            run[dropped.table].dropped.insert(dropped.reason);
        }
        self.grow(run.len());
        for (counts, run) in self.faults.iter_mut().zip(&run) {
            counts.add(run);
        }
    }

    /// Adds what another worker counted.
    pub fn merge(&mut self, other: &Happened) {
        self.grow(other.faults.len());
        for (counts, other) in self.faults.iter_mut().zip(&other.faults) {
            counts.merge(other);
        }
    }

    fn grow(&mut self, tables: usize) {
        let tables = tables.max(self.faults.len());
        self.faults.resize(tables, FaultCounts::default());
    }

    /// Each fault with its name among these.
    pub fn named(&self, names: Vec<String>) -> Vec<(String, FaultCounts)> {
        let counts = |place: usize| self.faults.get(place).cloned().unwrap_or_default();
        let names = names.into_iter().enumerate();
        names.map(|(place, name)| (name, counts(place))).collect()
    }
}

impl fmt::Display for FaultCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (drawn, happened) = (self.drawn, self.happened);
        write!(
            f,
            "happened in {happened} of the {drawn} runs that were to have it"
        )?;
        match self.reasons() {
            reasons if reasons.is_empty() => Ok(()),
            reasons => write!(f, "; otherwise {}", reasons.join(", ")),
        }
    }
}
