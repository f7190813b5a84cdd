//! A peer that is gone is noticed, and one that answers is not declared dead (I-20).

use std::time::Duration;

use gatesim_model::{
    core::{ids::SocketId, time::Time},
    event::{Event, TaskName},
};

use super::{
    deadlines::Deadlines,
    limits::Limits,
    rule::{Finding, Rule},
    view::{View, container_of},
};
use crate::{
    check::per_client::PerClient,
    trace::{
        event::{Fact, TraceEvent, WorldEvent},
        vocabulary::Subject,
    },
};

/// Listens at the server's receive buffer, where a frame counts whether anybody reads it or not.
///
/// - A connection from which nothing has arrived for the heartbeat's interval, its time-out and
///   some slack must be on its way out: whoever is not there cannot be waited for (protocol.md
///   7.5).
/// - A peer whose answer to a ping lies in the buffer is alive. A heartbeat that times out all
///   the same was starved by its own side.
pub(super) struct DeadPeersAreNoticed {
    /// Interval and time-out of the heartbeat.
    patience: Duration,
    /// The same with slack.
    bound: Duration,
    served: PerClient<SocketId, Heard>,
    due: Deadlines<SocketId>,
}

/// What is known of the peer of a connection that is being served.
struct Heard {
    container: u32,
    /// When something arrived last; when it was accepted, if nothing has.
    last: Time,
    /// When the last answer to a ping arrived.
    pong: Option<Time>,
    watch: Watch,
}

/// What the heartbeat does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Watch {
    NotBegun,
    Going,
    /// It declared the peer dead.
    TimedOut,
    /// It ended without saying so.
    Ended,
}

impl DeadPeersAreNoticed {
    pub(super) fn new(limits: &Limits) -> Self {
        DeadPeersAreNoticed {
            patience: limits.patience,
            bound: limits.silence,
            served: PerClient::new(),
            due: Deadlines::new(),
        }
    }

    fn heard(&mut self, now: Time, socket: SocketId) -> Option<&mut Heard> {
        let heard = self.served.get_mut(&socket)?;
        heard.last = now;
        self.due.arm(socket, now + self.bound);
        Some(heard)
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

    fn heartbeat(&mut self, now: Time, socket: SocketId, watch: Watch) {
        if let Some(heard) = self.served.get_mut(&socket) {
            heard.watch = watch;
            // It begins to count when it begins.
            if watch == Watch::Going {
                self.due.arm(socket, now + self.bound);
            }
        }
    }

    fn timed_out(&mut self, now: Time, socket: SocketId) -> Option<Finding> {
        let heard = self.served.get_mut(&socket)?;
        heard.watch = Watch::TimedOut;
        let silence = now.since(heard.pong?);
        (silence < self.patience).then(|| {
            Finding::new(
                socket,
                "live peer declared dead",
                format!(
                    "The heartbeat of {socket} timed out although the peer's answer to a ping had \
                     arrived {} s before: nobody had read it.",
                    silence.as_secs()
                ),
            )
        })
    }
}

impl Rule for DeadPeersAreNoticed {
    fn subjects(&self) -> u32 {
        Subject::Life.bit()
            | Subject::Holding.bit()
            | Subject::Message.bit()
            | Subject::Heartbeat.bit()
    }

    fn observe(&mut self, _: &View, entry: &TraceEvent) -> Option<Finding> {
        let now = entry.time;
        match &entry.fact {
            Fact::Protocol(Event::Accepted { socket, .. }) => {
                let heard = Heard {
                    container: container_of(entry),
                    last: now,
                    pong: None,
                    watch: Watch::NotBegun,
                };
                self.served.insert(*socket, heard);
                self.due.arm(*socket, now + self.bound);
            }
            Fact::Protocol(Event::TaskStarted {
                socket,
                name: TaskName::Heartbeat,
            }) => self.heartbeat(now, *socket, Watch::Going),
            Fact::Protocol(Event::TaskEnded {
                socket,
                name: TaskName::Heartbeat,
            }) => {
                if let Some(heard) = self.served.get_mut(socket)
                    && heard.watch == Watch::Going
                {
                    heard.watch = Watch::Ended;
                }
            }
            Fact::World(WorldEvent::MessageArrived { socket, .. }) => {
                self.heard(now, *socket);
            }
            Fact::World(WorldEvent::PongArrived { socket }) => {
                if let Some(heard) = self.heard(now, *socket) {
                    heard.pong = Some(now);
                }
            }
            Fact::Protocol(Event::HeartbeatTimedOut { socket }) => {
                return self.timed_out(now, *socket);
            }
            Fact::Protocol(
                Event::CloseSent { socket, .. }
                | Event::DisconnectSeen { socket, .. }
                | Event::EndpointEnded { socket, .. },
            )
            | Fact::World(WorldEvent::TransportEnded { socket }) => self.forget(*socket),
            Fact::World(WorldEvent::ContainerGone { container, .. }) => {
                self.forget_container(*container);
            }
            Fact::Protocol(_) | Fact::World(_) => {}
        }
        None
    }

    fn has_deadlines(&self) -> bool {
        true
    }

    fn deadline(&mut self, view: &View, now: Time) -> Option<(Time, Finding)> {
        let (time, socket) = self.due.missed(
            now,
            |_| self.bound,
            |socket, since| view.stalled_for(*socket, since, now),
        )?;
        let heard = self.served.remove(&socket)?;
        let (cause, watch) = match heard.watch {
            Watch::NotBegun => ("silent peer not watched", "no heartbeat has begun"),
            Watch::Going => ("silent peer not noticed", "its heartbeat goes on"),
            Watch::TimedOut => (
                "silent peer noticed and kept",
                "its heartbeat timed out and left the connection as it was",
            ),
            Watch::Ended => (
                "silent peer no longer watched",
                "its heartbeat has ended without a word",
            ),
        };
        let sentence = format!(
            "Nothing has arrived from the peer of {socket} for {} s, and container{} still serves \
             it: {watch}.",
            time.since(heard.last).as_secs(),
            heard.container,
        );
        Some((time, Finding::new(socket, cause, sentence)))
    }
}
