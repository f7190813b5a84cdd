//! What the world's events say: clients, balancer, links, services, and the life of containers.

use super::{ClientSocket, Edit, Path, Process, Value};
use crate::trace::event::{Actor, CutReason, FinishReason, TraceEvent, WorldEvent};

impl Edit<'_> {
    /// One arm for each event, in the order of their declaration.
    pub(super) fn world(&mut self, entry: &TraceEvent, event: &WorldEvent) {
        match event {
            WorldEvent::ClientConnecting { socket, user } => self.client_connecting(*socket, *user),
            WorldEvent::ClientOpened { socket } => self.client_socket(*socket, ClientSocket::Open),
            WorldEvent::ClientRefused { socket, status } => {
                let status = *status;
                self.client_socket(*socket, ClientSocket::Refused { status });
                self.remove(Actor::Balancer, Path::Route(*socket));
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
                let left = Value::Word("left for good");
                self.set(Actor::Client(*client), Path::Life, left);
            }
            WorldEvent::ClientGaveUp {
                client, attempts, ..
            } => {
                let gave_up = Value::Text(format!("gave up after {attempts} attempts").into());
                self.set(Actor::Client(*client), Path::Life, gave_up);
            }
            WorldEvent::ClientResent {
                socket, message, ..
            } => self.client_sent(*socket, message, true),
            WorldEvent::ClientTokenRenewed { client } => {
                self.count(Actor::Client(*client), Path::Tokens, "renewal", 1);
            }
            WorldEvent::UpgradeRouted { socket, container } => {
                let to = Value::Text(Actor::Container(*container).to_string().into());
                self.set(Actor::Balancer, Path::Route(*socket), to);
            }
            WorldEvent::ConnectionCut { socket, reason } => {
                let path = Path::Route(*socket);
                if self.value(Actor::Balancer, &path).is_some() {
                    let cut = match reason {
                        CutReason::Idle => "cut, nothing passed for too long",
                        CutReason::Drained => "cut, the container has left service",
                        CutReason::NotWanted => "cut, nobody waits for its answer",
                    };
                    self.set(Actor::Balancer, path, Value::Word(cut));
                }
            }
            WorldEvent::LinkPartitioned { from, to } => {
                let (from, to) = (*from, *to);
                let cut = Value::Since {
                    word: "cut",
                    time: entry.time,
                };
                self.set(Actor::World, Path::Link { from, to }, cut);
            }
            WorldEvent::LinkRepaired { from, to } => {
                let (from, to) = (*from, *to);
                self.remove(Actor::World, Path::Link { from, to });
            }
            WorldEvent::MessageArrived { socket, message } => {
                self.message_arrived(entry.actor, *socket, message);
            }
            WorldEvent::TransportEnded { socket } => {
                self.remove(Actor::Balancer, Path::Route(*socket));
                self.transport_ended(entry.actor, *socket);
            }
            WorldEvent::ContainerStarted {
                container,
                incarnation,
            } => {
                let process = Value::Process {
                    incarnation: *incarnation,
                    state: Process::Started,
                };
                self.set(Actor::Container(*container), Path::Process, process);
            }
            WorldEvent::ContainerInService { container } => {
                self.process(*container, Process::InService);
            }
            WorldEvent::ContainerTerminating { container } => {
                self.process(*container, Process::Stopping);
            }
            WorldEvent::ContainerGone { container, crashed } => {
                let state = match crashed {
                    true => Process::Crashed,
                    false => Process::Gone,
                };
                self.process(*container, state);
                self.forget_memory(*container);
            }
            WorldEvent::ServiceDown { service } => {
                let down = Value::Since {
                    word: "down",
                    time: entry.time,
                };
                self.set(Actor::Service(*service), Path::Answers, down);
            }
            WorldEvent::ServiceUp { service } => {
                self.set(Actor::Service(*service), Path::Answers, Value::Word("up"));
            }
            WorldEvent::ContainerStalled { container } => {
                let stalled = Value::Since {
                    word: "taken away",
                    time: entry.time,
                };
                self.set(Actor::Container(*container), Path::Processor, stalled);
            }
            WorldEvent::ContainerResumed { container } => {
                self.remove(Actor::Container(*container), Path::Processor);
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
                let clock = clock.map(|text| Value::Text(text.into()));
                self.put(Actor::Container(*container), Path::Clock, clock);
            }
            WorldEvent::ServiceImpaired { service, how } => {
                let path = Path::Impaired(*how);
                self.count(Actor::Service(*service), path, "fault", 1);
            }
            WorldEvent::ServiceRecovered { service, how } => {
                let path = Path::Impaired(*how);
                self.count(Actor::Service(*service), path, "fault", -1);
            }
            WorldEvent::FaultApplied { fault } => {
                let applied = Value::Since {
                    word: "applied",
                    time: entry.time,
                };
                self.set(Actor::World, Path::Fault(*fault), applied);
            }
            WorldEvent::FaultsHealed => {
                let healed = Value::Word("every fault is over");
                self.set(Actor::World, Path::Run, healed);
            }
            // The run goes on; only whoever looks at it has seen enough.
            WorldEvent::Finished {
                reason: FinishReason::StoppedAtMoment,
            } => {}
            WorldEvent::Finished { reason } => {
                let over = Value::Word(reason.into());
                self.set(Actor::World, Path::Run, over);
            }
            // Of what happened there is nothing that lasts.
            _ => {}
        }
    }

    fn process(&mut self, container: u32, state: Process) {
        let actor = Actor::Container(container);
        let incarnation = match self.value(actor, &Path::Process) {
            Some(&Value::Process { incarnation, .. }) => incarnation,
            Some(_) | None => 0,
        };
        let process = Value::Process { incarnation, state };
        self.set(actor, Path::Process, process);
    }

    /// Nothing outlives a process but what belongs to its host, and what others know of it.
    fn forget_memory(&mut self, container: u32) {
        self.remove_range(Actor::Container(container), Path::Phase.., |_, _| true);
        let name = Actor::Container(container).to_string();
        self.remove_range(
            Actor::Balancer,
            ..,
            |_, value| matches!(value, Value::Text(to) if **to == *name),
        );
    }
}
