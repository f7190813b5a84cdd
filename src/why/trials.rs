//! Variations of one run, and their execution on all cores within a budget.
//!
//! The results of a list of variations do not depend on which worker executed which; only the budget
//! can cut the list short, which is recorded.

use std::{
    num::NonZeroUsize,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use gatesim_model::design::Design;
use gatesim_sim::{
    Options,
    plan::Plan,
    run::outcome::Outcome,
    scheduler::{
        OrderingConstraint,
        choices::{Perturb, WHOLE},
    },
    trace::event::TraceEvent,
};

use crate::{
    execution::{clock::Stopwatch, interrupt, pool::in_parallel},
    target::{Target, expectation::Expectation},
};

/// What is changed in the run to be explained.
#[derive(Clone, Debug, Default)]
pub struct Variation {
    /// Another design.
    pub design: Option<Design>,
    /// Another plan.
    pub plan: Option<Plan>,
    /// Ordering constraints.
    pub order: Vec<OrderingConstraint>,
    /// Other timing.
    pub perturb: Option<Perturb>,
}

impl Variation {
    /// Two steps in another order.
    pub fn order(constraint: OrderingConstraint) -> Self {
        Variation {
            order: vec![constraint],
            ..Variation::default()
        }
    }

    /// All of its timing resampled.
    pub fn timing(salt: u64) -> Self {
        let per_mille = WHOLE;
        Variation {
            perturb: Some(Perturb { salt, per_mille }),
            ..Variation::default()
        }
    }

    /// Another plan.
    pub fn plan(plan: Plan) -> Self {
        Variation {
            plan: Some(plan),
            ..Variation::default()
        }
    }

    /// Another design.
    pub fn design(design: Design) -> Self {
        Variation {
            design: Some(design),
            ..Variation::default()
        }
    }
}

/// What is to be explained: how a run failed, and the event at which that was detected, unless it was
/// a deadline.
#[derive(Clone, Debug)]
pub struct Symptom {
    /// Invariant and cause.
    pub expect: Expectation,
    /// That event.
    pub mark: Option<EventIdentity>,
    /// The number of events with this identity up to that one.
    pub count: usize,
}

/// What identifies an event in other runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventIdentity {
    /// Its name.
    pub title: String,
    /// Its connections.
    pub sockets: Vec<gatesim_model::core::ids::SocketId>,
}

impl EventIdentity {
    /// Of this event.
    pub fn of(entry: &TraceEvent) -> Self {
        EventIdentity {
            title: entry.fact.row().title(),
            sockets: entry.sockets(),
        }
    }

    /// Whether it happens in a trace.
    pub fn is_in(&self, trace: &[TraceEvent]) -> bool {
        trace.iter().any(|entry| EventIdentity::of(entry) == *self)
    }
}

impl Symptom {
    /// Whether a run does not have it. Of each invariant only the first violation is recorded: if that
    /// is another one now, the event must not happen to any connection.
    pub fn is_gone(&self, outcome: &Outcome) -> bool {
        if outcome.panic.is_some() || self.expect.is_met_by(outcome) {
            return false;
        }
        let hidden = outcome
            .violations
            .iter()
            .any(|violation| violation.invariant.name() == self.expect.invariant);
        let like =
            |mark: &EventIdentity, entry: &TraceEvent| entry.fact.row().title() == mark.title;
        let gone = |mark: &EventIdentity| !outcome.trace.iter().any(|entry| like(mark, entry));
        !hidden || self.mark.as_ref().is_some_and(gone)
    }
}

impl Symptom {
    /// Whether a missed deadline is now missed for another reason: of each invariant only the first
    /// violation is recorded, so this cannot be decided more exactly.
    pub fn is_another(&self, outcome: &Outcome) -> bool {
        self.mark.is_none() && outcome.panic.is_none() && !self.expect.is_met_by(outcome)
    }
}

/// The run to be explained, and the budget.
pub struct Trials<'a> {
    target: &'a Target,
    jobs: NonZeroUsize,
    watch: Stopwatch,
    budget: Duration,
    runs: AtomicU64,
    exhausted: AtomicBool,
}

impl<'a> Trials<'a> {
    /// Re-executions of `target` by `jobs` worker threads; none begins after `budget` is over.
    pub fn new(target: &'a Target, jobs: NonZeroUsize, budget: Duration) -> Self {
        Trials {
            target,
            jobs,
            watch: Stopwatch::start(),
            budget,
            runs: AtomicU64::new(0),
            exhausted: AtomicBool::new(false),
        }
    }

    /// The run that is varied.
    pub fn target(&self) -> &'a Target {
        self.target
    }

    /// Runs so far.
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    /// Whether the budget ended before everything was tried.
    pub fn exhausted(&self) -> bool {
        self.exhausted.load(Ordering::Relaxed)
    }

    /// Executes and judges each variation; none for those that the budget did not cover.
    pub fn each<T: Send>(
        &self,
        variations: &[Variation],
        judge: impl Fn(usize, &Outcome) -> T + Sync,
    ) -> Vec<Option<T>> {
        self.each_of(variations.len(), |index| variations[index].clone(), judge)
    }

    /// The same for `count` variations, each made when it is executed.
    pub fn each_of<T: Send>(
        &self,
        count: usize,
        make: impl Fn(usize) -> Variation + Sync,
        judge: impl Fn(usize, &Outcome) -> T + Sync,
    ) -> Vec<Option<T>> {
        let next = AtomicU64::new(0);
        let results = Mutex::new(Vec::new());
        results
            .lock()
            .expect("it was just created")
            .resize_with(count, || None);
        let jobs = self
            .jobs
            .min(NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN));
        in_parallel(jobs, || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed) as usize;
                if index >= count {
                    return;
                }
                if interrupt::requested() || self.watch.elapsed() >= self.budget {
                    self.exhausted.store(true, Ordering::Relaxed);
                    return;
                }
                let judged = judge(index, &self.run(make(index)));
                results
                    .lock()
                    .expect("no worker panics while it holds the lock")[index] = Some(judged);
            }
        });
        results
            .into_inner()
            .expect("no worker panics while it holds the lock")
    }

    /// Executes one.
    pub fn one<T: Send>(
        &self,
        variation: Variation,
        judge: impl Fn(&Outcome) -> T + Sync,
    ) -> Option<T> {
        let results = self.each(&[variation], |_, outcome| judge(outcome));
        results.into_iter().next().flatten()
    }

    fn run(&self, variation: Variation) -> Outcome {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let options = Options {
            trace: true,
            causes: !variation.order.is_empty(),
            order: variation.order,
            perturb: variation.perturb,
            ..Options::default()
        };
        let varied = Target {
            design: (variation.design).unwrap_or_else(|| self.target.design.clone()),
            plan: (variation.plan).unwrap_or_else(|| self.target.plan.clone()),
            ..self.target.clone()
        };
        varied.execute(&options)
    }
}
