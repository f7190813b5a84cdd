//! The gateway: ordinary async functions over the ports.

pub mod agent;
pub mod app_state;
pub mod auth;
pub(crate) mod auth_client;
pub mod calls;
pub mod connection;
pub mod container;
pub mod delivery;
pub(crate) mod emission;
pub(crate) mod endpoint;
pub mod heartbeat;
pub mod inbox;
pub mod initializer;
pub mod journal;
pub mod lock;
pub mod manager;
pub mod managers;
pub(crate) mod middleware;
pub mod readiness;
pub(crate) mod readiness_guard;
pub mod resume;
pub mod router;
pub mod services;
pub(crate) mod sleep_patch;
pub mod startup;
pub(crate) mod test_traffic;
