//! The browser clients: who they are, what they send, how they leave.

use serde::{Deserialize, Serialize};

use super::LinkPlan;
use crate::bounds::{MAX_MESSAGES, MAX_MS, MAX_TEXT_BYTES, MAX_TOOLS, within};

/// One browser client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientPlan {
    /// When it opens its first connection.
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    pub start_ms: u64,
    /// Whose it is; two clients of one user are two tabs.
    pub user: u32,
    /// What it offers as token.
    pub token: Token,
    /// Its link to the balancer.
    pub link: LinkPlan,
    /// What it wants to send, in order.
    #[serde(deserialize_with = "within::<0, MAX_MESSAGES, _, _>")]
    pub messages: Vec<MessagePlan>,
    /// How long it waits for answers after its last message before it leaves.
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    pub patience_ms: u64,
    /// How it leaves.
    pub leaves: Leaving,
}

/// The token a client offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Token {
    /// A good one.
    Valid,
    /// One that was good.
    Expired,
    /// One that nobody made.
    Invalid,
    /// None.
    Missing,
}

/// How a client leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leaving {
    /// With a close frame.
    Close,
    /// The process is killed: the operating system resets the connection.
    Abort,
    /// The device is gone: nobody is told anything.
    Vanish,
}

/// One message of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessagePlan {
    /// After the client's start. A message that is due before the connection is open waits in
    /// the client's queue and is flushed on open.
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    pub at_ms: u64,
    /// What it is.
    pub kind: MessageKind,
    /// How many tools the agent calls for it.
    #[serde(deserialize_with = "within::<0, MAX_TOOLS, _, _>")]
    pub tools: u32,
    /// Length of the text, in bytes.
    #[serde(deserialize_with = "within::<0, MAX_TEXT_BYTES, _, _>")]
    pub text_bytes: u32,
    /// The thread it names, if it names one: a conversation that the client opened after it had
    /// connected, so that nobody knew of it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<u32>,
}

/// What a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// `start_agent`.
    StartAgent,
    /// `user_message`.
    UserMessage,
    /// `chat`.
    Chat,
}
