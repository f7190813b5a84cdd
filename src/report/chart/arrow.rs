//! Which event sent what another one received. Frames have no numbers of their own in a trace, but
//! what they carry has: the upgrade of a connection, a message, an event of a run.

use std::collections::{BTreeMap, VecDeque};

use gatesim_model::{
    core::ids::{MessageId, RunId, SocketId},
    event::Event,
    port::env::Service,
};
use gatesim_sim::trace::event::{Actor, Fact, TraceEvent, WorldEvent};
use serde::Serialize;

use super::{lane::Lanes, window::Kept};

/// Something that travelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Arrow {
    /// What it was.
    pub kind: ArrowKind,
    /// The event that sent it.
    pub from: u64,
    /// The event that received it; none if it never arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// The lane that it left.
    pub from_lane: usize,
    /// The lane that it went to.
    pub to_lane: usize,
    /// In a few words.
    pub label: String,
}

/// What travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrowKind {
    /// The request for a connection.
    Upgrade,
    /// Its answer: accepted or refused.
    Answer,
    /// The welcome.
    Welcome,
    /// A message of the client.
    Message,
    /// An event of an agent run, or an error in its place.
    AgentEvent,
    /// The end of a connection.
    Close,
}

/// A question to a backing service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// The event that asked.
    pub from: u64,
    /// The event of the answer; none if the asking task was gone by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// Who asked.
    pub lane: usize,
    /// Who was asked.
    pub service_lane: usize,
    /// Whether it was answered.
    pub ok: bool,
}

/// What a sender and a receiver name alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Parcel {
    ToBalancer(SocketId),
    ToContainer(SocketId),
    Answer(SocketId),
    Welcome(SocketId),
    Message(SocketId, MessageId),
    AgentEvent(SocketId, RunId, u32),
    Error(SocketId, Option<MessageId>),
    CloseToClient(SocketId),
    CloseToServer(SocketId),
}

/// A parcel on its way.
struct Sent {
    event: u64,
    by: Actor,
    to: Actor,
    kind: ArrowKind,
    label: String,
}

struct Travelled {
    sent: Sent,
    received: Option<(u64, Actor)>,
}

struct PendingCall {
    from: u64,
    by: Actor,
    service: Service,
    answered: Option<(u64, bool)>,
}

/// Joins senders and receivers, event by event.
#[derive(Default)]
pub struct ArrowBuilder {
    on_the_way: BTreeMap<Parcel, VecDeque<Sent>>,
    travelled: Vec<Travelled>,
    calls: Vec<PendingCall>,
    /// Calls without an answer, by caller, connection and service, the oldest first.
    open_calls: BTreeMap<(Actor, Option<SocketId>, Service), VecDeque<usize>>,
    /// Where each connection's server side is.
    containers: BTreeMap<SocketId, Actor>,
}

impl ArrowBuilder {
    /// Takes the next event.
    pub fn observe(&mut self, entry: &TraceEvent) {
        match &entry.fact {
            Fact::Protocol(event) => self.protocol(entry, event),
            Fact::World(event) => self.world(entry, event),
        }
    }

    /// The arrows and calls of what is kept, in the order in which they were sent. What is still on
    /// its way never arrived.
    pub fn finish(mut self, lanes: &Lanes, kept: &Kept) -> (Vec<Arrow>, Vec<Call>) {
        for (parcel, sent) in std::mem::take(&mut self.on_the_way) {
            if parcel.is_missed() {
                let lost = |sent| Travelled {
                    sent,
                    received: None,
                };
                self.travelled.extend(sent.into_iter().map(lost));
            }
        }
        self.travelled.sort_by_key(|travelled| travelled.sent.event);
        let arrows = self.travelled.into_iter().filter_map(|travelled| {
            let sent = travelled.sent;
            let (to, receiver) = travelled.received.unzip();
            let seen = kept.has(sent.event) && to.is_none_or(|event| kept.has(event));
            seen.then_some(Arrow {
                kind: sent.kind,
                from: sent.event,
                to,
                from_lane: lanes.find(sent.by)?,
                to_lane: lanes.find(receiver.unwrap_or(sent.to))?,
                label: sent.label,
            })
        });
        let calls = self.calls.into_iter().filter_map(|call| {
            let (to, ok) = call.answered.unzip();
            let seen = kept.has(call.from) && to.is_none_or(|event| kept.has(event));
            seen.then_some(Call {
                from: call.from,
                to,
                lane: lanes.find(call.by)?,
                service_lane: lanes.find(Actor::Service(call.service))?,
                ok: ok.unwrap_or(false),
            })
        });
        (arrows.collect(), calls.collect())
    }

