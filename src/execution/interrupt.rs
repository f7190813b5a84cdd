//! Ctrl-C: the first finishes the runs in flight and writes the results, the second kills.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

use crate::{exit::Exit, output::note};

/// A signal handler is process-wide, and so is what it leaves behind.
static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Installs the handler. Call once, before a command that takes long.
pub fn install() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(Exit::Interrupted.code().into());
        }
        note("interrupted: finishing the runs in flight; press Ctrl-C again to stop at once");
    })
    .context("failed to install the Ctrl-C handler")
}

/// Whether the user asked to stop.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
