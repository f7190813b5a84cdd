//! "Is this connection ready?", asked in nine ways (protocol.md 4).
//!
//! Each function is pure: it is given what it may look at. They disagree with one another, which
//! is the point of having all of them. In sum a connection whose machine is missing, or is asked
//! for under the wrong id, passes; one whose machine is there and stuck does not.

use std::time::Duration;

use crate::{
    core::{
        environment::Environment, handshake::RacePattern, ids::ConnectionId, machine::Machine,
        registry::Registry,
    },
    port::socket::{Flags, TransportState},
};

/// The least time limit of the handshake validation in the cloud, halved before use.
const HANDSHAKE_VALIDATION_MIN: Duration = Duration::from_secs(2);

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
    /// Headers.
    Headers,
    /// The address of the peer.
    ClientInfo,
}

impl Attribute {
    /// Everything a socket of the framework has.
    pub const ALL: &'static [Attribute] = &[
        Self::Receive,
        Self::Send,
        Self::SendJson,
        Self::Queues,
        Self::WebsocketScope,
        Self::Headers,
        Self::ClientInfo,
    ];
}

impl From<Flags> for SocketView<'_> {
    /// A socket of the framework.
    fn from(flags: Flags) -> Self {
        SocketView {
            client: Some(flags.client),
            application: Some(flags.application),
            attributes: Attribute::ALL,
        }
    }
}

impl SocketView<'_> {
    fn has(self, attribute: Attribute) -> bool {
        self.attributes.contains(&attribute)
    }
}

/// An answer together with the pattern the throw-away detector noted on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The answer.
    pub ready: bool,
    /// The pattern, if one was noted.
    pub pattern: Option<RacePattern>,
}

/// What the loop-entry gate does (step 34).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Lets the connection in: its machine is ready.
    Open,
    /// Lets the connection in without having looked at anything: there is no machine.
    Skipped,
    /// Polls the machine, which is there and not ready.
    Wait,
    /// Keeps the connection out: there is no machine to wait for.
    Closed,
}

/// `is_connection_ready_for_messages` (CSM 810-826).
pub fn is_connection_ready_for_messages(lookup: Lookup, missing: MissingMachine) -> bool {
    match lookup {
        Lookup::CanProcess => true,
        Lookup::CannotProcess | Lookup::Failed => false,
        Lookup::Missing | Lookup::NoId => missing.is_ready(),
    }
}

/// `is_websocket_connected` (UTL 115-229): client_state where there is one, else application_state,
/// else, if the object can receive at all, whatever else it has.
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

/// `is_websocket_connected_and_ready` (UTL 232-426): the transport as far as client_state knows it,
/// and the machine if an id was given. Never looks at application_state. Historically a missing
/// machine means [`MissingMachine::Ready`] in every environment.
pub fn is_websocket_connected_and_ready(
    socket: SocketView<'_>,
    lookup: Lookup,
    missing: MissingMachine,
    environment: Environment,
) -> Answer {
    let transport = is_websocket_connected(socket, environment)
        && socket
            .client
            .is_none_or(|state| state == TransportState::Connected)
        && socket.has(Attribute::Receive)
        && socket.has(Attribute::Send);
    if !transport {
        return Answer {
            ready: false,
            pattern: None,
        };
    }
    let noted = |pattern| environment.is_cloud().then_some(pattern);
    let (ready, pattern) = match lookup {
        Lookup::NoId => (true, noted(RacePattern::ConnectionValidationWithoutId)),
        Lookup::Missing => (
            missing.is_ready(),
            noted(RacePattern::MissingStateMachineDuringConnectionValidation),
        ),
        Lookup::CanProcess => (true, None),
        Lookup::CannotProcess => (false, None),
        Lookup::Failed => (!environment.is_cloud(), None),
    };
    Answer { ready, pattern }
}

/// `validate_connection_with_race_detection` (UTL 1284): makes a handshake coordinator, ignores it,
/// and answers as [`is_websocket_connected_and_ready`] does.
pub fn validate_connection_with_race_detection(
    socket: SocketView<'_>,
    lookup: Lookup,
    missing: MissingMachine,
    environment: Environment,
) -> Answer {
    is_websocket_connected_and_ready(socket, lookup, missing, environment)
}

