//! The order of turns: which goes first when several could.

use std::{cell::RefCell, rc::Rc};

use serde::{Deserialize, Serialize};

use super::waker::TaskId;
use crate::scheduler::choices::Stream;

/// How ties between ready tasks are broken.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// A task draws whenever it becomes ready: those that become ready together are equally
    /// likely to go first. One that loses keeps its draw, so it may be passed several times.
    #[default]
    Uniform,
    /// A task keeps its priority for [`Strategy::TENURE`] turns, so that some tasks are starved
    /// for a while; finds races that need several turns in a row.
    Tenured,
    /// First come, first served, as a real event loop does.
    Fifo,
}

impl Strategy {
    /// Turns for which a tenured priority holds.
    pub const TENURE: u64 = 16;
}

/// The tie-breaks of one task, or of one link direction.
pub struct Turns {
    pub(super) stream: Stream,
    pub(super) taken: u64,
    /// Whose they are, in a run that is watched.
    pub(super) source: u32,
}

impl Turns {
    pub(super) fn new(stream: Stream, source: u32) -> Self {
        Turns {
            stream,
            taken: 0,
            source,
        }
    }

    /// The priority of the next turn; the smallest goes first.
    pub(super) fn priority(&mut self, strategy: Strategy, arrival: u64) -> u64 {
        let turn = self.taken;
        self.taken += 1;
        match strategy {
            Strategy::Uniform => self.stream.tie_break(turn).into(),
            Strategy::Tenured => self.stream.tie_break(turn / Strategy::TENURE).into(),
            Strategy::Fifo => arrival,
        }
    }
}

/// Something that a timer delivers without a task: a frame that reaches the end of its link.
pub trait Deliver {
    /// The time has come.
    fn deliver(self: Rc<Self>);
    /// The tie-breaks among deliveries and tasks that are due at the same instant.
    fn turns(&self) -> &RefCell<Turns>;
}

pub(super) enum Turn {
    Poll(TaskId),
    Deliver(Due),
}

/// A delivery whose time has come.
pub(super) struct Due {
    pub(super) delivery: Rc<dyn Deliver>,
    /// The step that sent it, in a run that is watched.
    pub(super) by: u32,
}

/// A queued turn; the smallest priority goes first, ties by arrival.
pub(super) struct QueuedTurn {
    pub(super) priority: u64,
    pub(super) arrival: u64,
    pub(super) turn: Turn,
}

impl PartialEq for QueuedTurn {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for QueuedTurn {}
impl PartialOrd for QueuedTurn {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for QueuedTurn {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.priority, self.arrival).cmp(&(other.priority, other.arrival))
    }
}
