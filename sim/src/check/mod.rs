//! What judges a trace: invariants, marks and figures of merit. It sees events and nothing else: no
//! simulator, no scheduler, no world.
//!
//! - [`invariants`]: named rules, the checker that asks them, and their bounds;
//! - [`violation`]: a broken invariant as it is reported, and its signature;
//! - [`marks`]: rare states that a sweep must have reached;
//! - [`premises`]: what must have occurred for an invariant to have been put to the test;
//! - [`faults`]: what became of each fault;
//! - `facts`: what the judges know of the protocol by themselves;
//! - [`figures`]: figures of merit of a run, and how those of several runs are added up;
//! - `per_client`: a table of clients or connections.

pub(crate) mod about;
mod facts;
pub mod faults;
pub mod figures;
pub mod invariants;
pub mod marks;
pub(crate) mod per_client;
pub mod premises;
pub mod violation;

pub use violation::{Signature, Violation};
