//! `gatesim why`: the root cause of a violation, found by re-execution.
//!
//! - `graph`: causality between the steps of the failing run; `slice`: the causal slice of the
//!   violation;
//! - `trials`: re-executions with one change each;
//! - `race`: two steps whose order decides; `blame`: a fault, an input, an answer of the design;
//!   `findings`: all decisive factors, the best explanation first;
//! - `explanation`: the result, and its sentence; `report`: its output.

use gatesim_model::core::time::Time;
use gatesim_sim::{Options, check::Violation, run::outcome::Outcome, trace::event::TraceEvent};

use crate::{
    execution::{determinism::run_checked, interrupt},
    exit::Exit,
    output::{MessageFormat, Output},
    target::expectation::Expectation,
};

pub mod args;
mod blame;
mod explanation;
mod findings;
mod graph;
mod race;
mod report;
mod slice;
mod trials;

pub use explanation::{Comes, Coverage, Decisive, Explanation, OtherTiming, StepWords, Timing};

use args::WhyArgs;
use findings::DecisiveFactors;
use graph::{Graph, weight};
use race::RaceSearch;
pub use trials::Trials;

use trials::{EventIdentity, Symptom, Variation};

/// Runs the command.
pub fn why(args: &WhyArgs, out: &mut Output) -> anyhow::Result<Exit> {
    interrupt::install()?;
    let target = args.run.load()?;
    let options = Options {
        trace: true,
        causes: true,
        ..Options::default()
    };
    let Some(outcome) = run_checked(&target, &options, out)? else {
        return Ok(Exit::NonDeterministic);
    };
    let expect = target.expectation(&outcome)?;
    let trials = Trials::new(&target, args.jobs.count(), args.budget);
    let explanation = expect.map(|expect| explain(&trials, &outcome, expect));
    match out.format() {
        MessageFormat::Human => report::write_human(&target, &outcome, &explanation, out)?,
        MessageFormat::Json => report::write_json(&target, &explanation, out)?,
    }
    Ok(match &explanation {
        None => Exit::Held,
        Some(_) if interrupt::requested() => Exit::Interrupted,
        Some(_) => Exit::Violated,
    })
}

/// The root cause of a failure of this outcome, which has trace and causes.
pub fn explain(trials: &Trials<'_>, outcome: &Outcome, expect: Expectation) -> Explanation {
    let violation = (outcome.violations.iter()).find(|violation| expect.is_of(violation));
    let noticed = Noticed::of(outcome, violation);
    let graph = Graph::new(outcome, noticed.event);
    let symptom = Symptom {
        expect,
        count: match &noticed.mark {
            Some(mark) => {
                let until = &outcome.trace[..=noticed.event as usize];
                until
                    .iter()
                    .filter(|entry| EventIdentity::of(entry) == *mark)
                    .count()
            }
            None => 0,
        },
        mark: noticed.mark.clone(),
    };
    let search = RaceSearch {
        graph: &graph,
        symptom: &symptom,
        step: noticed.step,
        time: noticed.time,
        socket: noticed.socket,
    };
    let other_timing = other_timing(trials, &symptom);
    let findings = DecisiveFactors::of(trials, &search);
    let decisive = findings.ranked(trials, &search, other_timing);
    let mut decisive = decisive.into_iter();
    let first = decisive.next();
    let also = decisive.map(Decisive::in_short).collect();
    let steps = match &first {
        Some(Decisive::Race { first, second }) => vec![first.step, second.step],
        Some(Decisive::Fault {
            timing: Some(timing),
            ..
        }) => vec![timing.step.step],
        Some(Decisive::Fault { .. } | Decisive::Input { .. } | Decisive::Answer { .. }) | None => {
            Vec::new()
        }
    };
    Explanation {
        slice: slice::slice(&graph, &noticed, &steps),
        sentence: match &first {
            Some(decisive) => decisive.sentence(),
            None if trials.runs() == 0 => "no change was tried".to_owned(),
            None => "passes with none of the changes that were tried".to_owned(),
        },
        other_timing,
        decisive: first,
        also,
        runs: trials.runs(),
        search: match trials.exhausted() {
            true => Coverage::CutShort,
            false => Coverage::Whole,
        },
    }
}

/// Runs with all of the timing resampled.
const OTHER_TIMINGS: u64 = 24;

fn other_timing(trials: &Trials<'_>, symptom: &Symptom) -> OtherTiming {
    let variations: Vec<Variation> = (0..OTHER_TIMINGS).map(Variation::timing).collect();
    let fails = trials.each(&variations, |_, outcome| symptom.expect.is_met_by(outcome));
    let fails: Vec<bool> = fails.into_iter().flatten().collect();
    OtherTiming {
        failed: fails.iter().filter(|fails| **fails).count() as u64,
        samples: fails.len() as u64,
    }
}

/// Where in the trace a failure was detected.
pub(crate) struct Noticed {
    /// The last event that belongs to it.
    event: u64,
    /// The step of that event.
    step: u64,
    /// The time of its detection.
    time: Time,
    /// The connection concerned.
    socket: Option<gatesim_model::core::ids::SocketId>,
    /// The identity of that event in other runs; none if a missed deadline was detected.
    mark: Option<EventIdentity>,
}

impl Noticed {
    fn of(outcome: &Outcome, violation: Option<&Violation>) -> Self {
        let trace = &outcome.trace;
        let end = trace.len().saturating_sub(1) as u64;
        let Some(violation) = violation else {
            return Noticed {
                event: end,
                step: outcome.causes.len(),
                time: outcome.time,
                socket: None,
                mark: None,
            };
        };
        let concerns = |entry: &&TraceEvent| match violation.socket {
            Some(socket) => entry.sockets().contains(&socket),
            None => true,
        };
        let at = trace.get(violation.event as usize);
        let seen = at.filter(|entry| entry.time == violation.time && concerns(entry));
        // A deadline is not missed at an event: the search begins at the last event of the connection.
        let near = || {
            let before = trace[..=violation.event.min(end) as usize].iter().rev();
            before.filter(concerns).find(|entry| weight(entry) > 1)
        };
        let last = seen.or_else(near);
        Noticed {
            event: last.map_or(violation.event, |entry| entry.number),
            step: last.map_or(violation.step, |entry| entry.step),
            time: violation.time,
            socket: violation.socket,
            mark: seen.map(EventIdentity::of),
        }
    }
}
