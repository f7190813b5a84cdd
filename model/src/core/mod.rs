//! The pure core: plain data and functions, without tasks, clock or surroundings.

pub mod admission;
pub mod breaker;
pub mod close;
pub mod coordinator;
pub mod environment;
pub mod handshake;
pub mod identity;
pub mod ids;
pub mod ledger;
pub mod machine;
pub mod message;
pub mod message_queue;
pub(crate) mod names;
pub mod registry;
pub mod services;
pub mod state;
pub mod time;
pub mod token;
pub mod upgrade;
