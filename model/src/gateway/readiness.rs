//! Readiness functions: "is this connection ready?" (`docs/protocol.md#readiness-functions`).
//!
//! Each function is pure: it is given what it may look at. The original has ten of them, which
//! disagree with one another. The gateway asks two, and the loop-entry gate; of the others, those
//! whose answers were recorded are here, for the comparison with the original. In sum a connection
//! whose machine is missing, or is asked for under the wrong id, passes; one whose machine is there
//! and stuck does not.

use crate::{
    core::{
        environment::Environment, handshake::RacePattern, ids::ConnectionId, machine::Machine,
        registry::Registry,
    },
    port::socket::TransportState,
};

pub use crate::design::MissingMachine;

impl MissingMachine {
    /// The answer to "is it ready?".
    pub fn is_ready(self) -> bool {
        match self {
            Self::Ready => true,
            Self::NotReady => false,
        }
    }
}

/// What came of looking for the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The caller gave no id: nothing was looked for.
    NoId,
    /// There is no machine under this id.
    Missing,
    /// There is, and it can handle messages.
    CanProcess,
    /// There is, and it cannot.
    CannotProcess,
    /// The look-up itself failed.
    Failed,
}

impl Lookup {
    /// Looks for the machine under `id`.
    pub fn of(registry: &Registry, id: Option<&ConnectionId>) -> Self {
        let Some(id) = id else { return Self::NoId };
        match registry.get(id) {
            None => Self::Missing,
            Some(machine) => Self::found(&machine.borrow()),
        }
    }

    /// The machine was found.
    pub fn found(machine: &Machine) -> Self {
        if machine.can_process_messages() {
            Self::CanProcess
        } else {
            Self::CannotProcess
        }
    }
}

/// What a readiness function may see of a socket object. The real ones have everything; the
/// fallbacks are for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketView<'a> {
    /// client_state, if the object has one.
    pub client: Option<TransportState>,
    /// application_state, if the object has one.
    pub application: Option<TransportState>,
    /// What else the object has.
    pub attributes: &'a [Attribute],
}

/// Something a socket object may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// A receive method.
    Receive,
    /// A send method.
    Send,
    /// A method that sends JSON.
    SendJson,
    /// The queues of the server's protocol object.
    Queues,
    /// A scope whose type is `websocket`.
    WebsocketScope,
}

impl SocketView<'_> {
    fn has(self, attribute: Attribute) -> bool {
        self.attributes.contains(&attribute)
    }
}

/// An answer, together with the pattern that the temporary detector noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadinessAnswer {
    /// The answer.
    pub ready: bool,
    /// The pattern, if one was noted.
    pub pattern: Option<RacePattern>,
}

/// What the loop-entry gate does (docs/protocol.md#step-34).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopEntryGate {
    /// Lets the connection in: its machine is ready.
    Open,
    /// Lets the connection in without having looked at anything: there is no machine.
    Skipped,
    /// Polls the machine, which is there and not ready.
    Wait,
    /// Keeps the connection out: there is no machine to wait for.
    Closed,
}

/// `is_connection_ready_for_messages` (`docs/protocol.md#ready-for-messages`).
pub fn is_connection_ready_for_messages(lookup: Lookup, missing: MissingMachine) -> bool {
    match lookup {
        Lookup::CanProcess => true,
        Lookup::CannotProcess | Lookup::Failed => false,
        Lookup::Missing | Lookup::NoId => missing.is_ready(),
    }
}

/// `is_websocket_connected` (`docs/protocol.md#websocket-connected`): client_state where there is one,
/// else application_state, else, if the object can receive at all, what else it has.
pub fn is_websocket_connected(socket: SocketView<'_>, environment: Environment) -> bool {
    if let Some(state) = socket.client.or(socket.application) {
        return state == TransportState::Connected;
    }
    let looks_like_one = [
        Attribute::Queues,
        Attribute::WebsocketScope,
        Attribute::SendJson,
    ]
    .iter()
    .any(|&attribute| socket.has(attribute));
    socket.has(Attribute::Receive) && (looks_like_one || !environment.is_cloud())
}

