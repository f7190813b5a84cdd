//! A scheduler to test with: a few tasks and what they log, no more of a world than a test makes.

use std::{cell::RefCell, rc::Rc, time::Duration};

use gatesim_model::core::time::Time;
use madsim::runtime::Runtime;

use crate::{
    scheduler::{OrderingConstraint, Scheduler, Strategy, Watched, choices::Choices},
    trace::event::FinishReason,
};

/// What happened, in order.
pub type Log = Rc<RefCell<Vec<String>>>;

/// One run of the scheduler alone, on a thread of its own as every run is.
pub struct Bench {
    /// Of the choices.
    pub seed: u64,
    /// How ties are broken.
    pub strategy: Strategy,
    /// Ordering constraints; none if the run is not even watched.
    pub order: Option<Vec<OrderingConstraint>>,
    /// Where it is cut off.
    pub step_limit: u64,
    /// Where it is cut off.
    pub time_limit: Duration,
}

/// What came of it.
pub struct Ran {
    /// What the tasks logged.
    pub log: Vec<String>,
    /// Why it ended.
    pub reason: FinishReason,
    /// Polls and deliveries.
    pub steps: u64,
    /// Virtual time at the end.
    pub now: Duration,
    /// What was noted.
    pub watched: Watched,
}

impl Default for Bench {
    fn default() -> Self {
        Bench {
            seed: 1,
            strategy: Strategy::Uniform,
            order: None,
            step_limit: 10_000,
            time_limit: Duration::from_secs(60),
        }
    }
}

impl Bench {
    /// Runs what `start` starts.
    pub fn run(&self, start: impl FnOnce(&Rc<Scheduler>, &Log) + Send) -> Ran {
        let run_here = || {
            Runtime::with_seed_and_config(self.seed, madsim::Config::default()).block_on(async {
                let choices = Choices::new(self.seed, false, None);
                let limit = Time::ZERO + self.time_limit;
                let scheduler = Scheduler::new(choices, self.strategy, self.step_limit, limit);
                if let Some(order) = &self.order {
                    scheduler.watch(order);
                }
                let log = Log::default();
                start(&scheduler, &log);
                let reason = scheduler.run().await;
                let ran = Ran {
                    log: log.take(),
                    reason,
                    steps: scheduler.steps(),
                    now: scheduler.now().since(Time::ZERO),
                    watched: scheduler.watched(),
                };
                scheduler.dismantle().await;
                ran
            })
        };
        std::thread::scope(|scope| scope.spawn(run_here).join().unwrap())
    }
}

/// Adds a line.
pub fn note(log: &Log, text: impl Into<String>) {
    log.borrow_mut().push(text.into());
}

/// Milliseconds.
pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}
