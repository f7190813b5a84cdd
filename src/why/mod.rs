//! `gatesim why`: the root cause of a violation, found by re-execution.
//!
//! - `trials`: re-executions with one change each; `symptom`: whether one fails in the same way;
//! - `reduction`: the smaller run, without what the failure does not need. Everything that follows is
//!   searched in it, and told of the original (`counterpart`);
//! - `graph`: causality between its steps; `slice`: the causal slice of the violation, or the
//!   history of a message;
//! - `race`: two steps whose order decides; `blame`: a fault, an input, an answer of the design;
//!   `threshold`: a value of the environment; `findings`: all decisive factors, the best explanation
//!   first;
//! - `explanation`: the result, and its sentence; `report`: its output.

use gatesim_model::core::{
    ids::{MessageId, SocketId},
    time::Time,
};
use gatesim_sim::{Options, run::outcome::Outcome, trace::event::TraceEvent};

use crate::{
    execution::{determinism::run_checked, interrupt},
    exit::Exit,
    output::{MessageFormat, Output},
    shrink::elements::Element,
    target::expectation::Expectation,
};

pub mod args;
mod blame;
mod counterpart;
mod explanation;
mod findings;
mod graph;
mod race;
mod reduction;
mod report;
mod slice;
mod symptom;
mod threshold;
mod trials;

pub use explanation::{Comes, Coverage, Decisive, Explanation, OtherTiming, StepWords, Timing};

pub use trials::Trials;

use args::WhyArgs;
use counterpart::Counterparts;
use findings::DecisiveFactors;
use graph::{Graph, weight};
use race::RaceSearch;
use reduction::{LeftOut, Reduction};
use symptom::{EventIdentity, Symptom};
use trials::Variation;

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
    let explanation = expect.map(|expect| explain(trials, &outcome, expect));
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
pub fn explain(trials: Trials, outcome: &Outcome, expect: Expectation) -> Explanation {
    let noticed = Noticed::of(outcome, &expect);
    let symptom = Symptom::of(expect, outcome, noticed.seen(outcome));
    let Reduction { plan, left_out } = reduction::reduce(&trials, &symptom);
    if left_out.is_empty() {
        return explain_smaller(&trials, &symptom, outcome, outcome, left_out);
    }
    let trials = trials.of_plan(plan);
    let options = Options {
        trace: true,
        causes: true,
        ..Options::default()
    };
    let smaller = trials.target().execute(&options);
    explain_smaller(&trials, &symptom, outcome, &smaller, left_out)
}

/// Searches in the smaller run, and tells of the original.
fn explain_smaller(
    trials: &Trials,
    symptom: &Symptom,
    original: &Outcome,
    smaller: &Outcome,
    left_out: Vec<Element>,
) -> Explanation {
    let noticed = Noticed::of(smaller, &symptom.expect);
    let symptom = Symptom::of(symptom.expect.clone(), smaller, noticed.seen(smaller));
    let graph = Graph::new(smaller, noticed.event);
    let search = RaceSearch {
        graph: &graph,
        symptom: &symptom,
        step: noticed.step,
        time: noticed.time,
        socket: noticed.socket,
    };
    let other_timing = other_timing(trials, &symptom);
    let findings = DecisiveFactors::of(trials, &search);
    let mut decisive = findings.ranked(trials, &search, other_timing);
    let named = decisive
        .first_mut()
        .map(Decisive::steps)
        .unwrap_or_default();
    let steps: Vec<u64> = named.iter().filter_map(|step| step.step).collect();
    let slice = slice::slice(&graph, &noticed, &steps);

    let in_original = Noticed::of(original, &symptom.expect);
    let counterparts = Counterparts::new(original, smaller, in_original.socket.zip(noticed.socket))
        .joined(noticed.event, in_original.event);
    let mut decisive = (decisive.into_iter()).map(|one| one.in_original(&counterparts));
    let mut first = decisive.next();
    let named = first.as_mut().map(Decisive::steps).unwrap_or_default();
    let mut slice: Vec<u64> = (slice.into_iter())
        .filter_map(|number| counterparts.event(number))
        .filter(|number| *number <= in_original.until)
        .chain(named.into_iter().filter_map(|step| step.event))
        .chain([in_original.event])
        .collect();
    slice.sort_unstable();
    slice.dedup();
    Explanation {
        slice,
        sentence: match &first {
            Some(decisive) => decisive.sentence(),
            None if trials.runs() == 0 => "no change was tried".to_owned(),
            None => "passes with none of the changes that were tried".to_owned(),
        },
        also: decisive.map(Decisive::in_short).collect(),
        decisive: first,
        left_out: LeftOut::of(left_out),
        other_timing,
        runs: trials.runs(),
        search: match trials.exhausted() {
            true => Coverage::CutShort,
            false => Coverage::Whole,
        },
    }
}

/// Runs with all of the timing resampled.
const OTHER_TIMINGS: u64 = 24;

fn other_timing(trials: &Trials, symptom: &Symptom) -> OtherTiming {
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
    /// The last event before it.
    until: u64,
    /// The step of that event.
    step: u64,
    /// The time of its detection.
    time: Time,
    /// The connection concerned.
    socket: Option<SocketId>,
    /// The message concerned.
    message: Option<MessageId>,
    /// The identity of that event in other runs; none if a missed deadline was detected.
    mark: Option<EventIdentity>,
}

impl Noticed {
    fn of(outcome: &Outcome, expect: &Expectation) -> Self {
        let trace = &outcome.trace;
        let end = trace.len().saturating_sub(1) as u64;
        let violation = (outcome.violations.iter()).find(|violation| expect.is_of(violation));
        let Some(violation) = violation else {
            return Noticed {
                event: end,
                until: end,
                step: outcome.causes.len(),
                time: outcome.time,
                socket: None,
                message: None,
                mark: None,
            };
        };
        let concerns = |entry: &&TraceEvent| match violation.socket {
            Some(socket) => entry.sockets().contains(&socket),
            None => true,
        };
        let at = trace.get(violation.event as usize);
        let seen = at.filter(|entry| entry.time == violation.time && concerns(entry));
        // A deadline is not missed at an event: the search begins at the last event of the message, or of
        // the connection.
        let until = violation.event.min(end);
        let before = || trace[..=until as usize].iter().rev();
        let of_message = |message: &MessageId| slice::last_of_message(trace, message, until);
        let last = seen
            .or_else(|| of_message(violation.message.as_ref()?))
            .or_else(|| before().filter(concerns).find(|entry| weight(entry) > 1));
        Noticed {
            event: last.map_or(violation.event, |entry| entry.number),
            until,
            step: last.map_or(violation.step, |entry| entry.step),
            time: violation.time,
            socket: violation.socket,
            message: violation.message.clone(),
            mark: seen.map(EventIdentity::of),
        }
    }

    /// The event at which it was detected, unless a deadline was missed.
    fn seen<'a>(&self, outcome: &'a Outcome) -> Option<&'a TraceEvent> {
        let event = outcome.trace.get(self.event as usize);
        event.filter(|_| self.mark.is_some())
    }
}
