//! A peer that is gone is noticed, and one that answers is not declared dead (I-20).
//!
//! Knows from: what arrives at the server (`MessageArrived`, `PongArrived`), the heartbeat's task and
//! time-out, and the events that end a connection.

use std::{collections::BTreeSet, time::Duration};

use gatesim_model::{
    core::{ids::SocketId, time::Time},
    event::{Event, TaskName},
};

use super::{
    deadlines::Deadlines,
    limits::Limits,
    rule::{Findings, Rule},
    view::{LiveView, container_of},
};
use crate::{
    check::per_client::PerClient,
    trace::{
        event::{Actor, Fact, TraceEvent, WorldEvent},
        vocabulary::Subject,
    },
};

/// Watches the server's receive buffer, where a frame counts even if no task reads it.
///
/// - A connection from which nothing has arrived for the heartbeat's interval, its time-out and
///   some slack must be on its way out (`docs/protocol.md#heartbeat`).
/// - A peer of which anything has arrived in that time is alive, regardless of what it was. A heartbeat that times
///   out nevertheless was starved by its own side, or waited for an answer that its own data held up. If
///   a link on its way carried nothing meanwhile, it may rightly have missed an answer.
pub(super) struct DeadPeersAreNoticed {
    /// Interval and time-out of the heartbeat.
    patience: Duration,
    /// The same with slack.
    bound: Duration,
    served: PerClient<SocketId, PeerSilence>,
    /// Links that carry nothing.
    partitioned: BTreeSet<(Actor, Actor)>,
    due: Deadlines<SocketId>,
}

/// What is known of the peer of a connection that is being served.
struct PeerSilence {
    container: u32,
    /// When something arrived last; when it was accepted, if nothing has.
    last: Time,
    /// When a link on its way began to carry something again.
    repaired: Option<Time>,
    watch: HeartbeatWatch,
}

/// The state of the heartbeat.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HeartbeatWatch {
    NotBegun,
    Going,
    /// It declared the peer dead.
    TimedOut,
    /// It ended without a time-out.
    Ended,
}

impl DeadPeersAreNoticed {
    pub(super) fn new(limits: &Limits) -> Self {
        DeadPeersAreNoticed {
            patience: limits.patience,
            bound: limits.silence,
            served: PerClient::new(),
            partitioned: BTreeSet::new(),
            due: Deadlines::new(),
        }
    }

    fn heard(&mut self, now: Time, socket: SocketId) {
        if let Some(heard) = self.served.get_mut(&socket) {
            heard.last = now;
            self.due.arm(socket, now + self.bound);
        }
    }

    fn forget(&mut self, socket: SocketId) {
        self.served.remove(&socket);
        self.due.disarm(&socket);
    }

    fn forget_container(&mut self, container: u32) {
        self.served.retain(|_, heard| heard.container != container);
        let served = &self.served;
        self.due.retain(|socket| served.contains_key(socket));
    }

    fn heartbeat(&mut self, now: Time, socket: SocketId, watch: HeartbeatWatch) {
        if let Some(heard) = self.served.get_mut(&socket) {
            heard.watch = watch;
            // The bound starts with the heartbeat.
            if watch == HeartbeatWatch::Going {
                self.due.arm(socket, now + self.bound);
            }
        }
    }

    fn timed_out(&mut self, now: Time, socket: SocketId, found: &mut Findings) {
        let Some(heard) = self.served.get_mut(&socket) else {
            return;
        };
        heard.watch = HeartbeatWatch::TimedOut;
        let silence = now.since(heard.last);
        let recently = |at: Time| now.since(at) < self.patience;
        let container = heard.container;
        let is_cut = (self.partitioned.iter()).any(|link| is_on_way(link, socket, container));
        if recently(heard.last) && !is_cut && !heard.repaired.is_some_and(recently) {
            found.add(socket, "live peer declared dead", || {
                format!(
                    "The heartbeat of {socket} timed out although a frame of the peer had arrived \
                     {} s before.",
                    silence.as_secs()
                )
            });
        }
    }
}

