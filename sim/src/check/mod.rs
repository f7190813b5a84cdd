//! What judges a trace: invariants, marks and figures of merit.

pub mod figures;
pub mod invariants;
pub mod marks;
pub(crate) mod per_client;
