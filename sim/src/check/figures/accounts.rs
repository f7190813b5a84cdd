//! What became of the messages that clients sent, and what is left of connections that ended.
//!
//! Knows from: what clients send and receive, links, which runs have begun and ended, and what was made
//! and removed for a connection.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gatesim_model::{
    core::{
        ids::{MessageId, RunId, SocketId},
        message::AgentEventKind,
        time::Time,
    },
    event::Event,
};

use crate::{
    check::{figures::Figures, per_client::PerClient},
    trace::event::{Actor, WorldEvent, runs_of},
};

/// How long a client that is ready waits for a message on which no run works before the message
/// counts as lost: the largest gap between two events (`docs/protocol.md#event-timing`).
const GRACE: Duration = Duration::from_secs(30);

/// Counts over the whole world: a message stays the same message, in any container that executes it
/// and over any connection that answers it.
///
/// A client that leaves while its answer is on the way, or before it could be begun, has lost
/// nothing. A message is lost if for [`GRACE`] its client was ready, no link on the way to the
/// container was partitioned, the container knew the connection, and no run worked or had worked
/// on the message.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    clients: PerClient<u32, ClientAccount>,
    /// Messages that were sent and not answered, by client, and since when.
    unanswered: BTreeMap<(u32, MessageId), Time>,
    executions: BTreeMap<MessageId, MessageRuns>,
    /// The messages that runs which go on work for.
    runs: BTreeMap<(u32, RunId), MessageId>,
    partitioned: BTreeSet<(Actor, Actor)>,
    holdings: PerClient<SocketId, Holding>,
}

#[derive(Debug, Default)]
struct ClientAccount {
    /// The connection that it may use, and since when; or since the way was repaired, if that is later.
    ready: Option<(SocketId, Time)>,
    /// Where its last connection went.
    container: Option<u32>,
    /// Messages that were lost when the client last closed a connection by itself.
    missed: u64,
}

/// What was done for a message.
#[derive(Debug, Default)]
struct MessageRuns {
    begun: u32,
    /// Runs that go on or have ended; not those that went with their container.
    standing: u32,
}

/// Tasks, table entries and machines of one connection.
#[derive(Debug)]
struct Holding {
    container: u32,
    count: u64,
    transport_ended: bool,
}

impl ClientAccount {
    /// Whether a link may lie on the way of the connection that it uses.
    fn is_on_way(&self, from: Actor, to: Actor) -> bool {
        self.ready.is_some_and(|(socket, _)| {
            from.is_on_way(socket, self.container) || to.is_on_way(socket, self.container)
        })
    }
}

