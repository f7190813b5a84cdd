//! What happened in a run: events of the protocol and of the world, in order.

pub mod divergence;
pub mod event;
pub mod request;
pub mod sink;
