//! The gateway's connection protocol: what a gateway team would ship.
//!
//! Two layers. The **pure core** is plain data and functions: connection states and their table
//! ([`machine`]), the registry, the handshake coordinator, breakers, readiness, tokens, the queue
//! of early frames, the book of the [`ledger`], close codes. The **async shell** ([`endpoint`] and
//! what it calls) is ordinary sequential `async fn`s over two small traits, [`env::Env`] and
//! [`socket::Socket`], so that every `.await` is exactly a point where another task of the same
//! container may run.
//!
//! Deliberately absent: a simulator, a clock, randomness, threads, files. What a revision of the
//! protocol decided differently is an answer in a [`design::Design`]; code is named after the
//! behaviour and never after a revision.

pub mod admission;
pub mod agent;
pub mod app_state;
pub mod auth;
mod auth_client;
pub mod breaker;
pub mod calls;
pub mod close;
pub mod connection;
pub mod container;
pub mod coordinator;
pub mod delivery;
pub mod design;
mod emission;
mod endpoint;
pub mod env;
pub mod environment;
pub mod event;
pub mod handshake;
pub mod heartbeat;
pub mod identity;
pub mod ids;
pub mod inbox;
pub mod initializer;
pub mod journal;
pub mod ledger;
pub mod lock;
pub mod machine;
pub mod manager;
pub mod managers;
pub mod message;
pub mod message_queue;
mod middleware;
pub mod readiness;
mod readiness_guard;
pub mod registry;
pub mod resume;
pub mod router;
pub mod services;
mod sleep_patch;
pub mod socket;
pub mod startup;
pub mod state;
mod test_traffic;
#[cfg(test)]
mod testing;
pub mod time;
pub mod token;
pub mod wait;
