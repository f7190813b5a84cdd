//! Arguments that several commands share.

use std::num::NonZeroUsize;

use clap::Args;

use crate::{
    execution::pool::{self, MAX_JOBS},
    target::{Target, asked::ViolationArgs},
};

/// The run that a command is about.
#[derive(Debug, Args)]
pub struct TargetArgs {
    /// A run name, a capsule, or a plan: files end in .toml.
    #[arg(value_name = "NAME|FILE")]
    pub target: String,
    /// The design under which to run a plan file.
    #[arg(long, value_name = "DESIGN")]
    pub design: Option<String>,
    /// What it is about.
    #[command(flatten)]
    pub about: ViolationArgs,
}

impl TargetArgs {
    /// Loads it.
    pub fn load(&self) -> anyhow::Result<Target> {
        let target = Target::load(&self.target, self.design.as_deref())?;
        Ok(target.asked(self.about.violation.clone()))
    }
}

/// How much of the machine a command may use.
#[derive(Clone, Copy, Debug, Args)]
pub struct JobsArgs {
    /// Worker threads [default: one per core].
    #[arg(long, value_name = "J", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=MAX_JOBS))]
    pub jobs: Option<u16>,
}

impl JobsArgs {
    /// The number of worker threads.
    pub fn count(self) -> NonZeroUsize {
        pool::jobs(self.jobs)
    }
}
