//! The gateway's connection protocol: what a gateway team would ship.
//!
//! The **pure core** is plain data and functions: connection states and their table
//! ([`core::machine`]), the registry, the handshake coordinator, breakers, readiness, tokens, the
//! queue of early frames, the book of the [`core::ledger`], close codes. The **async shell**
//! ([`gateway`] and what it calls) is ordinary sequential `async fn`s over two small traits,
//! [`port::env::Env`] and [`port::socket::Socket`], so that every `.await` is exactly a point where
//! another task of the same container may run.
//!
//! Folders are layers, and each uses only what stands before it: [`design`], [`core`], [`event`],
//! [`port`], `historical` (behaviour that only old revisions have), [`gateway`]. docs/protocol.md
//! has the facts of the original gateway that the modules implement.
//!
//! Deliberately absent: a simulator, a clock, randomness, threads, files. What a revision of the
//! protocol decided differently is an answer in a [`design::Design`]; code is named after the
//! behaviour and never after a revision.

pub mod core;
pub mod design;
pub mod event;
pub mod gateway;
mod historical;
pub mod port;
#[cfg(test)]
mod testing;
