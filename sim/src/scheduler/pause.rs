//! Processes that get no processor: their tasks wait while timers fire and frames arrive.

use std::{cell::Cell, collections::BTreeMap, rc::Rc, time::Duration};

use super::{
    ProcessId, Scheduler,
    waker::{TaskId, WOKEN},
};
use crate::trace::event::Actor;

/// Which processes are paused, and which of their tasks would have had a turn.
#[derive(Default)]
pub(super) struct Paused {
    /// By how many pauses at once.
    processes: BTreeMap<ProcessId, u32>,
    delayed: Vec<(ProcessId, TaskId)>,
}

impl Paused {
    /// Whether this turn has to wait; it is kept if so.
    pub(super) fn delays(&mut self, process: ProcessId, id: TaskId) -> bool {
        let paused = self.processes.contains_key(&process);
        if paused {
            self.delayed.push((process, id));
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
                let released = self.delayed.extract_if(.., |(of, _)| *of == process);
                released.map(|(_, id)| id).collect()
            }
        }
    }
}

/// A process is paused for as long as this lives. Pauses of one process add up; they outlive the
/// process, as a host without a processor does.
pub struct Pause {
    scheduler: Rc<Scheduler>,
    process: ProcessId,
}

impl Scheduler {
    /// Pauses a process: from its next turn on none of its tasks is polled.
    pub fn pause(self: &Rc<Self>, process: ProcessId) -> Pause {
        self.state.borrow_mut().paused.begin(process);
        Pause {
            scheduler: Rc::clone(self),
            process,
        }
    }

    /// A blocking sleep of a process, for one of its own tasks to await. If the process dies
    /// first the pause dies with it.
    pub fn block(
        self: &Rc<Self>,
        process: ProcessId,
        duration: Duration,
    ) -> impl Future<Output = ()> + 'static {
        let scheduler = Rc::clone(self);
        async move {
            let pause = Rc::new(Cell::new(Some(scheduler.pause(process))));
            let paused = Rc::downgrade(&pause);
            let over = scheduler.sleep(duration);
            scheduler.spawn(ProcessId(Actor::World), process.0, "block", async move {
                over.await;
                if let Some(pause) = paused.upgrade() {
                    pause.take();
                }
            });
            // Its own next turn waits with those of all the others.
            scheduler.sleep(Duration::ZERO).await;
        }
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        let released = self.scheduler.state.borrow_mut().paused.end(self.process);
        WOKEN.with_borrow_mut(|woken| woken.extend(released));
    }
}

#[cfg(test)]
mod tests {
    use gatesim_model::core::time::Time;

    use super::*;
    use crate::testing::{Bench, Log, ms, note};

    const HOST: ProcessId = ProcessId(Actor::Container(0));
    const OTHER: ProcessId = ProcessId(Actor::Container(1));
    const OUTSIDE: ProcessId = ProcessId(Actor::World);

    /// A task of `process` that logs the time at each of the first six milliseconds.
    fn tick(scheduler: &Rc<Scheduler>, log: &Log, process: ProcessId, name: &'static str) {
        let (own, log) = (Rc::clone(scheduler), Rc::clone(log));
        scheduler.spawn(process, process.0, name, async move {
            for tick in 1..=6 {
                own.sleep_until(Time::ZERO + ms(tick)).await;
                note(&log, format!("{name}{}", own.now().as_millis()));
            }
        });
    }

    /// What a process logs that is paused for 2 ms at each of these times, in microseconds.
    fn pausing(at_us: &'static [u64]) -> Vec<String> {
        let mut ran = Bench::default().run(|scheduler, log| {
            tick(scheduler, log, HOST, "a");
            tick(scheduler, log, OTHER, "b");
            for at_us in at_us {
                let own = Rc::clone(scheduler);
                scheduler.spawn(OUTSIDE, Actor::World, "stall", async move {
                    own.sleep(Duration::from_micros(*at_us)).await;
                    let pause = own.pause(HOST);
                    own.sleep(ms(2)).await;
                    drop(pause);
                });
            }
        });
        let undisturbed = ran.log.extract_if(.., |line| line.starts_with('b'));
        assert_eq!(undisturbed.count(), 6);
        ran.log
    }

    #[test]
    fn a_paused_process_catches_up_when_it_goes_on() {
        assert_eq!(pausing(&[2_500]), ["a1", "a2", "a4", "a4", "a5", "a6"]);
    }

    #[test]
    fn pauses_add_up() {
        assert_eq!(
            pausing(&[2_500, 3_500]),
            ["a1", "a2", "a5", "a5", "a5", "a6"]
        );
    }

    #[test]
    fn a_blocking_sleep_stops_its_process_and_dies_with_it() {
        let ran = Bench::default().run(|scheduler, log| {
            tick(scheduler, log, HOST, "a");
            let (own, done) = (Rc::clone(scheduler), Rc::clone(log));
            scheduler.spawn(HOST, HOST.0, "blocking", async move {
                own.sleep(Duration::from_micros(1_500)).await;
                own.block(HOST, ms(2)).await;
                note(&done, "done");
                own.block(HOST, ms(1_000)).await;
            });
            let (own, log) = (Rc::clone(scheduler), Rc::clone(log));
            scheduler.spawn(OUTSIDE, Actor::World, "crash", async move {
                own.sleep(Duration::from_micros(4_500)).await;
                own.kill(HOST);
                tick(&own, &log, HOST, "c");
            });
        });
        // Whether it blocks again before the other task has caught up is a matter of chance.
        let (before, after): (Vec<_>, Vec<_>) =
            ran.log.iter().partition(|line| !line.starts_with('c'));
        assert!(
            before
                .iter()
                .all(|line| ["a1", "a3", "done"].contains(&line.as_str())),
            "{before:?}"
        );
        assert!(before.contains(&&"done".to_owned()));
        assert_eq!(after, ["c4", "c4", "c4", "c4", "c5", "c6"]);
    }
}