/// `is_websocket_connected_and_ready` (`docs/protocol.md#connected-and-ready`): the transport as far as
/// client_state knows it, and the machine if an id was given. A missing machine means ready in every
/// environment. Never looks at application_state.
pub fn is_websocket_connected_and_ready(
    socket: SocketView<'_>,
    lookup: Lookup,
    environment: Environment,
) -> ReadinessAnswer {
    let transport = is_websocket_connected(socket, environment)
        && socket
            .client
            .is_none_or(|state| state == TransportState::Connected)
        && socket.has(Attribute::Receive)
        && socket.has(Attribute::Send);
    if !transport {
        return ReadinessAnswer {
            ready: false,
            pattern: None,
        };
    }
    let noted = |pattern| environment.is_cloud().then_some(pattern);
    let (ready, pattern) = match lookup {
        Lookup::NoId => (true, noted(RacePattern::ConnectionValidationWithoutId)),
        Lookup::Missing => (
            true,
            noted(RacePattern::MissingStateMachineDuringConnectionValidation),
        ),
        Lookup::CanProcess => (true, None),
        Lookup::CannotProcess => (false, None),
        Lookup::Failed => (!environment.is_cloud(), None),
    };
    ReadinessAnswer { ready, pattern }
}

/// The loop-entry gate (docs/protocol.md#step-34).
pub fn loop_entry_gate(lookup: Lookup, missing: MissingMachine) -> LoopEntryGate {
    match (lookup, missing) {
        (Lookup::CanProcess, _) => LoopEntryGate::Open,
        (Lookup::CannotProcess, _) => LoopEntryGate::Wait,
        (Lookup::NoId | Lookup::Missing | Lookup::Failed, MissingMachine::Ready) => {
            LoopEntryGate::Skipped
        }
        (Lookup::NoId | Lookup::Missing | Lookup::Failed, MissingMachine::NotReady) => {
            LoopEntryGate::Closed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::SocketId;
    use crate::core::state::ConnectionState;
    use crate::core::time::Time;
    use MissingMachine::*;

    const LOOKUPS: [Lookup; 5] = [
        Lookup::NoId,
        Lookup::Missing,
        Lookup::CanProcess,
        Lookup::CannotProcess,
        Lookup::Failed,
    ];

    #[test]
    fn a_lookup_says_whether_the_machine_was_found_and_can_process() {
        const OWNER: SocketId = SocketId::first(0);
        let id = ConnectionId::from("ws_1");
        let mut registry = Registry::with_capacity(1);
        assert_eq!(Lookup::of(&registry, None), Lookup::NoId);
        assert_eq!(Lookup::of(&registry, Some(&id)), Lookup::Missing);
        let _ = registry.register(&id, &"alice".into(), OWNER, Time::ZERO);
        assert_eq!(Lookup::of(&registry, Some(&id)), Lookup::CannotProcess);
        let machine = registry.get(&id).expect("it was registered");
        for to in [
            ConnectionState::Accepted,
            ConnectionState::Authenticated,
            ConnectionState::ServicesReady,
            ConnectionState::ProcessingReady,
        ] {
            let _ = machine.borrow_mut().request(to, "set-up", Time::ZERO);
        }
        assert_eq!(Lookup::of(&registry, Some(&id)), Lookup::CanProcess);
    }

    #[test]
    fn ready_for_messages_by_machine() {
        let answers = |missing| LOOKUPS.map(|l| is_connection_ready_for_messages(l, missing));
        assert_eq!(answers(Ready), [true, true, true, false, false]);
        assert_eq!(answers(NotReady), [false, false, true, false, false]);
    }

    #[test]
    fn the_gate_is_skipped_without_a_machine_and_waits_for_a_stuck_one() {
        let gates = |missing| LOOKUPS.map(|lookup| loop_entry_gate(lookup, missing));
        use LoopEntryGate::*;
        assert_eq!(gates(Ready), [Skipped, Skipped, Open, Wait, Skipped]);
        assert_eq!(gates(NotReady), [Closed, Closed, Open, Wait, Closed]);
    }
}
