//! What can be typed: commands, options, help texts. No logic.

use std::{path::PathBuf, time::Duration};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use gatesim_sim::check::invariants::Invariant;

use crate::{
    execution::{clock, pool::MAX_JOBS},
    exit::Exit,
    output::MessageFormat,
    report::ReportFormat,
    sweep::Partition,
    target::run_name,
    timeline::{
        only::Part,
        when::{Around, When},
    },
    verify_fix::MIN_SAMPLES,
};

/// Deterministic simulation of a WebSocket gateway's connection protocol.
#[derive(Debug, Parser)]
#[command(
    name = "gatesim",
    version,
    long_about = "Deterministic simulation of a WebSocket gateway's connection protocol.\n\n\
        A run is named scenario@design:seed. The same name gives the same run, event for event, \
        on every machine with the same build. Sweep many seeds to find violations, replay one to \
        understand it, keep it in the corpus so that it is never forgotten.",
    max_term_width = 100
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How results are written to standard output.
    #[arg(long, global = true, value_enum, default_value = "human", display_order = SHARED_LAST)]
    pub message_format: MessageFormat,
}

/// Where help lists the options that all commands have: behind those of the command, however many
/// commands there are.
const SHARED_LAST: usize = 900;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run many seeds and report what broke, grouped by cause.
    #[command(after_help = SWEEP_EXAMPLES)]
    Sweep(SweepArgs),
    /// Switch on every known defect, one at a time, and look for each until it is found.
    #[command(after_help = POWER_EXAMPLES)]
    Power(PowerArgs),
    /// Run one seed twice and show what happened, event by event.
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(ReplayArgs),
    /// Make one run into a page for a browser, a diagram for an issue, or a trace for a viewer.
    #[command(after_help = REPORT_EXAMPLES)]
    Report(ReportArgs),
    /// Say what led to a violation and what decides it: two steps, a fault, an input, the design.
    #[command(after_help = WHY_EXAMPLES)]
    Why(WhyArgs),
    /// Make a failing run smaller: fewer clients, faults, choices; shorter; the same failure.
    #[command(after_help = SHRINK_EXAMPLES)]
    Shrink(ShrinkArgs),
    /// Tell whether a change fixes a failure or only moves it: sample the runs around it.
    #[command(after_help = VERIFY_FIX_EXAMPLES)]
    VerifyFix(VerifyFixArgs),
    /// Look after the failing runs that are kept for ever.
    #[command(subcommand, after_help = CORPUS_EXAMPLES)]
    Corpus(CorpusCommand),
    /// Show what there is to choose from.
    #[command(after_help = LIST_EXAMPLES)]
    List(ListArgs),
}

/// `gatesim sweep`.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// Scenarios: names or .toml files [default: all built-in ones].
    #[arg(value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// Design: a name, name+question=answer, or a .toml file; may be repeated.
    #[arg(long = "design", value_name = "DESIGN", default_value = "reference")]
    pub designs: Vec<String>,
    /// Seeds per scenario and design [default: 1000, without --budget].
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with = "budget", value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: Option<u64>,
    /// Keep starting runs for this long, such as 30s, 15m or 8h.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = clock::parse_budget)]
    pub budget: Option<Duration>,
    /// The first seed.
    #[arg(long, value_name = "S", allow_negative_numbers = true, default_value = "0", value_parser = run_name::parse_seed)]
    pub first_seed: u64,
    /// Run only the i-th of n equal shares of the seeds, such as 2/8.
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    pub partition: Partition,
    /// Runs at a time [default: one per core].
    #[arg(long, value_name = "J", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=MAX_JOBS))]
    pub jobs: Option<u16>,
    /// End each run at its first violation.
    #[arg(long)]
    pub stop_at_first: bool,
    /// Write a JUnit report, for CI.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write which invariants each design broke in each scenario, as Markdown.
    #[arg(long, value_name = "FILE")]
    pub table: Option<PathBuf>,
    /// Write one capsule per group of failures into this directory, for CI.
    #[arg(long, value_name = "DIR")]
    pub capsules: Option<PathBuf>,
}

