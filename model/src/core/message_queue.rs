//! The queue of frames that were received and not yet handled, as plain data
//! (docs/protocol.md#message-queue).
//!
//! It buffers until the connection is ready, then is emptied, then passes every frame.
//!
//! Left out: SUSPENDED, which nothing ever enters, and OVERFLOW, in which it does what it does in
//! BUFFERING.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use crate::{
    core::{message::ClientMessage, time::Time},
    design::{QueueFlush, QueueOverflow},
};

/// Frames that wait for one connection at most, where a deployment says nothing else. More than a
/// client's own queue holds (100, docs/protocol.md#client-queues), so that a client that flushes it
/// on open is not refused.
pub const MAX_WAITING_FRAMES: usize = 128;

/// How long a frame is worth handling, where the queue is emptied by priority.
pub const MAX_FRAME_AGE: Duration = Duration::from_secs(300);

/// How often a frame is given out that fails, where it is put back.
pub const MAX_ATTEMPTS: u32 = 3;

/// What the queue does with frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueState {
    /// It keeps them: the connection is not ready, or something went wrong.
    Buffering,
    /// It gives out what it has kept.
    Flushing,
    /// It gives out every frame.
    PassThrough,
    /// It takes and gives nothing any more.
    Closed,
}

/// How urgent a frame is, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FramePriority {
    /// Starts an agent.
    Critical,
    /// A message of a user.
    High,
    /// Every unknown type.
    Normal,
    /// Pings, pongs and heartbeats.
    Low,
}

/// A frame in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingFrame {
    /// Its text.
    pub text: Arc<str>,
    /// How urgent it is.
    pub priority: FramePriority,
    /// When it came.
    pub arrived: Time,
    /// How often it has failed.
    pub failures: u32,
}

/// What the queue gives out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Popped {
    /// A frame to be handled.
    Frame(WaitingFrame),
    /// A frame that was too old when its turn came; it is dropped.
    Expired(WaitingFrame),
}

/// What happened to a frame that was put in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Pushed {
    /// It waits.
    Kept,
    /// It waits, and this one was removed for it.
    InsteadOf(WaitingFrame),
    /// There is no room, or the queue is closed; the frame was not taken.
    NoRoom,
}

/// What happened to a frame that could not be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Failed {
    /// It is the caller's: it was answered, or counts as an error.
    Reported,
    /// It waits again.
    PutBack,
    /// It is gone.
    Lost,
}

/// The queue of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageQueue {
    state: QueueState,
    capacity: usize,
    frames: VecDeque<WaitingFrame>,
    progress: FlushProgress,
}

/// How a flush by priority fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct FlushProgress {
    /// The frame that was given out last.
    given: Option<WaitingFrame>,
    /// The priorities that were left, because a frame of theirs failed.
    left: BTreeSet<FramePriority>,
    /// Whether any frame has failed.
    has_failed: bool,
}

impl FramePriority {
    /// The priority of a frame.
    pub fn of(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(ClientMessage::StartAgent(_)) => Self::Critical,
            Ok(ClientMessage::UserMessage(_) | ClientMessage::Chat(_)) => Self::High,
            Ok(ClientMessage::Ping | ClientMessage::Pong | ClientMessage::Heartbeat) => Self::Low,
            Ok(ClientMessage::Unknown) | Err(_) => Self::Normal,
        }
    }

    /// Its name, by which priorities must not be compared.
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

impl MessageQueue {
    /// An empty queue that buffers.
    pub fn new(capacity: usize) -> Self {
        MessageQueue {
            state: QueueState::Buffering,
            capacity,
            frames: VecDeque::new(),
            progress: FlushProgress::default(),
        }
    }

    /// What it does at present.
    pub fn state(&self) -> QueueState {
        self.state
    }

    /// Puts a frame in.
    pub fn push(&mut self, frame: WaitingFrame, overflow: QueueOverflow) -> Pushed {
        match self.state {
            QueueState::Buffering | QueueState::Flushing | QueueState::PassThrough => {}
            QueueState::Closed => return Pushed::NoRoom,
        }
        if self.frames.len() < self.capacity {
            self.frames.push_back(frame);
            return Pushed::Kept;
        }
        match overflow {
            QueueOverflow::Refused => Pushed::NoRoom,
            QueueOverflow::EvictsByName => self.evict_for(frame),
        }
    }

