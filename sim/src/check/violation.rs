//! A broken invariant as it is reported, and the signature that groups those with the same cause.

use std::fmt;

use gatesim_model::core::{
    ids::{MessageId, SocketId},
    time::Time,
};
use serde::Serialize;

use crate::{check::invariants::Invariant, trace::event::Actor};

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which one.
    pub invariant: Invariant,
    /// Virtual time.
    pub time: Time,
    /// Scheduler step.
    pub step: u64,
    /// Number of the event that broke it; the last one seen for a deadline.
    pub event: u64,
    /// Who was acting.
    pub actor: Actor,
    /// The connection concerned.
    pub socket: Option<SocketId>,
    /// The message that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// The cause in a few fixed words, the same for every seed with the same cause: no ids, no
    /// numbers, no times. Part of the signature.
    pub cause: String,
    /// One sentence of what happened, in the protocol's words, with ids and numbers.
    pub sentence: String,
}

impl Violation {
    /// Invariant and cause.
    pub fn signature(&self) -> Signature {
        Signature {
            invariant: self.invariant,
            cause: self.cause.clone(),
        }
    }
}

/// Groups violations with the same cause. Prints as `invariant: cause`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Signature {
    /// The invariant.
    pub invariant: Invariant,
    /// The cause.
    pub cause: String,
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.cause)
    }
}
