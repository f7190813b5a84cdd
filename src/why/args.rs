//! What `gatesim why` is asked.

use std::time::Duration;

use clap::Args;

use crate::execution::{
    args::{JobsArgs, TargetArgs},
    clock,
};

/// Say what led to a violation and what decides it: two steps, a fault, an input, the design.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct WhyArgs {
    /// What to run.
    #[command(flatten)]
    pub run: TargetArgs,
    /// Keep trying for this long, such as 5s or 1m.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, default_value = "10s", value_parser = clock::parse_budget)]
    pub budget: Duration,
    /// Worker threads.
    #[command(flatten)]
    pub jobs: JobsArgs,
}

const EXAMPLES: &str = "\
Examples:
  gatesim why slow-reader@v9:2
  gatesim why seeds/regressions/two-in-one-second-v1-1.toml
  gatesim why golden-path@v6:0 --message-format json
  gatesim why chaos@v9:48 --budget 1m

The run is made again many times with something changed: one step made to wait for another, a fault,
a client or a message left out, an answer of the design as the reference gives it. What lets the run
pass decides. The smaller the run, the more is tried within the budget: shrink it first.";
