//! Nothing waits for ever (I-15): locks are acquired in time, and once every fault is over each
//! obligation to a client is met within its bound.
//!
//! Knows from: what clients do and receive, the runs and calls that work for them, `FaultsHealed` and
//! `Finished`; from the plan, which tokens are good. Of what the gateway says of itself it takes only
//! that it turns a client away for too many connections or bad frames (`CloseSent`), which gives the
//! client its bound again; locks are judged in [`super::locks`], clients that give up in
//! [`super::resignation`].

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
    event::{CloseCause, Event},
    port::env::Service,
};

use super::{
    deadlines::Deadlines,
    limits::Limits,
    locks::Locks,
    obligations::{ClientStanding, Obligation, WaitingClient, WorkProgress, WorkingRun},
    resignation::Resignations,
    rule::{Findings, Rule},
    view::{LiveView, container_of},
};
use crate::{
    check::{facts::REQUIRED_COMPONENTS, per_client::PerClient},
    trace::{
        event::{Era, Fact, FinishReason, TraceEvent, WorldEvent},
        vocabulary::Subject,
    },
};

/// Follows the obligations to each client, and what they wait for.
///
/// A client is owed a connection that is welcomed, and the answer to each message it has sent. While
/// faults go on, waiting breaks nothing. Once they are over, each obligation has a bound that starts
/// at the end of the faults, at the request, or at the last progress, the latest of the three. A
/// client that is refused for a good reason (a bad token, no room, a component that its container
/// will never have) has the bound again from there.
pub(super) struct NothingWaitsForever {
    connection_bound: Duration,
    /// Clients whose tokens are good for ever.
    good_tokens: BTreeSet<u32>,
    answer_bound: Duration,
    era: Era,
    clients: PerClient<u32, WaitingClient>,
    /// Runs of messages that are not answered yet, where they began last.
    runs: BTreeMap<MessageId, WorkingRun>,
    /// The message that a run works for.
    works_for: BTreeMap<(u32, RunId), MessageId>,
    /// The service that is called for a connection, one of them if there are several.
    calls: PerClient<SocketId, (Service, Time)>,
    due: Deadlines<Obligation>,
    locks: Locks,
    resignations: Resignations,
}

impl NothingWaitsForever {
    pub(super) fn new(limits: &Limits) -> Self {
        NothingWaitsForever {
            connection_bound: limits.reconnected,
            good_tokens: limits.known.good_tokens.clone(),
            answer_bound: limits.answered,
            era: Era::Faulty,
            clients: PerClient::new(),
            runs: BTreeMap::new(),
            works_for: BTreeMap::new(),
            calls: PerClient::new(),
            due: Deadlines::new(),
            locks: Locks::new(limits.lock),
            resignations: Resignations::default(),
        }
    }

    fn bound(&self, obligation: &Obligation) -> Duration {
        match obligation {
            Obligation::Connection(_) => self.connection_bound,
            Obligation::Answer(..) => self.answer_bound,
        }
    }

    /// Starts the bound of an obligation; an older one keeps its deadline.
    fn obligation(&mut self, now: Time, obligation: Obligation) {
        match self.era {
            Era::Faulty => {}
            Era::Healed => {
                let at = now + self.bound(&obligation);
                self.due.arm_once(obligation, at);
            }
        }
    }

    /// There is progress, or a good reason why there is none: the bound starts again.
    fn renew(&mut self, now: Time, obligation: Obligation) {
        if self.due.disarm(&obligation) {
            self.obligation(now, obligation);
        }
    }

    /// A client is refused for a good reason, and with it the messages that it has sent already.
    fn refused(&mut self, now: Time, client: u32) {
        self.renew(now, Obligation::Connection(client));
        self.renew_answers(now, client);
    }

    fn renew_answers(&mut self, now: Time, client: u32) {
        let asking = self.clients.get(&client);
        let unanswered = asking.map(|asking| asking.unanswered.clone());
        for message in unanswered.unwrap_or_default() {
            self.renew(now, Obligation::Answer(client, message));
        }
    }

    /// Every fault is over: the bound of every obligation starts.
    fn healed(&mut self, now: Time) {
        self.era = Era::Healed;
        let obligations: Vec<Obligation> = self
            .clients
            .iter()
            .flat_map(|(number, client)| {
                let connection = match client.standing {
                    ClientStanding::Ready { .. } => None,
                    ClientStanding::Away { .. }
                    | ClientStanding::Connecting { .. }
                    | ClientStanding::Opened { .. } => Some(Obligation::Connection(number)),
                };
                let answers = client
                    .unanswered
                    .iter()
                    .map(move |message| Obligation::Answer(number, message.clone()));
                connection.into_iter().chain(answers)
            })
            .collect();
        for obligation in obligations {
            self.obligation(now, obligation);
        }
    }