/// The time limit of the one frame that `validate_websocket_handshake_completion` sends
/// (UTL 429-515). Called bidirectional, it receives nothing.
pub fn handshake_validation_time_limit(timeout: Duration, environment: Environment) -> Duration {
    if environment.is_cloud() {
        timeout.max(HANDSHAKE_VALIDATION_MIN) / 2
    } else {
        timeout
    }
}

/// The loop-entry gate (step 34).
pub fn loop_entry_gate(lookup: Lookup, missing: MissingMachine) -> Gate {
    match (lookup, missing) {
        (Lookup::CanProcess, _) => Gate::Open,
        (Lookup::CannotProcess, _) => Gate::Wait,
        (Lookup::NoId | Lookup::Missing | Lookup::Failed, MissingMachine::Ready) => Gate::Skipped,
        (Lookup::NoId | Lookup::Missing | Lookup::Failed, MissingMachine::NotReady) => Gate::Closed,
    }
}

/// The check of application_state in the later revisions' loop (step 35a).
pub fn is_application_connected(socket: SocketView<'_>) -> bool {
    socket.application == Some(TransportState::Connected)
}

/// `_is_websocket_valid_for_auth` (AUTH 638): anything that has headers and is not known to be
/// gone.
pub fn is_valid_for_auth(socket: SocketView<'_>) -> bool {
    socket.has(Attribute::Headers) && socket.client != Some(TransportState::Disconnected)
}

/// The authenticator's handshake check (AUTH 802-850); whatever it says, authentication goes on.
pub fn is_handshake_settled(socket: SocketView<'_>, environment: Environment) -> bool {
    let described = socket.has(Attribute::ClientInfo) && socket.has(Attribute::Headers);
    socket.client == Some(TransportState::Connected) && (described || !environment.is_cloud())
}

