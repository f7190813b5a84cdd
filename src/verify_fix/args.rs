//! The arguments of `gatesim verify-fix`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use crate::{execution::args::JobsArgs, verify_fix::neighbourhood::MIN_SAMPLES};

/// Check whether a change fixes a failure or only changes its timing, by sampling similar runs.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("compared").required(true).multiple(true).args(["design", "save", "before"]))]
#[command(after_help = EXAMPLES)]
pub struct VerifyFixArgs {
    /// The failing run: a capsule, or a run name.
    #[arg(value_name = "CAPSULE|NAME")]
    pub target: String,
    /// The design after the change: a name, name+question=answer, or a .toml file. The design before
    /// the change is the capsule's own.
    #[arg(long, value_name = "DESIGN")]
    pub design: Option<String>,
    /// Runs to sample, with the same plan and faults and other timing.
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 300, value_parser = clap::value_parser!(u64).range(MIN_SAMPLES..))]
    pub samples: u64,
    /// Sample only, and write the result, to compare it with that of another build.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["design", "before", "keep"])]
    pub save: Option<PathBuf>,
    /// Compare with what the build before the change saved.
    #[arg(long, value_name = "FILE")]
    pub before: Option<PathBuf>,
    /// Write the most similar run that still fails after the change as a capsule.
    #[arg(long, value_name = "FILE")]
    pub keep: Option<PathBuf>,
    /// Worker threads.
    #[command(flatten)]
    pub jobs: JobsArgs,
}

const EXAMPLES: &str = "\
Examples:
  gatesim verify-fix CAPSULE.toml --design reference
  gatesim verify-fix CAPSULE.toml --save before.json        with the build before the change
  gatesim verify-fix CAPSULE.toml --before before.json      with the build after it
  gatesim verify-fix golden-path@v2:12 --design v3 --samples 900 --keep still-fails.toml

Two thirds of the samples resample all of the run's timing (tie-breaks, latencies, delays), a sixth
each 25 % and 5 % of it; random events that are not timing stay. Only the first are an unbiased
sample, because the run was selected for its timing. Of s of these, b fail before and a after:
  other failure         something breaks after the change that never broke before
  not enough evidence   b < 10, and nothing fails after the change
  fixed                 neither the run nor a sample fails: exit code 0, all others 1
  less often            (b - a)^2 * 2s >= 10 (b + a)(2s - b - a): p < 0.001
  timing only           the run holds, but the samples fail as before
  still fails           both fail as before";
