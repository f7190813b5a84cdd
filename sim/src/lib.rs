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

mod balancer;
pub mod bounds;
pub mod causes;
pub mod choices;
mod client;
pub mod describe;
pub mod event;
mod faults;
pub mod figures;
mod fleet;
pub mod gate;
pub mod invariants;
pub mod link;
pub mod marks;
pub mod moment;
pub mod network;
pub mod outcome;
pub mod parting;
mod per_client;
pub mod plan;
mod process;
pub mod recorder;
mod run;
pub mod scenario;
mod server;
mod service;
mod socket;
#[cfg(test)]
mod testing;
mod world;

pub use run::{Options, STEP_LIMIT, Until, run};
