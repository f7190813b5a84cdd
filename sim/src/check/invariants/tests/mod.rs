//! The rules judged by hand-written event lists: for each at least one that holds and one that
//! breaks it. The snapshots show what a person reads first.

use gatesim_model::{
    core::{
        environment::Environment,
        ids::{ConnectionId, SocketId},
        state::ConnectionState,
        time::Time,
    },
    event::{CloseCause, Component, EndpointEnd, Event, ReadySource},
};

use super::{Checker, Invariant, Limits};
use crate::{
    check::facts::states,
    trace::event::{Actor, Fact, FinishReason, TraceEvent, WorldEvent},
};

mod checker;
mod endings;
mod isolation;
mod liveness;
mod machines;
mod messages;
mod readiness;
mod runs;

/// Judges each list and gives the verdicts under their titles, for a snapshot.
fn verdicts(invariant: Invariant, cases: &[(&str, &EventList)]) -> String {
    let verdicts: Vec<String> = cases
        .iter()
        .map(|(title, events)| format!("-- {title}\n{}", events.verdict(invariant)))
        .collect();
    verdicts.join("\n\n")
}

/// A connection of a client whose token is good.
pub(super) const TRUSTED: SocketId = SocketId::first(9);
/// The first connection of client 0.
pub(super) const SOCKET: SocketId = SocketId::first(0);
/// The first connection of client 1.
pub(super) const OTHER: SocketId = SocketId::first(1);

/// A list of events in which each happens a millisecond after the one before.
#[derive(Default)]
pub(super) struct EventList {
    entries: Vec<TraceEvent>,
    now: Time,
}

impl EventList {
    pub(super) fn new() -> Self {
        EventList::default()
    }

    /// A connection of container 0 that was accepted and has a machine called `id` in `state`.
    pub(super) fn with_machine(id: &str, state: ConnectionState) -> Self {
        let mut events = EventList::accepted();
        events.machine(id, state);
        events
    }

    /// A connection of container 0 that was accepted.
    pub(super) fn accepted() -> Self {
        let mut events = EventList::new();
        events
            .world(WorldEvent::ClientConnecting {
                socket: SOCKET,
                user: 0,
            })
            .container(Event::EndpointStarted { socket: SOCKET })
            .container(Event::Accepted {
                socket: SOCKET,
                subprotocol: None,
                offered: false,
            });
        events
    }

    /// Registers a machine and brings it into a state of the set-up order.
    pub(super) fn machine(&mut self, id: &str, state: ConnectionState) -> &mut Self {
        self.container(Event::MachineRegistered {
            socket: SOCKET,
            connection: id.into(),
            user: "user0".into(),
        });
        let states = &ConnectionState::ALL[..=states::setup_rank(state).unwrap_or(0) as usize];
        for pair in states.windows(2) {
            self.transition(id, pair[0], pair[1]);
        }
        self
    }

    pub(super) fn transition(
        &mut self,
        id: &str,
        from: ConnectionState,
        to: ConnectionState,
    ) -> &mut Self {
        self.container(Event::Transition {
            socket: SOCKET,
            connection: id.into(),
            from,
            to,
            reason: "test",
        })
    }

    pub(super) fn ready(&mut self, id: &str, by: ReadySource) -> &mut Self {
        let connection: ConnectionId = id.into();
        self.container(Event::ReadyReported {
            socket: SOCKET,
            connection,
            by,
        })
    }

    /// Every required component appears.
    pub(super) fn components(&mut self) -> &mut Self {
        for component in crate::check::facts::REQUIRED_COMPONENTS {
            self.component(component, true);
        }
        self
    }

    pub(super) fn component(&mut self, component: Component, ready: bool) -> &mut Self {
        self.container(Event::ComponentChanged { component, ready })
    }

    pub(super) fn close(&mut self, code: u16, cause: CloseCause) -> &mut Self {
        self.container(Event::CloseSent {
            socket: SOCKET,
            code,
            reason: "test".into(),
            cause,
        })
    }

    pub(super) fn endpoint_ended(&mut self, how: EndpointEnd, cause: CloseCause) -> &mut Self {
        self.container(Event::EndpointEnded {
            socket: SOCKET,
            how,
            cause,
        })
    }

    pub(super) fn transport_ended(&mut self) -> &mut Self {
        self.world(WorldEvent::TransportEnded { socket: SOCKET })
    }

    pub(super) fn gone(&mut self) -> &mut Self {
        self.world(WorldEvent::ContainerGone {
            container: 0,
            crashed: true,
        })
    }

    /// A fact of the protocol in container 0.
    pub(super) fn container(&mut self, event: Event) -> &mut Self {
        self.add(Actor::Container(0), Fact::Protocol(event))
    }

    pub(super) fn world(&mut self, event: WorldEvent) -> &mut Self {
        self.add(Actor::World, Fact::World(event))
    }

    fn add(&mut self, actor: Actor, fact: Fact) -> &mut Self {
        self.now = Time(self.now.0 + 1_000_000);
        let number = self.entries.len() as u64;
        self.entries.push(TraceEvent {
            number,
            time: self.now,
            step: number,
            actor,
            fact,
        });
        self
    }

    /// Time passes, and then something happens that concerns no rule.
    pub(super) fn wait_secs(&mut self, seconds: u64) -> &mut Self {
        self.now = Time(self.now.0 + seconds * 1_000_000_000);
        self.world(WorldEvent::FaultApplied { fault: 0 })
    }

    fn judge(&self) -> Checker {
        let mut checker = Checker::new(&Limits::without_way(
            Environment::Staging,
            [TRUSTED.peer].into(),
        ));
        for entry in &self.entries {
            checker.observe(entry);
        }
        if let Some(last) = self.entries.last() {
            checker.finish(last.time, reason(last));
        }
        checker
    }

    /// What the rule found: of each cause the place, the cause and the sentence, on lines of their
    /// own; or that the invariant held.
    pub(super) fn verdict(&self, invariant: Invariant) -> String {
        let checker = self.judge();
        let found: Vec<String> = checker
            .violations()
            .iter()
            .filter(|found| found.invariant == invariant)
            .map(|found| {
                format!(
                    "{} #{}\n{}\n{}",
                    found.time, found.event, found.cause, found.sentence
                )
            })
            .collect();
        match found.is_empty() {
            true => "held".to_owned(),
            false => found.join("\n"),
        }
    }
}

/// Why a run ended, if this is its last event.
pub(super) fn reason(last: &TraceEvent) -> FinishReason {
    match &last.fact {
        Fact::World(WorldEvent::Finished { reason }) => *reason,
        Fact::World(_) | Fact::Protocol(_) => FinishReason::Done,
    }
}