    fn stands(&mut self, number: u32, standing: ClientStanding) {
        let client = self.clients.entry(number).or_insert_with(|| WaitingClient {
            standing,
            unanswered: BTreeSet::new(),
        });
        client.standing = standing;
    }

    /// An attempt that is not the client's current one says nothing about it.
    fn is_current(&self, socket: SocketId) -> bool {
        let client = self.clients.get(&socket.peer);
        let current = client.and_then(|client| client.standing.socket());
        current.is_some_and(|current| current.original() == socket.original())
    }

    fn answered(&mut self, client: u32, message: &MessageId) {
        if let Some(asking) = self.clients.get_mut(&client) {
            asking.unanswered.remove(message);
            self.forget(client, message);
        }
    }

    fn forget(&mut self, client: u32, message: &MessageId) {
        if let Some(run) = self.runs.remove(message) {
            self.works_for.remove(&(run.container, run.run));
        }
        self.due
            .disarm(&Obligation::Answer(client, message.clone()));
    }

    fn leaves(&mut self, number: u32) {
        self.due.disarm(&Obligation::Connection(number));
        if let Some(client) = self.clients.remove(&number) {
            for message in &client.unanswered {
                self.forget(number, message);
            }
        }
        // Calls on its behalf do not matter any more.
        let asked: Vec<SocketId> = self.calls.keys_of(number).collect();
        for socket in asked {
            self.calls.remove(&socket);
        }
    }

    fn world(&mut self, now: Time, event: &WorldEvent, found: &mut Findings) {
        match event {
            WorldEvent::ClientConnecting { socket, .. } => {
                let (socket, since) = (*socket, now);
                self.stands(socket.peer, ClientStanding::Connecting { socket, since });
                self.obligation(now, Obligation::Connection(socket.peer));
            }
            WorldEvent::ClientOpened { socket } if self.is_current(*socket) => {
                let (socket, since) = (*socket, now);
                self.stands(socket.peer, ClientStanding::Opened { socket, since });
            }
            WorldEvent::ClientReady { socket } if self.is_current(*socket) => {
                let (socket, since) = (*socket, now);
                self.stands(socket.peer, ClientStanding::Ready { socket, since });
                self.due.disarm(&Obligation::Connection(socket.peer));
            }
            WorldEvent::ClientRefused { socket, .. } | WorldEvent::ClientClosed { socket, .. }
                if self.is_current(*socket) =>
            {
                self.stands(socket.peer, ClientStanding::Away { since: now });
                self.obligation(now, Obligation::Connection(socket.peer));
            }
            WorldEvent::ClientSent { socket, message } => {
                if let Some(client) = self.clients.get_mut(&socket.peer) {
                    client.unanswered.insert(message.clone());
                    self.obligation(now, Obligation::Answer(socket.peer, message.clone()));
                }
            }
            WorldEvent::ClientGotEvent {
                socket,
                message,
                kind,
                ..
            } => {
                if *kind == AgentEventKind::AgentCompleted {
                    self.answered(socket.peer, message);
                }
                // Its other answers may be on the way behind this event.
                self.renew_answers(now, socket.peer);
            }
            WorldEvent::ClientGotError {
                socket,
                message: Some(message),
            } => {
                self.answered(socket.peer, message);
            }
            WorldEvent::ClientDone { client } | WorldEvent::ClientGaveUp { client, .. } => {
                self.leaves(*client);
            }
            WorldEvent::ContainerGone { container, .. } => {
                self.locks.container_gone(*container);
                for run in self.runs.values_mut() {
                    if run.container == *container {
                        run.progress = WorkProgress::Gone { at: now };
                    }
                }
            }
            WorldEvent::FaultsHealed => {
                self.healed(now);
            }
            WorldEvent::Finished { reason } => {
                self.finished(now, *reason, found);
            }
            _ => {}
        }
    }

