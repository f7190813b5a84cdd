//! Processes that get no processor: their tasks are held back while timers fire and frames arrive.

use std::{collections::BTreeMap, rc::Rc};

use super::{
    Gate, ProcessId,
    task::{TaskId, WOKEN},
};

/// Which processes are paused, and which of their tasks would have had a turn.
#[derive(Default)]
pub(super) struct Paused {
    /// By how many pauses at once.
    processes: BTreeMap<ProcessId, u32>,
    held: Vec<(ProcessId, TaskId)>,
}

impl Paused {
    /// Whether this turn has to wait; if so it is kept.
    pub(super) fn holds_back(&mut self, process: ProcessId, id: TaskId) -> bool {
        let paused = self.processes.contains_key(&process);
        if paused {
            self.held.push((process, id));
        }
        paused
    }

    fn begin(&mut self, process: ProcessId) {
        *self.processes.entry(process).or_default() += 1;
    }

    /// Ends one pause; gives the tasks whose turn it is now.
    fn end(&mut self, process: ProcessId) -> Vec<TaskId> {
        match self.processes.get_mut(&process) {
            Some(pauses @ 2..) => {
                *pauses -= 1;
                Vec::new()
            }
            Some(_) | None => {
                self.processes.remove(&process);
                let released = self.held.extract_if(.., |(of, _)| *of == process);
                released.map(|(_, id)| id).collect()
            }
        }
    }
}

/// A process is paused for as long as this lives. Pauses of one process add up; they outlive the
/// process, as a host without a processor does.
pub struct Pause {
    gate: Rc<Gate>,
    process: ProcessId,
}

impl Gate {
    /// Pauses a process: from its next turn on none of its tasks is polled.
    pub fn pause(self: &Rc<Self>, process: ProcessId) -> Pause {
        self.state.borrow_mut().paused.begin(process);
        Pause {
            gate: Rc::clone(self),
            process,
        }
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        let released = self.gate.state.borrow_mut().paused.end(self.process);
        WOKEN.with_borrow_mut(|woken| woken.extend(released));
    }
}
