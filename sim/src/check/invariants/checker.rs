//! Shows each event to the rules that it concerns and keeps the first sighting of each cause.

use gatesim_model::core::time::Time;

use super::{
    Invariant, Limits,
    rule::{Findings, Rule},
    view::LiveView,
};
use crate::{
    check::Violation,
    trace::event::{Actor, FinishReason, TraceEvent},
};

/// Judges a run while it happens.
pub struct Checker {
    view: LiveView,
    rules: Vec<Judge>,
    findings: Findings,
    violations: Vec<Violation>,
    last: LastEvent,
    judged_until: Time,
}

struct Judge {
    invariant: Invariant,
    /// The subjects it is asked about.
    subjects: u32,
    has_deadlines: bool,
    rule: Box<dyn Rule>,
}

/// The last event seen: a missed deadline is reported at its position in the trace.
#[derive(Clone, Copy)]
struct LastEvent {
    number: u64,
    step: u64,
    actor: Actor,
}

impl LastEvent {
    fn of(entry: &TraceEvent) -> Self {
        LastEvent {
            number: entry.number,
            step: entry.step,
            actor: entry.actor,
        }
    }
}

impl Checker {
    /// A checker of every invariant with these bounds.
    pub fn new(limits: &Limits) -> Self {
        let judge = |&invariant: &Invariant| {
            let rule = invariant.rule(limits);
            Judge {
                invariant,
                subjects: rule.subjects(),
                has_deadlines: rule.has_deadlines(),
                rule,
            }
        };
        let rules = Invariant::ALL.iter().map(judge).collect();
        Checker {
            view: LiveView::default(),
            rules,
            findings: Findings::default(),
            violations: Vec::new(),
            last: LastEvent {
                number: 0,
                step: 0,
                actor: Actor::World,
            },
            judged_until: Time::ZERO,
        }
    }

    /// Judges the deadlines that lie before `now`.
    pub fn advance(&mut self, now: Time) {
        for (number, judge) in self.rules.iter_mut().enumerate() {
            if judge.has_deadlines {
                let found = self.findings.by(number);
                judge.rule.deadline(&self.view, now, found);
            }
        }
        self.report();
        self.judged_until = now;
    }

    /// Judges the deadlines before the event, then the event.
    pub fn observe(&mut self, entry: &TraceEvent) {
        // Most events share their instant with the one before; no deadline passes between them.
        if entry.time > self.judged_until {
            self.advance(entry.time);
        }
        self.last = LastEvent::of(entry);
        let subject = entry.fact.subject().bit();
        for (number, judge) in self.rules.iter_mut().enumerate() {
            if judge.subjects & subject == 0 {
                continue;
            }
            let found = self.findings.by(number).at(entry.time);
            judge.rule.observe(&self.view, entry, found);
        }
        self.report();
        self.view.apply(entry);
    }

    fn report(&mut self) {
        for found in self.findings.take() {
            self.violations.push(Violation {
                invariant: self.rules[found.rule].invariant,
                time: found.time,
                step: self.last.step,
                event: self.last.number,
                actor: self.last.actor,
                socket: found.about.socket,
                message: found.about.message,
                cause: found.cause,
                sentence: found.sentence,
            });
        }
    }

    /// The run is over, at `time`. If nothing could happen any more, then no deadline will ever be
    /// met; otherwise those that were still open are not judged.
    pub fn finish(&mut self, time: Time, reason: FinishReason) {
        self.advance(time);
        if reason == FinishReason::Stuck {
            self.advance(Time(u64::MAX));
        }
    }

    /// The first sighting of each invariant and cause, in the order of happening.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// A checker that asks every rule about every event; it must find the same.
    #[cfg(test)]
    pub(crate) fn asking_all(limits: &Limits) -> Self {
        let mut checker = Self::new(limits);
        for judge in &mut checker.rules {
            judge.subjects = u32::MAX;
            judge.has_deadlines = true;
        }
        checker
    }

    /// How many causes were found so far.
    pub fn broken(&self) -> usize {
        self.violations.len()
    }
}
