//! The states of a connection's machine, as the judges see them.

use gatesim_model::core::state::ConnectionState;

/// Whether messages may be handled (`docs/protocol.md#connection-states`, the ready set).
pub(crate) fn is_ready(state: ConnectionState) -> bool {
    match state {
        ConnectionState::ProcessingReady
        | ConnectionState::Processing
        | ConnectionState::Idle
        | ConnectionState::Degraded => true,
        ConnectionState::Connecting
        | ConnectionState::Accepted
        | ConnectionState::Authenticated
        | ConnectionState::ServicesReady
        | ConnectionState::Reconnecting
        | ConnectionState::Closing
        | ConnectionState::Closed
        | ConnectionState::Failed => false,
    }
}

/// Whether the machine says itself that the connection is over, before the close or the end of
/// the endpoint can show it.
pub(crate) fn is_ending(state: ConnectionState) -> bool {
    match state {
        ConnectionState::Closing | ConnectionState::Closed | ConnectionState::Failed => true,
        ConnectionState::Connecting
        | ConnectionState::Accepted
        | ConnectionState::Authenticated
        | ConnectionState::ServicesReady
        | ConnectionState::ProcessingReady
        | ConnectionState::Processing
        | ConnectionState::Idle
        | ConnectionState::Degraded
        | ConnectionState::Reconnecting => false,
    }
}

/// The rank in the order of the set-up (`docs/protocol.md#i-04`); none for the other states.
pub(crate) fn setup_rank(state: ConnectionState) -> Option<u8> {
    match state {
        ConnectionState::Connecting => Some(0),
        ConnectionState::Accepted => Some(1),
        ConnectionState::Authenticated => Some(2),
        ConnectionState::ServicesReady => Some(3),
        ConnectionState::ProcessingReady => Some(4),
        ConnectionState::Processing
        | ConnectionState::Idle
        | ConnectionState::Degraded
        | ConnectionState::Reconnecting
        | ConnectionState::Closing
        | ConnectionState::Closed
        | ConnectionState::Failed => None,
    }
}
