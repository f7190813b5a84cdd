//! The queue of early frames (`docs/protocol.md#message-queue`).

use std::{collections::BTreeMap, time::Duration};

use gatesim_model::{
    core::{
        message_queue::{FramePriority, MessageQueue, Popped, Pushed, QueueState, WaitingFrame},
        time::Time,
    },
    design::{QueueFlush, QueueOverflow},
};
use serde::Deserialize;

use crate::replay::{Replay, replay};

struct Queue {
    queue: MessageQueue,
    /// How often the processing of a frame has failed.
    failed: BTreeMap<String, u32>,
    now: Time,
}

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

impl Queue {
    /// Takes frames out until the queue gives none, as the message loop does.
    fn drain(&mut self, mut fails: impl FnMut(&mut u32, &str) -> bool) -> Vec<String> {
        let mut delivered = Vec::new();
        while let Some(popped) = self.queue.pop(FLUSH, self.now) {
            let Popped::Frame(WaitingFrame { text, .. }) = popped else {
                continue;
            };
            let failed = self.failed.entry(text.to_string()).or_default();
            if fails(failed, &text) {
                *failed += 1;
                let _fate = self.queue.fail();
            } else {
                delivered.push(text.to_string());
            }
        }
        delivered
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
            failed: BTreeMap::new(),
            now: Time::ZERO,
        }
    }

    fn step(&mut self, op: &Op) -> Seen {
        match op {
            Op::Push { id, priority, bad } => {
                let frame = WaitingFrame {
                    text: id.as_str().into(),
                    priority: priority.priority(),
                    arrived: self.now,
                    failures: 0,
                };
                let taken = match self.queue.push(frame, QueueOverflow::EvictsByName) {
                    Pushed::Kept => true,
                    Pushed::InsteadOf(evicted) => *evicted.text != **id,
                    Pushed::NoRoom => false,
                };
                let delivered = self.drain(|_, _| *bad);
                let lost = self.queue.state() == QueueState::PassThrough && delivered.is_empty();
                self.seen(Some(taken && !lost), delivered)
            }
            Op::Flush { bad, tries } => {
                self.queue.open(FLUSH);
                let is_bad = |id: &str| bad.iter().any(|bad| bad == id);
                let delivered = self.drain(|failed, id| is_bad(id) && *failed < *tries);
                let done = self.queue.state() == QueueState::PassThrough;
                self.seen(Some(done), delivered)
            }
            Op::Advance { ms } => {
                self.now = self.now + Duration::from_millis(*ms);
                self.seen(None, Vec::new())
            }
        }
    }
}

#[test]
fn early_frames() {
    insta::assert_snapshot!(replay::<Queue>("queue"), @"1851 steps: 1851 agree");
}
