//! The arguments of `gatesim sweep`.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use crate::{
    execution::{args::JobsArgs, clock},
    sweep::partition::Partition,
    target::run_name,
};

/// Run many seeds and report what broke, grouped by cause.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SweepArgs {
    /// What to run.
    #[command(flatten)]
    pub runs: RunsArgs,
    /// Design: a name, name+question=answer, or a .toml file; may be repeated.
    #[arg(long = "design", value_name = "DESIGN", default_value = "reference")]
    pub designs: Vec<String>,
    /// End each run at its first violation.
    #[arg(long, conflicts_with = "accept")]
    pub stop_at_first: bool,
    /// Show in how many runs each fault of each scenario happened, and why not in the others.
    #[arg(long)]
    pub faults: bool,
    /// Report what differs from a list of accepted causes that `gatesim accept` wrote: a file, or a
    /// directory with a list named after each design; may be repeated.
    #[arg(long, value_name = "FILE|DIR")]
    pub accept: Vec<PathBuf>,
    /// Write a JUnit report, for CI.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write which invariants each design broke in each scenario, as Markdown.
    #[arg(long, value_name = "FILE")]
    pub table: Option<PathBuf>,
    /// Write a capsule for each cause of each design into this directory, for CI.
    #[arg(long, value_name = "DIR")]
    pub capsules: Option<PathBuf>,
}

/// The runs of a sweep: scenarios, seeds and how they are executed.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// Scenarios: names or .toml files [default: all built-in ones].
    #[arg(value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// Seeds per scenario and design [default: 1000, without --budget].
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with = "budget", value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: Option<u64>,
    /// Start runs for this long, such as 30s, 15m or 8h.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = clock::parse_budget)]
    pub budget: Option<Duration>,
    /// The first seed.
    #[arg(long, value_name = "S", allow_negative_numbers = true, default_value = "0", value_parser = run_name::parse_seed)]
    pub first_seed: u64,
    /// Run only the i-th of n equal shares of the seeds, such as 2/8.
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    pub partition: Partition,
    /// Worker threads.
    #[command(flatten)]
    pub jobs: JobsArgs,
}

const EXAMPLES: &str = "\
Examples:
  gatesim sweep
  gatesim sweep chaos restart --design v9 --design reference --seeds 1000
  gatesim sweep chaos --design reference+cleanup=never
  gatesim sweep --design v9 --accept seeds/accepted
  gatesim sweep --budget 8h --first-seed 1000000 --partition 3/8 --junit report.xml
  gatesim sweep my-scenario.toml --design my-design.toml --message-format json

Results go to standard output and depend on the seeds alone, not on --jobs or the machine; progress
and speed go to standard error.";
