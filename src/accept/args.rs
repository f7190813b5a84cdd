//! The arguments of `gatesim accept`.

use std::path::PathBuf;

use clap::Args;

use crate::sweep::args::RunsArgs;

/// Write what a design is known to break, from a sweep, so that later sweeps report what differs.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct AcceptArgs {
    /// What to run.
    #[command(flatten)]
    pub runs: RunsArgs,
    /// Design: a name, name+question=answer, or a .toml file.
    #[arg(long, value_name = "DESIGN")]
    pub design: String,
    /// Why causes that are not in the list yet are accepted. Each can be given a reason of its own in the
    /// file.
    #[arg(long, value_name = "SENTENCE")]
    pub reason: Option<String>,
    /// The list [default: seeds/accepted/DESIGN.toml].
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Take out causes that this sweep did not show.
    #[arg(long)]
    pub drop_gone: bool,
}

const EXAMPLES: &str = "\
Examples:
  gatesim accept --design v9 --seeds 2000 --reason \"as shipped; see the incident of 2025-09-10\"
  gatesim accept chaos --design my-design.toml --seeds 5000 -o accepted.toml --reason \"ticket 4711\"
  gatesim accept --design v9 --seeds 2000 --drop-gone

Reasons that are in the file stay. Counts of the scenarios that are run are replaced, those of others
stay. A cause that the sweep does not show stays in the list, unless --drop-gone is given. The more
seeds, the fewer rare causes a later sweep will call new.";