/// `gatesim power`.
#[derive(Debug, Args)]
pub struct PowerArgs {
    /// Defects by id, such as D04 [default: the whole catalogue].
    #[arg(value_name = "DEFECT")]
    pub defects: Vec<String>,
    /// Runs from each first seed, at most, until a defect is found.
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: u64,
    /// First seeds from which each defect is looked for, so that no figure is an accident of one.
    #[arg(long, value_name = "K", allow_negative_numbers = true, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub starts: u64,
    /// The first of the first seeds; the others follow at a distance of --seeds.
    #[arg(long, value_name = "S", allow_negative_numbers = true, default_value = "0", value_parser = run_name::parse_seed)]
    pub first_seed: u64,
    /// Hunts at a time [default: one per core].
    #[arg(long, value_name = "J", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=MAX_JOBS))]
    pub jobs: Option<u16>,
    /// Write the kill matrix, defects by invariants, as Markdown.
    #[arg(long, value_name = "FILE")]
    pub matrix: Option<PathBuf>,
}

/// `gatesim replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// A run name, a capsule, or a plan: files end in .toml.
    #[arg(value_name = "NAME|FILE")]
    pub target: String,
    /// The design under which to run a plan file.
    #[arg(long, value_name = "DESIGN")]
    pub design: Option<String>,
    /// End the run at its first violation.
    #[arg(long)]
    pub stop_at_first: bool,
    /// Write the whole trace as JSON lines.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["until", "around", "show", "diff", "step"])]
    pub trace: Option<PathBuf>,
    /// Write the run's plan, for editing by hand and replaying.
    #[arg(long, value_name = "FILE")]
    pub save_plan: Option<PathBuf>,
    /// Show the verdict only.
    #[arg(long, short, conflicts_with_all = ["format", "show", "diff", "step"])]
    pub quiet: bool,
    /// What is shown, and of what.
    #[command(flatten)]
    pub view: ViewArgs,
}

/// What `gatesim replay` shows of a run.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is shown")]
pub struct ViewArgs {
    /// In which form.
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
    pub only: Vec<Part>,
    /// Only what is near this moment, by 10 events to each side, or by as many or as long as said.
    #[arg(long, value_name = "MOMENT[=N|TIME]", conflicts_with_all = ["from", "until", "show", "diff", "step"])]
    pub around: Option<Around>,
    /// Only from this moment on.
    #[arg(long, value_name = "MOMENT", conflicts_with_all = ["show", "diff", "step"])]
    pub from: Option<When>,
    /// Only up to this moment; the run is not executed further than that.
    #[arg(long, value_name = "MOMENT")]
    pub until: Option<When>,
    /// The state of this part at the end, or at --until; may be repeated.
    #[arg(
        long,
        value_name = "PART",
        value_delimiter = ',',
        conflicts_with = "diff"
    )]
    pub show: Vec<Part>,
    /// What changed between two moments.
    #[arg(long, value_names = ["MOMENT", "MOMENT"], num_args = 2, conflicts_with = "until")]
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

