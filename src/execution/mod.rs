//! Worker threads, the wall clock, Ctrl-C, and the self-check of a run.

pub mod args;
pub mod clock;
pub mod determinism;
pub mod interrupt;
pub mod pool;
