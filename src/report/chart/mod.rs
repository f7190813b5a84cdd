//! One run as a chart: lanes, events in them, arrows for what travels between them, bands for what
//! lasts. The page, the Mermaid diagram and the trace for Perfetto are three ways of drawing it.
//!
//! A chart is data made from the trace and nothing else: it cannot influence a run, and everything
//! in it refers to events by the numbers that `replay` prints.
//!
//! - [`lane`]: which actors have a lane, and in which lane an event stands;
//! - [`arrow`]: which event sent what another received;
//! - [`band`]: states of machines, clients, containers and services over time;
//! - [`fault`]: the faults of the plan, where and how long;
//! - [`window`]: what is shown of a run that is too long to be shown whole.

pub mod arrow;
pub mod band;
pub mod fault;
pub mod lane;
pub mod window;

#[cfg(test)]
pub mod tests;

use gatesim_model::core::ids::SocketId;
use gatesim_sim::{
    check::Violation,
    plan::Plan,
    run::outcome::Outcome,
    trace::{event::TraceEvent, vocabulary::Prominence},
    view::describe,
};
use serde::{Serialize, Serializer};

use arrow::{Arrow, ArrowBuilder, Call};
use band::{Band, BandBuilder};
use fault::FaultBar;
use lane::{Lane, Lanes};
use window::Window;

/// A run, ready to be drawn.
#[derive(Clone, Debug, Serialize)]
pub struct Chart {
    /// From left to right.
    pub lanes: Vec<Lane>,
    /// In the order of happening.
    pub events: Vec<ChartEvent>,
    /// What travelled from one lane to another.
    pub arrows: Vec<Arrow>,
    /// What services were asked.
    pub calls: Vec<Call>,
    /// What lasted.
    pub bands: Vec<Band>,
    /// The faults that were applied.
    pub faults: Vec<FaultBar>,
    /// The event that the chart is about: that of the violation, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub focus: Option<u64>,
    /// Every violation, in the order of happening.
    pub violations: Vec<ChartViolation>,
    /// What was left out, if anything was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<window::Cut>,
}

/// One event of the trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChartEvent {
    /// Its number in the trace.
    pub number: u64,
    /// Virtual time, in nanoseconds since the start of the run.
    pub time_ns: u64,
    /// The scheduler step.
    pub step: u64,
    /// The lane in which it stands; none for the run as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<usize>,
    /// The connection that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub socket: Option<SocketId>,
    /// How much it matters to a reader.
    pub prominence: Prominence,
    /// What happened.
    pub text: String,
}

/// A violation, at the event at which it was noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChartViolation {
    /// The event.
    pub event: u64,
    /// Name of the invariant.
    pub invariant: &'static str,
    /// What the invariant demands.
    pub statement: &'static str,
    /// The same for every seed with the same cause.
    pub cause: String,
    /// What happened.
    pub sentence: String,
}

impl Chart {
    /// The chart of a run with a trace, or of the part of it that `window` lets through around the
    /// violation that it is about.
    pub fn new(plan: &Plan, outcome: &Outcome, told: Option<&Violation>, window: &Window) -> Chart {
        let focus = told.map(|violation| violation.event);
        let kept = window.choose(outcome, focus);
        let lanes = Lanes::of(outcome.trace.iter().filter(|entry| kept.keeps(entry)));
        let mut arrows = ArrowBuilder::default();
        let mut bands = BandBuilder::default();
        for entry in &outcome.trace {
            arrows.observe(entry);
            bands.observe(entry);
        }
        let (arrows, calls) = arrows.finish(&lanes, &kept);
        Chart {
            events: (outcome.trace.iter())
                .filter(|entry| kept.keeps(entry))
                .map(|entry| ChartEvent::new(entry, plan, &lanes))
                .collect(),
            arrows,
            calls,
            bands: bands.finish(&lanes, &kept),
            faults: fault::bars(plan, outcome, &lanes, &kept),
            focus,
            violations: outcome.violations.iter().map(ChartViolation::new).collect(),
            lanes: lanes.finish(),
            cut: kept.cut(outcome),
        }
    }
}

impl ChartEvent {
    fn new(entry: &TraceEvent, plan: &Plan, lanes: &Lanes) -> Self {
        ChartEvent {
            number: entry.number,
            time_ns: entry.time.0,
            step: entry.step,
            lane: lane::home(entry, plan).and_then(|actor| lanes.find(actor)),
            socket: entry.socket(),
            prominence: entry.fact.row().prominence(),
            text: describe::describe_in(entry, plan),
        }
    }
}

impl ChartViolation {
    fn new(violation: &Violation) -> Self {
        ChartViolation {
            event: violation.event,
            invariant: violation.invariant.name(),
            statement: violation.invariant.statement(),
            cause: violation.cause.clone(),
            sentence: violation.sentence.clone(),
        }
    }
}

/// A connection by the name that people read.
fn as_text<S: Serializer>(socket: &Option<SocketId>, to: S) -> Result<S::Ok, S::Error> {
    match socket {
        Some(socket) => to.collect_str(socket),
        None => to.serialize_none(),
    }
}
