//! What a rule is, and where it reports what it finds.

use std::fmt::{self, Write as _};

use gatesim_model::core::{ids::SocketId, time::Time};

use super::{Invariant, view::LiveView};
use crate::{
    check::Violation,
    trace::event::{Actor, TraceEvent},
};

/// One invariant's judge. It goes on judging after a finding, so its state must be sound then: what
/// one finding says once is not said again as the consequence of it.
pub(super) trait Rule {
    /// The subjects of the events that it must see, as a set of bits of
    /// [`Subject`](crate::trace::vocabulary::Subject). Other events change nothing for it.
    fn subjects(&self) -> u32;

    /// Judges an event. `view` shows what held just before it.
    fn observe(&mut self, view: &LiveView, entry: &TraceEvent, found: &mut Findings);

    /// Whether it has deadlines; a rule without is never asked for one.
    fn has_deadlines(&self) -> bool {
        false
    }

    /// Judges what has not happened, given that time has passed all points before `now`: every
    /// deadline that was missed, each reported [at](Findings::at) its time. `view` shows what holds.
    fn deadline(&mut self, view: &LiveView, now: Time, found: &mut Findings) {
        let _ = (view, now, found);
    }
}

/// What the rules have found: the first sighting of each invariant and cause.
pub(super) struct Findings {
    violations: Vec<Violation>,
    /// The invariant that is judged.
    invariant: Invariant,
    /// When it is broken, if it is.
    time: Time,
    /// The last event seen: a missed deadline is reported at its position in the trace.
    place: Place,
    /// Reused for the words of a cause.
    cause: String,
}

/// A position in the trace.
#[derive(Clone, Copy)]
struct Place {
    number: u64,
    step: u64,
    actor: Actor,
}

impl Findings {
    /// Nothing was found, and nothing has happened.
    pub(super) fn none() -> Self {
        Findings {
            violations: Vec::new(),
            invariant: Invariant::ALL[0],
            time: Time::ZERO,
            place: Place {
                number: 0,
                step: 0,
                actor: Actor::World,
            },
            cause: String::new(),
        }
    }

    /// What follows is found at this event.
    pub(super) fn follow(&mut self, entry: &TraceEvent) {
        self.time = entry.time;
        self.place = Place {
            number: entry.number,
            step: entry.step,
            actor: entry.actor,
        };
    }

    /// What follows breaks this invariant.
    pub(super) fn of(&mut self, invariant: Invariant) -> &mut Self {
        self.invariant = invariant;
        self
    }

    /// What follows is a deadline that was missed at this time.
    pub(super) fn at(&mut self, time: Time) -> &mut Self {
        self.time = time;
        self
    }

    /// The invariant is broken. `cause` is in fixed words: no ids, numbers or times; it names what
    /// is wrong, so that mending one thing never gives another a new name. `sentence` has the ids, and
    /// is made for the first sighting only.
    pub(super) fn add(
        &mut self,
        socket: impl Into<Option<SocketId>>,
        cause: impl fmt::Display,
        sentence: impl FnOnce() -> String,
    ) {
        self.cause.clear();
        write!(self.cause, "{cause}").expect("a string takes everything");
        let known = self
            .violations
            .iter()
            .any(|known| known.invariant == self.invariant && known.cause == self.cause);
        if known {
            return;
        }
        self.violations.push(Violation {
            invariant: self.invariant,
            time: self.time,
            step: self.place.step,
            event: self.place.number,
            actor: self.place.actor,
            socket: socket.into(),
            cause: self.cause.clone(),
            sentence: sentence(),
        });
    }

    /// Everything found so far.
    pub(super) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Puts what was found since there were `already` in the order of happening: several deadlines
    /// may have passed at once. Of those at the same time the headline stays first.
    pub(super) fn sort_since(&mut self, already: usize) {
        self.violations[already..].sort_by_key(|violation| violation.time);
    }
}
