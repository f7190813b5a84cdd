//! The queue of early frames (`docs/protocol.md#message-queue`).

use std::{collections::BTreeMap, time::Duration};

use gatesim_model::{
    core::{
        message_queue::{
            FramePriority, MAX_FRAME_AGE, MessageQueue, Pushed, QueueState, WaitingFrame,
        },
        time::Time,
    },
    design::{QueueFlush, QueueOverflow},
};
use serde::Deserialize;

use crate::replay::{Difference, Replay, Step, replay};

struct Queue {
    queue: MessageQueue,
    capacity: usize,
    arrived: BTreeMap<String, Time>,
    /// How often the processing of a frame has failed in the original.
    failed: Failures,
    /// The same before the last operation.
    failed_before: Failures,
    now: Time,
}

type Failures = BTreeMap<String, u32>;

#[derive(Deserialize)]
struct Setup {
    capacity: usize,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Op {
    /// A frame arrives; a bad one cannot be processed.
    Push {
        id: String,
        priority: Level,
        bad: bool,
    },
    /// The connection is ready; the processing of each bad frame fails so many times.
    Flush {
        bad: Vec<String>,
        tries: u32,
    },
    Advance {
        ms: u64,
    },
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
enum Level {
    Critical,
    High,
    Normal,
    Low,
}

/// Frames by priority.
type Frames = BTreeMap<Level, Vec<String>>;

/// Taken or flushed, state, delivered, waiting.
type Seen = (Option<bool>, String, Vec<String>, Frames);

const FLUSH: QueueFlush = QueueFlush::ByPriority;

impl Level {
    const ALL: [Level; 4] = [Level::Critical, Level::High, Level::Normal, Level::Low];

    fn priority(self) -> FramePriority {
        match self {
            Level::Critical => FramePriority::Critical,
            Level::High => FramePriority::High,
            Level::Normal => FramePriority::Normal,
            Level::Low => FramePriority::Low,
        }
    }
}

/// What happens to frames while the queue is flushed.
struct Flush<'a> {
    bad: &'a [String],
    tries: u32,
    failed: Failures,
}

impl Flush<'_> {
    fn fails(&mut self, id: &str) -> bool {
        let failed = self.failed.entry(id.to_owned()).or_default();
        let fails = self.bad.iter().any(|bad| bad == id) && *failed < self.tries;
        *failed += u32::from(fails);
        fails
    }
}

impl Queue {
    /// Puts a frame in, as the reader task does.
    fn push(&mut self, id: &str, level: Level) -> Pushed {
        self.arrived.insert(id.to_owned(), self.now);
        let _expired = self.queue.expire(self.now);
        self.queue
            .push(self.waiting(id, level), QueueOverflow::EvictsByName)
    }

    fn waiting(&self, id: &str, level: Level) -> WaitingFrame {
        WaitingFrame {
            text: id.into(),
            priority: level.priority(),
            arrived: self.arrived[id],
        }
    }

    /// Takes frames out until the queue gives none, as the message loop does.
    fn drain(&mut self, mut fails: impl FnMut(&str) -> bool) -> Vec<String> {
        let mut delivered = Vec::new();
        while let Some(frame) = self.queue.pop(FLUSH) {
            if fails(&frame.text) {
                let _fate = self.queue.fail(frame, FLUSH);
            } else {
                delivered.push(frame.text.to_string());
            }
        }
        delivered
    }

    /// A flush that begins with the last operation.
    fn flush<'a>(&self, bad: &'a [String], tries: u32) -> Flush<'a> {
        let failed = self.failed_before.clone();
        Flush { bad, tries, failed }
    }

    fn is_too_old(&self, id: &str) -> bool {
        self.now.since(self.arrived[id]) > MAX_FRAME_AGE
    }

    fn seen(&self, returned: Option<bool>, delivered: Vec<String>) -> Seen {
        let mut waiting: Frames = Level::ALL.map(|level| (level, Vec::new())).into();
        for frame in self.queue.clone().close() {
            let level = Level::ALL
                .into_iter()
                .find(|level| level.priority() == frame.priority);
            let ids = waiting
                .entry(level.expect("a priority has a level"))
                .or_default();
            ids.push(frame.text.to_string());
        }
        let state = match self.queue.state() {
            QueueState::Buffering => "buffering",
            QueueState::Flushing => "flushing",
            QueueState::PassThrough => "pass_through",
            QueueState::Closed => "closed",
        };
        (returned, state.to_owned(), delivered, waiting)
    }
}

impl Replay for Queue {
    type Setup = Setup;
    type Op = Op;
    type Seen = Seen;

    fn start(Setup { capacity }: Setup) -> Self {
        Queue {
            queue: MessageQueue::new(capacity),
            capacity,
            arrived: BTreeMap::new(),
            failed: Failures::new(),
            failed_before: Failures::new(),
            now: Time::ZERO,
        }
    }

    fn step(&mut self, op: &Op) -> Seen {
        self.failed_before = self.failed.clone();
        match op {
            Op::Push { id, priority, bad } => {
                let taken = match self.push(id, *priority) {
                    Pushed::Kept => true,
                    Pushed::InsteadOf(evicted) => *evicted.text != **id,
                    Pushed::NoRoom => false,
                };
                let delivered = self.drain(|_| *bad);
                let lost = self.queue.state() == QueueState::PassThrough && delivered.is_empty();
                self.seen(Some(taken && !lost), delivered)
            }
            Op::Flush { bad, tries } => {
                // The original may try frames that the model does not get to.
                let (_, _, _, waiting) = self.seen(None, Vec::new());
                let mut flush = self.flush(bad, *tries);
                let _answer = original::flush(self, &waiting, &mut flush);
                self.failed = flush.failed;

                let mut flush = self.flush(bad, *tries);
                self.queue.open(FLUSH);
                let delivered = self.drain(|id| flush.fails(id));
                let done = self.queue.state() == QueueState::PassThrough;
                self.seen(Some(done), delivered)
            }
            Op::Advance { ms } => {
                self.now = self.now + Duration::from_millis(*ms);
                self.seen(None, Vec::new())
            }
        }
    }

