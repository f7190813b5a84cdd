//! What `gatesim shrink` is asked.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use gatesim_sim::check::invariants::Invariant;

use crate::execution::{
    args::{JobsArgs, TargetArgs},
    clock,
};

/// Make a failing run smaller: fewer clients, faults, choices; shorter; the same failure.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ShrinkArgs {
    /// What to run.
    #[command(flatten)]
    pub run: TargetArgs,
    /// The invariant whose violation must stay [default: what a capsule expects, or what broke
    /// first].
    #[arg(long, value_name = "INVARIANT")]
    pub invariant: Option<Invariant>,
    /// Search for this long at most, such as 15s or 10m.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, default_value = "60s", value_parser = clock::parse_budget)]
    pub budget: Duration,
    /// Write the capsule here [default: SCENARIO-DESIGN-SEED-shrunk.toml].
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Go on from what an earlier search has written there.
    #[arg(long)]
    pub resume: bool,
    /// Worker threads.
    #[command(flatten)]
    pub jobs: JobsArgs,
    /// Write nothing: say whether the run fails in the same way without some element of it.
    #[arg(long, conflicts_with_all = ["output", "resume"])]
    pub check: bool,
}

const EXAMPLES: &str = "\
Examples:
  gatesim shrink golden-path@v2:2
  gatesim shrink chaos@v9:48 --invariant nothing-left-behind --budget 5m
  gatesim shrink seeds/regressions/chaos-v9-48.toml -o small.toml
  gatesim shrink chaos@v9:48 --resume
  gatesim shrink small.toml --check

What is left fails with the same invariant and cause, never with another. The original is not touched.
When the time is up, or at Ctrl-C, the smallest run so far is written, and --resume goes on from it.";
