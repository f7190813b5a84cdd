//! The messages of a connection are executed (`Dispatched`) in the order in which they reached it
//! (`MessageArrived`): the part of I-11 that is about messages of clients.

use std::collections::BTreeMap;

use gatesim_model::{
    core::ids::{MessageId, SocketId},
    event::Event,
};

use super::{
    rule::Findings,
    view::{LiveConnection, LiveView},
};
use crate::{
    check::per_client::PerClient,
    trace::event::{Fact, TraceEvent, WorldEvent},
};

/// The messages of each live connection that have arrived and were not executed yet, numbered in
/// the order of arrival.
#[derive(Default)]
pub(super) struct MessageOrder {
    connections: PerClient<SocketId, Arrivals>,
}

#[derive(Default)]
struct Arrivals {
    count: u64,
    waiting: BTreeMap<MessageId, u64>,
    latest: Option<(u64, MessageId)>,
}

impl MessageOrder {
    /// Looks at one event.
    pub(super) fn observe(&mut self, view: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        match &entry.fact {
            Fact::World(WorldEvent::MessageArrived {
                socket,
                message: Some(message),
            }) => {
                if view.connection(*socket).is_some_and(LiveConnection::lives) {
                    let arrivals = self.connections.entry(*socket).or_default();
                    arrivals.count += 1;
                    // A second copy goes by the first.
                    let number = arrivals.count;
                    arrivals.waiting.entry(message.clone()).or_insert(number);
                }
            }
            Fact::Protocol(Event::Dispatched {
                socket,
                message: Some(message),
                ..
            }) => {
                let arrivals = self.connections.get_mut(socket);
                let later = arrivals.and_then(|arrivals| arrivals.dispatched(message));
                if let Some(later) = later {
                    found.add((*socket, message), "message executed after a later one", || {
                        format!(
                            "Message {message} reached {socket} before {later} and was executed \
                             after it."
                        )
                    });
                }
            }
            Fact::Protocol(Event::EndpointEnded { socket, .. }) => {
                self.connections.remove(socket);
            }
            Fact::World(WorldEvent::ContainerGone { container, .. }) => {
                self.connections
                    .retain(|socket, _| view.lives_elsewhere(*socket, *container));
            }
            Fact::Protocol(_) | Fact::World(_) => {}
        }
    }
}

impl Arrivals {
    /// A message is executed. If the one before had arrived later, that one.
    fn dispatched(&mut self, message: &MessageId) -> Option<MessageId> {
        let number = self.waiting.remove(message)?;
        let latest = self.latest.replace((number, message.clone()));
        let (_, later) = latest.filter(|(latest, _)| *latest > number)?;
        Some(later)
    }
}