    fn adopt(&mut self, step: &Step<'_, Self>) {
        let (_, state, _, waiting) = step.original;
        self.queue = MessageQueue::new(self.capacity);
        let mut frames: Vec<_> = waiting
            .iter()
            .flat_map(|(level, ids)| ids.iter().map(|id| self.waiting(id, *level)))
            .collect();
        frames.sort_by_key(|frame| frame.arrived);
        for frame in frames {
            let _kept = self.queue.push(frame, QueueOverflow::Refused);
        }
        if state == "pass_through" {
            self.queue.open(FLUSH);
            assert_eq!(self.queue.pop(FLUSH), None);
        }
    }
}

/// What the original answers where the model differs.
mod original {
    use super::*;

    /// A frame arrives in a queue that buffers: if there is no room, a normal one takes the place of
    /// the oldest low one, and any other is dropped.
    pub fn push(queue: &Queue, waiting: &Frames, id: &str, level: Level) -> Seen {
        let mut waiting = waiting.clone();
        let is_full = waiting.values().map(Vec::len).sum::<usize>() == queue.capacity;
        let low = waiting.entry(Level::Low).or_default();
        let evicts = is_full && level == Level::Normal && !low.is_empty();
        if evicts {
            low.remove(0);
        }
        let taken = evicts || !is_full;
        if taken {
            waiting.entry(level).or_default().push(id.to_owned());
        }
        (Some(taken), "buffering".to_owned(), Vec::new(), waiting)
    }

    /// The queue is flushed: each priority from its front on until a frame fails, then the next lower
    /// one. A critical frame that fails is dropped and ends nothing; a frame that is too old is
    /// dropped when its turn comes.
    pub fn flush(queue: &Queue, waiting: &Frames, flush: &mut Flush<'_>) -> Seen {
        let mut left: Frames = Level::ALL.map(|level| (level, Vec::new())).into();
        let mut delivered = Vec::new();
        let mut failed = false;
        for (level, ids) in waiting {
            let mut ids = ids.iter();
            while let Some(id) = ids.next() {
                if queue.is_too_old(id) {
                    continue;
                }
                if !flush.fails(id) {
                    delivered.push(id.clone());
                    continue;
                }
                failed = true;
                if *level != Level::Critical {
                    let kept = std::iter::once(id).chain(ids).cloned();
                    left.insert(*level, kept.collect());
                    break;
                }
            }
        }
        let state = if failed { "buffering" } else { "pass_through" };
        (Some(!failed), state.to_owned(), delivered, left)
    }
}

/// Designs that answer `queue-overflow=evicts-by-name` are simulated, so this changes what their seeds
/// do.
const EVICTION: Difference<Queue> = Difference {
    name: "eviction",
    reason: "in a full queue the model compares priorities by name; in the original only normal \
             evicts, and only low",
    explains: |step, queue| match (step.op, step.before) {
        (Op::Push { id, priority, .. }, Some((_, state, _, waiting))) => {
            let old = |id: &String| queue.is_too_old(id);
            state == "buffering"
                && !waiting.values().flatten().any(old)
                && *step.original == original::push(queue, waiting, id, *priority)
        }
        _ => false,
    },
};

/// Designs that answer `queue-flush=by-priority` are simulated, likewise.
const FLUSH_AFTER_FAILURE: Difference<Queue> = Difference {
    name: "flush after a failure",
    reason: "the first failure ends the model's flush, and the frame goes to the end; in the \
             original it stays in front, and lower priorities are flushed",
    explains: |step, queue| match (step.op, step.before) {
        (Op::Flush { bad, tries }, Some((_, _, _, waiting))) => {
            let mut flush = queue.flush(bad, *tries);
            let expected = original::flush(queue, waiting, &mut flush);
            queue.failed != queue.failed_before && *step.original == expected
        }
        _ => false,
    },
};

/// The gateway looks for old frames when another one arrives, because that is where it reports a loss.
const EXPIRY: Difference<Queue> = Difference {
    name: "expiry",
    reason: "the model drops frames that are too old when another one arrives, the original when \
             it flushes",
    explains: |step, queue| {
        let Some((_, _, _, waiting)) = step.before else {
            return false;
        };
        let old = |id: &String| queue.is_too_old(id);
        let expected = match step.op {
            Op::Push { id, priority, .. } => original::push(queue, waiting, id, *priority),
            Op::Flush { bad, tries } => {
                original::flush(queue, waiting, &mut queue.flush(bad, *tries))
            }
            Op::Advance { .. } => return false,
        };
        waiting.values().flatten().any(old) && *step.original == expected
    },
};

#[test]
fn early_frames() {
    let known = [EVICTION, FLUSH_AFTER_FAILURE, EXPIRY];
    insta::assert_snapshot!(replay("queue", &known), @"1851 steps: 1518 agree, 308 differ (eviction), 8 differ (expiry), 17 differ (flush after a failure)");
}
