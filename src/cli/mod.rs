//! The command line: all commands, which of them was asked for, and what it ends with. What each
//! command may be asked stands beside it.

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{
    corpus,
    exit::Exit,
    list,
    output::{MessageFormat, Output, note},
    power, replay, report, shrink, sweep, verify_fix, why,
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
struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: CliCommand,
    /// How results are written to standard output.
    #[arg(long, global = true, value_enum, default_value = "human", display_order = SHARED_LAST)]
    message_format: MessageFormat,
}

/// Where help lists the options that all commands have: behind those of the command, however many
/// commands there are.
const SHARED_LAST: usize = 900;

/// The commands, in the order of the help text.
#[derive(Debug, Subcommand)]
enum CliCommand {
    Sweep(sweep::args::SweepArgs),
    Power(power::args::PowerArgs),
    Replay(replay::args::ReplayArgs),
    Report(report::args::ReportArgs),
    Why(why::args::WhyArgs),
    Shrink(shrink::args::ShrinkArgs),
    VerifyFix(verify_fix::args::VerifyFixArgs),
    #[command(subcommand)]
    Corpus(corpus::args::CorpusCommand),
    List(list::ListArgs),
}

impl CliCommand {
    fn run(&self, out: &mut Output) -> anyhow::Result<Exit> {
        match self {
            CliCommand::Sweep(args) => sweep::sweep(args, out),
            CliCommand::Power(args) => power::power(args, out),
            CliCommand::Replay(args) => replay::replay(args, out),
            CliCommand::Report(args) => report::report(args, out),
            CliCommand::Why(args) => why::why(args, out),
            CliCommand::Shrink(args) => shrink::shrink(args, out),
            CliCommand::VerifyFix(args) => verify_fix::verify_fix(args, out),
            CliCommand::Corpus(command) => corpus::corpus(command, out),
            CliCommand::List(args) => list::list(args, out),
        }
    }
}

/// Reads the command line and does what it says.
pub fn run(args: Vec<OsString>) -> Exit {
    let cli = match Cli::read(args) {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    let mut out = Output::stdout(cli.message_format);
    let result = cli.command.run(&mut out);
    match result.and_then(|exit| out.flush().map(|()| exit)) {
        Ok(exit) => exit,
        Err(error) => {
            note(format_args!("error: {error:#}"));
            Exit::Unusable
        }
    }
}

impl Cli {
    /// Reads the command line; prints help, version or a usage error where that is the answer.
    fn read(args: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Cli, Exit> {
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
