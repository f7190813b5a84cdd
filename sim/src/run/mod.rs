//! One run: `(design, plan, code) -> outcome`. Nothing else goes in.

use std::{panic::AssertUnwindSafe, rc::Rc, thread};

use gatesim_model::{core::time::Time, design::Design};
use madsim::runtime::Runtime;

pub mod outcome;
pub mod recorder;

use crate::{
    check::invariants::Limits,
    plan::Plan,
    run::{outcome::Outcome, recorder::Recorder},
    scheduler::{
        OrderingConstraint, Scheduler,
        choices::{Choices, Perturb, Record},
    },
    trace::sink::EventSink,
    world::World,
};

/// Steps after which a run is cut off: far more than any scenario needs, so only a task that
/// wakes itself for ever gets there.
pub const STEP_LIMIT: u64 = 50_000_000;

/// The last point of a run that is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Everything that happens at this time still belongs to it.
    Time(Time),
    /// After the event with this number.
    Event(u64),
    /// After the step with this number.
    Step(u64),
}

/// What a run is to give back beside its verdict. None of it changes the trace, but for
/// `stop_at_first` and `until`, which cut it short, and `replay`, `perturb` and `order`, which make
/// another run of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Check invariants.
    pub invariants: bool,
    /// End the run at the first violation.
    pub stop_at_first: bool,
    /// End the run after this point: what is open then is not judged.
    pub until: Option<Until>,
    /// Keep every event.
    pub trace: bool,
    /// Keep every choice.
    pub record: bool,
    /// Take choices from here where it has them.
    pub replay: Option<Record>,
    /// Resample choices of timing: a run like this one.
    pub perturb: Option<Perturb>,
    /// Keep what made each step happen.
    pub causes: bool,
    /// Turns that wait for others: another run, in which the order of two steps is flipped.
    pub order: Vec<OrderingConstraint>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            invariants: true,
            stop_at_first: false,
            until: None,
            trace: false,
            record: false,
            replay: None,
            perturb: None,
            causes: false,
            order: Vec::new(),
        }
    }
}

/// Runs `plan` under `design`, on a fresh thread of its own: the keys of standard hash maps and
/// everything else that is kept per thread start afresh, so no run can see an earlier one. A panic
/// inside becomes part of the outcome.
pub fn run(design: &Design, plan: &Plan, options: &Options) -> Outcome {
    run_with(design, plan, options, |_, _| {})
}

/// [`run`], with something more in the world than the plan names.
fn run_with(
    design: &Design,
    plan: &Plan,
    options: &Options,
    more: impl FnOnce(&Rc<Scheduler>, &Rc<Recorder>) + Send,
) -> Outcome {
    thread::scope(|scope| {
        let running = thread::Builder::new().spawn_scoped(scope, || {
            std::panic::catch_unwind(AssertUnwindSafe(|| run_here(design, plan, options, more)))
                .unwrap_or_else(|panic| Outcome::panicked(panic_text(&*panic)))
        });
        let running = running.expect("failed to start a thread for the run");
        running.join().expect("panics are caught inside the thread")
    })
}

fn run_here(
    design: &Design,
    plan: &Plan,
    options: &Options,
    more: impl FnOnce(&Rc<Scheduler>, &Rc<Recorder>),
) -> Outcome {
    let runtime = Runtime::with_seed_and_config(plan.seed, madsim::Config::default());
    runtime.block_on(async {
        let mut choices = Choices::new(plan.seed, options.record, options.replay.clone());
        if let Some(perturb) = options.perturb {
            choices = choices.perturbed(perturb);
        }
        let time_limit = Time::ZERO + plan.time_limit_ms.duration();
        let scheduler = Scheduler::new(Rc::clone(&choices), plan.strategy, STEP_LIMIT, time_limit);
        if options.causes || !options.order.is_empty() {
            scheduler.watch(&options.order);
        }
        let limits = Limits::of(plan);
        let checked = options.invariants.then_some(&limits);
        let recorder = Rc::new(Recorder::new(Rc::clone(&scheduler), plan, checked, options));
        let world = World::new(
            Rc::clone(&scheduler),
            Rc::clone(&recorder) as Rc<dyn EventSink>,
            Rc::new(plan.clone()),
            Rc::new(design.clone()),
            limits.converged,
        );
        world.start();
        more(&scheduler, &recorder);
        let finish = scheduler.run().await;
        let observed = recorder.finish(finish);
        let watched = scheduler.watched();
        world.dismantle();
        scheduler.dismantle().await;
        let (choices, divergence) = choices.finish();
        Outcome {
            digest: observed.digest,
            finish: Some(finish),
            panic: None,
            steps: observed.steps,
            events: observed.events,
            time: observed.time,
            violations: observed.violations,
            marks: observed.marks,
            figures: observed.figures,
            faults: observed.faults,
            premises: observed.premises,
            trace: observed.trace,
            choices,
            divergence,
            causes: watched.causes,
            constraints: watched.constraints,
        }
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod subject_tests;
#[cfg(test)]
mod tests;
