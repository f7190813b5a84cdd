//! The simulated world around the gateway. The only crate that names madsim.
#[cfg(not(madsim))]
compile_error!(
    "gatesim needs `--cfg madsim`, which .cargo/config.toml sets; a RUSTFLAGS environment variable \
     overrides it: unset RUSTFLAGS (or add `--cfg madsim` to it) and build again"
);

pub mod choices;
pub mod event;
pub mod gate;
pub mod invariants;
pub mod outcome;
