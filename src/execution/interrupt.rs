//! Ctrl-C, SIGTERM and SIGHUP: the first finishes the current runs and writes the results, the second
//! ends the process. CI systems, Kubernetes and `timeout` send SIGTERM, a closed terminal SIGHUP.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

use crate::{exit::Exit, output::note};

/// Process-wide, as the signal handler is.
static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Installs the handler. Call once, before a command that takes long.
pub fn install() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(Exit::Interrupted.code().into());
        }
        note("interrupted: finishing the current runs; a second Ctrl-C or SIGTERM stops at once");
    })
    .context("failed to install the handler of Ctrl-C and SIGTERM")
}

/// Whether the user asked to stop.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
