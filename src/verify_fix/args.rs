//! The arguments of `gatesim verify-fix`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use crate::{
    execution::args::JobsArgs, target::asked::ViolationArgs, verify_fix::population::Sizes,
};

/// Check whether a change fixes a failure or only changes its timing, by sampling similar runs.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("compared").required(true).multiple(true).args(["design", "save", "before"]))]
#[command(after_help = EXAMPLES)]
pub struct VerifyFixArgs {
    /// The failing run: a capsule, or a run name.
    #[arg(value_name = "CAPSULE|NAME")]
    pub target: String,
    /// The failure.
    #[command(flatten)]
    pub about: ViolationArgs,
    /// The design after the change: a name, name+question=answer, or a .toml file. The design before
    /// the change is the capsule's own.
    #[arg(long, value_name = "DESIGN")]
    pub design: Option<String>,
    /// Runs to sample with other timing, and as many with other times and numbers in the plan.
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    pub samples: u64,
    /// Other seeds of the scenario to run.
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        default_value_t = 2_000
    )]
    pub seeds: u64,
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

impl VerifyFixArgs {
    /// How many runs are asked for. Without a scenario of the run's name there are no other seeds.
    pub fn sizes(&self, has_scenario: bool) -> Sizes {
        Sizes {
            samples: self.samples,
            seeds: if has_scenario { self.seeds } else { 0 },
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  gatesim verify-fix CAPSULE.toml --design reference
  gatesim verify-fix CAPSULE.toml --save before.json        with the build before the change
  gatesim verify-fix CAPSULE.toml --before before.json      with the build after it
  gatesim verify-fix golden-path@v2:12 --design v3 --samples 900 --keep still-fails.toml

Runs are compared before and after the change in four populations:
  a quarter of its timing   tie-breaks, latencies and delays resampled; random events stay
  all of its timing         the same, for all of them
  other times and numbers   the same clients and faults; each amount of the plan between half and
                            one and a half of what it was, and all of the timing resampled
  other seeds               the seeds of the scenario that follow
The first is no fair sample, because the run was selected for its timing: what fails in it is no fix,
but it proves none. Of the others together, b fail before and a after:
  other failure         a failure that never occurred before does now, more often than by chance
  not enough evidence   b < 10, and nothing fails after the change
  fixed                 neither the run nor any other fails: exit code 0, all others 1
  less often            in one of the populations fewer fail, with p < 0.001 (Fisher's exact test)
  timing only           the run holds, but others fail as before
  still fails           the run fails, and others as before";
