//! Points of a run as a person names them.

use std::{fmt, str::FromStr};

use anyhow::bail;
use gatesim_model::core::time::Time;
use gatesim_sim::{
    Until,
    check::{Violation, invariants::Invariant},
    run::outcome::Outcome,
    trace::event::{Fact, FinishReason, TraceEvent, WorldEvent},
};

/// A point of a run: after everything that it names has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// Before the first event.
    Start,
    /// A virtual time.
    Time(Time),
    /// The event with this number.
    Event(u64),
    /// A scheduler step.
    Step(u64),
    /// The violation that the run is about.
    Violation,
    /// The violation of this invariant.
    Broken(Invariant),
    /// After the last event.
    End,
}

/// How points are written, for errors and help.
pub const WAYS: &str = "a time with its unit such as 12.4s or 500ms, an event such as #412, a step such as step412, `violation`, the name of \
     an invariant that broke, `start` or `end`";

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let number = |prefix: &str| {
            let rest = text.strip_prefix(prefix)?;
            rest.trim().parse::<u64>().ok()
        };
        match text {
            "start" => return Ok(When::Start),
            "end" => return Ok(When::End),
            "violation" => return Ok(When::Violation),
            _ => {}
        }
        if let Some(event) = number("#").or_else(|| number("event")) {
            return Ok(When::Event(event));
        }
        if let Some(step) = number("step") {
            return Ok(When::Step(step));
        }
        if let Some(time) = parse_virtual_time(text) {
            return Ok(When::Time(time));
        }
        match text.parse::<Invariant>() {
            Ok(invariant) => Ok(When::Broken(invariant)),
            Err(_) => Err(format!(
                "`{text}` is not a point of a run; a point is {WAYS}"
            )),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            When::Start => f.write_str("start"),
            When::Time(time) => write!(f, "{time} s"),
            When::Event(number) => write!(f, "#{number}"),
            When::Step(step) => write!(f, "step{step}"),
            When::Violation => f.write_str("violation"),
            When::Broken(invariant) => write!(f, "{invariant}"),
            When::End => f.write_str("end"),
        }
    }
}

impl When {
    /// Where a run may be ended without missing anything up to this point; none if only a whole run
    /// tells where it is.
    pub fn until(&self) -> Option<Until> {
        match self {
            When::Start => Some(Until::Event(0)),
            When::Time(time) => Some(Until::Time(*time)),
            When::Event(number) => Some(Until::Event(*number)),
            When::Step(step) => Some(Until::Step(*step)),
            When::Violation | When::Broken(_) | When::End => None,
        }
    }

    /// How many of a run's events have happened by then. `headline` is the violation that the run
    /// is about, if there is one.
    pub fn position(&self, outcome: &Outcome, headline: Option<&Violation>) -> anyhow::Result<u64> {
        let trace = &outcome.trace;
        let after = |violation: &Violation| (violation.event + 1).min(trace.len() as u64);
        let before =
            |happened: &dyn Fn(&TraceEvent) -> bool| trace.partition_point(happened) as u64;
        Ok(match self {
            When::Start => 0,
            // Without the event that says that the run was ended there.
            When::Time(time) => {
                if *time > outcome.time && !was_cut(outcome) {
                    bail!("there is no {time} s; the run ends at {} s", outcome.time);
                }
                before(&|entry| entry.time <= *time && !is_cut(entry))
            }
            When::Event(number) => {
                if *number >= outcome.events {
                    let last = outcome.events.saturating_sub(1);
                    bail!("there is no event #{number}; the last one is #{last}");
                }
                number + 1
            }
            When::Step(step) => {
                if *step > outcome.steps && !was_cut(outcome) {
                    bail!("there is no step {step}; the last one is {}", outcome.steps);
                }
                before(&|entry| entry.step <= *step && !is_cut(entry))
            }
            When::Violation => match headline {
                Some(violation) => after(violation),
                None => bail!("the run has no violation{}", so_far(outcome)),
            },
            When::Broken(invariant) => {
                let found = |violation: &&Violation| violation.invariant == *invariant;
                match outcome.violations.iter().find(found) {
                    Some(violation) => after(violation),
                    None => bail!("the run does not break {invariant}{}", so_far(outcome)),
                }
            }
            When::End => trace.len() as u64,
        })
    }
}

