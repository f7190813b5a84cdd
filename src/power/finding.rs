//! The results of the searches for one defect, and for all.

use std::collections::BTreeMap;

use gatesim_sim::check::invariants::Invariant;

use super::{Power, hunt::Hunt};
use crate::target::{defects::Defect, run_name::RunName};

/// All searches for one defect.
#[derive(Clone, Debug)]
pub struct DefectFinding {
    /// The defect.
    pub defect: Defect,
    /// One per first seed, up to the first without a find.
    pub hunts: Vec<Hunt>,
    /// The number of first seeds.
    starts: u64,
}

/// The result for a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefectVerdict {
    /// Found from every first seed.
    Found,
    /// Not found from one of them.
    Survived,
    /// Interrupted before all of them were searched.
    Unfinished,
}

impl DefectFinding {
    /// From the searches that were finished, and the number of first seeds.
    pub fn new(defect: Defect, hunts: Vec<Hunt>, starts: u64) -> Self {
        DefectFinding {
            defect,
            hunts,
            starts,
        }
    }

    /// The result.
    pub fn verdict(&self) -> DefectVerdict {
        if self.hunts.iter().any(|hunt| hunt.find.is_none()) {
            DefectVerdict::Survived
        } else if (self.hunts.len() as u64) < self.starts {
            DefectVerdict::Unfinished
        } else {
            DefectVerdict::Found
        }
    }

    /// Whether it survived without a reason in the catalogue.
    pub fn is_a_gap(&self) -> bool {
        self.verdict() == DefectVerdict::Survived && self.defect.survives.is_none()
    }

    /// The number of runs.
    pub fn runs(&self) -> u64 {
        self.hunts.iter().map(|hunt| hunt.runs).sum()
    }

    /// The number of runs in which each invariant broke.
    pub fn broken(&self) -> BTreeMap<Invariant, u64> {
        let mut broken = BTreeMap::new();
        for hunt in &self.hunts {
            for (invariant, count) in &hunt.broken {
                *broken.entry(*invariant).or_default() += count;
            }
        }
        broken
    }

    /// The number of runs up to the find, from each first seed, ascending.
    pub fn runs_to_find(&self) -> Vec<u64> {
        let mut runs: Vec<u64> = self
            .hunts
            .iter()
            .filter_map(|hunt| hunt.find.as_ref().map(|find| find.after_runs))
            .collect();
        runs.sort_unstable();
        runs
    }

    /// The median of these; none if it was never found.
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

    /// The invariant without which it would not have been found: the only one that broke.
    pub fn sole_finder(&self) -> Option<Invariant> {
        let broken = self.broken();
        let mut finders = broken.keys();
        match (finders.next(), finders.next()) {
            (Some(only), None) if self.verdict() == DefectVerdict::Found => Some(*only),
            (Some(_) | None, _) => None,
        }
    }

    /// Expected invariants that did not break.
    pub fn expected_unseen(&self) -> Vec<Invariant> {
        let broken = self.broken();
        let expected = self.defect.expect.iter().copied();
        expected.filter(|i| !broken.contains_key(i)).collect()
    }

    /// Invariants that broke unexpectedly.
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
    pub fn with(&self, verdict: DefectVerdict) -> impl Iterator<Item = &DefectFinding> {
        self.findings
            .iter()
            .filter(move |finding| finding.verdict() == verdict)
    }

    /// The defects that only this invariant finds.
    pub fn solely_found_by(&self, invariant: Invariant) -> Vec<&str> {
        self.findings
            .iter()
            .filter(|finding| finding.sole_finder() == Some(invariant))
            .map(|finding| &*finding.defect.id)
            .collect()
    }

    /// Invariants without which every defect would still be found; known only for the whole catalogue.
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

    /// The median of the medians of all defects that were found, and the largest with its defect.
    pub fn runs_to_find(&self) -> Option<(u64, u64, &str)> {
        let mut medians: Vec<(u64, &str)> = self
            .with(DefectVerdict::Found)
            .filter_map(|finding| Some((finding.median_runs_to_find()?, &*finding.defect.id)))
            .collect();
        medians.sort_unstable();
        let (largest, id) = medians.last()?;
        Some((medians[medians.len() / 2].0, *largest, id))
    }
}
