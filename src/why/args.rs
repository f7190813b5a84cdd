//! The arguments of `gatesim why`.

use std::time::Duration;

use clap::Args;

use crate::execution::{
    args::{JobsArgs, TargetArgs},
    clock,
};

/// Find the root cause of a violation: the order of two steps, a fault, a value of the
/// environment, an input, the design.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct WhyArgs {
    /// What to run.
    #[command(flatten)]
    pub run: TargetArgs,
    /// Search for this long, such as 5s or 1m.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, default_value = "10s", value_parser = clock::parse_budget)]
    pub budget: Duration,
    /// Worker threads.
    #[command(flatten)]
    pub jobs: JobsArgs,
}

const EXAMPLES: &str = "\
Examples:
  gatesim why slow-reader@v9:178
  gatesim why seeds/regressions/two-in-one-second-v1-2.toml
  gatesim why golden-path@v6:0 --message-format json
  gatesim why chaos@v9:5 --budget 1m

First leaves out the faults, clients, messages and containers without which the run fails in the same
way. Then re-executes the rest many times, changing one thing at a time: one step waits for another, a
fault, a client or a message is left out, a value of the environment is changed, a question of the
design is answered as in the reference. A change with which the run passes is decisive. With a larger
budget more is left out, and more changes are tried.";
