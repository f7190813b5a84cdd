//! The arguments of `gatesim power`.

use std::path::PathBuf;

use clap::Args;

use crate::{execution::args::JobsArgs, target::run_name};

/// Mutation testing: switch on every known defect, one at a time, and search for it until it is found.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PowerArgs {
    /// Defects by id, such as D04 [default: the whole catalogue].
    #[arg(value_name = "DEFECT")]
    pub defects: Vec<String>,
    /// Runs from each first seed, at most, until a defect is found.
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: u64,
    /// First seeds from which each defect is searched for; figures are medians over them.
    #[arg(long, value_name = "K", allow_negative_numbers = true, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub starts: u64,
    /// The first of the first seeds; the others follow at a distance of --seeds.
    #[arg(long, value_name = "S", allow_negative_numbers = true, default_value = "0", value_parser = run_name::parse_seed)]
    pub first_seed: u64,
    /// Worker threads.
    #[command(flatten)]
    pub jobs: JobsArgs,
    /// Write the kill matrix, defects by invariants, as Markdown.
    #[arg(long, value_name = "FILE")]
    pub matrix: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  gatesim power
  gatesim power D04 D60
  gatesim power --starts 1 --seeds 1000
  gatesim power --matrix seeds/power.md

An invariant counts only where the same run without the defect does not break it. Exit code 5 means
that a defect was not found, or that some invariant is never the only one that finds a defect.";
