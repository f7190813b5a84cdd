//! The observer: numbers and stamps every fact, and shows it to digest, invariants, marks and
//! figures. It cannot influence the run, except that it ends it early if asked to.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use gatesim_model::core::time::Time;
use xxhash_rust::xxh3::xxh3_128;

use crate::{
    check::{
        Violation,
        faults::{FaultCollector, FaultFate},
        figures::{Figures, FiguresCollector},
        invariants::{Checker, Limits},
        marks::{MarkCollector, Marks},
        premises::Premises,
    },
    plan::Plan,
    run::{Options, Until, outcome::Digest},
    scheduler::Scheduler,
    trace::{
        event::{Actor, Fact, FinishReason, TraceEvent, WorldEvent},
        sink::EventSink,
    },
};

/// Sees every event of one run, in order.
pub struct Recorder {
    scheduler: Rc<Scheduler>,
    stop_at_first: bool,
    until: Option<Until>,
    /// Taken out at the end: what is dropped afterwards is not observed.
    seen: RefCell<Option<Seen>>,
}

struct Seen {
    events: u64,
    last: (Time, u64),
    digest: u128,
    /// Reused for the bytes of one event.
    bytes: Vec<u8>,
    checker: Option<Checker>,
    marks: MarkCollector,
    figures: FiguresCollector,
    faults: FaultCollector,
    premises: Premises,
    trace: Option<Vec<TraceEvent>>,
}

/// What the observer has at the end.
pub struct Observed {
    /// Fingerprint of the trace.
    pub digest: Digest,
    /// How many events there were.
    pub events: u64,
    /// Virtual time at the end.
    pub time: Time,
    /// Steps until then.
    pub steps: u64,
    /// The first sighting of each invariant and cause.
    pub violations: Vec<Violation>,
    /// The rare states it went through.
    pub marks: Marks,
    /// Figures of merit.
    pub figures: Figures,
    /// What became of each fault, by its number.
    pub faults: BTreeMap<u32, FaultFate>,
    /// What has occurred of that which invariants judge.
    pub premises: Premises,
    /// The trace, if it was kept.
    pub trace: Vec<TraceEvent>,
}

impl Recorder {
    /// An observer of a run of this plan that checks invariants against `limits`, if there are any,
    /// keeps the trace and ends the run if the options ask for it.
    pub fn new(
        scheduler: Rc<Scheduler>,
        plan: &Plan,
        limits: Option<&Limits>,
        options: &Options,
    ) -> Self {
        Recorder {
            scheduler,
            stop_at_first: options.stop_at_first,
            until: options.until,
            seen: RefCell::new(Some(Seen {
                events: 0,
                last: (Time::ZERO, 0),
                digest: 0,
                bytes: Vec::with_capacity(128),
                checker: limits.map(Checker::new),
                marks: MarkCollector::new(),
                figures: FiguresCollector::of(plan),
                faults: FaultCollector::new(plan),
                premises: Premises::default(),
                trace: options.trace.then(Vec::new),
            })),
        }
    }

    /// The event takes place where the last one is.
    fn see(&self, seen: &mut Seen, actor: Actor, fact: Fact) {
        let (time, step) = seen.last;
        let event = TraceEvent {
            number: seen.events,
            time,
            step,
            actor,
            fact,
        };
        seen.events += 1;
        seen.fold(&event);
        seen.marks.observe(&event);
        seen.figures.observe(&event);
        seen.faults.observe(&event);
        seen.premises.observe(&event);
        if let Some(checker) = &mut seen.checker {
            checker.observe(&event);
            if self.stop_at_first && checker.broken() > 0 {
                self.scheduler.finish(FinishReason::StoppedAtFirst);
            }
        }
        tracing::trace!(time = %event.time, actor = %event.actor, fact = ?event.fact);
        if let Some(trace) = &mut seen.trace {
            trace.push(event);
        }
    }

    /// The run is over: the last event, and what follows from it. Nothing is observed after it.
    pub fn finish(&self, reason: FinishReason) -> Observed {
        let last = Fact::World(WorldEvent::Finished { reason });
        let mut seen = self.seen.take().expect("a run finishes once");
        // That a run has come to the end that was asked for is known when something happens later,
        // which does not belong to it.
        seen.last = match (reason, self.until) {
            (FinishReason::StoppedAtPoint, Some(Until::Time(time))) => (time, seen.last.1),
            (FinishReason::StoppedAtPoint, _) => seen.last,
            _ => (self.scheduler.now(), self.scheduler.steps()),
        };
        let (time, steps) = seen.last;
        self.see(&mut seen, Actor::World, last);
        let mut violations = Vec::new();
        if let Some(mut checker) = seen.checker {
            checker.finish(time, reason);
            violations = checker.violations().to_vec();
        }
        Observed {
            digest: Digest(seen.digest),
            events: seen.events,
            time,
            steps,
            violations,
            marks: seen.marks.finish(),
            figures: seen.figures.finish(),
            faults: seen.faults.finish(),
            premises: seen.premises,
            trace: seen.trace.unwrap_or_default(),
        }
    }

    /// Whether the event with this number would be later than anything that is of interest.
    fn is_over(&self, number: u64) -> bool {
        match self.until {
            None => false,
            Some(Until::Time(time)) => self.scheduler.now() > time,
            Some(Until::Event(last)) => number > last,
            Some(Until::Step(last)) => self.scheduler.steps() > last,
        }
    }
}

impl EventSink for Recorder {
    fn emit(&self, actor: Actor, fact: Fact) {
        let mut seen = self.seen.borrow_mut();
        let Some(seen) = seen.as_mut() else { return };
        if self.is_over(seen.events) {
            return self.scheduler.finish(FinishReason::StoppedAtPoint);
        }
        seen.last = (self.scheduler.now(), self.scheduler.steps());
        self.see(seen, actor, fact);
    }
}

impl Seen {
    /// digest := hash(digest, time, actor, event). Number and step are left out: they say
    /// nothing that the order does not.
    fn fold(&mut self, event: &TraceEvent) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        bytes.extend_from_slice(&self.digest.to_le_bytes());
        bytes.extend_from_slice(&event.time.0.to_le_bytes());
        bytes.extend_from_slice(&event.actor.to_bytes());
        self.bytes = match &event.fact {
            Fact::Protocol(fact) => postcard::to_extend(fact, bytes),
            Fact::World(fact) => postcard::to_extend(fact, bytes),
        }
        .expect("an event is always representable as bytes");
        self.digest = xxh3_128(&self.bytes);
    }
}
