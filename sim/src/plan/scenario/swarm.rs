//! Swarm testing: each seed has some kinds of fault not at all, and the others far more or far less
//! often than the scenario says. A run in which everything goes wrong a little hides what a run
//! shows in which one thing goes wrong all the time.

use std::{cell::RefCell, collections::BTreeMap};

use crate::plan::{
    bounds::MAX_REPEATS,
    unit::{PerMille, Unit},
};

/// How heavy one seed makes each kind of fault.
#[derive(Debug)]
pub(super) enum Swarm {
    /// As the scenario says.
    Off,
    /// As drawn, once for each kind.
    On(RefCell<BTreeMap<&'static str, Weight>>),
}

/// How much more or less often than the scenario says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// Not at all.
    Never,
    /// One time in this many.
    Rarer(u64),
    /// This many times.
    Oftener(u64),
}

impl Swarm {
    /// How many weights there are to draw from.
    pub(super) const WEIGHTS: u64 = 10;

    /// A swarm, if the scenario is one.
    pub(super) fn new(on: bool) -> Self {
        match on {
            true => Swarm::On(RefCell::default()),
            false => Swarm::Off,
        }
    }

    /// The weight of a kind; `draw` gives a number below [`Swarm::WEIGHTS`] and is asked at most
    /// once for each kind.
    pub(super) fn weight(&self, kind: &'static str, draw: impl FnOnce() -> u64) -> Weight {
        match self {
            Swarm::Off => Weight::Oftener(1),
            Swarm::On(drawn) => *drawn
                .borrow_mut()
                .entry(kind)
                .or_insert_with(|| Weight::of(draw())),
        }
    }
}

impl Weight {
    /// Four seeds in ten do not have a kind at all.
    fn of(ticket: u64) -> Self {
        match ticket {
            0..=3 => Weight::Never,
            4 => Weight::Rarer(4),
            5 => Weight::Rarer(2),
            6 => Weight::Oftener(1),
            7 => Weight::Oftener(2),
            8 => Weight::Oftener(4),
            _ => Weight::Oftener(8),
        }
    }

    /// Chances with this weight.
    pub(super) fn per_mille(self, per_mille: PerMille) -> PerMille {
        PerMille::nearest(match self {
            Weight::Never => 0,
            Weight::Rarer(part) => per_mille.amount().div_ceil(part),
            Weight::Oftener(times) => per_mille.amount() * times,
        })
    }

    /// Tries with this weight.
    pub(super) fn tries(self, tries: u64) -> u64 {
        match self {
            Weight::Never => 0,
            Weight::Rarer(_) => tries,
            Weight::Oftener(times) => (tries * times).min(MAX_REPEATS.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_drawn_once_and_off_altogether_in_four_of_ten() {
        let swarm = Swarm::new(true);
        assert_eq!(swarm.weight("crash", || 3), Weight::Never);
        assert_eq!(swarm.weight("crash", || 9), Weight::Never);
        assert_eq!(swarm.weight("stall", || 9), Weight::Oftener(8));
        let never = (0..Swarm::WEIGHTS).filter(|&ticket| Weight::of(ticket) == Weight::Never);
        assert_eq!(never.count(), 4);
        assert_eq!(Swarm::new(false).weight("crash", || 0), Weight::Oftener(1));
    }

    #[test]
    fn weights_keep_within_what_a_chance_and_a_plan_may_be() {
        let chance = |weight: Weight, per_mille| weight.per_mille(PerMille::new(per_mille)).get();
        assert_eq!(chance(Weight::Oftener(8), 300), 1_000);
        assert_eq!(chance(Weight::Rarer(4), 1), 1);
        assert_eq!(chance(Weight::Never, 1_000), 0);
        assert_eq!(Weight::Oftener(8).tries(20), u64::from(MAX_REPEATS));
        assert_eq!(Weight::Rarer(4).tries(3), 3);
    }
}
