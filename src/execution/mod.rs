//! Runs on worker threads, watched by a wall clock and by Ctrl-C; the self-check.

pub mod args;
pub mod clock;
pub mod determinism;
pub mod interrupt;
pub mod pool;
