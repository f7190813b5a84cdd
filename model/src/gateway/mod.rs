//! The gateway: ordinary async functions over the ports.

pub mod agent;
pub mod app_state;
pub mod auth;
pub mod calls;
pub mod connection;
pub mod container;
pub mod delivery;
pub mod dispatch;
pub(crate) mod emission;
pub(crate) mod endpoint;
pub mod heartbeat;
pub mod inbox;
pub mod initializer;
pub mod journal;
pub(crate) mod lifecycle;
pub mod lock;
pub mod managers;
pub(crate) mod middleware;
pub mod readiness;
pub mod resume;
pub mod router;
pub mod services;
pub mod startup;
