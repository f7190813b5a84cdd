//! The ledger of client messages: who executes a message, what the run has said so far, and how it
//! ended.
//!
//! Redis keeps it for all containers; each [`Command`] is one atomic script there. The pure part
//! is [`Book`], which is also what a test asks. Nothing here does anything: the shell is in
//! [`crate::resume`] and [`crate::journal`].
//!
//! A message is claimed by one run, which appends its events and so renews its lease. A run that
//! has not renewed its lease within [`LEASE`] may be declared over by anybody who looks.

mod book;

pub use book::{Book, KEPT_FOR, MAX_ENTRIES};

use std::time::Duration;

use crate::{
    ids::{MessageId, RunId, UserId},
    message::AgentEventKind,
};

/// How long a claim holds without a word from its run.
pub const LEASE: Duration = Duration::from_secs(6);

/// Whose message it is, and which: a client can name its own messages only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageKey {
    /// The user that sent it.
    pub user: UserId,
    /// The client's id.
    pub message: MessageId,
}

/// Who executes a message. A claim that is repeated because its answer was lost is known by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The run, as its container counts.
    pub run: RunId,
    /// Tells apart the runs that bear this number in different processes.
    pub nonce: u64,
}

/// What a claim does to the claim of somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rival {
    /// It is left alone, whatever became of it.
    Respected,
    /// It is left alone unless its lease is over: then the message is executed again.
    SucceededIfSilent,
    /// It is thrown away, and the message is executed again.
    Displaced,
}

/// Whether silence beyond the lease ends a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Whoever finds it declares the run failed.
    EndsTheRun,
    /// It means nothing.
    Ignored,
}

/// What is asked of the ledger about one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Claims the message. Idempotent.
    Claim {
        /// Who wants to execute it.
        owner: Owner,
        /// What becomes of an earlier claim.
        rival: Rival,
    },
    /// Appends the event with this number, and renews the lease. Idempotent. An `agent_completed`
    /// completes the run.
    Append {
        /// Who appends.
        owner: Owner,
        /// The number of the event, from 0 without a gap.
        seq: u32,
        /// The event.
        kind: AgentEventKind,
    },
    /// Renews the lease.
    Renew {
        /// Who is still there.
        owner: Owner,
    },
    /// Ends the run as failed. Idempotent.
    Fail {
        /// Whose run.
        owner: Owner,
    },
    /// Reads the journal.
    Read {
        /// The number of the first event wanted.
        from: u32,
        /// What the reader does about a run that is silent.
        silence: Silence,
    },
}

/// The ledger's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done, now or by an earlier try.
    Done,
    /// The message is or was somebody else's to execute.
    Taken,
    /// There are [`MAX_ENTRIES`]; nothing was claimed.
    Full,
    /// The asker does not own the run any more, or the run is over.
    NotYours,
    /// The journal from the number that was asked for.
    Page(Page),
    /// Nothing is known of the message.
    Unknown,
}

/// What the journal of a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Whose events these are.
    pub run: RunId,
    /// The events, in order.
    pub events: Vec<AgentEventKind>,
    /// How it goes on.
    pub status: Status,
}

/// How far the run of a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// More may come.
    Running,
    /// The last event was `agent_completed`.
    Completed,
    /// It ended without an answer.
    Failed,
}
