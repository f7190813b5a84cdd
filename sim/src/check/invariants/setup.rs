//! An accepted connection becomes ready or is closed, in time (I-08).
//!
//! Knows from: `Accepted`, the `Transition` of the machine to PROCESSING_READY, `CloseSent` as an act, and the
//! end of peer, transport and container. The cause that an endpoint states is not asked.

use std::time::Duration;

use gatesim_model::{
    core::{ids::SocketId, state::ConnectionState, time::Time},
    event::Event,
};

use super::{
    deadlines::Deadlines,
    limits::Limits,
    rule::{Findings, Rule},
    view::{LiveConnection, LiveView},
};
use crate::trace::{
    event::{Fact, TraceEvent, WorldEvent},
    vocabulary::Subject,
};

/// From the accept on, waits for PROCESSING_READY or an explicit close. The wait ends when the peer
/// or the container is gone: no client is left that waits.
pub(super) struct SetupEndsInTime {
    bound: Duration,
    waiting: Deadlines<SocketId>,
}

impl SetupEndsInTime {
    pub(super) fn new(limits: &Limits) -> Self {
        SetupEndsInTime {
            bound: limits.setup,
            waiting: Deadlines::new(),
        }
    }
}

impl Rule for SetupEndsInTime {
    fn subjects(&self) -> u32 {
        Subject::Life.bit() | Subject::Machine.bit()
    }

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        match &entry.fact {
            Fact::Protocol(Event::Accepted { socket, .. }) => {
                self.waiting.arm_once(*socket, entry.time + self.bound);
            }
            Fact::Protocol(
                Event::Transition {
                    socket,
                    to: ConnectionState::ProcessingReady,
                    ..
                }
                | Event::CloseSent { socket, .. }
                | Event::DisconnectSeen { socket, .. },
            )
            | Fact::World(WorldEvent::TransportEnded { socket }) => {
                self.waiting.disarm(socket);
            }
            Fact::Protocol(Event::EndpointEnded { socket, cause, .. }) => {
                let connection = view.connection(*socket);
                let peer_gone = connection.is_none_or(LiveConnection::peer_may_be_gone);
                if self.waiting.disarm(socket) && !peer_gone {
                    let words = "endpoint ended without ready and without a close";
                    found.add(*socket, words, || {
                        format!(
                            "The endpoint of {socket} ended ({cause}) before PROCESSING_READY and \
                             without an explicit close; {}.",
                            view.machines_in_words(*socket)
                        )
                    });
                }
            }
            Fact::World(WorldEvent::ContainerGone { container, .. }) => {
                self.waiting
                    .retain(|socket| view.lives_elsewhere(*socket, *container));
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
        while let Some((time, socket)) = self.waiting.missed(now, |_| bound, stalled) {
            let cause = "neither ready nor closed in time";
            found.at(time).add(socket, cause, || {
                format!(
                    "{socket} was accepted {} s ago and is neither in PROCESSING_READY nor closed; \
                     {}.",
                    bound.as_secs(),
                    view.machines_in_words(socket)
                )
            });
        }
    }
}
