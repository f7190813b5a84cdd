//! A trace for people: events in words, and the state of every actor at any event.

pub mod describe;
pub mod snapshot;
