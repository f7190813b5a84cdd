//! The backing services, and the components that a container needs before it can serve.
//!
//! Implements docs/protocol.md#service-validation.

use serde::{Deserialize, Serialize};

use crate::core::names::names;

/// The backing services, each a process of its own.
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
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Service {
    /// The authentication service.
    Auth,
    /// Redis.
    Redis,
    /// The database.
    Database,
    /// The supervisor that runs agents.
    Supervisor,
}

impl Service {
    /// All of them.
    pub const ALL: [Service; 4] = [Self::Auth, Self::Redis, Self::Database, Self::Supervisor];
}

names! {
    /// Components whose presence decides whether a container can serve
    /// (docs/protocol.md#service-validation).
    Component {
        /// Session factory present and flagged available.
        Database => "database",
        /// Connected flag.
        Redis => "redis",
        /// Authenticator present.
        AuthSystem => "auth_system",
        /// `app_state.agent_supervisor`.
        AgentSupervisor => "agent_supervisor",
        /// `app_state.thread_service`.
        ThreadService => "thread_service",
        /// `app_state.agent_websocket_bridge`; important, not critical.
        WebsocketBridge => "websocket_bridge",
    }
}
