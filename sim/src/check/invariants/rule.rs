//! What a rule is, and what it answers when its invariant is broken.

use std::borrow::Cow;

use gatesim_model::core::{ids::SocketId, time::Time};

use super::view::LiveView;
use crate::trace::event::TraceEvent;

/// One invariant's judge. Methods return a finding when the invariant is broken; the rule is not
/// asked again after that.
pub(super) trait Rule {
    /// The subjects of the events that it must see, as a set of bits of
    /// [`Subject`](crate::trace::vocabulary::Subject). Other events change nothing for it.
    fn subjects(&self) -> u32;

    /// Judges an event. `view` shows what held just before it.
    fn observe(&mut self, view: &LiveView, entry: &TraceEvent) -> Option<Finding>;

    /// Whether it has deadlines; a rule without is never asked for one.
    fn has_deadlines(&self) -> bool {
        false
    }

    /// Judges what has not happened, given that time has passed all points before `now`. `view`
    /// shows what holds. The time in the answer is the deadline that was missed.
    fn deadline(&mut self, view: &LiveView, now: Time) -> Option<(Time, Finding)> {
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
