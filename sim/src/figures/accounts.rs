//! What became of the messages that clients sent, and what stayed of connections that ended.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_model::{
    event::Event,
    ids::{MessageId, SocketId},
    message::AgentEventKind,
};

use crate::{event::WorldEvent, outcome::Figures};

/// Counts over the whole world: a message is the same message in whatever container it is
/// executed, and over whatever connection it is answered.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// Messages that were sent and not answered, by client. Those of a client that leaves
    /// without the answer are lost to it.
    unanswered: BTreeSet<(u32, MessageId)>,
    /// How often each message has begun to be executed.
    executions: BTreeMap<MessageId, u32>,
    holdings: BTreeMap<SocketId, Holding>,
}

/// Tasks, table entries and machines of one connection.
#[derive(Debug)]
struct Holding {
    container: u32,
    count: u64,
    transport: Transport,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Up,
    Ended,
}

impl Accounts {
    pub(super) fn protocol(&mut self, figures: &mut Figures, container: u32, event: &Event) {
        if let Event::RunStarted { message, .. } = event {
            let executions = self.executions.entry(message.clone()).or_default();
            *executions += 1;
            if *executions == 2 {
                figures.messages_executed_twice += 1;
            }
        } else if let Event::TaskStarted { socket, .. }
        | Event::EntryAdded { socket, .. }
        | Event::MachineRegistered { socket, .. } = event
        {
            let holding = self.holdings.entry(*socket).or_insert(Holding {
                container,
                count: 0,
                transport: Transport::Up,
            });
            holding.count += 1;
        } else if let Event::TaskEnded { socket, .. }
        | Event::EntryRemoved { socket, .. }
        | Event::MachineUnregistered { socket, .. } = event
            && let Some(holding) = self.holdings.get_mut(socket)
        {
            holding.count = holding.count.saturating_sub(1);
            if holding.count == 0 && holding.transport == Transport::Ended {
                self.holdings.remove(socket);
            }
        }
    }

    pub(super) fn world(&mut self, figures: &mut Figures, event: &WorldEvent) {
        if let WorldEvent::ClientSent { socket, message } = event {
            figures.messages_sent += 1;
            self.unanswered.insert((socket.peer, message.clone()));
        } else if let WorldEvent::ClientGotEvent {
            socket,
            message,
            kind: AgentEventKind::AgentCompleted,
            ..
        }
        | WorldEvent::ClientGotError {
            socket,
            message: Some(message),
        } = event
        {
            self.unanswered.remove(&(socket.peer, message.clone()));
        } else if let WorldEvent::ClientDone { client } | WorldEvent::ClientGaveUp { client, .. } =
            event
        {
            figures.messages_lost += self.forget(*client);
        } else if let WorldEvent::TransportEnded { socket } = event {
            if let Some(holding) = self.holdings.get_mut(socket) {
                holding.transport = Transport::Ended;
                if holding.count == 0 {
                    self.holdings.remove(socket);
                }
            }
        } else if let WorldEvent::ContainerGone { container, .. } = event {
            self.holdings
                .retain(|_, holding| holding.container != *container);
        }
    }

    /// What is left at the end of connections whose transport has ended.
    pub(super) fn left_behind(&self) -> u64 {
        let ended = self
            .holdings
            .values()
            .filter(|holding| holding.transport == Transport::Ended);
        ended.map(|holding| holding.count).sum()
    }

    /// Forgets a client; how many of its messages were not answered.
    fn forget(&mut self, client: u32) -> u64 {
        let mut lost = 0;
        while let Some(key) = self
            .unanswered
            .range((client, MessageId::from(""))..)
            .next()
            .filter(|(of, _)| *of == client)
            .cloned()
        {
            self.unanswered.remove(&key);
            lost += 1;
        }
        lost
    }
}
