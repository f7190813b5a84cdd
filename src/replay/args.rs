//! The arguments of `gatesim replay`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::{
    execution::args::TargetArgs,
    timeline::{
        only::RunPart,
        when::{Around, When},
    },
};

/// Run one seed twice and show what happened, event by event.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReplayArgs {
    /// What to run.
    #[command(flatten)]
    pub run: TargetArgs,
    /// End the run at its first violation.
    #[arg(long)]
    pub stop_at_first: bool,
    /// Write the whole trace as JSON lines.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["until", "around", "show", "diff", "step"])]
    pub trace: Option<PathBuf>,
    /// Write the run's plan, for editing by hand and replaying.
    #[arg(long, value_name = "FILE")]
    pub save_plan: Option<PathBuf>,
    /// Show the result only.
    #[arg(long, short, conflicts_with_all = ["format", "show", "diff", "step"])]
    pub quiet: bool,
    /// What is shown.
    #[command(flatten)]
    pub view: ViewArgs,
}

/// What `gatesim replay` shows of a run.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is shown")]
pub struct ViewArgs {
    /// The format.
    #[arg(long, value_enum, default_value = "timeline")]
    pub format: ReplayFormat,
    /// One line per event, or a column per actor.
    #[arg(long, value_enum, default_value = "auto")]
    pub layout: Layout,
    /// How wide lines may be [default: the terminal].
    #[arg(long, value_name = "COLUMNS", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(40..=2_000))]
    pub width: Option<u16>,
    /// Only these parts: c3 (client 3 and its connections), c3#1, client3, container0, auth ...
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    pub only: Vec<RunPart>,
    /// Only what is near this point, by 10 events to each side, or by the number or time given.
    #[arg(long, value_name = "POINT[=N|TIME]", conflicts_with_all = ["from", "until", "show", "diff", "step"])]
    pub around: Option<Around>,
    /// Only from this point on.
    #[arg(long, value_name = "POINT", conflicts_with_all = ["show", "diff", "step"])]
    pub from: Option<When>,
    /// Only up to this point; the run is not executed further than that.
    #[arg(long, value_name = "POINT")]
    pub until: Option<When>,
    /// The state of this part at the end, or at --until; may be repeated.
    #[arg(
        long,
        value_name = "PART",
        value_delimiter = ',',
        conflicts_with = "diff"
    )]
    pub show: Vec<RunPart>,
    /// What changed between two points.
    #[arg(long, value_names = ["POINT", "POINT"], num_args = 2, conflicts_with = "until")]
    pub diff: Vec<When>,
    /// Step through the run, forward and back, from its violation or from --until.
    #[arg(long, conflicts_with_all = ["show", "diff", "format"])]
    pub step: bool,
}

/// The forms of a replayed run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReplayFormat {
    /// What happened, event by event.
    Timeline,
    /// The log lines of the production service.
    GatewayLog,
}

/// The layouts of a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// Columns on a terminal that is wide enough, otherwise a list.
    Auto,
    /// One line per event.
    List,
    /// A column per actor, or per kind of actor.
    Lanes,
}

const EXAMPLES: &str = "\
Examples:
  gatesim replay cold-start@v4:3
  gatesim replay cold-start@v4:3 --quiet
  gatesim replay cold-start@v4:3 --trace trace.jsonl
  gatesim replay golden-path@v2:12 --around violation --only c0
  gatesim replay golden-path@v2:12 --until 3.2s --show container0
  gatesim replay golden-path@v2:12 --diff 3.2s setup-ends-in-time
  gatesim replay golden-path@v2:12 --format gateway-log
  gatesim replay golden-path@v2:12 --step
  gatesim replay seeds/regressions/golden-path-v9-0.toml
  gatesim replay cold-start@v4:3 --save-plan plan.toml && gatesim replay plan.toml --design v4

A point is a time (12.4s), an event (#412), a step (step412), `violation`, the name of an
invariant that broke, `start` or `end`. A part is c<n> for a client and its connections,
c<n>#<attempt> for one connection, client<n>, balancer, container<n>, auth, redis, database,
supervisor, world, clients, containers, services or all.

The run is executed twice, and shown only if both gave the same trace.";