    /// Only a frame of low priority may be thrown out, for one of higher priority; but the names of
    /// the priorities are compared, and of these only "normal" follows "low". Otherwise it is the
    /// newcomer that is thrown out.
    fn evict_for(&mut self, frame: WaitingFrame) -> Pushed {
        let low = FramePriority::Low;
        let is_higher = frame.priority.name() > low.name();
        let mut places = self.frames.iter();
        match places.position(|kept| is_higher && kept.priority == low) {
            Some(place) => {
                let evicted = self.frames.remove(place);
                self.frames.push_back(frame);
                evicted.map_or(Pushed::Kept, Pushed::InsteadOf)
            }
            None => Pushed::InsteadOf(frame),
        }
    }

    /// The connection is ready.
    pub fn open(&mut self, flush: QueueFlush) {
        match (flush, self.state) {
            (QueueFlush::InOrder | QueueFlush::ByPriority, QueueState::Buffering) => {
                self.state = QueueState::Flushing;
            }
            (QueueFlush::NeverAwaited, QueueState::Buffering)
            | (_, QueueState::Flushing | QueueState::PassThrough | QueueState::Closed) => {}
        }
    }

    /// Takes the next frame out, if the queue gives any.
    pub fn pop(&mut self, flush: QueueFlush, now: Time) -> Option<Popped> {
        match (self.state, flush) {
            (QueueState::Flushing, QueueFlush::ByPriority) => self.pop_by_priority(now),
            (QueueState::Flushing, QueueFlush::InOrder | QueueFlush::NeverAwaited) => {
                let next = self.frames.pop_front();
                if next.is_none() {
                    self.state = QueueState::PassThrough;
                }
                next.map(Popped::Frame)
            }
            (QueueState::PassThrough, _) => self.frames.pop_front().map(Popped::Frame),
            (QueueState::Buffering | QueueState::Closed, _) => None,
        }
    }

    /// The first frame of the most urgent priority that was not left
    /// (docs/protocol.md#measured-queue-flush).
    fn pop_by_priority(&mut self, now: Time) -> Option<Popped> {
        let left = &self.progress.left;
        let places = self.frames.iter().enumerate();
        let next = places
            .filter(|(_, frame)| !left.contains(&frame.priority))
            .min_by_key(|(_, frame)| frame.priority)
            .map(|(place, _)| place);
        let Some(frame) = next.and_then(|place| self.frames.remove(place)) else {
            // The code that restarts the queue after a failure was never written.
            self.state = match std::mem::take(&mut self.progress).has_failed {
                true => QueueState::Buffering,
                false => QueueState::PassThrough,
            };
            return None;
        };
        if now.since(frame.arrived) > MAX_FRAME_AGE {
            return Some(Popped::Expired(frame));
        }
        self.progress.given = Some(frame.clone());
        Some(Popped::Frame(frame))
    }

    /// The frame that was taken out last could not be handled.
    pub fn fail(&mut self) -> Failed {
        let Some(mut frame) = self.progress.given.take() else {
            return Failed::Reported;
        };
        self.progress.has_failed = true;
        frame.failures += 1;
        match frame.priority {
            FramePriority::Critical => Failed::Lost,
            FramePriority::High | FramePriority::Normal | FramePriority::Low
                if frame.failures >= MAX_ATTEMPTS =>
            {
                Failed::Lost
            }
            FramePriority::High | FramePriority::Normal | FramePriority::Low => {
                self.progress.left.insert(frame.priority);
                self.frames.push_front(frame);
                Failed::PutBack
            }
        }
    }

