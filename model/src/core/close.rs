//! Close codes (RFC 6455, section 7.4): the one that is true for a cause, and those of the historical
//! error handler.
//!
//! Implements docs/protocol.md#close-codes and docs/protocol.md#i-14.

use crate::core::{names::names, services::Component};

/// Longest reason on the wire, in bytes (RFC 6455, 5.5: 125 less the code).
pub const MAX_REASON_BYTES: usize = 123;
/// Characters to which the outer error handler cuts its reasons (docs/protocol.md#component-codes).
pub const MAX_COMPONENT_REASON_CHARS: usize = 50;

/// Normal closure.
pub const NORMAL: u16 = 1000;
/// Going away.
pub const GOING_AWAY: u16 = 1001;
/// Never on the wire: a close frame without a code.
pub const NO_STATUS: u16 = 1005;
/// Never on the wire: no close frame.
pub const ABNORMAL: u16 = 1006;
/// Policy violation; to the browser client, and only this: authentication failed.
pub const POLICY_VIOLATION: u16 = 1008;
/// Internal error.
pub const INTERNAL_ERROR: u16 = 1011;
/// Service restart.
pub const SERVICE_RESTART: u16 = 1012;
/// Try again later.
pub const TRY_AGAIN_LATER: u16 = 1013;

names! {
    /// The true reason for the end of a connection.
    CloseCause {
        /// The peer went away or closed first.
        PeerGone => "peer-gone",
        /// Everything was done and the server ends the connection in order.
        Finished => "finished",
        /// The client is at fault: no token, a bad token, an expired token.
        NotAuthenticated => "not-authenticated",
        /// The client broke the protocol: malformed or oversize frames without end.
        ClientMisbehaved => "client-misbehaved",
        /// Too many connections, or too fast.
        Overload => "overload",
        /// A service or the container is not ready; trying again later may work.
        NotReady => "not-ready",
        /// Authentication could not be decided, and the client is not to blame.
        AuthUnavailable => "auth-unavailable",
        /// The server failed inside.
        ServerFault => "server-fault",
        /// The container is going away.
        GoingAway => "going-away",
        /// The peer stopped answering the heartbeat.
        PeerSilent => "peer-silent",
    }
}

/// The code that is true for `cause`; normal closure if the peer is gone, so that any code will do.
///
/// A silent peer is most likely gone; if it is not, it reads the close late. 1001 says that the server
/// has left and accuses no side.
pub fn honest_code(cause: CloseCause) -> u16 {
    match cause {
        CloseCause::PeerGone | CloseCause::Finished => NORMAL,
        CloseCause::NotAuthenticated | CloseCause::ClientMisbehaved => POLICY_VIOLATION,
        CloseCause::Overload | CloseCause::NotReady | CloseCause::AuthUnavailable => {
            TRY_AGAIN_LATER
        }
        CloseCause::ServerFault => INTERNAL_ERROR,
        CloseCause::GoingAway => SERVICE_RESTART,
        CloseCause::PeerSilent => GOING_AWAY,
    }
}

/// The component that the outer error handler blames, guessed from the error's text
/// (docs/protocol.md#component-codes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlamedComponent {
    /// Authentication.
    Auth,
    /// The manager factory.
    Factory,
    /// The message handler.
    Handler,
    /// The database.
    Database,
    /// Any other dependency.
    Dependency,
    /// Redis.
    Redis,
    /// The supervisor.
    Supervisor,
    /// The bridge between agents and sockets.
    Bridge,
    /// Integration.
    Integration,
    /// None of these.
    Generic,
}

impl BlamedComponent {
    /// Every component, in the order of the map.
    pub const ALL: [BlamedComponent; 10] = [
        Self::Auth,
        Self::Factory,
        Self::Handler,
        Self::Database,
        Self::Dependency,
        Self::Redis,
        Self::Supervisor,
        Self::Bridge,
        Self::Integration,
        Self::Generic,
    ];

    /// The code it is closed with, legal or not (docs/protocol.md#component-codes,
    /// docs/protocol.md#d47).
    pub fn close_code(self) -> u16 {
        match self {
            Self::Auth => 1002,
            Self::Factory => 1003,
            Self::Handler => 1004,
            Self::Database => 1005,
            Self::Dependency => 1006,
            Self::Redis => 1007,
            Self::Supervisor => 1008,
            Self::Bridge => 1009,
            Self::Integration => 1010,
            Self::Generic => 1011,
        }
    }

    /// The name in the reason.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "AUTH",
            Self::Factory => "FACTORY",
            Self::Handler => "HANDLER",
            Self::Database => "DATABASE",
            Self::Dependency => "DEPENDENCY",
            Self::Redis => "REDIS",
            Self::Supervisor => "SUPERVISOR",
            Self::Bridge => "BRIDGE",
            Self::Integration => "INTEGRATION",
            Self::Generic => "GENERIC",
        }
    }

    /// The part of the map under which a missing component of the container falls.
    pub fn of(missing: Component) -> Self {
        match missing {
            Component::Database => Self::Database,
            Component::Redis => Self::Redis,
            Component::AuthSystem => Self::Auth,
            Component::AgentSupervisor => Self::Supervisor,
            Component::ThreadService => Self::Dependency,
            Component::WebsocketBridge => Self::Bridge,
        }
    }

    /// `<component>: <message>`, cut to [`MAX_COMPONENT_REASON_CHARS`].
    pub fn reason(self, message: &str) -> String {
        let whole = format!("{}: {message}", self.name());
        whole.chars().take(MAX_COMPONENT_REASON_CHARS).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d47_the_component_map_holds_four_codes_a_server_must_not_send() {
        let codes = BlamedComponent::ALL.map(BlamedComponent::close_code);
        // Reserved, two that stand for what is no close frame, and one for clients only.
        for illegal in [1004, 1005, 1006, 1010] {
            assert!(codes.contains(&illegal), "{illegal}");
        }
    }

    #[test]
    fn reasons_fit_the_wire() {
        let reason = BlamedComponent::Supervisor.reason(&"é".repeat(200));
        assert_eq!(reason.chars().count(), MAX_COMPONENT_REASON_CHARS);
        assert!(reason.len() <= MAX_REASON_BYTES);
    }
}
