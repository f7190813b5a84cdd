//! The clients of a scenario.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    plan::{
        bounds::{MAX_CLIENTS, MAX_MESSAGES, MAX_TEXT_BYTES, MAX_THREADS, MAX_TOOLS, MAX_WINDOW},
        client::{
            ClientPlan, Leaving, MessageKind, MessagePlan, NoiseKind, NoisePlan, Program,
            TokenPlace,
        },
        link::{LinkPlan, USUAL_GIVE_UP_MS, USUAL_WINDOW},
        list::List,
        range::{Range, only_usual},
        scenario::{draw::Draw, network::NetworkProfile, weights::Weights},
        unit::{Count, Micros, Millis, PerMille, Unit, usual},
    },
    trace::request::Token,
};

/// The size of a message that every design refuses or drops, in bytes of text.
const OVERSIZE_BYTES: Count<0, MAX_TEXT_BYTES> = Count::new(9_000);

/// How many threads messages choose among in a scenario that does not say it.
const USUAL_THREADS: u64 = 2;

/// The clients: how many, and what each of them may be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Clients {
    /// How many there are.
    pub(super) count: Range<Count<1, MAX_CLIENTS>>,
    /// How many users share them.
    pub(super) users: Range<Count<1, MAX_CLIENTS>>,
    /// When each opens its first connection.
    start_ms: Range<Millis>,
    /// What each offers as token.
    token: Weights<Token>,
    /// What networks they are on; without it the three ranges that follow say so.
    network: Option<Weights<NetworkProfile>>,
    /// Browsers, if not said.
    program: Option<Weights<Program>>,
    /// Where they put their tokens: in a subprotocol, if not said.
    carries: Option<Weights<TokenPlace>>,
    /// How long tokens are good: for ever, if not said.
    #[serde(default)]
    token_life_ms: Option<Range<Millis<1>>>,
    /// From its start until it has its first token.
    #[serde(default)]
    token_after_ms: Range<Millis>,
    /// The link's own range is drawn from these: each client has a fast or a slow network.
    #[serde(default)]
    latency_us: Range<Micros>,
    /// How much the latency of one link varies.
    #[serde(default)]
    jitter_us: Range<Micros>,
    /// How many frames in a thousand are lost once and sent again.
    #[serde(default)]
    loss_per_mille: Range<PerMille>,
    /// How long both ends of the link wait for an acknowledgement.
    #[serde(default = "only_usual::<Millis<1>, USUAL_GIVE_UP_MS>")]
    give_up_ms: Range<Millis<1>>,
    /// Frames in the window of the link.
    #[serde(default = "only_usual::<Count<1, MAX_WINDOW>, USUAL_WINDOW>")]
    window: Range<Count<1, MAX_WINDOW>>,
    /// How long one frame occupies the link or its reader.
    #[serde(default)]
    frame_us: Range<Micros>,
    /// How many messages each sends.
    messages: Range<Count<0, MAX_MESSAGES>>,
    /// From its start to its first message.
    first_message_ms: Range<Millis>,
    /// From one message to the next.
    message_gap_ms: Range<Millis>,
    /// How many messages in a thousand follow the one before without a gap.
    #[serde(default)]
    burst_per_mille: PerMille,
    /// How many tools the agent calls for a message.
    tools: Range<Count<0, MAX_TOOLS>>,
    /// Length of the text of a message, in bytes.
    text_bytes: Range<Count<0, MAX_TEXT_BYTES>>,
    /// How many messages in a thousand are larger than the server takes.
    #[serde(default)]
    oversize_per_mille: PerMille,
    /// How many messages in a thousand name a thread.
    #[serde(default)]
    thread_per_mille: PerMille,
    /// Among how many threads the messages of all clients choose: two, if not said.
    #[serde(default = "usual::<Count<1, MAX_THREADS>, USUAL_THREADS>")]
    threads: Count<1, MAX_THREADS>,
    /// How long each waits for answers after its last message before it leaves.
    patience_ms: Range<Millis>,
    /// How each leaves.
    leaves: Weights<Leaving>,
    /// Some clients send what no client should.
    noise: Option<Noise>,
    /// Some clients take their time over each frame.
    slow_reader: Option<SlowReader>,
}

