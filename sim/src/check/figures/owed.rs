//! Connections that clients are owed: how many, how many were told that they are ready, and how many
//! could process messages.
//!
//! Knows from: clients (`ClientConnecting`, `ClientReady`, when they leave), the plan, which says whose
//! token is good, and the machines of the containers: registered, in a state, and with a message loop
//! under their id. That a welcome was sent proves nothing but that it was sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gatesim_model::{
    core::{
        ids::{ConnectionId, SocketId},
        state::ConnectionState,
        time::Time,
    },
    event::Event,
};

use crate::{
    check::{facts::states, per_client::PerClient},
    plan::{Plan, figure::Figures},
    trace::{
        event::{Era, WorldEvent},
        request::Token,
    },
};

/// A client that leaves sooner than this after it began to connect has not waited for the gateway:
/// what the gateway itself waits for start-up (`docs/protocol.md#timing-startup-wait`).
pub(super) const HURRIED: Duration = Duration::from_secs(5);

/// Follows what each client is owed: one connection when it begins to connect, and one more whenever it
/// begins again after a welcome. It is owed the same one however often it tries, so a design does not
/// change what it is measured by.
#[derive(Debug, Default)]
pub(super) struct OwedConnections {
    /// Clients without a good token.
    unentitled: BTreeSet<u32>,
    era: Era,
    clients: PerClient<u32, OwedConnection>,
    machines: BTreeMap<(u32, ConnectionId), RegisteredState>,
}

/// The connection that a client is owed now, or was owed last.
#[derive(Debug)]
struct OwedConnection {
    since: Time,
    era: Era,
    welcomed: bool,
    ready: bool,
}

/// A registered machine, and the connection whose message loop has been entered under its id.
#[derive(Debug)]
struct RegisteredState {
    state: ConnectionState,
    in_loop: Option<SocketId>,
}

impl OwedConnections {
    /// For a run of this plan.
    pub(super) fn of(plan: &Plan) -> Self {
        let unentitled = plan
            .clients()
            .filter(|(_, client)| client.token != Token::Valid);
        OwedConnections {
            unentitled: unentitled.map(|(number, _)| number).collect(),
            ..Self::default()
        }
    }

    pub(super) fn protocol(&mut self, figures: &mut Figures, container: u32, event: &Event) {
        match event {
            Event::MachineRegistered { connection, .. } => {
                let registered = RegisteredState {
                    state: ConnectionState::Connecting,
                    in_loop: None,
                };
                self.machines
                    .insert((container, connection.clone()), registered);
            }
            Event::MachineUnregistered { connection, .. } => {
                self.machines.remove(&(container, connection.clone()));
            }
            Event::Transition { connection, to, .. } => {
                let machine = self.machines.get_mut(&(container, connection.clone()));
                if let Some(machine) = machine {
                    machine.state = *to;
                    let in_loop = machine.in_loop;
                    self.is_ready_if(figures, in_loop, *to);
                }
            }
            Event::LoopEntered {
                socket, connection, ..
            } => {
                let machine = self.machines.get_mut(&(container, connection.clone()));
                if let Some(machine) = machine {
                    machine.in_loop = Some(*socket);
                    let state = machine.state;
                    self.is_ready_if(figures, Some(*socket), state);
                }
            }
            _ => {}
        }
    }

    pub(super) fn world(&mut self, figures: &mut Figures, now: Time, event: &WorldEvent) {
        match event {
            WorldEvent::ClientConnecting { socket, .. } => self.begins(figures, now, socket.peer),
            WorldEvent::ClientReady { socket } => self.is_welcomed(figures, socket.peer),
            WorldEvent::ClientDone { client } => {
                let left = self.clients.remove(client);
                if let Some(owed) = left.filter(|owed| !owed.welcomed && !owed.ready)
                    && now.since(owed.since) < HURRIED
                {
                    figures.connections_expected -= 1;
                    figures.healed_expected -= u64::from(owed.era == Era::Healed);
                }
            }
            WorldEvent::ContainerGone { container, .. } => {
                self.machines.retain(|(of, _), _| of != container);
            }
            WorldEvent::FaultsHealed => self.era = Era::Healed,
            _ => {}
        }
    }

    fn begins(&mut self, figures: &mut Figures, now: Time, client: u32) {
        let still_owed = self.clients.get(&client).is_some_and(|owed| !owed.welcomed);
        if still_owed || self.unentitled.contains(&client) {
            return;
        }
        figures.connections_expected += 1;
        figures.healed_expected += u64::from(self.era == Era::Healed);
        let owed = OwedConnection {
            since: now,
            era: self.era,
            welcomed: false,
            ready: false,
        };
        self.clients.insert(client, owed);
    }

    fn is_welcomed(&mut self, figures: &mut Figures, client: u32) {
        if let Some(owed) = self.clients.get_mut(&client)
            && !std::mem::replace(&mut owed.welcomed, true)
        {
            figures.connections_welcomed += 1;
        }
    }

    fn is_ready_if(
        &mut self,
        figures: &mut Figures,
        socket: Option<SocketId>,
        state: ConnectionState,
    ) {
        let owed = socket.filter(|_| states::is_ready(state));
        if let Some(owed) = owed.and_then(|socket| self.clients.get_mut(&socket.peer))
            && !std::mem::replace(&mut owed.ready, true)
        {
            figures.connections_ready += 1;
            figures.healed_ready += u64::from(owed.era == Era::Healed);
        }
    }
}
