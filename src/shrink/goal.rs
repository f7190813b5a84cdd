//! What a smaller run must do: fail as the original did, and not in any other way.

use gatesim_model::core::time::Time;
use gatesim_sim::{
    Options, Until,
    check::{Violation, invariants::Invariant},
    run::outcome::Outcome,
};

use crate::target::{Target, expectation::Expectation};

/// Events after which a candidate is given up, at least: one in which clients storm would take
/// longer than all others together.
const MOST_EVENTS: u64 = 1_000_000;

/// The failure to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    /// Its signature.
    pub expect: Expectation,
    rank: Rank,
    /// Events after which a candidate is given up.
    most_events: u64,
}

/// Where in a run the failure stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rank {
    /// It is the first violation: whatever follows does not matter.
    First,
    /// It follows from another violation, which the run must go on after; or it is a panic, which
    /// outranks what was broken before it.
    Anywhere,
}

/// A run that fails as it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// When; the end of the run for a panic, which has no time.
    pub time: Time,
}

impl Goal {
    /// What to keep of a target: what was asked for, what its capsule expects, or what it broke
    /// first. None if it did not fail so.
    pub fn of(target: &Target, outcome: &Outcome, invariant: Option<Invariant>) -> Option<Goal> {
        let expected = target.capsule.as_ref().map(|capsule| &capsule.expect);
        let expect = match (invariant, expected) {
            (Some(invariant), _) => Expectation::breaking(outcome, invariant)?,
            (None, Some(expected)) if expected.is_met_by(outcome) => expected.clone(),
            (None, Some(_)) => return None,
            (None, None) => Expectation::of(outcome)?,
        };
        let first = outcome.violations.first();
        let rank = match first.is_some_and(|first| expect.is_of(first)) && outcome.panic.is_none() {
            true => Rank::First,
            false => Rank::Anywhere,
        };
        Some(Goal {
            expect,
            rank,
            most_events: outcome.events.saturating_mul(2).max(MOST_EVENTS),
        })
    }

    /// The same failure, looked for in whole runs.
    pub fn to_the_end(&self) -> Goal {
        Goal {
            expect: self.expect.clone(),
            rank: Rank::Anywhere,
            most_events: self.most_events,
        }
    }

    /// Whether a run that was not stopped early fails as it must.
    pub fn is_met_by(&self, outcome: &Outcome) -> bool {
        match self.rank {
            Rank::First => Expectation::of(outcome).as_ref() == Some(&self.expect),
            Rank::Anywhere => self.expect.is_met_by(outcome),
        }
    }

    /// How to run what is to be judged.
    pub fn options(&self) -> Options {
        Options {
            stop_at_first: self.rank == Rank::First,
            until: Some(Until::Event(self.most_events)),
            ..Options::default()
        }
    }

    /// Whether a run fails as it must, and where.
    pub fn judge(&self, outcome: &Outcome) -> Option<Hit> {
        match self.rank {
            Rank::First => {
                let first = outcome.violations.first()?;
                let fits = outcome.panic.is_none() && self.expect.is_of(first);
                fits.then_some(Hit { time: first.time })
            }
            Rank::Anywhere => {
                let fits = self.expect.is_met_by(outcome);
                let time = self.violation(outcome).map_or(outcome.time, |v| v.time);
                fits.then_some(Hit { time })
            }
        }
    }

    /// The violation in question, unless it is a panic.
    pub fn violation<'a>(&self, outcome: &'a Outcome) -> Option<&'a Violation> {
        let mut violations = outcome.violations.iter();
        violations.find(|violation| self.expect.is_of(violation))
    }
}
