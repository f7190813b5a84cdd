//! The views of one connection do not contradict each other (I-16).
//!
//! Knows from: `HandshakeMoved`, `CoordinatorMoved`, `IdentityMoved`, `Transition`, table entries of these
//! views, and `TransportEnded`.

use std::time::Duration;

use gatesim_model::{
    core::{ids::SocketId, state::ConnectionState, time::Time},
    event::{CoordinatorState, Event, HandshakeState, IdentityState, Table},
};

use super::{
    deadlines::Deadlines,
    limits::Limits,
    rule::{Findings, Rule},
    view::{LiveConnection, LiveView, container_of},
};
use crate::{
    check::{facts::states, per_client::PerClient},
    trace::{
        event::{Fact, TraceEvent, WorldEvent},
        vocabulary::Subject,
    },
};

/// Compares the machine with the handshake, the state coordinator, the id manager and the
/// transport. The handshake is compared when it moves; the others follow a little later, so they
/// have a bound in which to settle.
pub(super) struct ViewsAgree {
    coordinator_bound: Duration,
    gone_bound: Duration,
    others: PerClient<SocketId, OtherViews>,
    settling: Deadlines<(SocketId, SettlingQuestion)>,
}

/// What the other views say of a connection, where there is such a view.
#[derive(Debug)]
struct OtherViews {
    container: u32,
    coordinator: Option<CoordinatorState>,
    identity: Option<IdentityState>,
}

/// What is asked when a bound has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SettlingQuestion {
    /// The machine is in PROCESSING_READY: has the coordinator left INITIALIZING?
    Ready,
    /// The transport has ended: does any view still call the connection ready or active?
    Gone,
}

impl ViewsAgree {
    pub(super) fn new(limits: &Limits) -> Self {
        ViewsAgree {
            coordinator_bound: limits.coordinator,
            gone_bound: limits.gone,
            others: PerClient::new(),
            settling: Deadlines::new(),
        }
    }

    fn others(&mut self, entry: &TraceEvent, socket: SocketId) -> &mut OtherViews {
        self.others.entry(socket).or_insert_with(|| OtherViews {
            container: container_of(entry),
            coordinator: None,
            identity: None,
        })
    }

    /// Takes an entry out of a table; a connection without other views is not kept.
    fn forget(&mut self, socket: SocketId, table: Table) {
        if let Some(others) = self.others.get_mut(&socket) {
            match table {
                Table::Coordinator => others.coordinator = None,
                Table::IdManager => others.identity = None,
                Table::Manager
                | Table::ManagerFactory
                | Table::Router
                | Table::Monitor
                | Table::Pool
                | Table::SleepWrapper => {}
            }
            if others.coordinator.is_none() && others.identity.is_none() {
                self.others.remove(&socket);
            }
        }
    }

    fn handshake_ready(
        &self,
        view: &LiveView,
        entry: &TraceEvent,
        socket: SocketId,
        found: &mut Findings,
    ) {
        let mut machines = view.machines_of(socket).map(|(_, machine)| machine.state);
        if machines.any(states::is_ready) {
            return;
        }
        let sentence = || {
            format!(
                "The handshake of {socket} in container{} declared READY_FOR_MESSAGES while {}.",
                container_of(entry),
                view.machines_in_words(socket)
            )
        };
        match view.machines_of(socket).next() {
            None => found.add(socket, "handshake ready without a machine", sentence),
            Some((_, machine)) => {
                let state = machine.state;
                let cause = format_args!("handshake ready with machine in {state}");
                found.add(socket, cause, sentence);
            }
        }
    }

    fn coordinator_lags(&self, view: &LiveView, socket: SocketId, found: &mut Findings) {
        let ready = view
            .machines_of(socket)
            .find(|(_, machine)| machine.state == ConnectionState::ProcessingReady);
        let lives = view.connection(socket).is_some_and(LiveConnection::lives);
        let others = self.others.get(&socket);
        if let Some((id, _)) = ready
            && lives
            && others.and_then(|others| others.coordinator) == Some(CoordinatorState::Initializing)
        {
            let cause = "coordinator in INITIALIZING with machine in PROCESSING_READY";
            found.add(socket, cause, || {
                format!(
                    "Machine {id} of {socket} is in PROCESSING_READY, but {} s later the state \
                     coordinator still has the connection in INITIALIZING.",
                    self.coordinator_bound.as_secs()
                )
            });
        }
    }

