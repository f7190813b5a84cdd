//! Constraints: a turn that waits for a turn of somebody else, to see what another order makes of a run.
//!
//! Everything else goes on meanwhile: time, timers, frames, other tasks. A turn that is held is
//! taken as soon as the one that it waits for is over, before anything else. It is let go unmet
//! when nothing else can ever happen, when the one that it waits for can never come, or when it
//! has waited for [`PATIENCE`]; [`ConstraintEnd`] tells.

use std::time::Duration;

use gatesim_model::core::time::Time;
use serde::Serialize;

use super::order::Turn;
use crate::scheduler::causes::{Source, StepName};

/// Virtual time after which a turn that is held is let go.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// One turn that is to wait for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderingConstraint {
    /// The turn that waits.
    pub held: StepName,
    /// The turn that it waits for.
    pub until: StepName,
    /// On which side of that turn it is taken.
    pub side: Side,
}

/// Where a held turn is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Right before the turn that it waits for, which then follows at once: as late as possible
    /// without changing the order of the two.
    Before,
    /// Right after it.
    After,
}

/// What became of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConstraintEnd {
    /// The turn that was to wait never came up, or the run ended while it waited.
    NeverTaken,
    /// The turn that was to be waited for came first anyhow.
    NotNeeded,
    /// It waited, and was taken where it was to be taken.
    Met,
    /// It waited in vain and was let go.
    GivenUp,
}

/// A hold and how far it has come.
struct Open {
    constraint: OrderingConstraint,
    /// Once they are known: the sources of both turns.
    held_source: Option<u32>,
    until_source: Option<u32>,
    progress: Progress,
}

/// How far a hold has come.
enum Progress {
    /// Neither turn has come up.
    Waiting,
    /// The turn, and those behind it from the same source, wait since then.
    Holding { since: Time, turns: Vec<Turn> },
    /// As [`Progress::Holding`], and the turn that is waited for is being taken.
    Meeting { turns: Vec<Turn> },
    /// It is over.
    Over(ConstraintEnd),
}

impl Open {
    fn end(&mut self, end: ConstraintEnd) -> Vec<Turn> {
        match std::mem::replace(&mut self.progress, Progress::Over(end)) {
            Progress::Waiting => Vec::new(),
            Progress::Holding { turns, .. } | Progress::Meeting { turns } => turns,
            Progress::Over(before) => {
                self.progress = Progress::Over(before);
                Vec::new()
            }
        }
    }

    fn since(&self) -> Option<Time> {
        match &self.progress {
            Progress::Holding { since, .. } => Some(*since),
            Progress::Waiting | Progress::Meeting { .. } | Progress::Over(_) => None,
        }
    }
}

/// What is to be done with a turn that has come up.
pub(super) enum Verdict {
    /// It is taken.
    Take(Turn),
    /// It is kept, or something else goes first.
    Wait,
}

/// All holds of a run.
#[derive(Default)]
pub(super) struct Constraints {
    open: Vec<Open>,
    /// Turns that are taken before anything else.
    released: std::collections::VecDeque<Turn>,
}

impl Constraints {
    pub(super) fn new(constraints: &[OrderingConstraint]) -> Self {
        let open = |constraint: &OrderingConstraint| Open {
            constraint: constraint.clone(),
            held_source: None,
            until_source: None,
            progress: Progress::Waiting,
        };
        Constraints {
            open: constraints.iter().map(open).collect(),
            released: Default::default(),
        }
    }

    /// Somebody new may take turns.
    pub(super) fn learn(&mut self, number: u32, source: &Source) {
        if self.open.is_empty() {
            return;
        }
        let key = source.to_string();
        for open in &mut self.open {
            if open.constraint.held.source == key {
                open.held_source = Some(number);
            }
            if open.constraint.until.source == key {
                open.until_source = Some(number);
            }
        }
    }

    /// The next turn that goes before all others.
    pub(super) fn next_released(&mut self) -> Option<Turn> {
        self.released.pop_front()
    }

    /// A turn has come up: `number` is its source, `turn` which of the source's turns it is.
    pub(super) fn judge(&mut self, turn: Turn, number: u32, count: u32, now: Time) -> Verdict {
        for open in &mut self.open {
            let is_held = open.held_source == Some(number) && open.constraint.held.turn == count;
            match &mut open.progress {
                Progress::Waiting if is_held => {
                    let turns = vec![turn];
                    open.progress = Progress::Holding { since: now, turns };
                    return Verdict::Wait;
                }
                // A later frame of the same connection: they arrive in order.
                Progress::Holding { turns, .. } if is_held => {
                    turns.push(turn);
                    return Verdict::Wait;
                }
                Progress::Waiting
                | Progress::Holding { .. }
                | Progress::Meeting { .. }
                | Progress::Over(_) => {}
            }
        }
        for open in &mut self.open {
            let is_awaited =
                open.until_source == Some(number) && open.constraint.until.turn == count;
            if !is_awaited {
                continue;
            }
            match (&mut open.progress, open.constraint.side) {
                (Progress::Waiting, _) => {
                    open.end(ConstraintEnd::NotNeeded);
                }
                (Progress::Holding { .. }, Side::Before) => {
                    self.released.extend(open.end(ConstraintEnd::Met));
                    self.released.push_back(turn);
                    return Verdict::Wait;
                }
                (Progress::Holding { turns, .. }, Side::After) => {
                    let turns = std::mem::take(turns);
                    open.progress = Progress::Meeting { turns };
                }
                (Progress::Meeting { .. } | Progress::Over(_), _) => {}
            }
        }
        Verdict::Take(turn)
    }