/// `is_connection_active` of the managers (UM 741, WMF 969): the user has a connection object;
/// whether its socket lives is not asked.
pub fn is_connection_active(connections: usize) -> bool {
    connections > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::SocketId;
    use crate::core::state::ConnectionState;
    use crate::core::time::Time;
    use {Environment::*, MissingMachine::*, TransportState::*};

    const LOOKUPS: [Lookup; 5] = [
        Lookup::NoId,
        Lookup::Missing,
        Lookup::CanProcess,
        Lookup::CannotProcess,
        Lookup::Failed,
    ];

    fn socket(client: TransportState, application: TransportState) -> SocketView<'static> {
        SocketView::from(Flags {
            client,
            application,
        })
    }

    /// A socket object without flags.
    fn bare(attributes: &'static [Attribute]) -> SocketView<'static> {
        SocketView {
            client: None,
            application: None,
            attributes,
        }
    }

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
    fn connected_follows_client_state_whatever_the_application_did() {
        for environment in Environment::ALL {
            for application in [Connecting, Connected, Disconnected] {
                assert!(is_websocket_connected(
                    socket(Connected, application),
                    environment
                ));
                assert!(!is_websocket_connected(
                    socket(Connecting, application),
                    environment
                ));
                assert!(!is_websocket_connected(
                    socket(Disconnected, application),
                    environment
                ));
            }
        }
    }

    #[test]
    fn connected_falls_back_on_whatever_the_object_has() {
        use Attribute::*;
        let table: [(SocketView<'_>, bool, bool); 7] = [
            // What it has, the answer in the cloud, the answer elsewhere.
            (
                SocketView {
                    application: Some(Connected),
                    ..bare(&[])
                },
                true,
                true,
            ),
            (
                SocketView {
                    application: Some(Disconnected),
                    ..bare(Attribute::ALL)
                },
                false,
                false,
            ),
            (bare(&[Send, Queues, SendJson]), false, false),
            (bare(&[Receive]), false, true),
            (bare(&[Receive, Queues]), true, true),
            (bare(&[Receive, WebsocketScope]), true, true),
            (bare(&[Receive, SendJson]), true, true),
        ];
        for (socket, cloud, elsewhere) in table {
            assert_eq!(is_websocket_connected(socket, Staging), cloud, "{socket:?}");
            assert_eq!(
                is_websocket_connected(socket, Production),
                cloud,
                "{socket:?}"
            );
            assert_eq!(
                is_websocket_connected(socket, Development),
                elsewhere,
                "{socket:?}"
            );
        }
    }

    #[test]
    fn connected_and_ready_fails_open_for_everything_but_a_stuck_machine() {
        let connected = socket(Connected, Disconnected);
        let answers = |missing, environment| {
            LOOKUPS.map(|lookup| {
                is_websocket_connected_and_ready(connected, lookup, missing, environment).ready
            })
        };
        // No id, missing, can process, cannot process, look-up failed.
        assert_eq!(answers(Ready, Staging), [true, true, true, false, false]);
        assert_eq!(answers(Ready, Development), [true, true, true, false, true]);
        assert_eq!(
            answers(NotReady, Staging),
            [true, false, true, false, false]
        );
        assert_eq!(answers(NotReady, Testing), [true, false, true, false, true]);
    }

    #[test]
    fn connected_and_ready_notes_its_patterns_only_in_the_cloud() {
        let patterns = |environment| {
            LOOKUPS.map(|lookup| {
                let socket = socket(Connected, Connected);
                validate_connection_with_race_detection(socket, lookup, Ready, environment).pattern
            })
        };
        let in_cloud = [
            Some(RacePattern::ConnectionValidationWithoutId),
            Some(RacePattern::MissingStateMachineDuringConnectionValidation),
            None,
            None,
            None,
        ];
        assert_eq!(patterns(Production), in_cloud);
        assert_eq!(patterns(Development), [None; 5]);
    }

    #[test]
    fn connected_and_ready_needs_a_transport_that_sends_and_receives() {
        for socket in [
            socket(Connecting, Connected),
            socket(Disconnected, Connected),
            bare(&[Attribute::Receive, Attribute::Queues]),
        ] {
            let answer =
                is_websocket_connected_and_ready(socket, Lookup::CanProcess, Ready, Staging);
            assert_eq!((answer.ready, answer.pattern), (false, None), "{socket:?}");
        }
    }

    #[test]
    fn the_gate_is_skipped_without_a_machine_and_waits_for_a_stuck_one() {
        let gates = |missing| LOOKUPS.map(|lookup| loop_entry_gate(lookup, missing));
        use Gate::*;
        assert_eq!(gates(Ready), [Skipped, Skipped, Open, Wait, Skipped]);
        assert_eq!(gates(NotReady), [Closed, Closed, Open, Wait, Closed]);
    }

    #[test]
    fn the_other_checks_look_at_one_thing_each() {
        assert!(is_application_connected(socket(Disconnected, Connected)));
        assert!(!is_application_connected(socket(Connected, Disconnected)));
        assert!(!is_application_connected(bare(Attribute::ALL)));

        assert!(is_valid_for_auth(socket(Connecting, Disconnected)));
        assert!(!is_valid_for_auth(socket(Disconnected, Connected)));
        assert!(!is_valid_for_auth(bare(&[Attribute::Receive])));

        let undescribed = SocketView {
            attributes: &[Attribute::Headers],
            ..socket(Connected, Connected)
        };
        assert!(is_handshake_settled(undescribed, Development));
        assert!(!is_handshake_settled(undescribed, Staging));
        assert!(is_handshake_settled(socket(Connected, Connecting), Staging));
        assert!(!is_handshake_settled(
            socket(Connecting, Connected),
            Testing
        ));

        assert!(is_connection_active(1));
        assert!(!is_connection_active(0));
    }

    #[test]
    fn the_handshake_frame_gets_half_of_at_least_two_seconds_in_the_cloud() {
        let secs = Duration::from_secs;
        for (environment, timeout, limit) in [
            (Staging, secs(1), secs(1)),
            (Production, secs(2), secs(1)),
            (Production, secs(6), secs(3)),
            (Development, secs(1), secs(1)),
        ] {
            assert_eq!(handshake_validation_time_limit(timeout, environment), limit);
        }
    }
}
