//! What may not be said or done before a connection is ready (I-05, I-06, I-07).
//!
//! Knows from: the registry and the machines in it, and the components of the container. That the gateway
//! says a connection is ready (`ReadyReported`, the welcome) is what is judged.
//!
//! These rules keep no state: what is registered when the event happens decides.

use std::fmt;

use gatesim_model::{
    core::{ids::ConnectionId, state::ConnectionState},
    event::{Event, ReadySource},
};

use super::{
    rule::{Findings, Rule},
    view::{LiveView, container_of},
};
use crate::{
    check::facts::{REQUIRED_COMPONENTS, states},
    trace::{
        event::{Fact, TraceEvent},
        vocabulary::Subject,
    },
};

/// No part of the gateway declares a connection ready (`ReadyReported`) under an id that has no
/// registered machine.
pub(super) struct NeverReadyWithoutMachine;

impl Rule for NeverReadyWithoutMachine {
    fn subjects(&self) -> u32 {
        Subject::Ready.bit()
    }

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        let Fact::Protocol(Event::ReadyReported {
            socket,
            connection,
            by,
        }) = &entry.fact
        else {
            return;
        };
        let container = container_of(entry);
        if view.machine(container, connection).is_some() {
            return;
        }
        let (cause, deed) = match by {
            ReadySource::Welcome => ("welcome without a machine", "The welcome told the client"),
            ReadySource::MessageLoop => (
                "message loop without a machine",
                "The message loop was entered, which says",
            ),
            ReadySource::ReadinessCheck => (
                "readiness check without a machine",
                "A readiness check answered",
            ),
        };
        found.add(*socket, cause, || {
            format!(
                "{deed} that {socket} is ready as {connection}, but no machine is registered \
                 under that id in container{container}; {}.",
                view.machines_in_words(*socket)
            )
        });
    }
}

/// A message is executed (`Dispatched`) only while the machine of its connection is ready
/// (`docs/protocol.md#loop-entry-gate`). Every kind of message counts.
pub(super) struct NoMessageBeforeReady;

impl Rule for NoMessageBeforeReady {
    fn subjects(&self) -> u32 {
        Subject::Message.bit()
    }

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        let Fact::Protocol(Event::Dispatched {
            socket,
            connection,
            message,
            ..
        }) = &entry.fact
        else {
            return;
        };
        let container = container_of(entry);
        let Some(lack) = NotReady::of(view, container, connection) else {
            return;
        };
        found.add(*socket, format_args!("dispatched {lack}"), || {
            let message = match message {
                Some(message) => format!("Message {message}"),
                None => "A message without an id".to_owned(),
            };
            let state = lack.in_words(container, connection);
            format!("{message} of {socket} was dispatched while {state}.")
        });
    }
}

/// The welcome (`ReadyReported` by it) is sent only while the machine of the connection is ready:
/// it promises that messages will be handled.
pub(super) struct WelcomeAfterReady;

impl Rule for WelcomeAfterReady {
    fn subjects(&self) -> u32 {
        Subject::Ready.bit()
    }

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        let Fact::Protocol(Event::ReadyReported {
            socket,
            connection,
            by: ReadySource::Welcome,
        }) = &entry.fact
        else {
            return;
        };
        let container = container_of(entry);
        let Some(lack) = NotReady::of(view, container, connection) else {
            return;
        };
        found.add(*socket, format_args!("welcome {lack}"), || {
            let state = lack.in_words(container, connection);
            format!("The welcome told {socket} that it may start while {state}.")
        });
    }
}

/// Why the machine under an id is not ready.
enum NotReady {
    Missing,
    In(ConnectionState),
}

impl NotReady {
    /// Nothing if the machine is ready.
    fn of(view: &LiveView, container: u32, id: &ConnectionId) -> Option<NotReady> {
        match view.machine(container, id) {
            None => Some(NotReady::Missing),
            Some(machine) if !states::is_ready(machine.state) => Some(NotReady::In(machine.state)),
            Some(_) => None,
        }
    }

    /// As a clause.
    fn in_words(&self, container: u32, id: &ConnectionId) -> String {
        match self {
            NotReady::Missing => {
                format!("no machine was registered as {id} in container{container}")
            }
            NotReady::In(state) => format!("its machine {id} was in {state}"),
        }
    }
}

/// As part of a cause.
impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotReady::Missing => f.write_str("without a machine"),
            NotReady::In(state) => write!(f, "with machine in {state}"),
        }
    }
}

/// A machine enters SERVICES_READY (`Transition`) only while its container has every required
/// component (`ComponentChanged`).
pub(super) struct ServicesReadyIsTrue;

impl Rule for ServicesReadyIsTrue {
    fn subjects(&self) -> u32 {
        Subject::Machine.bit()
    }

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        let Fact::Protocol(Event::Transition {
            socket,
            connection,
            to: ConnectionState::ServicesReady,
            ..
        }) = &entry.fact
        else {
            return;
        };
        let container = container_of(entry);
        let missing = REQUIRED_COMPONENTS
            .into_iter()
            .filter(|component| !view.is_present(container, *component));
        for component in missing {
            found.add(*socket, format_args!("{component} missing"), || {
                format!(
                    "Machine {connection} of {socket} entered SERVICES_READY while \
                     container{container} had no {component}."
                )
            });
        }
    }
}
