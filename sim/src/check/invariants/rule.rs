//! What a rule is, and where it reports what it finds.

use std::fmt::{self, Write as _};

use gatesim_model::core::time::Time;

use super::view::LiveView;
use crate::{check::about::About, trace::event::TraceEvent};

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

/// What the rules have found: the first sighting of each cause of each rule.
#[derive(Default)]
pub(super) struct Findings {
    /// The rule that judges, and when what it judges takes place.
    rule: usize,
    time: Time,
    known: Vec<(usize, String)>,
    fresh: Vec<FirstSighting>,
    /// Reused for the words of a cause.
    cause: String,
}

/// The first sighting of a cause.
pub(super) struct FirstSighting {
    /// The rule that found it.
    pub(super) rule: usize,
    pub(super) time: Time,
    pub(super) about: About,
    pub(super) cause: String,
    pub(super) sentence: String,
}

impl Findings {
    /// What follows is found by this rule.
    pub(super) fn by(&mut self, rule: usize) -> &mut Self {
        self.rule = rule;
        self
    }

    /// What follows takes place at this time; for a deadline, when it was missed.
    pub(super) fn at(&mut self, time: Time) -> &mut Self {
        self.time = time;
        self
    }

    /// The invariant is broken. `cause` is in fixed words: no ids, numbers or times; it names what
    /// is wrong, so that repairing one thing never gives another a new name. `sentence` has the ids, and
    /// is made for the first sighting only. `about` is a connection, if it is one, or a connection and a message.
    pub(super) fn add(
        &mut self,
        about: impl Into<About>,
        cause: impl fmt::Display,
        sentence: impl FnOnce() -> String,
    ) {
        self.cause.clear();
        write!(self.cause, "{cause}").expect("a string takes everything");
        let mut known = self.known.iter();
        if known.any(|(rule, cause)| *rule == self.rule && *cause == self.cause) {
            return;
        }
        self.known.push((self.rule, self.cause.clone()));
        self.fresh.push(FirstSighting {
            rule: self.rule,
            time: self.time,
            about: about.into(),
            cause: self.cause.clone(),
            sentence: sentence(),
        });
    }

    /// Takes what was found since it was last asked, in the order of happening: several deadlines
    /// may have passed at once. Of those at the same time the headline is first.
    pub(super) fn take(&mut self) -> Vec<FirstSighting> {
        self.fresh.sort_by_key(|sighting| sighting.time);
        std::mem::take(&mut self.fresh)
    }
}
