//! The simulated world around the gateway: scheduler, network, balancer, containers, services,
//! clients, and the observer that checks invariants. The only crate that names madsim.
//!
//! `scenario -> plan -> world -> event -> invariants, marks, figures -> outcome`, each in a module
//! of its name. `faults` is what goes wrong in the world, and how it all ends. `describe` has events
//! in words, `moment` what they add up to: everybody's state after any number of them.

#[cfg(not(madsim))]
compile_error!(
    "gatesim needs `--cfg madsim`, which .cargo/config.toml sets; a RUSTFLAGS environment variable \
     overrides it: unset RUSTFLAGS (or add `--cfg madsim` to it) and build again"
);

pub mod check;
pub mod plan;
pub mod run;
pub mod scheduler;
#[cfg(test)]
mod testing;
pub mod trace;
pub mod view;
pub mod world;

pub use run::{Options, STEP_LIMIT, Until, run};
