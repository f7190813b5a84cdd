//! The command-line tool around the simulator: the only place with files, wall clock, worker threads
//! and a terminal.
//!
//! It contains no protocol and no world. Its folders are layers, from below to above:
//!
//! - `exit`: exit codes; `statistics`: how sure one may be of a count; `output`: standard output, files,
//!   progress bar;
//! - `target`: from a name or a file to a run; capsules and the catalogue of defects;
//! - `timeline`: a run as text; `execution`: worker threads, wall clock, Ctrl-C, self-check;
//! - the commands, one folder each, with their arguments: `list`, `corpus`, `replay`, `sweep`,
//!   `power`, `verify_fix`, `shrink`, `why`, `report`;
//! - `cli`: the command line, which dispatches to them.

mod accept;
mod cli;
mod corpus;
mod execution;
mod exit;
mod list;
mod output;
mod power;
mod replay;
mod report;
mod schema;
mod shrink;
mod statistics;
mod sweep;
mod target;
mod timeline;
mod verify_fix;
mod why;

use std::{
    ffi::OsString,
    panic::{self, PanicHookInfo, UnwindSafe},
    thread,
};

pub use exit::Exit;

use output::note;

/// Declared here, so that the tool, its tests and its benchmarks use it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the tool with these arguments, the program's name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args: Vec<OsString> = args.into_iter().collect();
    let default_hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| report_panic(info, &default_hook)));
    guarded(|| cli::run(args))
}

/// A panic in the model is an outcome of its run; one that arrives here is a bug of the tool.
fn guarded(body: impl FnOnce() -> Exit + UnwindSafe) -> Exit {
    panic::catch_unwind(body).unwrap_or(Exit::ToolBug)
}

/// Reports a panic of the tool as a bug. A panic in the thread of a run is a finding, and is reported
/// with its run.
#[expect(
    clippy::disallowed_methods,
    reason = "the tool may know its threads; runs may not"
)]
fn report_panic(info: &PanicHookInfo<'_>, default_hook: &dyn Fn(&PanicHookInfo<'_>)) {
    if matches!(
        thread::current().name(),
        Some("main" | execution::pool::WORKER_NAME)
    ) {
        default_hook(info);
        note("this is a bug in gatesim, not in what it simulates; please report it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_tool_is_a_bug_of_the_tool() {
        assert_eq!(guarded(|| panic!("on purpose")), Exit::ToolBug);
        assert_eq!(guarded(|| Exit::Held), Exit::Held);
    }
}
