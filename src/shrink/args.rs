//! The arguments of `gatesim shrink`.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use crate::execution::{
    args::{JobsArgs, TargetArgs},
    clock,
};

/// Reduce a failing run to a smaller one with the same failure: fewer clients, faults, choices.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ShrinkArgs {
    /// What to run.
    #[command(flatten)]
    pub run: TargetArgs,
    /// Search for this long at most, such as 15s or 10m.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, default_value = "60s", value_parser = clock::parse_budget)]
    pub budget: Duration,
    /// Write the capsule here [default: SCENARIO-DESIGN-SEED-shrunk.toml].
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Continue from what an earlier search wrote there.
    #[arg(long)]
    pub resume: bool,
    /// Worker threads.
    #[command(flatten)]
    pub jobs: JobsArgs,
    /// Write nothing: check whether the run is minimal, or still fails without one of its elements.
    #[arg(long, conflicts_with_all = ["output", "resume"])]
    pub check: bool,
}

const EXAMPLES: &str = "\
Examples:
  gatesim shrink golden-path@v2:12
  gatesim shrink chaos@v9:5 --violation nothing-left-behind --budget 5m
  gatesim shrink seeds/regressions/chaos-v9-5.toml -o small.toml
  gatesim shrink chaos@v9:5 --resume
  gatesim shrink small.toml --check

The smaller run fails with the same invariant and cause. The original is not changed. When the
budget is spent, or at Ctrl-C, the smallest run so far is written; --resume continues from it.";
