//! What the scheduler notes of each step, and which turns it delays, in runs that are to be
//! explained.

use std::task::Waker;

use gatesim_model::core::time::Time;

use super::{
    constraint::{ConstraintEnd, Constraints, OrderingConstraint},
    order::Turn,
    waker::{TaskId, WOKEN},
};
use crate::{
    scheduler::{
        causes::{Causes, Ready, Source, StepCause},
        choices::Purpose,
    },
    trace::event::Actor,
};

/// The notes of one run.
pub(super) struct Watch {
    causes: Causes,
    /// Turns taken, by source.
    taken: Vec<u32>,
    /// What made each task ready that is; indexed by [`TaskId`].
    ready: Vec<Option<(u32, Ready)>>,
    /// The step during which each timer was armed, in the order of their making.
    armed: Vec<u32>,
    /// The step that is being taken, or was taken last.
    step: u32,
    pub(super) constraints: Constraints,
}

/// What a watched run leaves behind.
#[derive(Default)]
pub struct Watched {
    /// What made each step happen.
    pub causes: Causes,
    /// What became of each ordering constraint.
    pub constraints: Vec<ConstraintEnd>,
}

impl Watch {
    pub(super) fn new(constraints: &[OrderingConstraint]) -> Self {
        Watch {
            causes: Causes::default(),
            taken: Vec::new(),
            ready: Vec::new(),
            armed: Vec::new(),
            step: 0,
            constraints: Constraints::new(constraints),
        }
    }

    /// A new source of turns; gives its number. The instance is that of the keys of choices, so
    /// that the sources of a plan keep their names when others are removed from it.
    pub(super) fn register(&mut self, entity: Actor, purpose: Purpose, instance: u32) -> u32 {
        let source = Source {
            entity,
            purpose,
            instance,
        };
        let number = self.causes.add_source(source);
        self.constraints.learn(number, &source);
        self.taken.push(0);
        number
    }

    /// A timer was armed.
    pub(super) fn arm(&mut self) {
        self.armed.push(self.step);
    }

    /// The step during which a timer was armed.
    pub(super) fn armed_by(&self, timer: u64) -> u32 {
        self.armed[timer as usize]
    }

    /// A timer wakes its task.
    pub(super) fn fire(&mut self, timer: u64, waker: Waker) {
        let before = WOKEN.with_borrow(Vec::len);
        waker.wake();
        // None, if the task was ready already.
        if let Some(id) = WOKEN.with_borrow(|woken| woken.get(before).copied()) {
            let by = self.armed_by(timer);
            self.slot(id).get_or_insert((by, Ready::Due));
        }
    }

    /// The step just taken woke these, unless it is known what else did.
    pub(super) fn woken(&mut self, tasks: &[TaskId]) {
        let step = self.step;
        for id in tasks {
            self.slot(*id).get_or_insert((step, Ready::Woken));
        }
    }

    /// A task has lost its turn to a pause of its process: what ends the pause makes it ready.
    pub(super) fn paused(&mut self, id: TaskId) {
        *self.slot(id) = None;
    }

    /// A turn has come up; given back if it may be taken now.
    pub(super) fn admit(&mut self, turn: Turn, source: u32, now: Time) -> Option<Turn> {
        let count = self.taken[source as usize];
        self.constraints.admit(turn, source, count, now)
    }

    /// A task takes its turn.
    pub(super) fn begin_poll(&mut self, id: TaskId, source: u32, now: Time) {
        let (by, how) = self.slot(id).take().unwrap_or((self.step, Ready::Woken));
        self.begin(source, by, how, now);
    }

    /// A delivery takes its turn.
    pub(super) fn begin_delivery(&mut self, source: u32, by: u32, now: Time) {
        self.begin(source, by, Ready::Due, now);
    }

    fn begin(&mut self, source: u32, by: u32, how: Ready, now: Time) {
        let taken = &mut self.taken[source as usize];
        let turn = *taken;
        *taken += 1;
        self.step += 1;
        self.causes.add_step(StepCause {
            time: now,
            source,
            turn,
            by,
            how,
        });
    }

    /// What it has seen.
    pub(super) fn finish(self) -> Watched {
        Watched {
            causes: self.causes,
            constraints: self.constraints.ends(),
        }
    }

    fn slot(&mut self, id: TaskId) -> &mut Option<(u32, Ready)> {
        let index = id.0 as usize;
        if self.ready.len() <= index {
            self.ready.resize(index + 1, None);
        }
        &mut self.ready[index]
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, future::poll_fn, rc::Rc, task::Poll};

    use super::*;
    use crate::{
        scheduler::{ProcessId, Strategy},
        testing::{Bench, ms},
    };

    const HOST: ProcessId = ProcessId(Actor::Container(0));

    /// Each step as `name@turn by name@turn`, the start of the run as `-`.
    fn causes(causes: &Causes) -> Vec<String> {
        let short = |number: u64| match causes.source_of(number) {
            Some(Source {
                purpose: Purpose::Turn(name),
                ..
            }) => format!("{name}@{}", causes.step(number).unwrap().turn),
            Some(_) | None => "-".to_owned(),
        };
        let line = |(number, step): (u64, &StepCause)| {
            let how = match step.how {
                Ready::Woken => "woken",
                Ready::Due => "due",
            };
            format!("{} {how} by {}", short(number), short(step.by.into()))
        };
        causes.steps().map(line).collect()
    }

    #[test]
    fn each_step_knows_what_made_it_ready() {
        let bench = Bench {
            strategy: Strategy::Fifo,
            order: Some(Vec::new()),
            ..Bench::default()
        };
        let ran = bench.run(|scheduler, _| {
            let waker = Rc::new(RefCell::new(None::<Waker>));
            let kept = Rc::clone(&waker);
            scheduler.spawn(HOST, Actor::World, "waits", async move {
                let mut polled = false;
                poll_fn(|cx| match std::mem::replace(&mut polled, true) {
                    true => Poll::Ready(()),
                    false => {
                        *kept.borrow_mut() = Some(cx.waker().clone());
                        Poll::Pending
                    }
                })
                .await;
            });
            let own = Rc::clone(scheduler);
            scheduler.spawn(HOST, Actor::World, "wakes", async move {
                own.sleep(ms(5)).await;
                waker.take().into_iter().for_each(Waker::wake);
                own.spawn(HOST, Actor::World, "child", async {});
            });
        });
        assert_eq!(
            causes(&ran.watched.causes),
            [
                "waits@0 woken by -",
                "wakes@0 woken by -",
                "wakes@1 due by wakes@0",
                "waits@1 woken by wakes@1",
                "child@0 woken by wakes@1",
            ]
        );
    }

    #[test]
    fn a_task_of_a_paused_process_goes_on_because_the_pause_ends() {
        let bench = Bench {
            strategy: Strategy::Fifo,
            order: Some(Vec::new()),
            ..Bench::default()
        };
        let ran = bench.run(|scheduler, _| {
            let own = Rc::clone(scheduler);
            scheduler.spawn(HOST, Actor::World, "sleeper", async move {
                own.sleep(ms(5)).await;
            });
            let own = Rc::clone(scheduler);
            let outside = ProcessId(Actor::World);
            scheduler.spawn(outside, Actor::World, "stall", async move {
                let pause = own.pause(HOST);
                own.sleep(ms(9)).await;
                drop(pause);
            });
        });
        assert_eq!(
            causes(&ran.watched.causes)[2..],
            ["stall@1 due by stall@0", "sleeper@1 woken by stall@1"]
        );
    }
}
