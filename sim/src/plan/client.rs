//! The clients: who they are, what they send, how they behave, how they leave.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(test)]
use crate::plan::range::Range;
use crate::{
    plan::{
        bounds::{MAX_CLIENTS, MAX_MESSAGES, MAX_TEXT_BYTES, MAX_TOOLS},
        link::LinkPlan,
        list::List,
        number::Numbered,
        unit::{Count, Millis, is_default},
    },
    trace::request::Token,
};

/// One client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientPlan {
    /// Its number, if that is not its place among the clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Count<0, MAX_CLIENTS>>,
    /// When it opens its first connection.
    pub start_ms: Millis,
    /// Whose it is; two clients of one user are two tabs.
    pub user: u32,
    /// What it offers as token.
    pub token: Token,
    /// What program it is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub program: Program,
    /// Where in the upgrade it puts the token.
    #[serde(default, skip_serializing_if = "is_default")]
    pub carries: TokenPlace,
    /// How long a token is valid after the client got it; without a limit if absent.
    /// A client whose tokens have an end renews them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_life_ms: Option<Millis<1>>,
    /// From its start until it has its first token.
    #[serde(default, skip_serializing_if = "is_default")]
    pub token_after_ms: Millis,
    /// Its link to the balancer.
    pub link: LinkPlan,
    /// What it wants to send, in order.
    pub messages: List<MessagePlan, 0, MAX_MESSAGES>,
    /// What else it sends, that no client should.
    #[serde(default, skip_serializing_if = "is_default")]
    pub noise: List<NoisePlan, 0, MAX_MESSAGES>,
    /// How long it takes over each frame before it reads the next.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reads_every_ms: Millis,
    /// How long it stays after its last message, at most. It leaves when it has every answer; while
    /// one is owed it stays longer, until the healed world has had the time for it.
    pub patience_ms: Millis,
    /// How it leaves.
    pub leaves: Leaving,
}

impl ClientPlan {
    /// When its last message is due; its start if it has none.
    pub fn last_message_at(&self) -> Duration {
        let last = self.messages.last().map(|message| message.at_ms.duration());
        self.start_ms.duration() + last.unwrap_or_default()
    }

    /// When it leaves at the latest, although it is still owed something: when its patience is over
    /// and the world, healed by then, has had the time that it takes for what is owed.
    pub fn leaves_by(&self, healed_by: Duration, converged: Duration) -> Duration {
        let owed_until = healed_by.max(self.last_message_at()) + converged;
        owed_until.max(self.patient_until())
    }

    /// When its patience is over.
    pub fn patient_until(&self) -> Duration {
        self.last_message_at() + self.patience_ms.duration()
    }
}

impl Numbered for ClientPlan {
    const NAME: &'static str = "client";

    fn number(&self) -> Option<u32> {
        self.number.map(Count::get)
    }

    fn set_number(&mut self, number: Option<u32>) {
        self.number = number.map(Count::new);
    }
}

#[cfg(test)]
impl ClientPlan {
    /// A client with a good token that says nothing, over a link without latency, for tests.
    pub(crate) fn silent(user: u32) -> Self {
        ClientPlan {
            number: None,
            start_ms: Millis::default(),
            user,
            token: Token::Valid,
            program: Program::default(),
            carries: TokenPlace::default(),
            token_life_ms: None,
            token_after_ms: Millis::default(),
            link: LinkPlan::plain(Range::default()),
            messages: List::default(),
            noise: List::default(),
            reads_every_ms: Millis::default(),
            patience_ms: Millis::default(),
            leaves: Leaving::Close,
        }
    }
}

/// What program a client is (docs/protocol.md#actors).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// A browser: it fails a connection for which no subprotocol was chosen.
    #[default]
    Browser,
    /// A command-line client: it accepts that, and sends as soon as the connection is open.
    CommandLine,
    /// A test, which says so in its headers (docs/protocol.md#e2e-context).
    EndToEnd,
}

/// Where in the upgrade a client puts its token (docs/protocol.md#token-extraction).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum TokenPlace {
    /// In a subprotocol, in base64url, as browsers do.
    #[default]
    Subprotocol,
    /// In a subprotocol, as it is.
    RawSubprotocol,
    /// In the `Authorization` header.
    Header,
    /// In the query.
    Query,
    /// In header and subprotocol.
    HeaderAndSubprotocol,
    /// In header, subprotocol and query.
    Everywhere,
}

/// How a client leaves.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Leaving {
    /// With a close frame.
    Close,
    /// The process is killed: the operating system resets the connection.
    Abort,
    /// The device is gone: no frame is sent.
    Vanish,
}

/// One message of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessagePlan {
    /// After the client's start. A message that is due before the connection is open waits in
    /// the client's queue and is flushed on open.
    pub at_ms: Millis,
    /// What it is.
    pub kind: MessageKind,
    /// How many tools the agent calls for it.
    pub tools: Count<0, MAX_TOOLS>,
    /// Length of the text, in bytes.
    pub text_bytes: Count<0, MAX_TEXT_BYTES>,
    /// The thread it names, if it names one: a conversation that the client opened after it had
    /// connected, so that it was not known then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<u32>,
}

/// What a client sends.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// `start_agent`.
    StartAgent,
    /// `user_message`.
    UserMessage,
    /// `chat`.
    Chat,
}

/// One frame that no client should send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoisePlan {
    /// After the client's start; it waits for a connection as messages do.
    pub at_ms: Millis,
    /// What it is.
    pub kind: NoiseKind,
}

/// What is wrong with a frame.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseKind {
    /// It is not JSON.
    NotJson,
    /// It is JSON, but not an object.
    NotAnObject,
    /// It is an object without a type.
    NoType,
    /// It has a known type, but not the fields of it.
    WrongShape,
    /// It is text that looks like bytes.
    Control,
    /// It has an unknown type.
    UnknownType,
}