/// Reads `12.4s` or `500ms`; none if it is not a time. A number alone could be a time, an event or a step.
fn parse_virtual_time(text: &str) -> Option<Time> {
    let text = text.trim();
    let (number, unit_digits) = match text.strip_suffix("ms") {
        Some(number) => (number, 6),
        None => (text.strip_suffix('s')?, 9),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > unit_digits {
        return None;
    }
    // As digits, so that no decimal is rounded.
    let digits = format!("{whole}{fraction:0<unit_digits$}");
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (!whole.is_empty() && is_number(&digits)).then(|| digits.parse().ok().map(Time))?
}

/// For what a run that was ended early has not done.
fn so_far(outcome: &Outcome) -> &'static str {
    match was_cut(outcome) {
        true => " up to there",
        false => "",
    }
}

/// Whether a run was ended because no more of it was asked for.
fn was_cut(outcome: &Outcome) -> bool {
    match outcome.finish {
        Some(FinishReason::StoppedAtFirst | FinishReason::StoppedAtPoint) => true,
        Some(_) | None => false,
    }
}

/// Whether this event says that the run was ended here because no more of it was asked for.
fn is_cut(entry: &TraceEvent) -> bool {
    match &entry.fact {
        Fact::World(WorldEvent::Finished { reason }) => *reason == FinishReason::StoppedAtPoint,
        Fact::World(_) | Fact::Protocol(_) => false,
    }
}

/// A point, after so many events, for a heading.
pub fn heading(when: &When, outcome: &Outcome, position: u64) -> String {
    let last = position
        .checked_sub(1)
        .and_then(|last| outcome.trace.get(last as usize));
    match (when, last) {
        (_, None) => "before the first event".to_owned(),
        (When::Time(time), Some(entry)) => format!("{time} s, after event #{}", entry.number),
        (_, Some(entry)) => format!("{} s, after event #{}", entry.time, entry.number),
    }
}

/// A stretch of a run: what `--around` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Around {
    /// The middle.
    pub middle: When,
    /// How far to each side.
    pub reach: Reach,
}

/// How far to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// So many of the events that are shown.
    Events(u64),
    /// So much virtual time.
    Time(Time),
}

/// How far `--around` looks unless it is told.
const REACH: Reach = Reach::Events(10);

impl FromStr for Around {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((middle, reach)) = text.split_once('=') else {
            return Ok(Around {
                middle: text.parse()?,
                reach: REACH,
            });
        };
        let reach = match (reach.trim().parse(), parse_virtual_time(reach)) {
            (Ok(events), _) => Reach::Events(events),
            (Err(_), Some(time)) => Reach::Time(time),
            (Err(_), None) => {
                return Err(format!(
                    "`{reach}` is neither a number of events nor a time such as 2s or 500ms"
                ));
            }
        };
        Ok(Around {
            middle: middle.parse()?,
            reach,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::failure::tests::failed_outcome;

    #[test]
    fn points_are_read_and_found() {
        let outcome = failed_outcome();
        let position = |text: &str| {
            let when: When = text.parse().unwrap();
            when.position(&outcome, outcome.violations.first())
                .map_err(|error| error.to_string())
        };
        for (text, expected) in [
            ("start", Ok(0)),
            ("0s", Ok(1)),
            ("800ms", Ok(2)),
            ("0.8s", Ok(2)),
            ("799.999999ms", Ok(1)),
            ("#1", Ok(2)),
            ("event 1", Ok(2)),
            ("step 2000", Ok(2)),
            ("violation", Ok(2)),
            ("welcome-after-ready", Ok(3)),
            ("end", Ok(3)),
            (
                "#3",
                Err("there is no event #3; the last one is #2".to_owned()),
            ),
            (
                "2.1s",
                Err("there is no 2.100000000 s; the run ends at 2.000000000 s".to_owned()),
            ),
            (
                "step5001",
                Err("there is no step 5001; the last one is 5000".to_owned()),
            ),
            (
                "ids-agree",
                Err("the run does not break ids-agree".to_owned()),
            ),
        ] {
            assert_eq!(position(text), expected, "{text}");
        }
        for text in ["", "soon", "#x", "-1s", "violatoin", "63", "0.8"] {
            assert!(text.parse::<When>().is_err(), "{text}");
        }
    }

    #[test]
    fn surroundings_have_a_reach() {
        let parse = |text: &str| text.parse::<Around>().map(|around| around.reach);
        assert_eq!(parse("violation"), Ok(REACH));
        assert_eq!(parse("violation=3"), Ok(Reach::Events(3)));
        assert_eq!(parse("#7=2s"), Ok(Reach::Time(Time(2_000_000_000))));
        assert!(parse("violation=far").is_err());
    }
}
