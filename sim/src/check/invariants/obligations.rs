//! What clients wish for, where they stand, and who works for them; a part of
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

/// A client that has not left.
pub(super) struct Client {
    pub(super) standing: Standing,
    pub(super) unanswered: BTreeSet<MessageId>,
}

/// Where its current connection stands.
#[derive(Clone, Copy)]
pub(super) enum Standing {
    /// It has none, since the end of the one before.
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
pub(super) struct Run {
    pub(super) container: u32,
    pub(super) run: RunId,
    /// The connection it was started by.
    pub(super) socket: SocketId,
    pub(super) progress: Progress,
}

#[derive(Clone, Copy)]
pub(super) enum Progress {
    Going {
        since: Time,
    },
    Ended {
        at: Time,
    },
    /// Its container went, and it with it.
    Gone {
        at: Time,
    },
}

impl Standing {
    /// The connection, if there is one.
    pub(super) fn socket(self) -> Option<SocketId> {
        match self {
            Standing::Away { .. } => None,
            Standing::Connecting { socket, .. }
            | Standing::Opened { socket, .. }
            | Standing::Ready { socket, .. } => Some(socket),
        }
    }

    /// Where it stands, and for how long, as a clause.
    pub(super) fn in_words(self, now: Time) -> String {
        let ago = |since: Time| format!("for {} s", now.since(since).as_secs());
        match self {
            Standing::Away { since } => format!("it has had no connection {}", ago(since)),
            Standing::Connecting { socket, since } => {
                format!("its upgrade {socket} has not been answered {}", ago(since))
            }
            Standing::Opened { socket, since } => {
                let ago = ago(since);
                format!("its connection {socket} has been open and not welcome {ago}")
            }
            Standing::Ready { socket, since } => {
                format!("its connection {socket} has been ready {}", ago(since))
            }
        }
    }
}

impl Run {
    /// What it does, or did, as a clause.
    pub(super) fn in_words(&self, now: Time, call: Option<(Service, Time)>) -> String {
        let (run, container, socket) = (self.run, self.container, self.socket);
        let ago = |since: Time| now.since(since).as_secs();
        let who = format!("{run} in container{container}, started by {socket}");
        match (self.progress, call) {
            (Progress::Going { .. }, Some((service, since))) => format!(
                "{who}, waits for {} and has done so for {} s",
                Actor::Service(service),
                ago(since)
            ),
            (Progress::Going { since }, None) => {
                format!("{who}, has gone on for {} s", ago(since))
            }
            (Progress::Ended { at }, _) => format!("{who}, ended {} s ago", ago(at)),
            (Progress::Gone { at }, _) => {
                format!("{who}, went with its container {} s ago", ago(at))
            }
        }
    }
}
