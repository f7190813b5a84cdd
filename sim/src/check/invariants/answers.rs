//! A message seen from outside: executed at most once in the whole world, and answered in full or
//! reported as failed to the client that sent it (part of I-10).
//!
//! Knows from: what clients send and receive, the end of the faults, and, for the number of
//! executions, the facts that a run has begun or ended (`RunStarted`, `RunEnded`).

use std::{collections::BTreeMap, time::Duration};

use gatesim_model::{
    core::{
        ids::{MessageId, RunId, SocketId},
        message::AgentEventKind,
        time::Time,
    },
    event::Event,
};

use super::{deadlines::Deadlines, rule::Findings, view::container_of};
use crate::{
    check::per_client::PerClient,
    trace::event::{Era, Fact, TraceEvent, WorldEvent, runs_of},
};

/// Follows each message from its client's send to its answer.
///
/// Whether an answer is late is judged by another rule. A message is *lost* when the client has been
/// ready for the bound and received nothing at all meanwhile, no run executes the message, and
/// every fault is over.
pub(super) struct Answers {
    bound: Duration,
    era: Era,
    clients: PerClient<u32, AskingClient>,
    /// The runs that go on: container and run.
    going: BTreeMap<(u32, RunId), (u32, MessageId)>,
    due: Deadlines<(u32, MessageId)>,
}

#[derive(Default)]
struct AskingClient {
    /// The connection that it may use, and since when.
    ready: Option<(SocketId, Time)>,
    /// The container to which its last upgrade went.
    container: Option<u32>,
    unanswered: BTreeMap<MessageId, AnswerSoFar>,
    executions: BTreeMap<MessageId, FirstExecution>,
}

/// What a client has received of an answer.
#[derive(Default)]
struct AnswerSoFar {
    next: u32,
    /// The first event that was passed over.
    missing: Option<u32>,
    /// The run that the first event was of.
    run: Option<RunId>,
}

/// The first run of a message, and how many go on.
struct FirstExecution {
    socket: SocketId,
    going: u32,
}

impl Answers {
    pub(super) fn new(bound: Duration) -> Self {
        Answers {
            bound,
            era: Era::Faulty,
            clients: PerClient::new(),
            going: BTreeMap::new(),
            due: Deadlines::new(),
        }
    }

    pub(super) fn observe(&mut self, entry: &TraceEvent, found: &mut Findings) {
        match &entry.fact {
            Fact::Protocol(event) => self.observe_protocol(entry, event, found),
            Fact::World(event) => self.observe_world(entry, event, found),
        }
    }

    fn observe_protocol(&mut self, entry: &TraceEvent, event: &Event, found: &mut Findings) {
        match event {
            Event::RunStarted {
                socket,
                run,
                message,
                ..
            } => {
                let key = (container_of(entry), *run);
                self.going.insert(key, (socket.peer, message.clone()));
                self.execute(*socket, message, found);
            }
            Event::RunEnded { run, .. } => {
                self.end(entry.time, (container_of(entry), *run));
            }
            _ => {}
        }
    }

    fn observe_world(&mut self, entry: &TraceEvent, event: &WorldEvent, found: &mut Findings) {
        let now = entry.time;
        match event {
            WorldEvent::ClientReady { socket } => {
                self.clients.entry(socket.peer).or_default().ready = Some((*socket, now));
                self.expect_all(now, socket.peer);
            }
            WorldEvent::UpgradeRouted { socket, container } => {
                self.clients.entry(socket.peer).or_default().container = Some(*container);
            }
            // A client that does not know yet that its connection is over has to find out first.
            WorldEvent::ClientClosed { socket, .. } | WorldEvent::TransportEnded { socket } => {
                self.leave(*socket);
            }
            WorldEvent::ClientSent { socket, message } => {
                let client = self.clients.entry(socket.peer).or_default();
                client.unanswered.entry(message.clone()).or_default();
                self.expect(now, socket.peer, message);
            }
            WorldEvent::ClientGotEvent {
                socket,
                run,
                message,
                seq,
                kind,
                ..
            } => {
                if self.is_of_another_run(socket.peer, message, *run) {
                    found.add(*socket, "answered by two runs", || {
                        format!(
                            "The answer to message {message} of {socket} began with the events of one \
                             run and goes on with those of another, {run}."
                        )
                    });
                }
                let gap = self.receive(now, *socket, message, *seq, *kind);
                if let Some(missing) = gap {
                    found.add((*socket, message), "answered with a gap", || {
                        format!(
                            "The answer to message {message} of {socket} is over, and its event \
                             {missing} never came."
                        )
                    });
                }
            }
            WorldEvent::ClientGotError {
                socket,
                message: Some(message),
            } => {
                self.settle(socket.peer, message);
                self.expect_all(now, socket.peer);
            }
            WorldEvent::ClientDone { client } | WorldEvent::ClientGaveUp { client, .. } => {
                if let Some(gone) = self.clients.remove(client) {
                    for message in gone.unanswered.into_keys() {
                        self.due.disarm(&(*client, message));
                    }
                }
            }
            WorldEvent::ContainerGone { container, .. } => {
                while let Some((run, _)) = self.going.range(runs_of(*container)).next() {
                    let run = *run;
                    self.end(now, run);
                }
                let with_it = self.clients.iter().filter_map(|(_, client)| {
                    let (socket, _) = client.ready?;
                    (client.container == Some(*container)).then_some(socket)
                });
                for socket in with_it.collect::<Vec<_>>() {
                    self.leave(socket);
                }
            }
            WorldEvent::FaultsHealed => {
                self.era = Era::Healed;
                let clients: Vec<u32> = self.clients.keys().collect();
                clients
                    .into_iter()
                    .for_each(|client| self.expect_all(now, client));
            }
            _ => {}
        }
    }