    fn world(&mut self, entry: &TraceEvent, event: &WorldEvent) {
        use ArrowKind::{Answer, Close, Message, Upgrade};
        match event {
            WorldEvent::ClientConnecting { socket, .. } => {
                let to = Actor::Balancer;
                self.send(entry, Parcel::ToBalancer(*socket), to, Upgrade, "upgrade");
            }
            WorldEvent::UpgradeRouted { socket, container } => {
                self.receive(entry, &[Parcel::ToBalancer(*socket)]);
                let to = Actor::Container(*container);
                self.containers.insert(*socket, to);
                self.send(entry, Parcel::ToContainer(*socket), to, Upgrade, "upgrade");
            }
            WorldEvent::UpgradeRejected { socket, status } => {
                self.receive(entry, &[Parcel::ToBalancer(*socket)]);
                let label = format!("HTTP {status}");
                self.send_down(entry, Parcel::Answer(*socket), *socket, Answer, &label);
            }
            WorldEvent::ClientOpened { socket } => {
                self.receive(entry, &[Parcel::Answer(*socket)]);
            }
            WorldEvent::ClientRefused { socket, .. } => {
                let parcels = [Parcel::Answer(*socket), Parcel::CloseToClient(*socket)];
                self.receive(entry, &parcels);
            }
            WorldEvent::ClientReady { socket } => {
                self.receive(entry, &[Parcel::Welcome(*socket)]);
            }
            WorldEvent::ClientSent { socket, message }
            | WorldEvent::ClientResent {
                socket, message, ..
            } => {
                let parcel = Parcel::Message(*socket, message.clone());
                let to = self.container_of(*socket);
                self.send(entry, parcel, to, Message, &format!("message {message}"));
            }
            WorldEvent::MessageArrived {
                socket,
                message: Some(message),
            } => {
                self.receive(entry, &[Parcel::Message(*socket, message.clone())]);
            }
            WorldEvent::ClientGotEvent {
                socket, run, seq, ..
            } => {
                self.receive(entry, &[Parcel::AgentEvent(*socket, *run, *seq)]);
            }
            WorldEvent::ClientGotError { socket, message } => {
                self.receive(entry, &[Parcel::Error(*socket, message.clone())]);
            }
            WorldEvent::ConnectionCut { socket, .. } => {
                let parcel = Parcel::CloseToClient(*socket);
                self.send_down(entry, parcel, *socket, Close, "cut");
            }
            WorldEvent::ClientClosed { socket, code, .. } => {
                let was_closed = self.receive(entry, &[Parcel::CloseToClient(*socket)]);
                if !was_closed {
                    let to = self.container_of(*socket);
                    let label = format!("close {code}");
                    self.send(entry, Parcel::CloseToServer(*socket), to, Close, &label);
                }
            }
            WorldEvent::TransportEnded { socket } => {
                self.receive(entry, &[Parcel::CloseToServer(*socket)]);
            }
            // The answers to its calls will not be those that its next process gets.
            WorldEvent::ContainerGone { container, .. } => {
                let gone = Actor::Container(*container);
                self.open_calls.retain(|(by, ..), _| *by != gone);
            }
            _ => {}
        }
    }

