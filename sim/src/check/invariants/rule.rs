//! What a rule is, and what it answers when its invariant is broken.

use std::borrow::Cow;

use gatesim_model::core::{ids::SocketId, time::Time};

use super::view::View;
use crate::trace::event::TraceEvent;

/// One invariant's judge. Methods return a finding when the invariant is broken; the rule is not
/// asked again after that.
pub(super) trait Rule {
    /// What it must be asked about: a set of [`Subject`](crate::trace::vocabulary::Subject) bits. Events about anything else change
    /// nothing for it.
    fn subjects(&self) -> u32;

    /// Judges an event. `view` shows what held just before it.
    fn observe(&mut self, view: &View, entry: &TraceEvent) -> Option<Finding>;

    /// Whether it waits for anything; a rule that does not is never asked for a deadline.
    fn has_deadlines(&self) -> bool {
        false
    }

    /// Judges what has not happened, given that time has passed all points before `now`. `view`
    /// shows what holds. The time in the answer is the deadline that was missed.
    fn deadline(&mut self, view: &View, now: Time) -> Option<(Time, Finding)> {
        let _ = (view, now);
        None
    }
}

/// A broken invariant, as its rule sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// The connection concerned.
    pub(super) socket: Option<SocketId>,
    /// Fixed words: no ids, numbers or times.
    pub(super) cause: Cow<'static, str>,
    /// One sentence with ids.
    pub(super) sentence: String,
}

impl Finding {
    pub(super) fn new(
        socket: SocketId,
        cause: impl Into<Cow<'static, str>>,
        sentence: String,
    ) -> Self {
        Finding {
            socket: Some(socket),
            cause: cause.into(),
            sentence,
        }
    }
}
