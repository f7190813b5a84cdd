//! What the world's events say: clients, balancer, links, services, and the life of containers.

use super::{ClientSocket, ProcessState, SnapshotEdit, StatePath, StateValue};
use crate::trace::event::{Actor, CutReason, FinishReason, TraceEvent, WorldEvent};

impl SnapshotEdit<'_> {
    /// One arm for each event, in the order of their declaration.
    pub(super) fn world(&mut self, entry: &TraceEvent, event: &WorldEvent) {
        match event {
            WorldEvent::ClientConnecting { socket, user } => self.client_connecting(*socket, *user),
            WorldEvent::ClientOpened { socket } => self.client_socket(*socket, ClientSocket::Open),
            WorldEvent::ClientRefused { socket, status } => {
                let status = *status;
                self.client_socket(*socket, ClientSocket::Refused { status });
                self.remove(Actor::Balancer, StatePath::Route(*socket));
            }
            WorldEvent::ClientReady { socket } => self.client_socket(*socket, ClientSocket::Ready),
            WorldEvent::ClientSent { socket, message } => self.client_sent(*socket, message, false),
            WorldEvent::ClientGotEvent {
                socket,
                message,
                kind,
                ..
            } => self.client_got_event(*socket, message, *kind),
            WorldEvent::ClientGotError { socket, message } => {
                self.client_got_error(*socket, message);
            }
            WorldEvent::ClientClosed {
                socket,
                code,
                clean: _,
                by_client,
            } => {
                let closed = ClientSocket::Closed {
                    code: *code,
                    by_client: *by_client,
                };
                self.client_socket(*socket, closed);
            }
            WorldEvent::ClientDone { client } => {
                let left = StateValue::Word("left");
                self.set(Actor::Client(*client), StatePath::Life, left);
            }
            WorldEvent::ClientGaveUp {
                client, attempts, ..
            } => {
                let gave_up = StateValue::Text(format!("gave up after {attempts} attempts").into());
                self.set(Actor::Client(*client), StatePath::Life, gave_up);
            }
            WorldEvent::ClientResent {
                socket, message, ..
            } => self.client_sent(*socket, message, true),
            WorldEvent::ClientTokenRenewed { client } => {
                self.count(Actor::Client(*client), StatePath::Tokens, "renewal", 1);
            }
            WorldEvent::UpgradeRouted { socket, container } => {
                let to = StateValue::Text(Actor::Container(*container).to_string().into());
                self.set(Actor::Balancer, StatePath::Route(*socket), to);
            }
            WorldEvent::ConnectionCut { socket, reason } => {
                let path = StatePath::Route(*socket);
                if self.value(Actor::Balancer, &path).is_some() {
                    let cut = match reason {
                        CutReason::Idle => "cut, nothing passed for too long",
                        CutReason::Drained => "cut, the container has left service",
                        CutReason::NotWanted => "cut, its answer is no longer awaited",
                    };
                    self.set(Actor::Balancer, path, StateValue::Word(cut));
                }
            }
            WorldEvent::LinkPartitioned { from, to } => {
                let (from, to) = (*from, *to);
                let cut = StateValue::Since {
                    word: "partitioned",
                    time: entry.time,
                };
                self.set(Actor::World, StatePath::Link { from, to }, cut);
            }
            WorldEvent::LinkRepaired { from, to } => {
                let (from, to) = (*from, *to);
                self.remove(Actor::World, StatePath::Link { from, to });
            }
            WorldEvent::MessageArrived { socket, message } => {
                self.message_arrived(entry.actor, *socket, message);
            }
            WorldEvent::TransportEnded { socket } => {
                self.remove(Actor::Balancer, StatePath::Route(*socket));
                self.transport_ended(entry.actor, *socket);
            }
            WorldEvent::ContainerStarted {
                container,
                incarnation,
            } => {
                let process = StateValue::Process {
                    incarnation: *incarnation,
                    state: ProcessState::Started,
                };
                self.set(Actor::Container(*container), StatePath::Process, process);
            }
            WorldEvent::ContainerInService { container } => {
                self.process(*container, ProcessState::InService);
            }
            WorldEvent::ContainerTerminating { container } => {
                self.process(*container, ProcessState::Stopping);
            }
            WorldEvent::ContainerGone { container, crashed } => {
                let state = match crashed {
                    true => ProcessState::Crashed,
                    false => ProcessState::Gone,
                };
                self.process(*container, state);
                self.forget_memory(*container);
            }
            WorldEvent::ServiceDown { service } => {
                let down = StateValue::Since {
                    word: "down",
                    time: entry.time,
                };
                self.set(Actor::Service(*service), StatePath::Answers, down);
            }
            WorldEvent::ServiceUp { service } => {
                self.set(
                    Actor::Service(*service),
                    StatePath::Answers,
                    StateValue::Word("up"),
                );
            }
            WorldEvent::ContainerStalled { container } => {
                let stalled = StateValue::Since {
                    word: "taken away",
                    time: entry.time,
                };
                self.set(Actor::Container(*container), StatePath::Processor, stalled);
            }
            WorldEvent::ContainerResumed { container } => {
                self.remove(Actor::Container(*container), StatePath::Processor);
            }
            WorldEvent::ClockSet {
                container,
                ahead_ms,
            } => {
                let clock = match ahead_ms {
                    0 => None,
                    ahead @ 1.. => Some(format!("{ahead} ms fast")),
                    behind => Some(format!("{} ms slow", behind.unsigned_abs())),
                };
                let clock = clock.map(|text| StateValue::Text(text.into()));
                self.put(Actor::Container(*container), StatePath::Clock, clock);
            }
            WorldEvent::ServiceImpaired { service, how } => {
                let path = StatePath::Impaired(*how);
                self.count(Actor::Service(*service), path, "fault", 1);
            }
            WorldEvent::ServiceRecovered { service, how } => {
                let path = StatePath::Impaired(*how);
                self.count(Actor::Service(*service), path, "fault", -1);
            }
            WorldEvent::FaultApplied { fault } => {
                let applied = StateValue::Since {
                    word: "applied",
                    time: entry.time,
                };
                self.set(Actor::World, StatePath::Fault(*fault), applied);
            }
            WorldEvent::FaultsHealed => {
                let healed = StateValue::Word("every fault is over");
                self.set(Actor::World, StatePath::Run, healed);
            }
            // The run was ended here on request; it is not over.
            WorldEvent::Finished {
                reason: FinishReason::StoppedAtPoint,
            } => {}
            WorldEvent::Finished { reason } => {
                let over = StateValue::Word(reason.into());
                self.set(Actor::World, StatePath::Run, over);
            }
            // Of what happened there is nothing that lasts.
            _ => {}
        }
    }

    fn process(&mut self, container: u32, state: ProcessState) {
        let actor = Actor::Container(container);
        let incarnation = match self.value(actor, &StatePath::Process) {
            Some(&StateValue::Process { incarnation, .. }) => incarnation,
            Some(_) | None => 0,
        };
        let process = StateValue::Process { incarnation, state };
        self.set(actor, StatePath::Process, process);
    }

    /// Nothing outlives a process but what belongs to its host, and what others know of it.
    fn forget_memory(&mut self, container: u32) {
        self.remove_range(Actor::Container(container), StatePath::Phase.., |_, _| true);
        let name = Actor::Container(container).to_string();
        self.remove_range(
            Actor::Balancer,
            ..,
            |_, value| matches!(value, StateValue::Text(to) if **to == *name),
        );
    }
}
