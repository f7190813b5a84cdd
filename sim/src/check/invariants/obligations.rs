//! What clients are owed, the state of their connections, and the runs that work for them; a part of
//! [`super::waiting`] (I-15).

use std::collections::BTreeSet;

use gatesim_model::{
    core::{
        ids::{MessageId, RunId, SocketId},
        time::Time,
    },
    port::env::Service,
};

use crate::trace::event::Actor;

/// What a client waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Obligation {
    Connection(u32),
    Answer(u32, MessageId),
}

impl Obligation {
    /// The message that it is about, if it is about one.
    pub(super) fn message(&self) -> Option<&MessageId> {
        match self {
            Obligation::Connection(_) => None,
            Obligation::Answer(_, message) => Some(message),
        }
    }
}

/// A client that has not left.
pub(super) struct WaitingClient {
    pub(super) standing: ClientStanding,
    pub(super) unanswered: BTreeSet<MessageId>,
}

/// The state of a client's current connection.
#[derive(Clone, Copy)]
pub(super) enum ClientStanding {
    /// There is none, since the end of the one before.
    Away {
        since: Time,
    },
    Connecting {
        socket: SocketId,
        since: Time,
    },
    Opened {
        socket: SocketId,
        since: Time,
    },
    Ready {
        socket: SocketId,
        since: Time,
    },
}

/// A run that works, or worked, for a message.
pub(super) struct WorkingRun {
    pub(super) container: u32,
    pub(super) run: RunId,
    /// The connection it was started by.
    pub(super) socket: SocketId,
    pub(super) progress: WorkProgress,
}

#[derive(Clone, Copy)]
pub(super) enum WorkProgress {
    Going {
        since: Time,
    },
    Ended {
        at: Time,
    },
    /// It ended with its container.
    Gone {
        at: Time,
    },
}

impl ClientStanding {
    /// The connection, if there is one.
    pub(super) fn socket(self) -> Option<SocketId> {
        match self {
            ClientStanding::Away { .. } => None,
            ClientStanding::Connecting { socket, .. }
            | ClientStanding::Opened { socket, .. }
            | ClientStanding::Ready { socket, .. } => Some(socket),
        }
    }

    /// The state, and for how long it has lasted, as a clause.
    pub(super) fn in_words(self, now: Time) -> String {
        let ago = |since: Time| format!("for {} s", now.since(since).as_secs());
        match self {
            ClientStanding::Away { since } => format!("it has had no connection {}", ago(since)),
            ClientStanding::Connecting { socket, since } => {
                format!("its upgrade {socket} has not been answered {}", ago(since))
            }
            ClientStanding::Opened { socket, since } => {
                let ago = ago(since);
                format!("its connection {socket} has been open without a welcome {ago}")
            }
            ClientStanding::Ready { socket, since } => {
                format!("its connection {socket} has been ready {}", ago(since))
            }
        }
    }
}

impl WorkingRun {
    /// Its state, as a clause.
    pub(super) fn in_words(&self, now: Time, call: Option<(Service, Time)>) -> String {
        let (run, container, socket) = (self.run, self.container, self.socket);
        let ago = |since: Time| now.since(since).as_secs();
        let who = format!("{run} in container{container}, started by {socket}");
        match (self.progress, call) {
            (WorkProgress::Going { .. }, Some((service, since))) => format!(
                "{who}, waits for {} and has done so for {} s",
                Actor::Service(service),
                ago(since)
            ),
            (WorkProgress::Going { since }, None) => {
                format!("{who}, has gone on for {} s", ago(since))
            }
            (WorkProgress::Ended { at }, _) => format!("{who}, ended {} s ago", ago(at)),
            (WorkProgress::Gone { at }, _) => {
                format!("{who}, went with its container {} s ago", ago(at))
            }
        }
    }
}
