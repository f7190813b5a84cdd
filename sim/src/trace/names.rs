//! Small enums that events carry, each printed as people read it.

use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr};

/// A header of an upgrade, or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Display)]
#[serde(rename_all = "snake_case")]
pub enum Header {
    /// `Authorization`.
    #[strum(to_string = "header Authorization")]
    Authorization,
    /// `Sec-WebSocket-Protocol`.
    #[strum(to_string = "header Sec-WebSocket-Protocol")]
    Subprotocols,
    /// All the rest.
    #[strum(to_string = "other headers")]
    Others,
}

/// Why the balancer ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Display)]
#[serde(rename_all = "snake_case")]
pub enum CutReason {
    /// Nothing passed for too long.
    #[strum(to_string = "nothing passed for too long")]
    Idle,
    /// The container has left service, and its connections have had their time.
    #[strum(to_string = "the container has left service")]
    Drained,
    /// The answer to this copy of an upgrade is no longer awaited.
    #[strum(to_string = "its answer is no longer awaited")]
    NotWanted,
}

/// How a service misbehaves that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Display)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields say no more than their names")]
pub enum Impairment {
    /// It takes this many times as long.
    #[strum(to_string = "taking {factor} times as long")]
    Slow { factor: u32 },
    /// It answers this many calls in a thousand with a server error.
    #[strum(to_string = "failing {per_mille} calls in a thousand")]
    Erring { per_mille: u32 },
    /// It gives this many wrong answers in a thousand.
    #[strum(to_string = "giving {per_mille} wrong answers in a thousand")]
    Wrong { per_mille: u32 },
}

/// A socket operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Operation {
    /// Accept.
    Accept,
    /// Receive.
    Receive,
    /// Send.
    Send,
    /// Close.
    Close,
}

/// Why a run ended.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    Display,
    IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// Every client is done and the time after that has passed.
    #[strum(to_string = "every client is done")]
    Done,
    /// Virtual time ran out.
    #[strum(to_string = "virtual time ran out")]
    TimeLimit,
    /// The number of steps ran out.
    #[strum(to_string = "the number of steps ran out")]
    StepLimit,
    /// Nothing can happen any more, and some client is not done.
    #[strum(to_string = "nothing can happen any more")]
    Stuck,
    /// The first violation was enough.
    #[strum(to_string = "the first violation was enough")]
    StoppedAtFirst,
    /// The run was requested up to a certain point only.
    #[strum(to_string = "asked for up to here")]
    StoppedAtPoint,
}
