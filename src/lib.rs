//! The command-line tool around the simulator: the only place with files, wall clock, threads of
//! its own and a terminal.
//!
//! It contains no protocol and no world. From the outside in:
//!
//! - `cli`: what can be typed; `exit`: what the shell is told; `output`: standard output and
//!   files; `interrupt`, `clock`, `progress`: Ctrl-C, wall clock, progress bar;
//! - `run_name`, `catalog`, `target`: from a text that a person typed to a run;
//! - `sweep` with `pool` (the runs and their workers), `tally` and `groups` (outcomes added up,
//!   failures by cause), `report`, `junit` and `table` (what is written);
//! - `power`: every defect of the catalogue (`defects`), looked for until it is found; `labels`:
//!   short names for wide tables;
//! - `replay` with `timeline` (what is shown of a run) and `gateway_log`; `failure` (the block that
//!   reports a failing run) and `determinism` (the self-check);
//! - `run_report`: one run to look at and to pass on; `chart` (lanes, arrows, bands), drawn by `html`,
//!   `mermaid` and `perfetto`;
//! - `why`: what led to a violation, and what decides it;
//! - `shrink`: from a failing run to a smaller one;
//! - `corpus` with `capsule`, `witness` and `reproduction`: failing runs that are kept, and what
//!   has become of them; `verify_fix`: whether a change fixed one; `list`: what there is.

mod cli;
mod corpus;
mod execution;
mod exit;
mod list;
mod output;
mod power;
mod replay;
mod report;
mod shrink;
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

/// Here, so that the tool, its tests and its benchmarks share it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the tool with these arguments, the program's name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args: Vec<OsString> = args.into_iter().collect();
    let default_hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| report_panic(info, &default_hook)));
    guarded(|| cli::run(args))
}

/// A panic in the model is an outcome of its run; one that arrives here is the tool's own.
fn guarded(body: impl FnOnce() -> Exit + UnwindSafe) -> Exit {
    panic::catch_unwind(body).unwrap_or(Exit::ToolBug)
}

/// Says that a panic is the tool's fault. One in the thread of a run is not: it is a finding, and
/// is reported as such.
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
