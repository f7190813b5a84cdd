//! The events of a run reach the client in the order of emission (I-11).

use std::collections::BTreeMap;

use gatesim_model::ids::{MessageId, RunId, SocketId};

use super::{
    checker::{Finding, Rule},
    subject::Subject,
    view::View,
};
use crate::{
    describe::kind_name,
    event::{Entry, Fact, WorldEvent},
};

/// Sequence numbers that a client receives for one run only ever grow. What is missing is
/// another rule's business.
#[derive(Default)]
pub(super) struct EventsInOrder {
    /// Where each socket that a client has open leads to: container and incarnation.
    routes: BTreeMap<SocketId, Route>,
    latest: BTreeMap<Stream, u32>,
}

type Route = (u32, u32);

/// One run as one client sees it. Runs are numbered per container incarnation, and a message that
/// is sent again starts a run of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stream {
    client: u32,
    message: MessageId,
    run: RunId,
    route: Option<Route>,
}

impl Rule for EventsInOrder {
    fn subjects(&self) -> u32 {
        Subject::Client.bit()
    }

    fn observe(&mut self, view: &View, entry: &Entry) -> Option<Finding> {
        match &entry.fact {
            Fact::World(WorldEvent::UpgradeRouted { socket, container }) => {
                self.routes
                    .insert(*socket, (*container, view.incarnation(*container)));
                None
            }
            Fact::World(
                WorldEvent::ClientClosed { socket, .. } | WorldEvent::ClientRefused { socket, .. },
            ) => {
                self.forget_attempt(*socket);
                None
            }
            Fact::World(
                WorldEvent::ClientDone { client } | WorldEvent::ClientGaveUp { client, .. },
            ) => {
                self.forget_client(*client);
                None
            }
            Fact::World(WorldEvent::ClientGotEvent {
                socket,
                run,
                message,
                seq,
                kind,
                ..
            }) => {
                let stream = Stream {
                    client: socket.peer,
                    message: message.clone(),
                    run: *run,
                    route: self.routes.get(socket).copied(),
                };
                let latest = self.latest.insert(stream, *seq)?;
                let cause = match seq.cmp(&latest) {
                    std::cmp::Ordering::Greater => return None,
                    std::cmp::Ordering::Equal => "event received twice",
                    std::cmp::Ordering::Less => "event received after a later one",
                };
                Some(Finding::new(
                    *socket,
                    cause,
                    format!(
                        "{socket} received event {seq} ({}) of {run} for message {message} after \
                         event {latest} of the same run.",
                        kind_name(*kind)
                    ),
                ))
            }
            Fact::Protocol(_) | Fact::World(_) => None,
        }
    }
}

impl EventsInOrder {
    /// Forgets what a client that has left was told.
    fn forget_client(&mut self, client: u32) {
        let first = Stream {
            client,
            message: MessageId::from(""),
            run: RunId(0),
            route: None,
        };
        while let Some((stream, _)) = self
            .latest
            .range(&first..)
            .next()
            .filter(|(stream, _)| stream.client == client)
        {
            let stream = stream.clone();
            self.latest.remove(&stream);
        }
    }

    /// Forgets the routes of an attempt, those of its copies included.
    fn forget_attempt(&mut self, socket: SocketId) {
        let first = SocketId { copy: 0, ..socket };
        let last = SocketId {
            copy: u16::MAX,
            ..socket
        };
        while let Some((copy, _)) = self.routes.range(first..=last).next() {
            let copy = *copy;
            self.routes.remove(&copy);
        }
    }
}
