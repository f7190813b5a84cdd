//! The arguments of `gatesim corpus`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::target::asked::ViolationArgs;

/// Keep failing runs as regression tests, and check them.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum CorpusCommand {
    /// Replay every capsule: each must reproduce its violation and its digest.
    Check(CorpusCheckArgs),
    /// Keep a failing run.
    Add(CorpusAddArgs),
    /// Show the capsules.
    List(CorpusArgs),
}

/// `gatesim corpus check`.
#[derive(Debug, Args)]
pub struct CorpusCheckArgs {
    /// After an intended seed-breaking change: write the new digest and the new witness into every
    /// capsule that still breaks in the same way.
    #[arg(long)]
    pub accept_drift: bool,
    /// The directory.
    #[command(flatten)]
    pub corpus: CorpusArgs,
}

/// Where the capsules are.
#[derive(Debug, Args)]
pub struct CorpusArgs {
    /// The directory of the capsules.
    #[arg(long, value_name = "DIR", default_value = "seeds/regressions")]
    pub dir: PathBuf,
}

/// `gatesim corpus add`.
#[derive(Debug, Args)]
pub struct CorpusAddArgs {
    /// The run to keep: a run name, a plan file or another capsule.
    #[arg(value_name = "NAME|FILE")]
    pub target: String,
    /// One sentence: what this run shows.
    #[arg(long, value_name = "SENTENCE")]
    pub why: String,
    /// What to keep it for.
    #[command(flatten)]
    pub about: ViolationArgs,
    /// The design under which to run a plan file.
    #[arg(long, value_name = "DESIGN")]
    pub design: Option<String>,
    /// Also keep every choice of the run, for editing by hand. Without this, choices follow from the
    /// seed, which gives the same run.
    #[arg(long)]
    pub choices: bool,
    /// The directory.
    #[command(flatten)]
    pub corpus: CorpusArgs,
}

const EXAMPLES: &str = "\
Examples:
  gatesim corpus check
  gatesim corpus check --accept-drift
  gatesim corpus list
  gatesim corpus add cold-start@v4:3 --why \"the final machine starts again in CONNECTING\"";