    fn execute(&mut self, socket: SocketId, message: &MessageId, found: &mut Findings) {
        let client = self.clients.entry(socket.peer).or_default();
        let Some(earlier) = client.executions.get_mut(message) else {
            let execution = FirstExecution { socket, going: 1 };
            client.executions.insert(message.clone(), execution);
            return;
        };
        earlier.going += 1;
        found.add((socket, message), "message executed twice", || {
            format!(
                "A run was started for message {message} of {socket}, which had been executed \
                 already when it came over {}.",
                earlier.socket
            )
        });
    }

    fn end(&mut self, now: Time, run: (u32, RunId)) {
        let Some((client, message)) = self.going.remove(&run) else {
            return;
        };
        let known = self.clients.get_mut(&client);
        if let Some(execution) = known.and_then(|client| client.executions.get_mut(&message)) {
            execution.going -= 1;
        }
        self.expect(now, client, &message);
    }

    /// Whether an answer that began with one run goes on with another. Runs have numbers of their own
    /// in the whole world.
    fn is_of_another_run(&mut self, client: u32, message: &MessageId, run: RunId) -> bool {
        let client = self.clients.get_mut(&client);
        let answer = client.and_then(|client| client.unanswered.get_mut(message));
        answer.is_some_and(|answer| *answer.run.get_or_insert(run) != run)
    }

    /// An event of an answer came. If it is the last one, the first that is missing.
    fn receive(
        &mut self,
        now: Time,
        socket: SocketId,
        message: &MessageId,
        seq: u32,
        kind: AgentEventKind,
    ) -> Option<u32> {
        let client = self.clients.get_mut(&socket.peer)?;
        let received = client.unanswered.get_mut(message)?;
        if seq > received.next {
            received.missing.get_or_insert(received.next);
        }
        received.next = received.next.max(seq + 1);
        let missing = received.missing;
        if kind == AgentEventKind::AgentCompleted {
            self.settle(socket.peer, message);
        }
        // A client that reads slowly has its other answers on the way behind this event.
        self.expect_all(now, socket.peer);
        missing.filter(|_| kind == AgentEventKind::AgentCompleted)
    }

    fn settle(&mut self, client: u32, message: &MessageId) {
        if let Some(client) = self.clients.get_mut(&client) {
            client.unanswered.remove(message);
        }
        self.due.disarm(&(client, message.clone()));
    }

    fn leave(&mut self, socket: SocketId) {
        let Some(client) = self.clients.get_mut(&socket.peer) else {
            return;
        };
        if client.ready.is_none_or(|(ready, _)| ready != socket) {
            return;
        }
        client.ready = None;
        for message in client.unanswered.keys() {
            self.due.disarm(&(socket.peer, message.clone()));
        }
    }

    /// Starts the bound of an answer, if one is due.
    fn expect(&mut self, now: Time, client: u32, message: &MessageId) {
        let known = self.clients.get(&client);
        let waits = known.is_some_and(|client| {
            client.ready.is_some() && client.unanswered.contains_key(message)
        });
        if waits && self.era == Era::Healed {
            self.due.arm((client, message.clone()), now + self.bound);
        }
    }

    fn expect_all(&mut self, now: Time, client: u32) {
        let known = self.clients.get(&client);
        let messages: Vec<MessageId> = known
            .into_iter()
            .flat_map(|client| client.unanswered.keys().cloned())
            .collect();
        for message in messages {
            self.expect(now, client, &message);
        }
    }

    pub(super) fn deadline(&mut self, now: Time, found: &mut Findings) {
        while let Some((at, (number, message))) = self.due.passed(now) {
            let Some(client) = self.clients.get(&number) else {
                continue;
            };
            let execution = client.executions.get(&message);
            // The end of the run starts the bound again.
            if execution.is_some_and(|execution| execution.going > 0) {
                continue;
            }
            let Some((socket, since)) = client.ready else {
                continue;
            };
            let what = match execution {
                Some(_) => "its run is over",
                None => "it was never executed",
            };
            let about = (socket, &message);
            found.at(at).add(about, "message never answered", || {
                format!(
                    "{socket} has been ready for {} s, and message {message} is neither answered \
                     nor reported as failed, and nothing has happened to it for {} s: {what}.",
                    at.since(since).as_secs(),
                    self.bound.as_secs()
                )
            });
        }
    }
}
