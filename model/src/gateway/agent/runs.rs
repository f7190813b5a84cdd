//! What the agent runs of one container share.

use std::cell::Cell;

use crate::{core::ids::RunId, port::wait::Signal};

/// Numbers set aside for the runs of one process.
const RUNS_OF_ONE_PROCESS: u32 = 1_000_000;

/// What the runs of one container share.
#[derive(Debug)]
pub struct Runs {
    next: Cell<u32>,
    /// Set when the container is going away: every run ends as soon as its step allows, with an
    /// explicit failure.
    pub stop: Signal,
}

impl Runs {
    /// No run yet. `process` is the number of the container's process.
    pub fn new(process: u32) -> Self {
        Runs {
            next: Cell::new(process * RUNS_OF_ONE_PROCESS),
            stop: Signal::default(),
        }
    }

    pub(super) fn next_id(&self) -> RunId {
        let id = RunId(self.next.get());
        self.next.set(id.0 + 1);
        id
    }
}
