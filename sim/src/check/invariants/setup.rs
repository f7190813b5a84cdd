//! An accepted connection becomes ready or is closed, in time (I-08), from `Accepted` to the
//! `Transition` to PROCESSING_READY or `CloseSent`.

use std::time::Duration;

use gatesim_model::{
    core::{ids::SocketId, state::ConnectionState, time::Time},
    event::{CloseCause, Event},
};

use super::{
    deadlines::Deadlines,
    limits::Limits,
    rule::{Finding, Rule},
    view::LiveView,
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

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent) -> Option<Finding> {
        match &entry.fact {
            Fact::Protocol(Event::Accepted { socket, .. }) => {
                self.waiting.arm_once(*socket, entry.time + self.bound);
                None
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
                None
            }
            Fact::Protocol(Event::EndpointEnded { socket, cause, .. }) => {
                // A send may have found the peer gone before anything else did.
                let peer_gone = *cause == CloseCause::PeerGone;
                (self.waiting.disarm(socket) && !peer_gone).then(|| {
                    Finding::new(
                        *socket,
                        "endpoint ended without ready and without a close",
                        format!(
                            "The endpoint of {socket} ended ({cause}) before PROCESSING_READY and \
                             without an explicit close; {}.",
                            view.machines_in_words(*socket)
                        ),
                    )
                })
            }
            Fact::World(WorldEvent::ContainerGone { container, .. }) => {
                self.waiting
                    .retain(|socket| view.lives_elsewhere(*socket, *container));
                None
            }
            Fact::Protocol(_) | Fact::World(_) => None,
        }
    }

    fn has_deadlines(&self) -> bool {
        true
    }

    fn deadline(&mut self, view: &LiveView, now: Time) -> Option<(Time, Finding)> {
        let (time, socket) = self.waiting.missed(
            now,
            |_| self.bound,
            |socket, since| view.stalled_for(*socket, since, now),
        )?;
        let finding = Finding::new(
            socket,
            "neither ready nor closed in time",
            format!(
                "{socket} was accepted {} s ago and is neither in PROCESSING_READY nor closed; {}.",
                self.bound.as_secs(),
                view.machines_in_words(socket)
            ),
        );
        Some((time, finding))
    }
}