impl Accounts {
    pub(super) fn protocol(&mut self, figures: &mut Figures, container: u32, event: &Event) {
        match event {
            Event::RunStarted { run, message, .. } => {
                let execution = self.executions.entry(message.clone()).or_default();
                execution.begun += 1;
                execution.standing += 1;
                if execution.begun == 2 {
                    figures.messages_executed_twice += 1;
                }
                self.runs.insert((container, *run), message.clone());
            }
            Event::RunEnded { run, .. } => {
                self.runs.remove(&(container, *run));
            }
            Event::TaskStarted { socket, .. }
            | Event::EntryAdded { socket, .. }
            | Event::MachineRegistered { socket, .. } => {
                let holding = self.holdings.entry(*socket).or_insert(Holding {
                    container,
                    count: 0,
                    transport_ended: false,
                });
                holding.count += 1;
            }
            Event::TaskEnded { socket, .. }
            | Event::EntryRemoved { socket, .. }
            | Event::MachineUnregistered { socket, .. } => {
                if let Some(holding) = self.holdings.get_mut(socket) {
                    holding.count = holding.count.saturating_sub(1);
                    if holding.count == 0 && holding.transport_ended {
                        self.holdings.remove(socket);
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn world(&mut self, figures: &mut Figures, now: Time, event: &WorldEvent) {
        match event {
            WorldEvent::ClientSent { socket, message } => {
                figures.messages_sent += 1;
                self.unanswered.insert((socket.peer, message.clone()), now);
            }
            WorldEvent::ClientGotEvent {
                socket,
                message,
                kind: AgentEventKind::AgentCompleted,
                ..
            }
            | WorldEvent::ClientGotError {
                socket,
                message: Some(message),
            } => {
                self.unanswered.remove(&(socket.peer, message.clone()));
            }
            WorldEvent::ClientConnecting { socket, .. } => {
                self.clients.entry(socket.peer).or_default().missed = 0;
            }
            WorldEvent::ClientReady { socket } => {
                let client = self.clients.entry(socket.peer).or_default();
                client.ready.get_or_insert((*socket, now));
            }
            WorldEvent::UpgradeRouted { socket, container } => {
                let client = self.clients.entry(socket.peer).or_default();
                client.container = Some(*container);
            }
            WorldEvent::LinkPartitioned { from, to } => {
                self.partitioned.insert((*from, *to));
            }
            WorldEvent::LinkRepaired { from, to } => {
                self.partitioned.remove(&(*from, *to));
                for client in self.clients.values_mut() {
                    if client.is_on_way(*from, *to)
                        && let Some((_, since)) = &mut client.ready
                    {
                        *since = now;
                    }
                }
            }
            WorldEvent::ClientClosed {
                socket, by_client, ..
            } => {
                let missed = if *by_client {
                    self.missed(now, socket.peer)
                } else {
                    0
                };
                let client = self.clients.entry(socket.peer).or_default();
                client.ready = None;
                client.missed = missed;
            }
            WorldEvent::ClientDone { client } | WorldEvent::ClientGaveUp { client, .. } => {
                let left = self.clients.remove(client).unwrap_or_default();
                figures.messages_lost += left.missed;
                self.forget(*client);
            }
            WorldEvent::TransportEnded { socket } => {
                if let Some(client) = self.clients.get_mut(&socket.peer) {
                    client.ready.take_if(|(ready, _)| ready == socket);
                }
                if let Some(holding) = self.holdings.get_mut(socket) {
                    holding.transport_ended = true;
                    if holding.count == 0 {
                        self.holdings.remove(socket);
                    }
                }
            }
            WorldEvent::ContainerGone { container, .. } => {
                self.holdings
                    .retain(|_, holding| holding.container != *container);
                // No close reaches its clients: a host that is lost sends nothing.
                for client in self.clients.values_mut() {
                    client
                        .ready
                        .take_if(|_| client.container == Some(*container));
                }
                for (_, message) in self.runs.extract_if(runs_of(*container), |_, _| true) {
                    if let Some(execution) = self.executions.get_mut(&message) {
                        execution.standing -= 1;
                    }
                }
            }
            _ => {}
        }
    }

    /// What is left at the end of connections whose transport has ended.
    pub(super) fn left_behind(&self) -> u64 {
        let ended = self
            .holdings
            .values()
            .filter(|holding| holding.transport_ended);
        ended.map(|holding| holding.count).sum()
    }

    /// How many messages a client has waited for without a run that worked on them.
    fn missed(&self, now: Time, client: u32) -> u64 {
        let Some(one) = self.clients.get(&client) else {
            return 0;
        };
        let Some((_, ready_since)) = one.ready else {
            return 0;
        };
        if self
            .partitioned
            .iter()
            .any(|(from, to)| one.is_on_way(*from, *to))
        {
            return 0;
        }
        let in_vain = self.of_client(client).filter(|((_, message), sent)| {
            let untouched = self
                .executions
                .get(message)
                .is_none_or(|execution| execution.standing == 0);
            untouched && now.since(ready_since.max(**sent)) >= GRACE
        });
        in_vain.count() as u64
    }

    fn of_client(&self, client: u32) -> impl Iterator<Item = (&(u32, MessageId), &Time)> {
        self.unanswered
            .range((client, MessageId::from(""))..)
            .take_while(move |((of, _), _)| *of == client)
    }

    fn forget(&mut self, client: u32) {
        let messages: Vec<_> = self.of_client(client).map(|(key, _)| key.clone()).collect();
        for message in messages {
            self.unanswered.remove(&message);
        }
    }
}
