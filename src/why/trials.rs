//! Variations of one run: what is changed, and running many of them on all cores within a budget.
//!
//! What comes of a list of variations does not depend on which worker did which; only the budget
//! can cut it short, and then it is said so.

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
    view::describe,
};

use crate::{
    execution::{clock::Stopwatch, interrupt, pool::in_parallel},
    target::{Target, expectation::Expectation},
};

/// What is different from the run that is to be explained.
#[derive(Clone, Debug, Default)]
pub struct Variation {
    /// Another design.
    pub design: Option<Design>,
    /// Another world.
    pub plan: Option<Plan>,
    /// Another order.
    pub order: Vec<OrderingConstraint>,
    /// Other timing.
    pub perturb: Option<Perturb>,
}

impl Variation {
    /// Two turns in another order.
    pub fn order(hold: OrderingConstraint) -> Self {
        Variation {
            order: vec![hold],
            ..Variation::default()
        }
    }

    /// All of its timing made anew.
    pub fn timing(salt: u64) -> Self {
        let per_mille = WHOLE;
        Variation {
            perturb: Some(Perturb { salt, per_mille }),
            ..Variation::default()
        }
    }

    /// Another world.
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

/// What is to be explained: how a run failed, and the event at which it was noticed, unless that
/// was a deadline.
#[derive(Clone, Debug)]
pub struct Symptom {
    /// Invariant and cause.
    pub expect: Expectation,
    /// Name and connections of that event.
    pub mark: Option<Mark>,
    /// How many events with this mark there are up to that one.
    pub count: usize,
}

/// What is the same of an event in every run in which it happens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Its name.
    pub title: String,
    /// Its connections.
    pub sockets: Vec<gatesim_model::core::ids::SocketId>,
}

impl Mark {
    /// Of this event.
    pub fn of(entry: &TraceEvent) -> Self {
        Mark {
            title: describe::title(entry),
            sockets: entry.sockets(),
        }
    }

    /// Whether it happens in a run.
    pub fn is_in(&self, trace: &[TraceEvent]) -> bool {
        trace.iter().any(|entry| Mark::of(entry) == *self)
    }
}

impl Symptom {
    /// Whether a run does not have it. Of each invariant only the first violation is kept: if
    /// that is another one now, nothing like the event may happen, to whatever connection.
    pub fn is_gone(&self, outcome: &Outcome) -> bool {
        if outcome.panic.is_some() || self.expect.is_met_by(outcome) {
            return false;
        }
        let hidden = outcome
            .violations
            .iter()
            .any(|violation| violation.invariant.name() == self.expect.invariant);
        let like = |mark: &Mark, entry: &TraceEvent| describe::title(entry) == mark.title;
        let gone = |mark: &Mark| !outcome.trace.iter().any(|entry| like(mark, entry));
        !hidden || self.mark.as_ref().is_some_and(gone)
    }
}

impl Symptom {
    /// Whether a deadline that was missed is now missed for another reason: of each invariant only
    /// the first violation is kept, so more cannot be said.
    pub fn is_another(&self, outcome: &Outcome) -> bool {
        self.mark.is_none() && outcome.panic.is_none() && !self.expect.is_met_by(outcome)
    }
}

/// The run that is to be explained, and what may be spent on it.
pub struct Trials<'a> {
    target: &'a Target,
    jobs: NonZeroUsize,
    watch: Stopwatch,
    budget: Duration,
    runs: AtomicU64,
    exhausted: AtomicBool,
}

impl<'a> Trials<'a> {
    /// Runs of `target`, `jobs` at a time, none of them begun after `budget` is over.
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

    /// Whether something was not tried for lack of time.
    pub fn exhausted(&self) -> bool {
        self.exhausted.load(Ordering::Relaxed)
    }

    /// Runs each variation and judges it; none for those that there was no time for.
    pub fn each<T: Send>(
        &self,
        variations: &[Variation],
        judge: impl Fn(usize, &Outcome) -> T + Sync,
    ) -> Vec<Option<T>> {
        self.each_of(variations.len(), |index| variations[index].clone(), judge)
    }

    /// The same for so many variations, each made when it is run.
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
            .expect("nobody has it yet")
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
                results.lock().expect("no worker panics while it has it")[index] = Some(judged);
            }
        });
        results
            .into_inner()
            .expect("no worker panics while it has it")
    }

    /// Runs one.
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