/// `gatesim report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// A run name, a capsule, or a plan: files end in .toml.
    #[arg(value_name = "NAME|FILE")]
    pub target: String,
    /// The design under which to run a plan file.
    #[arg(long, value_name = "DESIGN")]
    pub design: Option<String>,
    /// What to make of it.
    #[arg(long, value_enum, default_value = "html")]
    pub format: ReportFormat,
    /// Look for what decides for this long, such as 5s or 1m.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, default_value = "10s", value_parser = clock::parse_budget)]
    pub budget: Duration,
    /// Leave out what led there and what decides it, for which the run is made again many times.
    #[arg(long, conflicts_with = "budget")]
    pub no_why: bool,
    /// Where it goes; - is standard output [default: html to a file named after the run, the others
    /// to standard output].
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `gatesim why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// A run name, a capsule, or a plan: files end in .toml.
    #[arg(value_name = "NAME|FILE")]
    pub target: String,
    /// The design under which to run a plan file.
    #[arg(long, value_name = "DESIGN")]
    pub design: Option<String>,
    /// Keep trying for this long, such as 5s or 1m.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, default_value = "10s", value_parser = clock::parse_budget)]
    pub budget: Duration,
    /// Runs at a time [default: one per core].
    #[arg(long, value_name = "J", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=MAX_JOBS))]
    pub jobs: Option<u16>,
}

/// `gatesim shrink`.
#[derive(Debug, Args)]
pub struct ShrinkArgs {
    /// A run name, a capsule, or a plan: files end in .toml.
    #[arg(value_name = "NAME|FILE")]
    pub target: String,
    /// The design under which to run a plan file.
    #[arg(long, value_name = "DESIGN")]
    pub design: Option<String>,
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
    /// Runs at a time [default: one per core].
    #[arg(long, value_name = "J", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=MAX_JOBS))]
    pub jobs: Option<u16>,
    /// Write nothing: say whether the run fails in the same way without some element of it.
    #[arg(long, conflicts_with_all = ["output", "resume"])]
    pub check: bool,
}

/// `gatesim verify-fix`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("compared").required(true).multiple(true).args(["design", "save", "before"]))]
pub struct VerifyFixArgs {
    /// The failing run: a capsule, or a run name.
    #[arg(value_name = "CAPSULE|NAME")]
    pub target: String,
    /// The design after the change: a name, name+question=answer, or a .toml file. Before it is the
    /// capsule's own.
    #[arg(long, value_name = "DESIGN")]
    pub design: Option<String>,
    /// Runs around it, with the same plan and faults and other timing.
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 300, value_parser = clap::value_parser!(u64).range(MIN_SAMPLES..))]
    pub samples: u64,
    /// Sample only, and write what was found, to compare another build with.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["design", "before", "keep"])]
    pub save: Option<PathBuf>,
    /// Compare with what the build before the change has saved.
    #[arg(long, value_name = "FILE")]
    pub before: Option<PathBuf>,
    /// Write the nearest run that still fails after the change as a capsule.
    #[arg(long, value_name = "FILE")]
    pub keep: Option<PathBuf>,
    /// Runs at a time [default: one per core].
    #[arg(long, value_name = "J", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=MAX_JOBS))]
    pub jobs: Option<u16>,
}

/// `gatesim corpus`.
#[derive(Debug, Subcommand)]
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
    /// After a change that is meant to be seed-breaking: write the new digest and the new witness
    /// into every capsule that still breaks in the same way.
    #[arg(long)]
    pub accept_drift: bool,
    /// Where they are.
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
    /// The invariant to keep it for; what broke first, if none is named.
    #[arg(long, value_name = "INVARIANT")]
    pub invariant: Option<Invariant>,
    /// The design under which to run a plan file.
    #[arg(long, value_name = "DESIGN")]
    pub design: Option<String>,
    /// Also keep every choice of the run, for editing by hand. Without it they are made from the
    /// seed, which gives the same run.
    #[arg(long)]
    pub choices: bool,
    /// Where it goes.
    #[command(flatten)]
    pub corpus: CorpusArgs,
}

/// `gatesim list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// What to show.
    #[arg(value_enum)]
    pub subject: Subject,
}

/// What `gatesim list` can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    /// What a run can throw at a design.
    Scenarios,
    /// Complete protocols: the historical revisions and the reference.
    Designs,
    /// The open questions of the protocol and the answers a design may give.
    Questions,
    /// The rules that every run is judged by.
    Invariants,
    /// The rare states that a scenario may promise to reach now and then.
    Marks,
    /// What is known to go wrong, each as a decision to flip in the reference.
    Defects,
    /// What can go wrong in the world around the gateway.
    Faults,
}

