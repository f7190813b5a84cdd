//! What came of looking for a defect, and for all of them.

use std::collections::BTreeMap;

use gatesim_sim::check::invariants::Invariant;

use super::{Power, hunt::Hunt};
use crate::target::{defects::Defect, run_name::RunName};

/// All hunts for one defect.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was looked for.
    pub defect: Defect,
    /// One per first seed, up to the first that found nothing.
    pub hunts: Vec<Hunt>,
    /// How many there should have been.
    starts: u64,
}

/// What is said of a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Found from every first seed.
    Found,
    /// Not found from one of them.
    Survived,
    /// Not looked for from all of them: the user was faster.
    Unfinished,
}

impl Finding {
    /// Of `hunts` out of `starts`.
    pub fn new(defect: Defect, hunts: Vec<Hunt>, starts: u64) -> Self {
        Finding {
            defect,
            hunts,
            starts,
        }
    }

    /// What is said of it.
    pub fn verdict(&self) -> Verdict {
        if self.hunts.iter().any(|hunt| hunt.find.is_none()) {
            Verdict::Survived
        } else if (self.hunts.len() as u64) < self.starts {
            Verdict::Unfinished
        } else {
            Verdict::Found
        }
    }

    /// Whether it survived, and nobody knows why.
    pub fn is_a_gap(&self) -> bool {
        self.verdict() == Verdict::Survived && self.defect.survives.is_none()
    }

    /// Runs looked at.
    pub fn runs(&self) -> u64 {
        self.hunts.iter().map(|hunt| hunt.runs).sum()
    }

    /// In how many of them each invariant broke.
    pub fn broken(&self) -> BTreeMap<Invariant, u64> {
        let mut broken = BTreeMap::new();
        for hunt in &self.hunts {
            for (invariant, count) in &hunt.broken {
                *broken.entry(*invariant).or_default() += count;
            }
        }
        broken
    }

    /// Runs to the find from each first seed, ascending.
    pub fn runs_to_find(&self) -> Vec<u64> {
        let mut runs: Vec<u64> = self
            .hunts
            .iter()
            .filter_map(|hunt| hunt.find.as_ref().map(|find| find.after_runs))
            .collect();
        runs.sort_unstable();
        runs
    }

    /// The middle of these; none if it was never found.
    pub fn median_runs_to_find(&self) -> Option<u64> {
        let runs = self.runs_to_find();
        runs.get(runs.len() / 2).copied()
    }

    /// The first run in which it was found.
    pub fn example(&self) -> Option<&RunName> {
        let find = self.hunts.first()?.find.as_ref()?;
        Some(&find.run)
    }

    /// The first run that panicked.
    pub fn panic(&self) -> Option<&RunName> {
        self.hunts.iter().find_map(|hunt| hunt.panic.as_ref())
    }

    /// The invariant without which it would not have been found: no other broke in any of the
    /// runs.
    pub fn sole_finder(&self) -> Option<Invariant> {
        let broken = self.broken();
        let mut finders = broken.keys();
        match (finders.next(), finders.next()) {
            (Some(only), None) if self.verdict() == Verdict::Found => Some(*only),
            (Some(_) | None, _) => None,
        }
    }

    /// Invariants that ought to name it and did not break.
    pub fn expected_unseen(&self) -> Vec<Invariant> {
        let broken = self.broken();
        let expected = self.defect.expect.iter().copied();
        expected.filter(|i| !broken.contains_key(i)).collect()
    }

    /// Invariants that broke although nobody expected it.
    pub fn unexpected(&self) -> Vec<Invariant> {
        let expect = &self.defect.expect;
        self.broken()
            .into_keys()
            .filter(|invariant| !expect.contains(invariant))
            .collect()
    }
}

impl Power {
    /// Findings with this verdict.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(move |finding| finding.verdict() == verdict)
    }

    /// The defects that only this invariant sees.
    pub fn solely_found_by(&self, invariant: Invariant) -> Vec<&str> {
        self.findings
            .iter()
            .filter(|finding| finding.sole_finder() == Some(invariant))
            .map(|finding| &*finding.defect.id)
            .collect()
    }

    /// Invariants that could be taken away without missing a defect; only the whole catalogue can
    /// tell.
    pub fn idle_invariants(&self) -> Vec<Invariant> {
        if !self.whole || self.interrupted {
            return Vec::new();
        }
        Invariant::ALL
            .iter()
            .copied()
            .filter(|invariant| self.solely_found_by(*invariant).is_empty())
            .collect()
    }

    /// The middle of the medians of all that were found, and the largest with its defect.
    pub fn runs_to_find(&self) -> Option<(u64, u64, &str)> {
        let mut medians: Vec<(u64, &str)> = self
            .with(Verdict::Found)
            .filter_map(|finding| Some((finding.median_runs_to_find()?, &*finding.defect.id)))
            .collect();
        medians.sort_unstable();
        let (largest, id) = medians.last()?;
        Some((medians[medians.len() / 2].0, *largest, id))
    }
}
