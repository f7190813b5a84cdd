//! Ordering constraints: a turn waits for a turn of another task, to see what another order makes
//! of a run.
//!
//! Everything else goes on meanwhile: time, timers, frames, other tasks. A delayed turn is taken
//! as soon as the one that it waits for is over, before anything else. The constraint is given up
//! when nothing else can ever happen, when the awaited turn can never come, or when the delayed
//! turn has waited for [`PATIENCE`]; [`ConstraintEnd`] tells.

use std::time::Duration;

use gatesim_model::core::time::Time;
use serde::Serialize;

use super::order::Turn;
use crate::scheduler::causes::{Source, StepName};

/// Virtual time after which a delayed turn is released.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// One turn that is to wait for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderingConstraint {
    /// The turn that waits.
    pub delayed: StepName,
    /// The turn that it waits for.
    pub awaited: StepName,
    /// On which side of that turn it is taken.
    pub side: Side,
}

/// Where a delayed turn is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Right before the turn that it waits for, which then follows at once: as late as possible
    /// without changing the order of the two.
    Before,
    /// Right after it.
    After,
}

/// What became of a constraint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConstraintEnd {
    /// The turn that was to wait never came up, or the run ended while it waited.
    NeverTaken,
    /// The awaited turn came first anyway.
    NotNeeded,
    /// It waited, and was taken where it was to be taken.
    Met,
    /// It waited in vain and was released.
    GivenUp,
}

/// A constraint and its state.
struct Open {
    constraint: OrderingConstraint,
    /// Once they are known: the sources of both turns.
    delayed_source: Option<u32>,
    awaited_source: Option<u32>,
    state: ConstraintState,
}

/// How far a constraint has come.
enum ConstraintState {
    /// Neither turn has come up.
    Waiting,
    /// The turn, and those behind it from the same source, wait since then.
    Holding { since: Time, turns: Vec<Turn> },
    /// As [`ConstraintState::Holding`], and the turn that is waited for is being taken.
    Meeting { turns: Vec<Turn> },
    /// It is over.
    Over(ConstraintEnd),
}

impl Open {
    fn end(&mut self, end: ConstraintEnd) -> Vec<Turn> {
        match std::mem::replace(&mut self.state, ConstraintState::Over(end)) {
            ConstraintState::Waiting => Vec::new(),
            ConstraintState::Holding { turns, .. } | ConstraintState::Meeting { turns } => turns,
            ConstraintState::Over(before) => {
                self.state = ConstraintState::Over(before);
                Vec::new()
            }
        }
    }

    fn since(&self) -> Option<Time> {
        match &self.state {
            ConstraintState::Holding { since, .. } => Some(*since),
            ConstraintState::Waiting
            | ConstraintState::Meeting { .. }
            | ConstraintState::Over(_) => None,
        }
    }
}

