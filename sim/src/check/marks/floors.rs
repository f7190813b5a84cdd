//! How often a scenario promises to reach a mark.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Mark;
use crate::plan::bounds::{PER_MILLE, within};

/// A floor is judged once so many sightings are due: with fewer, chance alone would miss it.
///
/// A floor that is a third of what a sound design reaches is then missed by chance less than
/// once in a thousand sweeps (15 sightings expected and fewer than 5 seen).
pub const JUDGED_FROM: u64 = 5;

/// The least share of runs, in a thousand, that must reach each mark.
///
/// Floors are judged for designs in which every run held: what held may have held for nothing,
/// and that is what a floor guards against. A design that broke something has shown already that
/// the sweep can find something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "BTreeMap<Mark, PerMille>")]
pub struct Floors {
    per_mille: BTreeMap<Mark, u32>,
}

/// From 1 to 1000.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
struct PerMille(#[serde(deserialize_with = "within::<1, PER_MILLE, _, _>")] u32);

/// A mark that too few runs have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissedFloor {
    /// The mark.
    pub mark: Mark,
    /// The promise, in a thousand runs.
    pub per_mille: u32,
    /// Runs that have the mark.
    pub reached: u64,
    /// Runs in all.
    pub runs: u64,
}

impl From<BTreeMap<Mark, PerMille>> for Floors {
    fn from(table: BTreeMap<Mark, PerMille>) -> Self {
        Floors {
            per_mille: table
                .into_iter()
                .map(|(mark, PerMille(per_mille))| (mark, per_mille))
                .collect(),
        }
    }
}

impl Floors {
    /// The marks with a floor, and how many runs in a thousand must reach each.
    pub fn iter(&self) -> impl Iterator<Item = (Mark, u32)> {
        self.per_mille
            .iter()
            .map(|(mark, per_mille)| (*mark, *per_mille))
    }

    /// The floors that `runs` runs have missed, of which `reached` says how many have each mark.
    pub fn missed(&self, runs: u64, reached: &BTreeMap<Mark, u64>) -> Vec<MissedFloor> {
        let missed = self.iter().filter_map(|(mark, per_mille)| {
            let count = reached.get(&mark).copied().unwrap_or(0);
            let due = runs.saturating_mul(per_mille.into());
            let judged = due >= JUDGED_FROM * 1000;
            (judged && count.saturating_mul(1000) < due).then_some(MissedFloor {
                mark,
                per_mille,
                reached: count,
                runs,
            })
        });
        missed.collect()
    }
}