/// Some clients send what no client should.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Noise {
    /// How many clients in a thousand.
    per_mille: PerMille,
    /// How many frames each of them.
    count: Range<Count<0, MAX_MESSAGES>>,
    /// When each frame is due, after the client's start.
    at_ms: Range<Millis>,
    /// What is wrong with each frame.
    kinds: Weights<NoiseKind>,
}

/// Some clients take their time over each frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SlowReader {
    /// How many clients in a thousand.
    per_mille: PerMille,
    /// How long each takes over a frame before it reads the next.
    every_ms: Range<Millis>,
}

impl Clients {
    /// Whether every client sends messages.
    pub(super) fn has_messages(&self) -> bool {
        self.messages.least.get() > 0
    }

    /// One client; the users are 0 to `users` - 1.
    pub(super) fn plan(&self, draw: &Draw, users: Count<1, MAX_CLIENTS>) -> ClientPlan {
        let mut at_ms = draw.range("first_message_ms", self.first_message_ms);
        let messages = (0..draw.range("messages", self.messages).get())
            .map(|n| {
                if n > 0 && !draw.chance("burst_per_mille", self.burst_per_mille) {
                    at_ms = at_ms.plus(draw.range("message_gap_ms", self.message_gap_ms).get());
                }
                self.message(draw, at_ms)
            })
            .collect();
        ClientPlan {
            number: None,
            start_ms: draw.range("start_ms", self.start_ms),
            user: draw.index("user", users.size()),
            token: draw.weights("token", &self.token),
            program: draw.weights_or_default("program", self.program.as_ref()),
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
                .filter(|slow| draw.chance("slow_reader.per_mille", slow.per_mille))
                .map_or_else(Millis::default, |slow| {
                    draw.range("slow_reader.every_ms", slow.every_ms)
                }),
            patience_ms: draw.range("patience_ms", self.patience_ms),
            leaves: draw.weights("leaves", &self.leaves),
        }
    }

    fn link(&self, draw: &Draw) -> LinkPlan {
        let way = match &self.network {
            Some(network) => draw.weights("network", network).link(draw),
            None => {
                let least = draw.range("latency_us", self.latency_us);
                // Sums stay within what a plan may hold.
                let jitter = draw.range("jitter_us", self.jitter_us);
                let most = Micros::nearest(least.get() + jitter.get());
                LinkPlan {
                    loss_per_mille: draw.loss(self.loss_per_mille),
                    ..LinkPlan::plain(Range { least, most })
                }
            }
        };
        LinkPlan {
            give_up_ms: draw.range("give_up_ms", self.give_up_ms),
            window: draw.range("window", self.window),
            frame_us: draw.range("frame_us", self.frame_us),
            ..way
        }
    }

    fn noise(&self, draw: &Draw) -> List<NoisePlan, 0, MAX_MESSAGES> {
        let noisy = self
            .noise
            .as_ref()
            .filter(|noise| draw.chance("noise.per_mille", noise.per_mille));
        let Some(noise) = noisy else {
            return List::default();
        };
        (0..draw.range("noise.count", noise.count).get())
            .map(|_| NoisePlan {
                at_ms: draw.range("noise.at_ms", noise.at_ms),
                kind: draw.weights("noise.kinds", &noise.kinds),
            })
            .collect()
    }

    fn message(&self, draw: &Draw, at_ms: Millis) -> MessagePlan {
        const KINDS: [MessageKind; 3] = [
            MessageKind::StartAgent,
            MessageKind::UserMessage,
            MessageKind::Chat,
        ];
        let text_bytes = match draw.chance("oversize_per_mille", self.oversize_per_mille) {
            true => OVERSIZE_BYTES,
            false => draw.range("text_bytes", self.text_bytes),
        };
        MessagePlan {
            at_ms,
            kind: KINDS[draw.index("kind", KINDS.len()) as usize],
            tools: draw.range("tools", self.tools),
            text_bytes,
            thread: draw
                .chance("thread_per_mille", self.thread_per_mille)
                .then(|| draw.index("thread", self.threads.size())),
        }
    }
}
