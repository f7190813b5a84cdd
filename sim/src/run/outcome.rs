//! What a run gives back.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use gatesim_model::core::{ids::SocketId, time::Time};
use serde::{Deserialize, Serialize};

use crate::{
    check::{invariants::Invariant, marks::Marks},
    scheduler::{
        ConstraintEnd,
        causes::Causes,
        choices::{Divergence, Record},
    },
    trace::event::{Actor, FinishReason, TraceEvent},
};

/// The result of one run. Two runs of the same design, plan and code give equal outcomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Fingerprint of the trace.
    pub digest: Digest,
    /// How the run ended; none if the model panicked.
    pub finish: Option<FinishReason>,
    /// The message of a panic inside the model or the simulator.
    pub panic: Option<String>,
    /// Scheduler steps: polls and deliveries.
    pub steps: u64,
    /// Events seen.
    pub events: u64,
    /// Virtual time at the end.
    pub time: Time,
    /// The first violation of each invariant, in the order of happening.
    pub violations: Vec<Violation>,
    /// The rare states it went through.
    pub marks: Marks,
    /// Figures of merit.
    pub figures: Figures,
    /// The whole trace, if it was asked for.
    pub trace: Vec<TraceEvent>,
    /// Every choice, if it was asked for.
    pub choices: Record,
    /// How far the run diverged from the record that it was replayed from.
    pub divergence: Divergence,
    /// What made each step happen, if it was asked for.
    pub causes: Causes,
    /// What became of each ordering constraint.
    pub constraints: Vec<ConstraintEnd>,
}

impl Outcome {
    /// A run that ended in a panic of the model or the simulator.
    pub fn panicked(message: String) -> Self {
        Outcome {
            digest: Digest::default(),
            finish: None,
            panic: Some(message),
            steps: 0,
            events: 0,
            time: Time::ZERO,
            violations: Vec::new(),
            marks: Marks::default(),
            figures: Figures::default(),
            trace: Vec::new(),
            choices: Record::default(),
            divergence: Divergence::default(),
            causes: Causes::default(),
            constraints: Vec::new(),
        }
    }

    /// The signature of the earliest violation.
    pub fn signature(&self) -> Option<Signature> {
        self.violations.first().map(Violation::signature)
    }

    /// Whether the run held: no violation, no panic.
    pub fn held(&self) -> bool {
        self.violations.is_empty() && self.panic.is_none()
    }
}

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

/// A 128-bit fingerprint; prints as 32 hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest(pub u128);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match u128::from_str_radix(text, 16) {
            Ok(value) if text.len() == 32 => Ok(Digest(value)),
            _ => Err(format!("`{text}` is not a digest of 32 hexadecimal digits")),
        }
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Figures of merit of one run, from the incident reports. Counts and durations only; rates and
/// quantiles are made where runs are added up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Connections a client began to open, leaving out those it was right to be refused
    /// (bad tokens) and those that faults of the plan took away.
    pub connections_expected: u64,
    /// Of these, the ones that received the welcome.
    pub connections_ready: u64,
    /// Connections expected that began when every fault was over.
    pub healed_expected: u64,
    /// Of these, the ones that received the welcome.
    pub healed_ready: u64,
    /// From the client's connect to the welcome at the client, for each ready connection.
    pub time_to_ready: Vec<Duration>,
    /// Time to ready less network, authentication and service time: what coordination costs.
    pub coordination_overhead: Vec<Duration>,
    /// Agent runs begun.
    pub runs_started: u64,
    /// Agent runs of which the client received all events up to `agent_completed`.
    pub runs_delivered: u64,
    /// Messages that clients handed to a socket, each counted once however often it was sent.
    pub messages_sent: u64,
    /// Of these, the ones that were executed more than once, in whatever containers.
    pub messages_executed_twice: u64,
    /// Of these, the ones whose client was ready for long enough and left without an answer on
    /// which anybody worked or had worked.
    pub messages_lost: u64,
    /// Tasks, table entries and machines that were there at the end although the transport of
    /// their connection had ended.
    pub left_behind: u64,
    /// Agent events received by clients.
    pub events_delivered: u64,
    /// Text frames received by clients and by the server, both directions.
    pub frames: u64,
    /// Reconnects by clients.
    pub reconnects: u64,
    /// Close codes seen by clients.
    pub close_codes: BTreeMap<u16, u64>,
}
