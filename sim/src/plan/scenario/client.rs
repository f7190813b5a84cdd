//! The clients of a scenario.

use serde::Deserialize;

use super::{Draw, Weights, network::Network};
use crate::plan::{
    ClientPlan, Leaving, LinkPlan, MessageKind, MessagePlan, NoiseKind, NoisePlan, Program, Range,
    Token, TokenPlace,
    bounds::{
        MAX_CLIENTS, MAX_MESSAGES, MAX_MS, MAX_TEXT_BYTES, MAX_THREADS, MAX_TOOLS, MAX_US,
        MAX_WINDOW, PER_MILLE, maybe_within, within,
    },
};

/// The size of a message that every design refuses or drops, in bytes of text.
const OVERSIZE_BYTES: u64 = 9_000;

/// The clients: how many, and what each of them may be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Clients {
    #[serde(deserialize_with = "within::<1, MAX_CLIENTS, _, _>")]
    pub(super) count: Range,
    /// How many users share them.
    #[serde(deserialize_with = "within::<1, MAX_CLIENTS, _, _>")]
    pub(super) users: Range,
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    start_ms: Range,
    tokens: Weights<Token>,
    /// What networks they are on; without it the three ranges that follow say so.
    networks: Option<Weights<Network>>,
    /// Browsers, if not said.
    programs: Option<Weights<Program>>,
    /// Where they put their tokens: in a subprotocol, if not said.
    carries: Option<Weights<TokenPlace>>,
    /// How long tokens are good: for ever, if not said.
    #[serde(default, deserialize_with = "maybe_within::<1, MAX_MS, _, _>")]
    token_life_ms: Option<Range>,
    #[serde(default, deserialize_with = "within::<0, MAX_MS, _, _>")]
    token_after_ms: Range,
    /// The link's own range is drawn from these: each client has a fast or a slow network.
    #[serde(default, deserialize_with = "within::<0, MAX_US, _, _>")]
    latency_us: Range,
    #[serde(default, deserialize_with = "within::<0, MAX_US, _, _>")]
    jitter_us: Range,
    #[serde(default, deserialize_with = "within::<0, PER_MILLE, _, _>")]
    loss_per_mille: Range,
    /// How long both ends of the link wait for an acknowledgement.
    #[serde(
        default = "usual_give_up",
        deserialize_with = "within::<1, MAX_MS, _, _>"
    )]
    give_up_ms: Range,
    /// Frames in the window of the link.
    #[serde(
        default = "usual_window",
        deserialize_with = "within::<1, MAX_WINDOW, _, _>"
    )]
    window: Range,
    /// How long one frame occupies the link or its reader.
    #[serde(default, deserialize_with = "within::<0, MAX_US, _, _>")]
    frame_us: Range,
    #[serde(deserialize_with = "within::<0, MAX_MESSAGES, _, _>")]
    messages: Range,
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    first_message_ms: Range,
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    message_gap_ms: Range,
    /// How many messages in a thousand follow the one before without a gap.
    #[serde(default, deserialize_with = "within::<0, PER_MILLE, _, _>")]
    burst_per_mille: u32,
    #[serde(deserialize_with = "within::<0, MAX_TOOLS, _, _>")]
    tools: Range,
    #[serde(deserialize_with = "within::<0, MAX_TEXT_BYTES, _, _>")]
    text_bytes: Range,
    /// How many messages in a thousand are larger than the server takes.
    #[serde(default, deserialize_with = "within::<0, PER_MILLE, _, _>")]
    oversize_per_mille: u32,
    /// How many messages in a thousand name a thread.
    #[serde(default, deserialize_with = "within::<0, PER_MILLE, _, _>")]
    thread_per_mille: u32,
    /// Among how many threads the messages of all clients choose: two, if not said.
    #[serde(
        default = "usual_threads",
        deserialize_with = "within::<1, MAX_THREADS, _, _>"
    )]
    threads: u32,
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    patience_ms: Range,
    leaves: Weights<Leaving>,
    noise: Option<Noise>,
    slow_reader: Option<SlowReader>,
}

/// Some clients send what no client should.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Noise {
    /// How many clients in a thousand.
    #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
    per_mille: u32,
    /// How many frames each of them.
    #[serde(deserialize_with = "within::<0, MAX_MESSAGES, _, _>")]
    count: Range,
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    at_ms: Range,
    kinds: Weights<NoiseKind>,
}

