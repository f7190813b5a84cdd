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
};

use crate::{
    execution::{clock::Stopwatch, interrupt, pool::in_parallel},
    target::Target,
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

/// The run to be explained, and the budget.
pub struct Trials {
    target: Target,
    jobs: NonZeroUsize,
    watch: Stopwatch,
    budget: Duration,
    runs: AtomicU64,
    exhausted: AtomicBool,
}

/// The first searches may take one of so many parts of the budget.
const SHARES: u32 = 4;

impl Trials {
    /// Re-executions of `target` by `jobs` worker threads; none begins after `budget` is over.
    pub fn new(target: &Target, jobs: NonZeroUsize, budget: Duration) -> Self {
        Trials {
            target: target.clone(),
            jobs,
            watch: Stopwatch::start(),
            budget,
            runs: AtomicU64::new(0),
            exhausted: AtomicBool::new(false),
        }
    }

    /// The same budget for a run with another plan.
    pub fn of_plan(self, plan: Plan) -> Self {
        Trials {
            target: Target {
                plan,
                ..self.target
            },
            ..self
        }
    }

    /// The run that is varied.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How many runs are executed at the same time.
    pub fn jobs(&self) -> usize {
        self.jobs.get()
    }

    /// Whether the part of the budget is spent that the first searches may take.
    pub fn is_share_spent(&self) -> bool {
        interrupt::requested() || self.watch.elapsed() >= self.budget / SHARES
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