    /// Takes everything out, and takes nothing in any more.
    pub fn close(&mut self) -> VecDeque<WaitingFrame> {
        self.state = QueueState::Closed;
        std::mem::take(&mut self.frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FramePriority::{Critical, High, Low, Normal};

    fn frame(text: &str, priority: FramePriority) -> WaitingFrame {
        WaitingFrame {
            text: text.into(),
            priority,
            arrived: Time::ZERO,
            failures: 0,
        }
    }

    /// A queue with these frames, named a, b, c ...
    fn queue(priorities: &[FramePriority]) -> MessageQueue {
        let mut queue = MessageQueue::new(priorities.len());
        for (name, priority) in ["a", "b", "c", "d", "e"].into_iter().zip(priorities) {
            let pushed = queue.push(frame(name, *priority), QueueOverflow::Refused);
            assert_eq!(pushed, Pushed::Kept);
        }
        queue
    }

    /// What a queue gives out: the frames of these names fail.
    fn drain(queue: &mut MessageQueue, flush: QueueFlush, now: Time, failing: &str) -> String {
        let mut given = String::new();
        while let Some(Popped::Frame(frame)) = queue.pop(flush, now) {
            given.push_str(&frame.text);
            if failing.contains(&*frame.text) {
                given.push_str(match queue.fail() {
                    Failed::Reported => "!",
                    Failed::PutBack => "<",
                    Failed::Lost => "x",
                });
            }
        }
        given
    }

    #[test]
    fn waiting_frames_are_given_out_in_order_once_the_connection_is_ready() {
        let table = [
            (QueueFlush::InOrder, "abcd", QueueState::PassThrough),
            // D57.
            (QueueFlush::ByPriority, "bdca", QueueState::PassThrough),
            // D49.
            (QueueFlush::NeverAwaited, "", QueueState::Buffering),
        ];
        for (flush, order, state) in table {
            let mut queue = queue(&[Low, Critical, Normal, High]);
            assert_eq!(queue.pop(flush, Time::ZERO), None, "{flush:?}");
            queue.open(flush);
            assert_eq!(drain(&mut queue, flush, Time::ZERO, ""), order, "{flush:?}");
            assert_eq!(queue.state(), state, "{flush:?}");
        }
    }

    #[test]
    fn a_full_queue_refuses_or_throws_out_by_name() {
        let instead = |text, priority| Pushed::InsteadOf(frame(text, priority));
        // Newcomer, what the queue holds, and what happens to it (D56).
        let table = [
            (Critical, [Low, Low], instead("new", Critical)),
            (High, [Low, Normal], instead("new", High)),
            (Normal, [High, Low], instead("b", Low)),
            (Normal, [Normal, High], instead("new", Normal)),
            (Low, [High, Low], instead("new", Low)),
        ];
        for (newcomer, held, evicted) in table {
            let mut queue = queue(&held);
            let new = frame("new", newcomer);
            let refused = queue.push(new.clone(), QueueOverflow::Refused);
            assert_eq!(refused, Pushed::NoRoom);
            let pushed = queue.push(new, QueueOverflow::EvictsByName);
            assert_eq!(pushed, evicted, "{newcomer:?} {held:?}");
        }
    }

    #[test]
    fn a_flush_by_priority_leaves_the_priority_that_fails() {
        // D57.
        let flush = QueueFlush::ByPriority;
        let mut queue = queue(&[Critical, High, Critical, High, Low]);
        queue.open(flush);
        assert_eq!(drain(&mut queue, flush, Time::ZERO, "ab"), "axcb<e");
        assert_eq!(queue.state(), QueueState::Buffering);
        queue.open(flush);
        assert_eq!(drain(&mut queue, flush, Time::ZERO, "b"), "b<");
        queue.open(flush);
        assert_eq!(drain(&mut queue, flush, Time::ZERO, "b"), "bxd");
        assert_eq!(queue.state(), QueueState::Buffering);
        queue.open(flush);
        assert_eq!(drain(&mut queue, flush, Time::ZERO, ""), "");
        assert_eq!(queue.state(), QueueState::PassThrough);
    }

    #[test]
    fn a_frame_that_fails_otherwise_is_the_callers() {
        let flush = QueueFlush::InOrder;
        let mut queue = queue(&[Low, High]);
        queue.open(flush);
        assert_eq!(drain(&mut queue, flush, Time::ZERO, "a"), "a!b");
    }

    #[test]
    fn a_frame_expires_when_its_turn_comes() {
        let later = Time::ZERO + MAX_FRAME_AGE + Duration::from_millis(1);
        let expired = |flush| {
            let mut queue = queue(&[High]);
            queue.open(flush);
            matches!(queue.pop(flush, later), Some(Popped::Expired(_)))
        };
        assert!(expired(QueueFlush::ByPriority));
        assert!(!expired(QueueFlush::InOrder));
    }

    #[test]
    fn a_closed_queue_takes_nothing() {
        let mut queue = queue(&[High]);
        assert_eq!(queue.close().len(), 1);
        let refused = queue.push(frame("b", High), QueueOverflow::EvictsByName);
        assert_eq!(refused, Pushed::NoRoom);
    }
}
