//! Close codes: which are legal, which are true (RFC 6455, section 7.4).
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
/// Protocol error.
pub const PROTOCOL_ERROR: u16 = 1002;
/// Unsupported data.
pub const UNSUPPORTED_DATA: u16 = 1003;
/// Never on the wire: a close frame without a code.
pub const NO_STATUS: u16 = 1005;
/// Never on the wire: no close frame.
pub const ABNORMAL: u16 = 1006;
/// Invalid payload.
pub const INVALID_PAYLOAD: u16 = 1007;
/// Policy violation; to the browser client, and only this: authentication failed.
pub const POLICY_VIOLATION: u16 = 1008;
/// Message too big.
pub const MESSAGE_TOO_BIG: u16 = 1009;
/// A client misses an extension; not for servers.
pub const MANDATORY_EXTENSION: u16 = 1010;
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

/// Whether a close frame may carry `code` at all. 1004 is reserved, 1005, 1006 and 1015 are
/// names for things that are not close frames, 1016 to 2999 are for future standards; 3000 to 4999
/// belong to libraries and applications.
pub fn is_legal_on_wire(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Whether a server may send `code`: 1010 says what a *client* misses.
pub fn may_server_send(code: u16) -> bool {
    is_legal_on_wire(code) && code != MANDATORY_EXTENSION
}

/// The codes that are true for `cause`, the one to prefer first. Empty if the peer is gone,
/// so that any code will do.
///
/// A silent peer is most likely gone; if it is not, it reads the close late. 1001 says that the
/// server has left and accuses no side; 1002 (the peer broke the rule of answering) and 1011 (what
/// common libraries send) are also true.
pub fn truthful_codes(cause: CloseCause) -> &'static [u16] {
    match cause {
        CloseCause::PeerGone => &[],
        CloseCause::Finished => &[NORMAL],
        CloseCause::NotAuthenticated => &[POLICY_VIOLATION],
        CloseCause::ClientMisbehaved => &[
            POLICY_VIOLATION,
            MESSAGE_TOO_BIG,
            INVALID_PAYLOAD,
            UNSUPPORTED_DATA,
            PROTOCOL_ERROR,
        ],
        CloseCause::Overload | CloseCause::NotReady | CloseCause::AuthUnavailable => {
            &[TRY_AGAIN_LATER]
        }
        CloseCause::ServerFault => &[INTERNAL_ERROR],
        CloseCause::GoingAway => &[SERVICE_RESTART, GOING_AWAY],
        CloseCause::PeerSilent => &[GOING_AWAY, PROTOCOL_ERROR, INTERNAL_ERROR],
    }
}

/// The code an honest server sends.
pub fn honest_code(cause: CloseCause) -> u16 {
    truthful_codes(cause).first().copied().unwrap_or(NORMAL)
}

/// The HTTP statuses that are true for `cause`, where an upgrade is refused with one.
pub fn truthful_statuses(cause: CloseCause) -> &'static [u16] {
    match cause {
        CloseCause::PeerGone | CloseCause::Finished | CloseCause::PeerSilent => &[],
        CloseCause::NotAuthenticated => &[401, 403],
        CloseCause::ClientMisbehaved => &[400, 403],
        CloseCause::Overload => &[429, 503],
        CloseCause::NotReady | CloseCause::AuthUnavailable | CloseCause::GoingAway => &[503],
        CloseCause::ServerFault => &[500],
    }
}

/// Whether a close with `code` is legal and true for `cause`.
pub fn is_truthful(cause: CloseCause, code: u16) -> bool {
    let codes = truthful_codes(cause);
    may_server_send(code) && (codes.is_empty() || codes.contains(&code))
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
    fn legality_follows_the_standard() {
        for (codes, on_wire, by_server) in [
            (0..=999, false, false),
            (1000..=1003, true, true),
            (1004..=1006, false, false),
            (1007..=1009, true, true),
            (1010..=1010, true, false),
            (1011..=1014, true, true),
            (1015..=2999, false, false),
            (3000..=4999, true, true),
            (5000..=u16::MAX, false, false),
        ] {
            for code in codes {
                assert_eq!(is_legal_on_wire(code), on_wire, "{code}");
                assert_eq!(may_server_send(code), by_server, "{code}");
            }
        }
    }

    #[test]
    fn every_truthful_code_may_be_sent() {
        for &cause in CloseCause::ALL {
            for &code in truthful_codes(cause) {
                assert!(is_truthful(cause, code), "{cause}: {code}");
            }
            assert!(is_truthful(cause, honest_code(cause)), "{cause}");
        }
    }

    #[test]
    fn the_historical_answers_are_judged() {
        for (cause, code, truthful) in [
            (CloseCause::NotAuthenticated, POLICY_VIOLATION, true),
            (CloseCause::NotAuthenticated, INTERNAL_ERROR, false),
            (CloseCause::AuthUnavailable, POLICY_VIOLATION, false),
            (CloseCause::AuthUnavailable, TRY_AGAIN_LATER, true),
            (CloseCause::Overload, POLICY_VIOLATION, false),
            (CloseCause::NotReady, NORMAL, false),
            (CloseCause::ServerFault, ABNORMAL, false),
            (CloseCause::GoingAway, GOING_AWAY, true),
            (CloseCause::PeerGone, INTERNAL_ERROR, true),
            (CloseCause::PeerGone, ABNORMAL, false),
            (CloseCause::NotAuthenticated, 401, false),
        ] {
            assert_eq!(is_truthful(cause, code), truthful, "{cause}: {code}");
        }
    }

    #[test]
    fn d47_the_component_map_holds_four_codes_a_server_must_not_send() {
        let illegal: Vec<u16> = BlamedComponent::ALL
            .map(BlamedComponent::close_code)
            .into_iter()
            .filter(|&code| !may_server_send(code))
            .collect();
        assert_eq!(illegal, [1004, 1005, 1006, 1010]);
    }

    #[test]
    fn reasons_fit_the_wire() {
        let reason = BlamedComponent::Supervisor.reason(&"é".repeat(200));
        assert_eq!(reason.chars().count(), MAX_COMPONENT_REASON_CHARS);
        assert!(reason.len() <= MAX_REASON_BYTES);
    }
}
