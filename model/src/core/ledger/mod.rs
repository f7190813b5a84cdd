//! The ledger of client messages: which run executes a message, its events so far, and how it
//! ended.
//!
//! Redis keeps it for all containers; each [`LedgerCommand`] is one atomic script there. The pure
//! part is [`Book`].
//!
//! A message is claimed by one run, which appends its events and so renews its lease. A run that
//! has not renewed its lease within [`LEASE`] is silent, and may be declared over by any container.

mod book;

pub use book::{Book, MAX_ENTRIES};

use std::time::Duration;

use crate::core::{
    ids::{MessageId, RunId, UserId},
    message::AgentEventKind,
};

/// How long a claim holds without a renewal by its run.
pub const LEASE: Duration = Duration::from_secs(6);

/// How long a message is remembered from its claim on: longer than any run, and than any
/// repetition of a message that may still be begun is under way.
pub const KEPT_FOR: Duration = Duration::from_secs(15 * 60);

/// How long after it was first sent a message may be begun that is not known: a later repetition may
/// be of a message that was forgotten. What is left of [`KEPT_FOR`] is for the way of the repetition:
/// the heartbeat closes a connection on which nothing arrives within two minutes, and the windows of
/// a slow one drain within the rest.
pub const BEGUN_WITHIN: Duration = Duration::from_secs(5 * 60);

/// Steps after which a run is cut off.
pub const MAX_STEPS: u32 = 100;

/// The user that sent a message, and its id: a client can name its own messages only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageKey {
    /// The user that sent it.
    pub user: UserId,
    /// The client's id.
    pub message: MessageId,
}

/// What a claim does to the claim of another run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rival {
    /// It is kept in every case.
    Respected,
    /// It is left alone unless its lease is over: then the message is executed again.
    SucceededIfSilent,
    /// It is discarded, and the message is executed again.
    Displaced,
}

/// What is asked of the ledger about one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerCommand {
    /// Claims the message for a run. Idempotent.
    Claim {
        /// The run that wants to execute it.
        owner: RunId,
        /// What happens to an earlier claim.
        rival: Rival,
        /// How long ago the message was sent for the first time.
        age: Duration,
    },
    /// Appends the event with this number, and renews the lease. Idempotent. An `agent_completed`
    /// completes the run.
    Append {
        /// The run that appends.
        owner: RunId,
        /// The number of the event, from 0 without a gap.
        seq: u32,
        /// The event.
        kind: AgentEventKind,
    },
    /// Renews the lease.
    Renew {
        /// The run that is still there.
        owner: RunId,
    },
    /// Ends the run as failed. Idempotent.
    Fail {
        /// The run.
        owner: RunId,
    },
    /// Ends the run as failed if it is silent. Any container may ask for this.
    FailIfSilent,
    /// Reads the journal.
    Read {
        /// The number of the first event wanted.
        from: u32,
    },
}

/// The ledger's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerAnswer {
    /// Done, now or by an earlier try.
    Done,
    /// Another run executes the message or did so.
    Taken,
    /// There are [`MAX_ENTRIES`]; nothing was claimed.
    Full,
    /// The message is not known, and older than [`BEGUN_WITHIN`]; nothing was claimed.
    TooOld,
    /// The asker does not own the run any more, or the run is over.
    NotYours,
    /// The journal from the number that was asked for.
    Page(JournalPage),
    /// Nothing is known of the message.
    Unknown,
}

/// The content of the journal of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalPage {
    /// The run whose events these are.
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
    /// It has not ended, and its lease is over.
    Silent,
    /// The last event was `agent_completed`.
    Completed,
    /// It ended without an answer.
    Failed,
}