    /// Most events of the protocol stay where they are; the few that travel are named.
    fn protocol(&mut self, entry: &TraceEvent, event: &Event) {
        use ArrowKind::{AgentEvent, Answer, Close, Welcome};
        match event {
            Event::EndpointStarted { socket } => {
                self.receive(entry, &[Parcel::ToContainer(*socket)]);
            }
            Event::UpgradeRefused { socket, status, .. } => {
                self.receive(entry, &[Parcel::ToContainer(*socket)]);
                let label = format!("HTTP {status}");
                self.send_down(entry, Parcel::Answer(*socket), *socket, Answer, &label);
            }
            Event::Accepted { socket, .. } => {
                self.send_down(entry, Parcel::Answer(*socket), *socket, Answer, "accepted");
            }
            Event::NoticeSent {
                socket,
                connection_ready: true,
                ..
            } => {
                self.send_down(entry, Parcel::Welcome(*socket), *socket, Welcome, "welcome");
            }
            Event::AgentEventSent {
                socket, run, seq, ..
            } => {
                let parcel = Parcel::AgentEvent(*socket, *run, *seq);
                let label = format!("{run} event {seq}");
                self.send_down(entry, parcel, *socket, AgentEvent, &label);
            }
            Event::MessageRefused {
                socket, message, ..
            } => {
                let parcel = Parcel::Error(*socket, message.clone());
                self.send_down(entry, parcel, *socket, AgentEvent, "error");
            }
            Event::CloseSent { socket, code, .. } => {
                let parcel = Parcel::CloseToClient(*socket);
                self.send_down(entry, parcel, *socket, Close, &format!("close {code}"));
            }
            Event::EndpointEnded { socket, .. } => {
                // Without a close before it, the server ends the session in its place.
                let parcel = Parcel::CloseToClient(*socket);
                if !self.on_the_way.contains_key(&parcel) {
                    self.send_down(entry, parcel, *socket, Close, "end");
                }
            }
            Event::DisconnectSeen { socket, .. } => {
                self.receive(entry, &[Parcel::CloseToServer(*socket)]);
            }
            Event::CallStarted { socket, service } => {
                let open = self.open_calls.entry((entry.actor, *socket, *service));
                open.or_default().push_back(self.calls.len());
                self.calls.push(PendingCall {
                    from: entry.number,
                    by: entry.actor,
                    service: *service,
                    answered: None,
                });
            }
            Event::CallEnded {
                socket,
                service,
                ok,
            } => {
                let open = self.open_calls.get_mut(&(entry.actor, *socket, *service));
                if let Some(call) = open.and_then(VecDeque::pop_front) {
                    self.calls[call].answered = Some((entry.number, *ok));
                }
            }
            _ => {}
        }
    }

    fn container_of(&self, socket: SocketId) -> Actor {
        let known = self.containers.get(&socket).copied();
        known.unwrap_or(Actor::Balancer)
    }

    fn send_down(
        &mut self,
        entry: &TraceEvent,
        parcel: Parcel,
        socket: SocketId,
        kind: ArrowKind,
        label: &str,
    ) {
        self.send(entry, parcel, Actor::Client(socket.peer), kind, label);
    }

    fn send(
        &mut self,
        entry: &TraceEvent,
        parcel: Parcel,
        to: Actor,
        kind: ArrowKind,
        label: &str,
    ) {
        self.on_the_way.entry(parcel).or_default().push_back(Sent {
            event: entry.number,
            by: entry.actor,
            to,
            kind,
            label: label.to_owned(),
        });
    }

    /// The first of these parcels that is on its way has arrived. False if none is.
    fn receive(&mut self, entry: &TraceEvent, parcels: &[Parcel]) -> bool {
        for parcel in parcels {
            let Some(waiting) = self.on_the_way.get_mut(parcel) else {
                continue;
            };
            let sent = waiting.pop_front();
            if waiting.is_empty() {
                self.on_the_way.remove(parcel);
            }
            self.travelled.extend(sent.map(|sent| Travelled {
                sent,
                received: Some((entry.number, entry.actor)),
            }));
            return true;
        }
        false
    }
}

impl Parcel {
    /// Whether an arrow is drawn if it never arrives. A close may cross another one, and an answer
    /// to a client that has left has no receiver.
    fn is_missed(&self) -> bool {
        match self {
            Parcel::ToBalancer(_)
            | Parcel::ToContainer(_)
            | Parcel::Welcome(_)
            | Parcel::Message(..)
            | Parcel::AgentEvent(..)
            | Parcel::Error(..) => true,
            Parcel::Answer(_) | Parcel::CloseToClient(_) | Parcel::CloseToServer(_) => false,
        }
    }
}