/// Some clients take their time over each frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct SlowReader {
    /// How many clients in a thousand.
    #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
    per_mille: u32,
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    every_ms: Range,
}

fn usual_threads() -> u32 {
    2
}

fn usual_window() -> Range {
    Range {
        least: LinkPlan::USUAL_WINDOW.into(),
        most: LinkPlan::USUAL_WINDOW.into(),
    }
}

fn usual_give_up() -> Range {
    Range {
        least: LinkPlan::USUAL_GIVE_UP_MS,
        most: LinkPlan::USUAL_GIVE_UP_MS,
    }
}

impl Clients {
    /// One client; the users are 0 to `users` - 1.
    pub(super) fn plan(&self, draw: &Draw, users: u64) -> ClientPlan {
        let mut at_ms = draw.range("first_message_ms", self.first_message_ms);
        let messages = (0..draw.range("messages", self.messages))
            .map(|n| {
                if n > 0 && !draw.chance("burst", self.burst_per_mille) {
                    at_ms = (at_ms + draw.range("message_gap_ms", self.message_gap_ms)).min(MAX_MS);
                }
                self.message(draw, at_ms)
            })
            .collect();
        ClientPlan {
            number: None,
            start_ms: draw.range("start_ms", self.start_ms),
            user: draw.range(
                "user",
                Range {
                    least: 0,
                    most: users - 1,
                },
            ) as u32,
            token: draw.weights("token", &self.tokens),
            program: draw.weights_or_default("program", self.programs.as_ref()),
            carries: draw.weights_or_default("carries", self.carries.as_ref()),
            token_life_ms: self
                .token_life_ms
                .map(|range| draw.range("token_life_ms", range)),
            token_after_ms: draw.range("token_after_ms", self.token_after_ms),
            link: self.link(draw),
            messages,
            noise: self.noise(draw),
            reads_every_ms: self
                .slow_reader
                .filter(|slow| draw.chance("slow_reader", slow.per_mille))
                .map_or(0, |slow| draw.range("reads_every_ms", slow.every_ms)),
            patience_ms: draw.range("patience_ms", self.patience_ms),
            leaves: draw.weights("leaves", &self.leaves),
        }
    }

    fn link(&self, draw: &Draw) -> LinkPlan {
        let way = match &self.networks {
            Some(networks) => draw.weights("network", networks).link(draw),
            None => {
                let least = draw.range("latency_us", self.latency_us);
                // Sums stay within what a plan may hold.
                let most = (least + draw.range("jitter_us", self.jitter_us)).min(MAX_US);
                LinkPlan {
                    loss_per_mille: draw.loss(self.loss_per_mille),
                    ..LinkPlan::plain(Range { least, most })
                }
            }
        };
        LinkPlan {
            give_up_ms: draw.range("give_up_ms", self.give_up_ms),
            window: draw.range("window", self.window) as u32,
            frame_us: draw.range("frame_us", self.frame_us),
            ..way
        }
    }

    fn noise(&self, draw: &Draw) -> Vec<NoisePlan> {
        let noisy = self
            .noise
            .as_ref()
            .filter(|noise| draw.chance("noisy", noise.per_mille));
        let Some(noise) = noisy else {
            return Vec::new();
        };
        (0..draw.range("noise", noise.count))
            .map(|_| NoisePlan {
                at_ms: draw.range("noise_at_ms", noise.at_ms),
                kind: draw.weights("noise_kind", &noise.kinds),
            })
            .collect()
    }

    fn message(&self, draw: &Draw, at_ms: u64) -> MessagePlan {
        const KINDS: [MessageKind; 3] = [
            MessageKind::StartAgent,
            MessageKind::UserMessage,
            MessageKind::Chat,
        ];
        let text_bytes = match draw.chance("oversize", self.oversize_per_mille) {
            true => OVERSIZE_BYTES,
            false => draw.range("text_bytes", self.text_bytes),
        };
        MessagePlan {
            at_ms,
            kind: KINDS[draw.index("kind", KINDS.len()) as usize],
            tools: draw.range("tools", self.tools) as u32,
            text_bytes: text_bytes as u32,
            thread: draw
                .chance("names_thread", self.thread_per_mille)
                .then(|| draw.index("thread", self.threads as usize)),
        }
    }
}
