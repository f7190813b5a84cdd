//! The states of the application connection machine (docs/protocol.md#connection-states).

use serde::{Deserialize, Serialize};

/// The state of a connection. The docs say how it is reached.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ConnectionState {
    /// Registered; nothing has happened yet.
    Connecting,
    /// The upgrade was answered with 101.
    Accepted,
    /// A user is bound to the connection.
    Authenticated,
    /// The services that a message needs are there.
    ServicesReady,
    /// Messages may be handled.
    ProcessingReady,
    /// A message is being handled.
    Processing,
    /// Ready, and nothing to do.
    Idle,
    /// Some service is missing; messages may be handled if enough of the set-up was completed.
    Degraded,
    /// A degraded connection that is being brought back.
    Reconnecting,
    /// An orderly end has begun.
    Closing,
    /// The orderly end is complete.
    Closed,
    /// Too many invalid requests, or forced.
    Failed,
}

impl ConnectionState {
    /// Every state, in the order of the table.
    pub const ALL: [ConnectionState; 12] = [
        Self::Connecting,
        Self::Accepted,
        Self::Authenticated,
        Self::ServicesReady,
        Self::ProcessingReady,
        Self::Processing,
        Self::Idle,
        Self::Degraded,
        Self::Reconnecting,
        Self::Closing,
        Self::Closed,
        Self::Failed,
    ];

    /// The operational set, which is also the ready set.
    pub fn is_ready(self) -> bool {
        use ConnectionState::*;
        match self {
            ProcessingReady | Processing | Idle | Degraded => true,
            Connecting | Accepted | Authenticated | ServicesReady | Reconnecting | Closing
            | Closed | Failed => false,
        }
    }

    /// CONNECTING, ACCEPTED, AUTHENTICATED and SERVICES_READY.
    pub fn is_setup(self) -> bool {
        self.setup_rank().is_some_and(|rank| rank < 4)
    }

    /// CLOSED and FAILED.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Closed | Self::Failed)
    }

    /// 0 for CONNECTING up to 4 for PROCESSING_READY; none for the states outside the set-up
    /// order (invariant I-04).
    pub fn setup_rank(self) -> Option<u8> {
        use ConnectionState::*;
        match self {
            Connecting => Some(0),
            Accepted => Some(1),
            Authenticated => Some(2),
            ServicesReady => Some(3),
            ProcessingReady => Some(4),
            Processing | Idle | Degraded | Reconnecting | Closing | Closed | Failed => None,
        }
    }

    /// The name as the production logs print it, for example `PROCESSING_READY`.
    pub fn name(self) -> &'static str {
        self.into()
    }
}
