//! What must have occurred in a run for an invariant to have been put to the test: an invariant about
//! the events that clients receive holds for nothing if none is received.
//!
//! Knows from: events as facts. A premise says that there was something to judge, never how it went.

use gatesim_model::{core::state::ConnectionState, event::Event};

use crate::trace::event::{Fact, TraceEvent, WorldEvent};

macro_rules! premises {
    ($($premise:ident $owed:ident => $pattern:pat $(if $guard:expr)?, $unmet:literal;)*) => {
        /// What must have occurred for an invariant to have been put to the test.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the text says it")]
        pub enum Premise {
            $($premise,)*
        }

        impl Premise {
            /// All of them.
            pub const ALL: &'static [Premise] = &[$(Premise::$premise,)*];

            /// What has not occurred where it is not met, as a clause.
            pub fn unmet(self) -> &'static str {
                match self { $(Premise::$premise => $unmet,)* }
            }

            /// Whether any scenario whose clients send messages owes it.
            pub fn occurs(self) -> Occurs {
                match self { $(Premise::$premise => Occurs::$owed,)* }
            }
        }

        impl Premises {
            /// Those that an event meets.
            fn met_by(fact: &Fact) -> u32 {
                use Fact::{Protocol, World};
                let mut met = 0;
                $(if matches!(fact, $pattern $(if $guard)?) {
                    met |= 1 << Premise::$premise as u32;
                })*
                met
            }
        }
    };
}

/// When a premise is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurs {
    /// In nearly every run whose clients send messages: a sweep without it has tested nothing.
    Always,
    /// Only if circumstances are right, which a scenario need not bring about.
    AtTimes,
}

premises! {
    EndpointEntered Always => Protocol(Event::EndpointStarted { .. }),
        "no connection reached the endpoint";
    ConnectionAccepted Always => Protocol(Event::Accepted { .. }),
        "no connection was accepted";
    IdAssigned Always => Protocol(Event::IdGiven { .. }),
        "no part of a connection was given an id";
    MachineThere Always => Protocol(Event::MachineRegistered { .. }),
        "no machine was registered";
    MachineMoved Always => Protocol(Event::Transition { .. }),
        "no machine changed its state";
    ServicesDeclaredReady Always =>
        Protocol(Event::Transition { to: ConnectionState::ServicesReady, .. }),
        "no machine entered SERVICES_READY";
    ReadyDeclared Always => Protocol(Event::ReadyReported { .. }),
        "no part of the gateway declared a connection ready";
    WelcomeSent Always => Protocol(Event::NoticeSent { connection_ready: true, .. }),
        "no welcome was sent";
    MessageSent Always => World(WorldEvent::ClientSent { .. }),
        "no client sent a message";
    MessageDispatched Always => Protocol(Event::Dispatched { .. }),
        "no message was dispatched";
    RunEventEmitted Always => Protocol(Event::AgentEventEmitted { .. }),
        "no agent run produced an event";
    EventReceived Always => World(WorldEvent::ClientGotEvent { .. }),
        "no client received an agent event";
    TransportOver Always => World(WorldEvent::TransportEnded { .. }),
        "no transport ended at the server";
    SecondClient AtTimes =>
        World(WorldEvent::ClientConnecting { socket, .. }) if socket.peer > 0,
        "there was never more than one client";
    EndedByServer AtTimes =>
        Protocol(Event::CloseSent { .. } | Event::UpgradeRefused { .. }),
        "the server ended no connection";
    Reconnected AtTimes =>
        World(WorldEvent::ClientConnecting { socket, .. }) if socket.attempt > 1,
        "no client connected a second time";
    Refused AtTimes =>
        Protocol(Event::BreakerRefused { .. } | Event::AdmissionRefused { .. }),
        "no breaker or limit refused a client";
    PeerSilent AtTimes =>
        Protocol(Event::HeartbeatTimedOut { .. }) | World(WorldEvent::PongArrived { .. }),
        "no heartbeat was answered or missed";
}

/// The premises that a run has met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Premises(u32);

const _: () = assert!(
    Premise::ALL.len() <= u32::BITS as usize,
    "a premise is a bit"
);

impl Premises {
    /// Takes an event into account.
    pub fn observe(&mut self, entry: &TraceEvent) {
        self.0 |= Self::met_by(&entry.fact);
    }

    /// Adds those of another run.
    pub fn join(&mut self, other: Premises) {
        self.0 |= other.0;
    }

    /// Adds one.
    pub fn set(&mut self, premise: Premise) {
        self.0 |= 1 << premise as u32;
    }

    /// Whether it was met.
    pub fn has(self, premise: Premise) -> bool {
        self.0 & (1 << premise as u32) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::vocabulary::samples;

    #[test]
    fn every_premise_is_met_by_an_event() {
        let mut met = Premises::default();
        for entry in samples::trace() {
            met.observe(&entry);
        }
        // Samples have one client, a welcome that says not ready, and few states.
        let rare = [
            Premise::SecondClient,
            Premise::Reconnected,
            Premise::WelcomeSent,
            Premise::ServicesDeclaredReady,
        ];
        for premise in Premise::ALL.iter().filter(|one| !rare.contains(one)) {
            assert!(met.has(*premise), "{premise:?}");
        }
    }
}