/// All constraints of a run.
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
            delayed_source: None,
            awaited_source: None,
            state: ConstraintState::Waiting,
        };
        Constraints {
            open: constraints.iter().map(open).collect(),
            released: Default::default(),
        }
    }

    /// There is a new source of turns.
    pub(super) fn learn(&mut self, number: u32, source: &Source) {
        if self.open.is_empty() {
            return;
        }
        let key = source.to_string();
        for open in &mut self.open {
            if open.constraint.delayed.source == key {
                open.delayed_source = Some(number);
            }
            if open.constraint.awaited.source == key {
                open.awaited_source = Some(number);
            }
        }
    }

    /// The next turn that goes before all others.
    pub(super) fn next_released(&mut self) -> Option<Turn> {
        self.released.pop_front()
    }

    /// A turn has come up: `number` is its source, `count` which of the source's turns it is. Given
    /// back if it is taken now; kept if it has to wait, or if another turn goes first.
    pub(super) fn admit(&mut self, turn: Turn, number: u32, count: u32, now: Time) -> Option<Turn> {
        for open in &mut self.open {
            let is_delayed =
                open.delayed_source == Some(number) && open.constraint.delayed.turn == count;
            match &mut open.state {
                ConstraintState::Waiting if is_delayed => {
                    let turns = vec![turn];
                    open.state = ConstraintState::Holding { since: now, turns };
                    return None;
                }
                // A later frame of the same connection: they arrive in order.
                ConstraintState::Holding { turns, .. } if is_delayed => {
                    turns.push(turn);
                    return None;
                }
                ConstraintState::Waiting
                | ConstraintState::Holding { .. }
                | ConstraintState::Meeting { .. }
                | ConstraintState::Over(_) => {}
            }
        }
        for open in &mut self.open {
            let is_awaited =
                open.awaited_source == Some(number) && open.constraint.awaited.turn == count;
            if !is_awaited {
                continue;
            }
            match (&mut open.state, open.constraint.side) {
                (ConstraintState::Waiting, _) => {
                    open.end(ConstraintEnd::NotNeeded);
                }
                (ConstraintState::Holding { .. }, Side::Before) => {
                    self.released.extend(open.end(ConstraintEnd::Met));
                    self.released.push_back(turn);
                    return None;
                }
                (ConstraintState::Holding { turns, .. }, Side::After) => {
                    let turns = std::mem::take(turns);
                    open.state = ConstraintState::Meeting { turns };
                }
                (ConstraintState::Meeting { .. } | ConstraintState::Over(_), _) => {}
            }
        }
        Some(turn)
    }

    /// The step is over: what waited for it goes on.
    pub(super) fn settle(&mut self) {
        for open in &mut self.open {
            match open.state {
                ConstraintState::Meeting { .. } => {
                    self.released.extend(open.end(ConstraintEnd::Met))
                }
                ConstraintState::Waiting
                | ConstraintState::Holding { .. }
                | ConstraintState::Over(_) => {}
            }
        }
    }

    /// A source takes no more turns: nothing waits for it any longer.
    pub(super) fn forget(&mut self, number: u32) {
        for open in &mut self.open {
            if open.awaited_source == Some(number) && open.since().is_some() {
                self.released.extend(open.end(ConstraintEnd::GivenUp));
            }
        }
    }

    /// When the first of the delayed turns is released.
    pub(super) fn patient_until(&self) -> Option<Time> {
        let since = self.open.iter().filter_map(Open::since).min()?;
        Some(since + PATIENCE)
    }

    /// Releases every turn that has been delayed since before `now` less [`PATIENCE`]; all of them
    /// if nothing else can happen.
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
        let end = |open: Open| match open.state {
            ConstraintState::Waiting | ConstraintState::Holding { .. } => ConstraintEnd::NeverTaken,
            ConstraintState::Meeting { .. } => ConstraintEnd::Met,
            ConstraintState::Over(end) => end,
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

    fn constraint(delayed: StepName, awaited: StepName, side: Side) -> OrderingConstraint {
        OrderingConstraint {
            delayed,
            awaited,
            side,
        }
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
    fn a_turn_that_comes_first_anyway_is_not_waited_for() {
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
    fn a_turn_is_released_when_the_other_can_never_come() {
        // The other task ends before it has so many turns.
        let (log, ends) = two_tasks(constraint(step("a", 1), step("b", 9), Side::After));
        assert_eq!(
            (&*log, ends),
            ("a0 b0 b1 b2 a1 a2", vec![ConstraintEnd::GivenUp])
        );
        // No task has that name, and nothing else can happen.
        let (log, ends) = two_tasks(constraint(step("a", 1), step("missing", 0), Side::After));
        assert_eq!(
            (&*log, ends),
            ("a0 b0 b1 b2 a1 a2", vec![ConstraintEnd::GivenUp])
        );
    }

    #[test]
    fn a_turn_is_released_when_patience_ends() {
        let awaited = constraint(step("a", 0), step("missing", 0), Side::After);
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
        let awaited = constraint(step("a", 0), step("missing", 0), Side::After);
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
        fn deliver(self: Rc<Self>) {
            let frame = self.left.borrow_mut().remove(0);
            note(&self.log, frame);
        }

        fn turns(&self) -> &RefCell<Turns> {
            &self.turns
        }
    }

    #[test]
    fn frames_behind_one_that_is_delayed_wait_as_well() {
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