fn is_on_way((from, to): &(Actor, Actor), socket: SocketId, container: u32) -> bool {
    let container = Some(container);
    from.is_on_way(socket, container) || to.is_on_way(socket, container)
}

impl Rule for DeadPeersAreNoticed {
    fn subjects(&self) -> u32 {
        Subject::Life.bit()
            | Subject::Holding.bit()
            | Subject::Message.bit()
            | Subject::Client.bit()
            | Subject::Heartbeat.bit()
    }

    fn observe(&mut self, _: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        let now = entry.time;
        match &entry.fact {
            Fact::Protocol(Event::Accepted { socket, .. }) => {
                let heard = PeerSilence {
                    container: container_of(entry),
                    last: now,
                    repaired: None,
                    watch: HeartbeatWatch::NotBegun,
                };
                self.served.insert(*socket, heard);
                self.due.arm(*socket, now + self.bound);
            }
            Fact::Protocol(Event::TaskStarted {
                socket,
                name: TaskName::Heartbeat,
            }) => self.heartbeat(now, *socket, HeartbeatWatch::Going),
            Fact::Protocol(Event::TaskEnded {
                socket,
                name: TaskName::Heartbeat,
            }) => {
                if let Some(heard) = self.served.get_mut(socket)
                    && heard.watch == HeartbeatWatch::Going
                {
                    heard.watch = HeartbeatWatch::Ended;
                }
            }
            Fact::World(
                WorldEvent::MessageArrived { socket, .. } | WorldEvent::PongArrived { socket },
            ) => self.heard(now, *socket),
            Fact::Protocol(Event::HeartbeatTimedOut { socket }) => {
                self.timed_out(now, *socket, found);
            }
            Fact::Protocol(
                Event::CloseSent { socket, .. }
                | Event::DisconnectSeen { socket, .. }
                | Event::EndpointEnded { socket, .. },
            )
            | Fact::World(WorldEvent::TransportEnded { socket }) => self.forget(*socket),
            Fact::World(WorldEvent::LinkPartitioned { from, to }) => {
                self.partitioned.insert((*from, *to));
            }
            Fact::World(WorldEvent::LinkRepaired { from, to }) => {
                self.partitioned.remove(&(*from, *to));
                for (socket, heard) in self.served.iter_mut() {
                    if is_on_way(&(*from, *to), socket, heard.container) {
                        heard.repaired = Some(now);
                    }
                }
            }
            Fact::World(WorldEvent::ContainerGone { container, .. }) => {
                self.forget_container(*container);
            }
            Fact::Protocol(_) | Fact::World(_) => {}
        }
    }

    fn has_deadlines(&self) -> bool {
        true
    }

    fn deadline(&mut self, view: &LiveView, now: Time, found: &mut Findings) {
        let bound = self.bound;
        let stalled = |socket: &SocketId, since| view.stalled_for(*socket, since, now);
        while let Some((time, socket)) = self.due.missed(now, |_| bound, stalled) {
            let Some(heard) = self.served.remove(&socket) else {
                continue;
            };
            let (cause, watch) = match heard.watch {
                HeartbeatWatch::NotBegun => ("silent peer not watched", "no heartbeat has begun"),
                HeartbeatWatch::Going => ("silent peer not noticed", "its heartbeat goes on"),
                HeartbeatWatch::TimedOut => (
                    "silent peer noticed and kept",
                    "its heartbeat timed out and left the connection as it was",
                ),
                HeartbeatWatch::Ended => (
                    "silent peer no longer watched",
                    "its heartbeat has ended without a report",
                ),
            };
            found.at(time).add(socket, cause, || {
                format!(
                    "Nothing has arrived from the peer of {socket} for {} s, and container{} still \
                     serves it: {watch}.",
                    time.since(heard.last).as_secs(),
                    heard.container,
                )
            });
        }
    }
}
