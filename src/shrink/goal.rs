//! The failure that a smaller run must show: that of the original, and no other.

use gatesim_model::core::time::Time;
use gatesim_sim::{Options, Until, check::Violation, run::outcome::Outcome};

use crate::target::expectation::Expectation;

/// The least limit of events of a candidate: without a limit, one with a reconnect storm would take
/// longer than all others together.
const MOST_EVENTS: u64 = 1_000_000;

/// The failure to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    /// Its signature.
    pub expect: Expectation,
    rank: Rank,
    /// The limit of events of a candidate.
    most_events: u64,
}

/// The position of the failure in the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rank {
    /// It is the first violation: what follows does not matter.
    First,
    /// It follows another violation, after which the run must continue; or it is a panic, which takes
    /// precedence over earlier violations.
    Anywhere,
}

/// A run that fails as required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The time of the failure; the end of the run for a panic, which has no time.
    pub time: Time,
}

impl Goal {
    /// A failure of this outcome.
    pub fn of(outcome: &Outcome, expect: Expectation) -> Goal {
        let first = outcome.violations.first();
        let rank = match first.is_some_and(|first| expect.is_of(first)) && outcome.panic.is_none() {
            true => Rank::First,
            false => Rank::Anywhere,
        };
        Goal {
            expect,
            rank,
            most_events: outcome.events.saturating_mul(2).max(MOST_EVENTS),
        }
    }

    /// The same failure, in runs that are not stopped early.
    pub fn to_the_end(&self) -> Goal {
        Goal {
            expect: self.expect.clone(),
            rank: Rank::Anywhere,
            most_events: self.most_events,
        }
    }

    /// Whether a run that was not stopped early fails as required.
    pub fn is_met_by(&self, outcome: &Outcome) -> bool {
        match self.rank {
            Rank::First => Expectation::of(outcome).as_ref() == Some(&self.expect),
            Rank::Anywhere => self.expect.is_met_by(outcome),
        }
    }

    /// The options of candidates.
    pub fn options(&self) -> Options {
        Options {
            stop_at_first: self.rank == Rank::First,
            until: Some(Until::Event(self.most_events)),
            ..Options::default()
        }
    }

    /// Whether a run fails as required, and when.
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

    /// The violation, unless the failure is a panic.
    pub fn violation<'a>(&self, outcome: &'a Outcome) -> Option<&'a Violation> {
        let mut violations = outcome.violations.iter();
        violations.find(|violation| self.expect.is_of(violation))
    }
}
