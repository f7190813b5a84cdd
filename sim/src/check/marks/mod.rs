//! Marks: rare states that a sweep must have reached now and then; without them, a design that held
//! may have held for nothing.
//!
//! An invariant says what never happens; a mark says what sometimes must. It is computed from
//! the events of a run, as invariants are, cannot influence the run, and does not know the design.
//! A scenario declares [`Floors`] for the marks it was written to reach.
//!
//! - [`collector`]: sees the events and sets the marks;
//! - [`floors`]: which promises of a scenario a sweep has missed, and when that is judged.

mod collector;
mod floors;
#[cfg(test)]
mod tests;

pub use collector::MarkCollector;
pub use floors::{JUDGED_FROM, MissedFloor};

pub use crate::plan::{Mark, UnknownMark, scenario::Floors};

/// The marks of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u64);

const _: () = assert!(Mark::ALL.len() <= u64::BITS as usize, "a mark is a bit");

impl Marks {
    /// Adds a mark.
    pub fn set(&mut self, mark: Mark) {
        self.0 |= 1 << mark as u32;
    }

    /// Whether it is there.
    pub fn has(self, mark: Mark) -> bool {
        self.0 & (1 << mark as u32) != 0
    }

    /// Those that are there, in their order.
    pub fn iter(self) -> impl Iterator<Item = Mark> {
        Mark::ALL
            .iter()
            .copied()
            .filter(move |mark| self.has(*mark))
    }
}
