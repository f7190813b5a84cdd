//! Which floors of a scenario a sweep has missed.
//!
//! Floors are judged for designs in which every run held: what held may have held for nothing,
//! and that is what a floor guards against. A design that broke something has shown already that
//! the sweep can find something.

use std::collections::BTreeMap;

use super::{Floors, Mark};

/// A floor is judged once this many sightings are due: with fewer, chance alone could miss it.
///
/// A floor that is a third of what a sound design reaches is then missed by chance less than
/// once in a thousand sweeps (15 sightings expected and fewer than 5 seen).
pub const JUDGED_FROM: u64 = 5;

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

impl MissedFloor {
    /// The floors that `runs` runs have missed, of which `reached` says how many have each mark.
    pub fn among(floors: &Floors, runs: u64, reached: &BTreeMap<Mark, u64>) -> Vec<MissedFloor> {
        let missed = floors.iter().filter_map(|(mark, per_mille)| {
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
