//! What happened in a run: events of the protocol and of the world, in order.

mod actor;
pub mod divergence;
pub mod event;
mod names;
pub mod request;
pub mod sink;
pub mod vocabulary;
