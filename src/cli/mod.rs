//! The command line: reads it, runs the command and reports its errors. Each command declares its
//! own arguments.

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{
    accept, corpus,
    exit::Exit,
    list,
    output::{MessageFormat, Output, note},
    power, replay, report, schema, shrink, sweep, verify_fix, why,
};

/// Deterministic simulation of a WebSocket gateway's connection protocol.
#[derive(Debug, Parser)]
#[command(
    name = "gatesim",
    version,
    long_about = "Deterministic simulation of a WebSocket gateway's connection protocol.\n\n\
        A run is named scenario@design:seed. The same name gives the same run, event for event, \
        on every machine with the same build. Sweep many seeds to find violations, replay one to \
        understand it, keep it in the corpus as a regression test.",
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

/// The position in help texts of options that all commands have: after those of the command.
const SHARED_LAST: usize = 900;

/// The commands, in the order of the help text.
#[derive(Debug, Subcommand)]
enum CliCommand {
    Sweep(sweep::args::SweepArgs),
    Accept(accept::args::AcceptArgs),
    Power(power::args::PowerArgs),
    Replay(replay::args::ReplayArgs),
    Report(report::args::ReportArgs),
    Why(why::args::WhyArgs),
    Shrink(shrink::args::ShrinkArgs),
    VerifyFix(verify_fix::args::VerifyFixArgs),
    #[command(subcommand)]
    Corpus(corpus::args::CorpusCommand),
    List(list::ListArgs),
    Schema(schema::SchemaArgs),
}

impl CliCommand {
    fn run(&self, out: &mut Output) -> anyhow::Result<Exit> {
        match self {
            CliCommand::Sweep(args) => sweep::sweep(args, out),
            CliCommand::Accept(args) => accept::accept(args, out),
            CliCommand::Power(args) => power::power(args, out),
            CliCommand::Replay(args) => replay::replay(args, out),
            CliCommand::Report(args) => report::report(args, out),
            CliCommand::Why(args) => why::why(args, out),
            CliCommand::Shrink(args) => shrink::shrink(args, out),
            CliCommand::VerifyFix(args) => verify_fix::verify_fix(args, out),
            CliCommand::Corpus(command) => corpus::corpus(command, out),
            CliCommand::List(args) => list::list(args, out),
            CliCommand::Schema(args) => schema::schema(args, out),
        }
    }
}

/// Reads the command line and runs the command.
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
    /// Reads the command line; prints help, the version or a usage error if that is the result.
    fn read(args: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Cli, Exit> {
        let parsed = Cli::command()
            .after_help(format!("{TOP_EXAMPLES}\n\n{}", Exit::table().trim_end()))
            .try_get_matches_from(args)
            .and_then(|matches| Cli::from_arg_matches(&matches));
        parsed.map_err(|error| {
            // An error here means that the terminal is gone.
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
  gatesim power                                    mutation testing: is every known defect found?
  gatesim corpus check                             does every kept failure still reproduce?";