impl Cli {
    /// Reads the command line; prints help, version or a usage error where that is the answer.
    pub fn read(args: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Cli, Exit> {
        let parsed = Cli::command()
            .after_help(format!("{TOP_EXAMPLES}\n\n{}", Exit::table().trim_end()))
            .try_get_matches_from(args)
            .and_then(|matches| Cli::from_arg_matches(&matches));
        parsed.map_err(|error| {
            // Nobody is left to tell if the terminal itself is gone.
            let _ = error.print();
            if error.use_stderr() {
                Exit::Unusable
            } else {
                Exit::Held
            }
        })
    }
}

const TOP_EXAMPLES: &str = "\
Examples:
  gatesim sweep                                    all scenarios on the reference design
  gatesim sweep cold-start --design v4             one scenario on a historical revision
  gatesim replay cold-start@v4:3                   what happened, event by event
  gatesim report cold-start@v4:3                   the same as a page for a browser
  gatesim shrink cold-start@v4:3                   the same failure, in a smaller run
  gatesim power                                    which known defects are found, and by what
  gatesim corpus check                             every kept failure still reproduces";

const SWEEP_EXAMPLES: &str = "\
Examples:
  gatesim sweep
  gatesim sweep chaos restart --design v9 --design reference --seeds 1000
  gatesim sweep chaos --design reference+cleanup=never
  gatesim sweep --budget 8h --first-seed 1000000 --partition 3/8 --junit report.xml
  gatesim sweep my-scenario.toml --design my-design.toml --message-format json

Results go to standard output and depend on the seeds alone, not on --jobs or the machine; progress
and speed go to standard error.";

const POWER_EXAMPLES: &str = "\
Examples:
  gatesim power
  gatesim power D04 D60
  gatesim power --starts 1 --seeds 1000
  gatesim power --matrix seeds/power.md

A run counts only for what the same run without the defect holds. Exit code 5 says that a defect was
not found, or that an invariant is never the only one to see one.";

const REPLAY_EXAMPLES: &str = "\
Examples:
  gatesim replay cold-start@v4:3
  gatesim replay cold-start@v4:3 --quiet
  gatesim replay cold-start@v4:3 --trace trace.jsonl
  gatesim replay golden-path@v2:2 --around violation --only c0
  gatesim replay golden-path@v2:2 --until 3.2s --show container0
  gatesim replay golden-path@v2:2 --diff 3.2s setup-ends-in-time
  gatesim replay golden-path@v2:2 --format gateway-log
  gatesim replay golden-path@v2:2 --step
  gatesim replay seeds/regressions/golden-path-v9-0.toml
  gatesim replay cold-start@v4:3 --save-plan plan.toml && gatesim replay plan.toml --design v4

A moment is a time (12.4s), an event (#412), a step (step412), `violation`, the name of an
invariant that broke, `start` or `end`. A part is c<n> for a client and its connections,
c<n>#<attempt> for one connection, client<n>, balancer, container<n>, auth, redis, database,
supervisor, world, clients, containers, services or all.

The run is executed twice, and shown only if both gave the same trace.";

const REPORT_EXAMPLES: &str = "\
Examples:
  gatesim report cold-start@v4:3
  gatesim report seeds/regressions/golden-path-v9-0.toml -o why.html
  gatesim report cold-start@v4:3 --format mermaid
  gatesim report cold-start@v4:3 --format perfetto -o trace.json

A page is one file: it works offline, and may be attached to an issue. A run that is too long for a
page is cut around its violation, and the page says so.";

const WHY_EXAMPLES: &str = "\
Examples:
  gatesim why slow-reader@v9:2
  gatesim why seeds/regressions/two-in-one-second-v1-1.toml
  gatesim why golden-path@v6:0 --message-format json
  gatesim why chaos@v9:48 --budget 1m

The run is made again many times with something changed: one step made to wait for another, a fault,
a client or a message left out, an answer of the design as the reference gives it. What lets the run
pass decides. The smaller the run, the more is tried within the budget: shrink it first.";

const SHRINK_EXAMPLES: &str = "\
Examples:
  gatesim shrink golden-path@v2:2
  gatesim shrink chaos@v9:48 --invariant nothing-left-behind --budget 5m
  gatesim shrink seeds/regressions/chaos-v9-48.toml -o small.toml
  gatesim shrink chaos@v9:48 --resume
  gatesim shrink small.toml --check

What is left fails with the same invariant and cause, never with another. The original is not touched.
When the time is up, or at Ctrl-C, the smallest run so far is written, and --resume goes on from it.";

const VERIFY_FIX_EXAMPLES: &str = "\
Examples:
  gatesim verify-fix CAPSULE.toml --design reference
  gatesim verify-fix CAPSULE.toml --save before.json        with the build before the change
  gatesim verify-fix CAPSULE.toml --before before.json      with the build after it
  gatesim verify-fix golden-path@v2:2 --design v3 --samples 900 --keep still-fails.toml

Two thirds of the samples make all of the run's timing anew (tie-breaks, latencies, holds), a sixth
each makes 25 % and 5 % of it anew; whatever happens by chance stays. Only the first are a fair
sample, since the run was chosen for its timing. Of s of these, b fail before and a after:
  other failure         something breaks afterwards that never broke before
  not enough evidence   b < 10, and nothing fails afterwards
  fixed                 nothing fails afterwards, nor does the run: exit code 0, all others 1
  less often            (b - a)^2 * 2s >= 10 (b + a)(2s - b - a): once in a thousand times by chance
  timing only           the run holds, but its neighbours fail as before
  still fails           both fail as before";

const CORPUS_EXAMPLES: &str = "\
Examples:
  gatesim corpus check
  gatesim corpus check --accept-drift
  gatesim corpus list
  gatesim corpus add cold-start@v4:3 --why \"the final machine starts again in CONNECTING\"";

const LIST_EXAMPLES: &str = "\
Examples:
  gatesim list scenarios
  gatesim list questions
  gatesim list designs --message-format json";
