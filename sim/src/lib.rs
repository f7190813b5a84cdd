//! The simulated world around the gateway: one deterministic run of a plan under a design, and
//! what is to be said of it. The only crate that names madsim.
//!
//! # Layers
//!
//! A run is data that travels one way: `scenario + seed -> plan -> world -> events -> invariants,
//! marks, figures -> outcome`. Each module uses only those above it:
//!
//! - [`trace`]: the events of a run, and the sink to which they are reported
//! - [`scheduler`]: which task runs next, the virtual clock, every random choice
//! - [`plan`]: scenarios, and what one seed makes of them
//! - [`world`]: network, balancer, containers, services, clients, fault injection
//! - [`check`]: invariants, marks and figures; they see events and nothing else
//! - [`view`]: events in words, and what they add up to: the state of every actor at any point
//! - [`mod@run`]: puts all of it together
//!
//! # What it is not
//!
//! It knows no files, no wall clock and no terminal: those belong to the tool. It does not decide
//! what the gateway does: that is `gatesim-model`. Links carry frames, not packets or bytes.
//!
//! # Example
//!
//! Design v2 gives two connections one state machine when clients connect within one second. The
//! violation is found by trying seeds, and a second run of the same seed gives the same trace.
//!
//! ```
//! use gatesim_model::design::Design;
//! use gatesim_sim::{Options, plan::scenario::Scenario, run};
//!
//! const FILE: &str = "two-in-one-second.toml";
//! let text = include_str!(concat!(
//!     env!("CARGO_MANIFEST_DIR"),
//!     "/../seeds/scenarios/two-in-one-second.toml"
//! ));
//! let scenario = Scenario::parse("two-in-one-second", FILE, text)?;
//! let design = Design::builtin("v2").expect("a built-in design");
//! let options = Options::default();
//!
//! let (seed, outcome) = (0..100)
//!     .map(|seed| (seed, run(&design, &scenario.plan(seed), &options)))
//!     .find(|(_, outcome)| {
//!         let first = outcome.violations.first();
//!         first.is_some_and(|violation| violation.cause == "one machine for two connections")
//!     })
//!     .expect("a violation in the first hundred seeds");
//! let violation = &outcome.violations[0];
//! assert_eq!(violation.invariant.to_string(), "one-machine-per-connection");
//! // For example: "The registration of c0#1 under ws_init_1757481482 was given the machine of
//! // c1#1, in ACCEPTED."
//! assert!(violation.sentence.contains("was given the machine of"));
//!
//! let again = run(&design, &scenario.plan(seed), &options);
//! assert_eq!(again.digest, outcome.digest);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
