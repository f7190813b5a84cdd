//! The queue of frames that were received and not yet handled, as plain data
//! (docs/protocol.md#message-queue).
//!
//! It buffers until the connection is ready, then is emptied, then passes every frame.
//!
//! Left out: SUSPENDED, which nothing ever enters, and OVERFLOW, in which it does what it does in
//! BUFFERING.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use crate::{
    core::{message::ClientMessage, time::Time},
    design::{QueueFlush, QueueOverflow},
};

/// Frames that wait for one connection at most, where a deployment says nothing else. More than a
/// client's own queue holds (100, docs/protocol.md#client-queues), so that a client that flushes it
/// on open is not refused.
pub const MAX_WAITING_FRAMES: usize = 128;

/// How long a frame is worth handling.
pub const MAX_FRAME_AGE: Duration = Duration::from_secs(300);

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

    /// Throws out the first frame whose priority is lower *by name*; if there is none, the
    /// newcomer.
    fn evict_for(&mut self, frame: WaitingFrame) -> Pushed {
        let lower = |kept: &WaitingFrame| kept.priority.name() < frame.priority.name();
        match self.frames.iter().position(lower) {
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
    pub fn pop(&mut self, flush: QueueFlush) -> Option<WaitingFrame> {
        match self.state {
            QueueState::Flushing => {
                let next = self.next_to_flush(flush);
                if next.is_none() {
                    self.state = QueueState::PassThrough;
                }
                next
            }
            QueueState::PassThrough => self.frames.pop_front(),
            QueueState::Buffering | QueueState::Closed => None,
        }
    }

    fn next_to_flush(&mut self, flush: QueueFlush) -> Option<WaitingFrame> {
        match flush {
            QueueFlush::InOrder | QueueFlush::NeverAwaited => self.frames.pop_front(),
            QueueFlush::ByPriority => {
                let places = self.frames.iter().enumerate();
                let (place, _) = places.min_by_key(|(_, frame)| frame.priority)?;
                self.frames.remove(place)
            }
        }
    }

    /// A frame that was taken out could not be handled.
    pub fn fail(&mut self, frame: WaitingFrame, flush: QueueFlush) -> Failed {
        match (flush, self.state) {
            (QueueFlush::ByPriority, QueueState::Flushing) => {
                // The code that restarts the queue was never written.
                self.state = QueueState::Buffering;
                match frame.priority {
                    FramePriority::Critical => Failed::Lost,
                    FramePriority::High | FramePriority::Normal | FramePriority::Low => {
                        self.frames.push_back(frame);
                        Failed::PutBack
                    }
                }
            }
            (
                QueueFlush::ByPriority | QueueFlush::InOrder | QueueFlush::NeverAwaited,
                QueueState::Buffering
                | QueueState::Flushing
                | QueueState::PassThrough
                | QueueState::Closed,
            ) => Failed::Reported,
        }
    }

    /// Takes out what has waited for more than [`MAX_FRAME_AGE`].
    pub fn expire(&mut self, now: Time) -> Vec<WaitingFrame> {
        let old = |frame: &WaitingFrame| now.since(frame.arrived) > MAX_FRAME_AGE;
        let mut expired = Vec::new();
        while let Some(frame) = self.frames.pop_front_if(|frame| old(frame)) {
            expired.push(frame);
        }
        expired
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
            arrived: Time::default(),
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

    fn drain(queue: &mut MessageQueue, flush: QueueFlush) -> String {
        std::iter::from_fn(|| queue.pop(flush))
            .map(|frame| frame.text.to_string())
            .collect()
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
            assert_eq!(queue.pop(flush), None, "{flush:?}");
            queue.open(flush);
            assert_eq!(drain(&mut queue, flush), order, "{flush:?}");
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
            (High, [Low, Critical], instead("b", Critical)),
            (Normal, [Normal, High], instead("b", High)),
            (Low, [High, Low], instead("a", High)),
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
    fn a_failure_stops_a_flush_by_priority() {
        // D57.
        for (priority, fate, left) in [(Critical, Failed::Lost, 1), (High, Failed::PutBack, 2)] {
            let flush = QueueFlush::ByPriority;
            let mut queue = queue(&[Low, priority]);
            queue.open(flush);
            let first = queue.pop(flush).unwrap();
            assert_eq!(queue.fail(first, flush), fate);
            assert_eq!(
                (queue.state(), queue.pop(flush)),
                (QueueState::Buffering, None)
            );
            assert_eq!(queue.frames.len(), left);
        }
        let flush = QueueFlush::InOrder;
        let mut queue = queue(&[Low, High]);
        queue.open(flush);
        let first = queue.pop(flush).unwrap();
        assert_eq!(queue.fail(first, flush), Failed::Reported);
        assert_eq!(drain(&mut queue, flush), "b");
    }

    #[test]
    fn expired_frames_are_removed_and_a_closed_queue_takes_none() {
        let mut queue = queue(&[High, High]);
        let later = Time::default() + MAX_FRAME_AGE;
        assert_eq!(queue.expire(later), []);
        assert_eq!(queue.expire(later + Duration::from_millis(1)).len(), 2);
        let kept = queue.push(frame("c", High), QueueOverflow::Refused);
        assert_eq!(kept, Pushed::Kept);
        assert_eq!(queue.close().len(), 1);
        let refused = queue.push(frame("d", High), QueueOverflow::EvictsByName);
        assert_eq!(refused, Pushed::NoRoom);
    }
}