    /// The step is over: what waited for it goes on.
    pub(super) fn settle(&mut self) {
        for open in &mut self.open {
            match open.progress {
                Progress::Meeting { .. } => self.released.extend(open.end(ConstraintEnd::Met)),
                Progress::Waiting | Progress::Holding { .. } | Progress::Over(_) => {}
            }
        }
    }

    /// A source takes no more turns: nobody waits for it any longer.
    pub(super) fn forget(&mut self, number: u32) {
        for open in &mut self.open {
            if open.until_source == Some(number) && open.since().is_some() {
                self.released.extend(open.end(ConstraintEnd::GivenUp));
            }
        }
    }

    /// When the first of the turns that are held is let go.
    pub(super) fn patient_until(&self) -> Option<Time> {
        let since = self.open.iter().filter_map(Open::since).min()?;
        Some(since + PATIENCE)
    }

    /// Lets everything go that has been held since before `now` less [`PATIENCE`]; everything if
    /// nothing else can happen.
    pub(super) fn give_up(&mut self, now: Option<Time>) {
        for open in &mut self.open {
            let Some(since) = open.since() else { continue };
            if now.is_none_or(|now| since + PATIENCE <= now) {
                self.released.extend(open.end(ConstraintEnd::GivenUp));
            }
        }
    }

    /// What became of each.
    pub(super) fn ends(self) -> Vec<ConstraintEnd> {
        let end = |open: Open| match open.progress {
            Progress::Waiting | Progress::Holding { .. } => ConstraintEnd::NeverTaken,
            Progress::Meeting { .. } => ConstraintEnd::Met,
            Progress::Over(end) => end,
        };
        self.open.into_iter().map(end).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc, task::Poll};

    use super::*;
    use crate::{
        scheduler::{Deliver, ProcessId, Scheduler, Strategy, Turns, choices::Purpose},
        testing::{Bench, Log, Ran, ms, note},
        trace::event::{Actor, FinishReason},
    };

    const HOST: ProcessId = ProcessId(Actor::Container(0));

    /// A task that logs its name and the number of its turn, `turns` times.
    fn turns(scheduler: &Rc<Scheduler>, log: &Log, name: &'static str, turns: u32) {
        let log = Rc::clone(log);
        let mut taken = 0;
        scheduler.spawn(HOST, Actor::World, name, async move {
            std::future::poll_fn(|cx| {
                note(&log, format!("{name}{taken}"));
                taken += 1;
                match taken == turns {
                    true => Poll::Ready(()),
                    false => {
                        cx.waker().wake_by_ref();
                        Poll::Pending
                    }
                }
            })
            .await;
        });
    }

    /// A task that logs its name every millisecond.
    fn tick(scheduler: &Rc<Scheduler>, log: &Log, name: &'static str, times: u64) {
        let (own, log) = (Rc::clone(scheduler), Rc::clone(log));
        scheduler.spawn(HOST, Actor::World, name, async move {
            for _ in 0..times {
                own.sleep(ms(1)).await;
                note(&log, name);
            }
        });
    }

    fn step(name: &str, turn: u32) -> StepName {
        StepName {
            source: format!("world/turn/{name}/0"),
            turn,
        }
    }

    fn constraint(held: StepName, until: StepName, side: Side) -> OrderingConstraint {
        OrderingConstraint { held, until, side }
    }

    fn run(
        constraint: OrderingConstraint,
        start: impl Fn(&Rc<Scheduler>, &Log) + Send + Sync,
    ) -> Ran {
        let run = || {
            let bench = Bench {
                strategy: Strategy::Fifo,
                order: Some(vec![constraint.clone()]),
                time_limit: Duration::from_secs(600),
                step_limit: 1_000_000,
                ..Bench::default()
            };
            bench.run(|scheduler, log| start(scheduler, log))
        };
        let (once, again) = (run(), run());
        assert_eq!(once.log, again.log);
        assert_eq!(once.watched.causes, again.watched.causes);
        once
    }

    fn two_tasks(constraint: OrderingConstraint) -> (String, Vec<ConstraintEnd>) {
        let ran = run(constraint, |scheduler, log| {
            turns(scheduler, log, "a", 3);
            turns(scheduler, log, "b", 3);
        });
        (ran.log.join(" "), ran.watched.constraints)
    }