    fn called_live_after_the_end(&self, view: &LiveView, socket: SocketId, found: &mut Findings) {
        let seconds = self.gone_bound.as_secs();
        let ready = view
            .machines_of(socket)
            .find(|(_, machine)| states::is_ready(machine.state));
        if let Some((id, machine)) = ready {
            found.add(socket, "machine ready after the transport ended", || {
                format!(
                    "{seconds} s after the transport of {socket} ended, its machine {id} is still \
                     in {}.",
                    machine.state
                )
            });
        }
        let identity = self.others.get(&socket).and_then(|others| others.identity);
        if let Some(identity) = identity.filter(|identity| is_live(*identity)) {
            found.add(socket, "identity live after the transport ended", || {
                format!(
                    "{seconds} s after the transport of {socket} ended, the id manager still has \
                     it as {identity}."
                )
            });
        }
    }
}

/// Whether the id manager takes the connection for one that is used.
fn is_live(identity: IdentityState) -> bool {
    match identity {
        IdentityState::Authenticated | IdentityState::Active => true,
        IdentityState::Pending
        | IdentityState::Initialized
        | IdentityState::Disconnecting
        | IdentityState::Disconnected
        | IdentityState::Error => false,
    }
}

impl Rule for ViewsAgree {
    fn subjects(&self) -> u32 {
        Subject::View.bit() | Subject::Holding.bit() | Subject::Machine.bit() | Subject::Life.bit()
    }

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        match &entry.fact {
            Fact::Protocol(Event::HandshakeMoved {
                socket,
                to: HandshakeState::ReadyForMessages,
                ..
            }) => self.handshake_ready(view, entry, *socket, found),
            Fact::Protocol(Event::EntryAdded {
                socket,
                table: Table::Coordinator,
            }) => {
                self.others(entry, *socket).coordinator = Some(CoordinatorState::Initializing);
            }
            Fact::Protocol(Event::CoordinatorMoved { socket, to }) => {
                self.others(entry, *socket).coordinator = Some(*to);
            }
            Fact::Protocol(Event::IdentityMoved { socket, to }) => {
                self.others(entry, *socket).identity = Some(*to);
            }
            Fact::Protocol(Event::EntryRemoved { socket, table }) => self.forget(*socket, *table),
            Fact::Protocol(Event::Transition {
                socket,
                to: ConnectionState::ProcessingReady,
                ..
            }) => {
                let at = entry.time + self.coordinator_bound;
                self.settling
                    .arm_once((*socket, SettlingQuestion::Ready), at);
            }
            Fact::World(WorldEvent::TransportEnded { socket }) => {
                if view.connection(*socket).is_some() {
                    let at = entry.time + self.gone_bound;
                    self.settling.arm((*socket, SettlingQuestion::Gone), at);
                }
            }
            Fact::World(WorldEvent::ContainerGone { container, .. }) => {
                self.others
                    .retain(|_, others| others.container != *container);
                let others = &self.others;
                self.settling.retain(|(socket, _)| {
                    others.contains_key(socket) || view.lives_elsewhere(*socket, *container)
                });
            }
            Fact::Protocol(_) | Fact::World(_) => {}
        }
    }

    fn has_deadlines(&self) -> bool {
        true
    }

    fn deadline(&mut self, view: &LiveView, now: Time, found: &mut Findings) {
        let bounds = (self.coordinator_bound, self.gone_bound);
        let bound = |key: &(SocketId, SettlingQuestion)| match key.1 {
            SettlingQuestion::Ready => bounds.0,
            SettlingQuestion::Gone => bounds.1,
        };
        let stalled =
            |key: &(SocketId, SettlingQuestion), since| view.stalled_for(key.0, since, now);
        while let Some((time, (socket, question))) = self.settling.missed(now, bound, stalled) {
            let found = found.at(time);
            match question {
                SettlingQuestion::Ready => self.coordinator_lags(view, socket, found),
                SettlingQuestion::Gone => self.called_live_after_the_end(view, socket, found),
            }
        }
    }
}
