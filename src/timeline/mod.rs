//! A run for people: what is shown of it, and how.
//!
//! - [`when`] and [`only`]: points and parts of a run, as a person names them;
//! - [`list`]: one line per event; [`lanes`]: a column per actor, where there is room;
//! - [`state`]: the state of all actors at a point, and what changed between two;
//! - [`prompt`]: stepping forward and back.

use std::ops::Range;

use gatesim_sim::{
    check::Violation, plan::Plan, run::outcome::Outcome, trace::event::TraceEvent, view::describe,
};

pub mod lanes;
pub mod list;
pub mod only;
pub mod prompt;
pub mod state;
pub mod when;

use only::RunPart;
use when::{Around, Reach, When};

/// A run with its trace.
#[derive(Clone, Copy)]
pub struct TracedRun<'a> {
    /// What came of it.
    pub outcome: &'a Outcome,
    /// What it was made from.
    pub plan: &'a Plan,
    /// The violation that it is about, if there is one: what a capsule is kept for, or else what
    /// broke first.
    pub headline: Option<&'a Violation>,
}

/// What is shown of a run.
pub struct TimelineView<'a> {
    /// The run.
    pub run: TracedRun<'a>,
    /// These parts; all of them if there are none.
    pub parts: &'a [RunPart],
    /// From this event up to that one.
    pub range: Range<u64>,
}

/// One thing that is shown.
#[derive(Clone, Copy)]
pub enum TimelineRow<'a> {
    /// Something happened.
    Event(&'a TraceEvent),
    /// An invariant broke.
    Violation(&'a Violation),
    /// The model panicked.
    Panic(&'a str),
}

impl<'a> TracedRun<'a> {
    /// What happened, in one line without a line end. A fault is described, not only numbered.
    pub fn text(&self, entry: &TraceEvent) -> String {
        describe::describe_in(entry, self.plan)
    }

    /// How many events of the run have happened at a point.
    pub fn position(&self, when: &When) -> anyhow::Result<u64> {
        when.position(self.outcome, self.headline)
    }

    /// The number of the first event at a point or behind it.
    pub fn first_at(&self, when: &When) -> anyhow::Result<u64> {
        let reached = self.position(when)?;
        let trace = &self.outcome.trace;
        Ok(match when {
            When::Time(time) => trace.partition_point(|entry| entry.time < *time) as u64,
            When::Step(step) => trace.partition_point(|entry| entry.step < *step) as u64,
            When::Start | When::Event(_) | When::Violation | When::Broken(_) | When::End => {
                reached.saturating_sub(1)
            }
        })
    }

    /// The events around a point. `parts` are those that count if the reach is a number.
    pub fn around(&self, around: &Around, parts: &[RunPart]) -> anyhow::Result<Range<u64>> {
        let middle = self.position(&around.middle)?;
        let trace = &self.outcome.trace;
        Ok(match around.reach {
            Reach::Time(reach) => {
                let at = match around.middle {
                    When::Time(time) => time.0,
                    When::Start
                    | When::Event(_)
                    | When::Step(_)
                    | When::Violation
                    | When::Broken(_)
                    | When::End => middle
                        .checked_sub(1)
                        .map_or(0, |last| trace[last as usize].time.0),
                };
                let from = at.saturating_sub(reach.0);
                let until = at.saturating_add(reach.0);
                trace.partition_point(|entry| entry.time.0 < from) as u64
                    ..trace.partition_point(|entry| entry.time.0 <= until) as u64
            }
            Reach::Events(reach) => {
                let shown = |entry: &&TraceEvent| only::shows(parts, entry);
                let (before, after) = trace.split_at(middle as usize);
                // What happens at the point itself is on neither side.
                let own = match around.middle {
                    When::Start | When::Time(_) => 0,
                    When::Event(_)
                    | When::Step(_)
                    | When::Violation
                    | When::Broken(_)
                    | When::End => 1,
                };
                let from = before.iter().rev().filter(shown).nth(reach as usize + own);
                let until = after.iter().filter(shown).nth(reach as usize);
                from.map_or(0, |entry| entry.number + 1)
                    ..until.map_or(trace.len() as u64, |entry| entry.number)
            }
        })
    }
}

impl<'a> TimelineView<'a> {
    /// Events that are shown, each violation behind the event at which it was noticed.
    pub fn rows(&self) -> impl Iterator<Item = TimelineRow<'a>> {
        let outcome = self.run.outcome;
        let (start, end) = (self.range.start, self.range.end);
        let parts = self.parts;
        let entries = outcome.trace[start as usize..end as usize].iter();
        let mut violations = outcome
            .violations
            .iter()
            .filter(move |violation| violation.event >= start)
            .peekable();
        let is_whole = end == outcome.trace.len() as u64;
        let mut rows = Vec::new();
        for entry in entries {
            if only::shows(parts, entry) {
                rows.push(TimelineRow::Event(entry));
            }
            while let Some(violation) =
                violations.next_if(|violation| violation.event <= entry.number)
            {
                rows.push(TimelineRow::Violation(violation));
            }
        }
        if is_whole {
            rows.extend(violations.map(TimelineRow::Violation));
            rows.extend(outcome.panic.as_deref().map(TimelineRow::Panic));
        }
        rows.into_iter()
    }

    /// How many events are shown, and of how many, if it is not all of them.
    pub fn share(&self) -> Option<String> {
        let entries = &self.run.outcome.trace[self.range.start as usize..self.range.end as usize];
        let shown = entries
            .iter()
            .filter(|e| only::shows(self.parts, e))
            .count();
        let all = self.run.outcome.trace.len();
        (shown < all).then(|| format!("{shown} of {all} events"))
    }
}

/// The line of a violation.
fn marker(row: TimelineRow<'_>) -> Option<String> {
    let (name, sentence) = match row {
        TimelineRow::Event(_) => return None,
        TimelineRow::Violation(violation) => (violation.invariant.name(), &*violation.sentence),
        TimelineRow::Panic(panic) => ("panic", panic),
    };
    Some(format!(">>>>>> {name}: {}", sentence.replace('\n', " ")))
}