    #[test]
    fn a_turn_waits_for_another_and_follows_it_at_once() {
        assert_eq!(
            two_tasks(constraint(step("a", 1), step("b", 1), Side::After)),
            ("a0 b0 b1 a1 b2 a2".to_owned(), vec![ConstraintEnd::Met])
        );
        assert_eq!(
            two_tasks(constraint(step("a", 0), step("b", 2), Side::After)),
            ("b0 b1 b2 a0 a1 a2".to_owned(), vec![ConstraintEnd::Met])
        );
    }

    #[test]
    fn a_turn_is_taken_as_late_as_possible_before_another() {
        assert_eq!(
            two_tasks(constraint(step("a", 0), step("b", 2), Side::Before)),
            ("b0 b1 a0 b2 a1 a2".to_owned(), vec![ConstraintEnd::Met])
        );
    }

    #[test]
    fn what_comes_first_anyhow_is_not_waited_for() {
        let (log, ends) = two_tasks(constraint(step("b", 1), step("a", 0), Side::After));
        assert_eq!(
            (&*log, ends),
            ("a0 b0 a1 b1 a2 b2", vec![ConstraintEnd::NotNeeded])
        );
        let (_, ends) = two_tasks(constraint(step("a", 7), step("b", 1), Side::After));
        assert_eq!(ends, [ConstraintEnd::NotNeeded]);
        let (_, ends) = two_tasks(constraint(step("a", 7), step("b", 7), Side::After));
        assert_eq!(ends, [ConstraintEnd::NeverTaken]);
    }

    #[test]
    fn a_turn_is_let_go_when_the_other_can_never_come() {
        // The other task ends before it has so many turns.
        let (log, ends) = two_tasks(constraint(step("a", 1), step("b", 9), Side::After));
        assert_eq!(
            (&*log, ends),
            ("a0 b0 b1 b2 a1 a2", vec![ConstraintEnd::GivenUp])
        );
        // Nobody has that name, and nothing else can happen.
        let (log, ends) = two_tasks(constraint(step("a", 1), step("nobody", 0), Side::After));
        assert_eq!(
            (&*log, ends),
            ("a0 b0 b1 b2 a1 a2", vec![ConstraintEnd::GivenUp])
        );
    }

    #[test]
    fn a_turn_is_let_go_after_a_while() {
        let awaited = constraint(step("a", 0), step("nobody", 0), Side::After);
        let ran = run(awaited, |scheduler, log| {
            turns(scheduler, log, "a", 1);
            tick(scheduler, log, "t", 61_000);
        });
        let at = ran.log.iter().position(|line| line == "a0");
        assert_eq!(at, Some(PATIENCE.as_millis() as usize));
        assert_eq!(ran.watched.constraints, [ConstraintEnd::GivenUp]);
        assert_eq!(ran.reason, FinishReason::Stuck);
    }

    #[test]
    fn a_run_that_ends_while_a_turn_waits_says_so() {
        let awaited = constraint(step("a", 0), step("nobody", 0), Side::After);
        let ran = run(awaited, |scheduler, log| {
            turns(scheduler, log, "a", 1);
            let own = Rc::clone(scheduler);
            scheduler.spawn(HOST, Actor::World, "end", async move {
                own.sleep(ms(5)).await;
                own.finish(FinishReason::Done);
            });
        });
        assert_eq!(ran.watched.constraints, [ConstraintEnd::NeverTaken]);
        assert_eq!((ran.log.len(), ran.now), (0, ms(5)));
    }

    struct Frames {
        log: Log,
        left: RefCell<Vec<&'static str>>,
        turns: RefCell<Turns>,
    }

    impl Deliver for Frames {
        fn deliver(self: Rc<Self>, _: &Scheduler) {
            let frame = self.left.borrow_mut().remove(0);
            note(&self.log, frame);
        }

        fn turns(&self) -> &RefCell<Turns> {
            &self.turns
        }
    }

    #[test]
    fn frames_behind_one_that_is_held_wait_as_well() {
        let link = Purpose::Delivery(Actor::Client(0));
        let first_frame = StepName {
            source: format!("balancer/{link}/0"),
            turn: 0,
        };
        let ran = run(
            constraint(first_frame, step("t", 3), Side::After),
            |scheduler, log| {
                let frames = Rc::new(Frames {
                    log: Rc::clone(log),
                    left: RefCell::new(vec!["x", "y", "z"]),
                    turns: RefCell::new(scheduler.turns(Actor::Balancer, link)),
                });
                for us in [1_500, 2_500, 4_500] {
                    let at = Time::ZERO + Duration::from_micros(us);
                    scheduler.deliver_at(at, Rc::clone(&frames) as Rc<dyn Deliver>);
                }
                tick(scheduler, log, "t", 5);
            },
        );
        assert_eq!(ran.log.concat(), "tttxytzt");
        assert_eq!(ran.watched.constraints, [ConstraintEnd::Met]);
    }
}