    fn protocol(&mut self, view: &LiveView, entry: &TraceEvent, event: &Event) {
        let now = entry.time;
        match event {
            Event::RunStarted {
                socket,
                run,
                message,
                ..
            } => {
                let asks = self
                    .clients
                    .get(&socket.peer)
                    .is_some_and(|client| client.unanswered.contains(message));
                if asks {
                    let started = WorkingRun {
                        container: container_of(entry),
                        run: *run,
                        socket: *socket,
                        progress: WorkProgress::Going { since: now },
                    };
                    self.works_for
                        .insert((started.container, *run), message.clone());
                    self.runs.insert(message.clone(), started);
                }
            }
            Event::RunEnded { run, .. } => {
                let message = self.works_for.remove(&(container_of(entry), *run));
                if let Some(ended) = message.and_then(|message| self.runs.get_mut(&message)) {
                    ended.progress = WorkProgress::Ended { at: now };
                }
            }
            Event::CallStarted {
                socket: Some(socket),
                service,
            } if self.clients.contains_key(&socket.peer) => {
                self.calls.insert(*socket, (*service, now));
            }
            Event::CallEnded {
                socket: Some(socket),
                ..
            } => {
                self.calls.remove(socket);
            }
            Event::CloseSent { socket, cause, .. } if self.is_current(*socket) => {
                let container = container_of(entry);
                let lacks = || {
                    !REQUIRED_COMPONENTS
                        .iter()
                        .all(|one| view.is_present(container, *one))
                };
                let good_reason = match cause {
                    CloseCause::NotAuthenticated => !self.good_tokens.contains(&socket.peer),
                    CloseCause::ClientMisbehaved | CloseCause::Overload => true,
                    CloseCause::NotReady => lacks(),
                    CloseCause::PeerGone
                    | CloseCause::Finished
                    | CloseCause::AuthUnavailable
                    | CloseCause::ServerFault
                    | CloseCause::GoingAway
                    | CloseCause::PeerSilent => false,
                };
                if good_reason {
                    self.refused(now, socket.peer);
                }
            }
            _ => {}
        }
    }

    /// The run is over. If nothing could happen any more, a client that had not left waits for ever.
    fn finished(&self, now: Time, reason: FinishReason, found: &mut Findings) {
        match reason {
            FinishReason::Done
            | FinishReason::TimeLimit
            | FinishReason::StoppedAtFirst
            | FinishReason::StoppedAtPoint => {}
            FinishReason::StepLimit => found.add(None, "work without end", || {
                "Some task wakes itself for ever: the number of steps ran out before the time did."
                    .to_owned()
            }),
            FinishReason::Stuck => {
                let Some((number, client)) = self.clients.iter().next() else {
                    return;
                };
                let obligation = match client.unanswered.first() {
                    Some(message) => Obligation::Answer(number, message.clone()),
                    None => Obligation::Connection(number),
                };
                let cause = "nothing can happen any more";
                let about = (client.standing.socket(), obligation.message());
                found.add(about, cause, || {
                    let chain = self.chain(now, client, &obligation);
                    format!("Nothing can happen any more, but {chain}")
                });
            }
        }
    }

    /// What an obligation to this client waits for, as a clause that ends in a full stop.
    fn chain(&self, now: Time, client: &WaitingClient, obligation: &Obligation) -> String {
        let connection = client.standing.in_words(now);
        match obligation {
            Obligation::Connection(number) => {
                format!("client{number} waits for its welcome: {connection}.")
            }
            Obligation::Answer(number, message) => {
                let run = match self.runs.get(message) {
                    None => "no container has begun to execute it".to_owned(),
                    Some(run) => run.in_words(now, self.calls.get(&run.socket).copied()),
                };
                format!("client{number} waits for the answer to {message}: {connection}; {run}.")
            }
        }
    }
}

/// A task that blocks its process makes every other task wait.
fn blocked(event: &Event, found: &mut Findings) {
    if let Event::ProcessBlocked { socket, for_ms } = event {
        found.add(*socket, "a task blocks its process", || {
            format!(
                "A task of {socket} blocked its process, and with it all connections, for \
                 {for_ms} ms."
            )
        });
    }
}

impl Rule for NothingWaitsForever {
    fn subjects(&self) -> u32 {
        Subject::Client.bit()
            | Subject::Waiting.bit()
            | Subject::Run.bit()
            | Subject::Life.bit()
            | Subject::Call.bit()
            | Subject::World.bit()
    }

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        match &entry.fact {
            Fact::World(event) => {
                self.resignations.observe(event, found);
                self.world(entry.time, event, found);
            }
            Fact::Protocol(event) => {
                self.protocol(view, entry, event);
                self.locks.observe(container_of(entry), entry.time, event);
                blocked(event, found);
            }
        }
    }

    fn has_deadlines(&self) -> bool {
        true
    }

    fn deadline(&mut self, view: &LiveView, now: Time, found: &mut Findings) {
        self.locks.overdue(view, now, found);
        while let Some((time, obligation)) = self.due.passed(now) {
            let (number, cause) = match &obligation {
                Obligation::Connection(number) => (number, "client not welcomed after healing"),
                Obligation::Answer(number, _) => (number, "message not answered after healing"),
            };
            let Some(client) = self.clients.get(number) else {
                continue;
            };
            let about = (client.standing.socket(), obligation.message());
            found.at(time).add(about, cause, || {
                format!(
                    "Every fault has been over for longer than the bound of {} s, but {}",
                    self.bound(&obligation).as_secs(),
                    self.chain(time, client, &obligation)
                )
            });
        }
    }
}
