//! Thresholds: a value of the plan at which the run passes, next to one at which it fails.
//!
//! Every value that is not the default is set to its default, and every amount is raised. Where the
//! run passes, bisection finds two neighbours: it fails with one and passes with the other. More runs
//! must agree: one on each side, and a few on the passing side with other timing; otherwise the value
//! only shifts the timing. Nothing is claimed of values that were not tried.

use std::collections::BTreeMap;

use gatesim_model::event::{BreakerState, Event};
use gatesim_sim::{
    plan::Plan,
    run::outcome::Outcome,
    trace::event::{Fact, TraceEvent, WorldEvent},
};
use serde::Serialize;

use crate::target::dials::{self, Dial, DialName, DialValue, Part, Setting};

use super::{
    symptom::Symptom,
    trials::{Trials, Variation},
};

/// How many times its value an amount is raised to.
const RAISED: u64 = 8;

/// Most runs in which two values are brought together.
const MAX_ROUNDS: usize = 12;

/// Values that differ by this factor are brought together in orders of magnitude.
const FAR: u64 = 8;

/// They are close enough if they differ by this part of the greater one.
const CLOSE: u64 = 64;

/// A value of the plan, and where it decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Threshold {
    /// The value: a field of the plan, and the part that it belongs to.
    pub value: String,
    /// The amounts between which it decides; none if it is no amount, and the run passes with the
    /// default.
    pub between: Option<Between>,
    /// What the failing run reports of a number by which the design decides, and the passing one does
    /// not.
    pub limits: Vec<String>,
    /// The value it is.
    #[serde(skip)]
    pub name: DialName,
}

/// Two neighbouring amounts that were tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Between {
    /// The run passes with it.
    pub holds: u64,
    /// The run fails with it.
    pub fails: u64,
    /// Their unit; empty for a plain number.
    pub unit: &'static str,
}

impl Threshold {
    /// The fault that it is a value of, if it is of one.
    pub fn fault(&self) -> Option<u32> {
        match self.name.part {
            Part::Fault(number) => Some(number),
            _ => None,
        }
    }

    /// To follow "passes if" and the name of the value.
    pub fn words(&self) -> String {
        let decided = match self.limits.first() {
            Some(limit) => format!(": {limit}"),
            None => String::new(),
        };
        match &self.between {
            None => match self.limits.first() {
                Some(limit) => format!("has its default value (until then {limit})"),
                None => "has its default value".to_owned(),
            },
            Some(Between { holds, fails, unit }) => {
                let [holds, fails] = [holds, fails].map(|amount| amount_in_words(*amount, unit));
                format!("is {holds} (it fails at {fails}{decided})")
            }
        }
    }
}

/// In the largest unit in which it is a whole number.
fn amount_in_words(amount: u64, unit: &str) -> String {
    match unit {
        "µs" if amount >= 1_000 && amount.is_multiple_of(1_000) => {
            amount_in_words(amount / 1_000, "ms")
        }
        "µs" => format!("{amount} µs"),
        "ms" if amount >= 1_000 && amount.is_multiple_of(1_000) => format!("{} s", amount / 1_000),
        "ms" => format!("{amount} ms"),
        "" => amount.to_string(),
        unit => format!("{amount} {unit}"),
    }
}

/// Runs with other timing in which a value must help.
const OTHER_TIMINGS: u64 = 4;

/// The search for one value.
struct Bisection {
    dial: Dial,
    /// A value with which it passes; none for what is no amount.
    holds: Option<u64>,
    fails: u64,
    /// Where it was seen to pass first.
    far: u64,
    /// Whether every run that was tried passes, or fails as it did.
    sound: bool,
    /// What the nearest runs report of limits.
    limits: [Vec<String>; 2],
}

/// What a run says.
struct Verdict {
    passes: bool,
    fails: bool,
    limits: Vec<String>,
}

/// Values with which the run passes, in the order of the plan; those that a limit explains first.
pub fn thresholds(trials: &Trials, symptom: &Symptom, failing: &[TraceEvent]) -> Vec<Threshold> {
    let plan = &trials.target().plan;
    let judge = |outcome: &Outcome| Verdict {
        passes: symptom.is_cured_in(outcome),
        fails: symptom.persists(outcome),
        limits: limits(symptom, &outcome.trace),
    };
    let mut open = first_hits(trials, plan, &judge, &limits(symptom, failing));
    for _ in 0..MAX_ROUNDS {
        let probes: Vec<(usize, u64)> = (open.iter().enumerate())
            .filter_map(|(place, one)| Some((place, one.middle()?)))
            .collect();
        if probes.is_empty() {
            break;
        }
        let make = |index: usize| {
            let (place, amount) = probes[index];
            Variation::plan(open[place].with(plan, amount))
        };
        let verdicts = trials.each_of(probes.len(), make, |_, outcome| judge(outcome));
        for ((place, amount), verdict) in probes.iter().zip(verdicts) {
            match verdict {
                Some(verdict) => open[*place].narrow(*amount, verdict),
                None => return Vec::new(),
            }
        }
    }
    let confirmed = confirmed(trials, plan, &judge, &open);
    let mut found: Vec<Threshold> = (open.into_iter().zip(confirmed))
        .filter(|(_, confirmed)| *confirmed)
        .map(|(one, _)| one.into_threshold())
        .collect();
    found.sort_by_key(|one| one.limits.is_empty());
    found
}

/// The values with which the run passes when they are far from what they are.
fn first_hits(
    trials: &Trials,
    plan: &Plan,
    judge: &(impl Fn(&Outcome) -> Verdict + Sync),
    failing: &[String],
) -> Vec<Bisection> {
    let probes: Vec<(Dial, Setting)> = (dials::all(plan).into_iter())
        .filter(is_environment)
        .flat_map(|dial| settings_of(&dial).into_iter().map(move |to| (dial, to)))
        .filter(|(dial, to)| set(plan, dial, *to).check().is_ok())
        .collect();
    let make = |index: usize| {
        let (dial, to) = &probes[index];
        Variation::plan(set(plan, dial, *to))
    };
    let verdicts = trials.each_of(probes.len(), make, |_, outcome| judge(outcome));
    let mut hits: Vec<Bisection> = Vec::new();
    for ((dial, to), verdict) in probes.into_iter().zip(verdicts) {
        let Some(verdict) = verdict.filter(|verdict| verdict.passes) else {
            continue;
        };
        let holds = match (to, dial.value) {
            (Setting::To(amount), _) => Some(amount),
            (Setting::Default | Setting::Kept, value) => value.and_then(|value| value.default),
        };
        if hits.iter().any(|hit| hit.dial.place == dial.place) {
            continue;
        }
        hits.push(Bisection {
            holds,
            fails: dial.value.map_or(0, |value| value.now),
            far: holds.unwrap_or(0),
            sound: true,
            limits: [verdict.limits, failing.to_vec()],
            dial,
        });
    }
    hits
}

/// What clients send, and when they begin, are inputs; what concerns the run as a whole is not of the
/// environment.
fn is_environment(dial: &Dial) -> bool {
    match dial.name.part {
        Part::Run | Part::Message(..) | Part::Noise(..) => false,
        Part::Client(_) => dial.name.field != "start_ms",
        Part::Balancer
        | Part::Service(_)
        | Part::BackendLink
        | Part::Container(_)
        | Part::Link(_)
        | Part::Fault(_) => true,
    }
}

/// The values to try first: the default, and a greater one.
fn settings_of(dial: &Dial) -> Vec<Setting> {
    let Some(DialValue {
        now,
        default,
        bounds: (least, most),
        ..
    }) = dial.value
    else {
        return vec![dial.default];
    };
    let raised = now.saturating_mul(RAISED).clamp(least, most);
    // A capacity explains something only if a greater one helps, and a client that leaves sooner is no
    // better off.
    let lower = default.filter(|_| dial.name.field != "patience_ms");
    let down = lower.map_or(now, |default| default.min(now));
    let up = default.map_or(raised, |default| default.max(raised));
    let mut tried = vec![down, up];
    tried.retain(|amount| *amount != now);
    tried.into_iter().map(Setting::To).collect()
}

fn set(plan: &Plan, dial: &Dial, to: Setting) -> Plan {
    dials::with(plan, &BTreeMap::from([(dial.place, to)]))
}

/// Whether the middle between each threshold and the far value passes, and the middle between it and
/// the value of the plan fails.
fn confirmed(
    trials: &Trials,
    plan: &Plan,
    judge: &(impl Fn(&Outcome) -> Verdict + Sync),
    open: &[Bisection],
) -> Vec<bool> {
    let mut probes = Vec::new();
    for (place, one) in open.iter().enumerate() {
        let to = match (one.holds, one.dial.value) {
            (Some(holds), Some(value)) => {
                let side = Setting::To(one.fails.midpoint(value.now));
                probes.push((place, side, None, false));
                Setting::To(holds.midpoint(one.far))
            }
            (_, _) => one.dial.default,
        };
        probes.push((place, to, None, true));
        probes.extend((0..OTHER_TIMINGS).map(|salt| (place, to, Some(salt), true)));
    }
    let make = |index: usize| {
        let (place, to, salt, _) = probes[index];
        let timing = salt.map_or_else(Variation::default, Variation::timing);
        Variation {
            plan: Some(set(plan, &open[place].dial, to)),
            ..timing
        }
    };
    let verdicts = trials.each_of(probes.len(), make, |_, outcome| judge(outcome));
    let mut confirmed: Vec<bool> = open.iter().map(|one| one.sound).collect();
    for ((place, _, salt, passes), verdict) in probes.into_iter().zip(verdicts) {
        confirmed[place] &= verdict.is_some_and(|verdict| match (passes, salt) {
            (true, None) => verdict.passes,
            (true, Some(_)) => !verdict.fails,
            (false, _) => verdict.fails,
        });
    }
    confirmed
}

impl Bisection {
    fn with(&self, plan: &Plan, amount: u64) -> Plan {
        set(plan, &self.dial, Setting::To(amount))
    }

    /// The value to try next, as round as it can be; none if the two are close.
    fn middle(&self) -> Option<u64> {
        let holds = self.holds.filter(|_| self.sound)?;
        let gap = holds.abs_diff(self.fails);
        if gap <= 1 || gap <= holds.max(self.fails) / CLOSE {
            return None;
        }
        let (low, high) = (holds.min(self.fails), holds.max(self.fails));
        // Orders of magnitude first.
        let middle = match high / low.max(1) {
            0..FAR => low.midpoint(high),
            _ => {
                let product = u128::from(low.max(1)) * u128::from(high);
                let mean = u64::try_from(product.isqrt()).unwrap_or(high);
                mean.clamp(low + 1, high - 1)
            }
        };
        let gap = gap.min(middle);
        let step = std::iter::successors(Some(1), |step| Some(step * 10))
            .take_while(|step| *step <= gap / 4)
            .last()
            .unwrap_or(1);
        Some(middle - middle % step)
    }

    fn narrow(&mut self, amount: u64, verdict: Verdict) {
        let [holding, failing] = &mut self.limits;
        if verdict.passes {
            (self.holds, *holding) = (Some(amount), verdict.limits);
        } else {
            self.sound &= verdict.fails;
            (self.fails, *failing) = (amount, verdict.limits);
        }
    }

    fn into_threshold(self) -> Threshold {
        let [holding, failing] = self.limits;
        Threshold {
            value: self.dial.name.to_string(),
            between: self
                .holds
                .zip(self.dial.value)
                .map(|(holds, value)| Between {
                    holds,
                    fails: self.fails,
                    unit: value.unit,
                }),
            limits: new_in(failing, &holding),
            name: self.dial.name,
        }
    }
}

/// Each of these that is not among those.
fn new_in(these: Vec<String>, those: &[String]) -> Vec<String> {
    let mut new: Vec<String> = Vec::new();
    for one in these {
        if !those.contains(&one) && !new.contains(&one) {
            new.push(one);
        }
    }
    new
}

/// What a run reports of numbers that decided about what failed, in order.
fn limits(symptom: &Symptom, trace: &[TraceEvent]) -> Vec<String> {
    let concerning = trace.iter().filter(|entry| symptom.concerns(entry));
    let struck = concerning.filter(|entry| match &entry.fact {
        Fact::Protocol(event) => matches!(
            event,
            Event::LimitReached { .. }
                | Event::HeartbeatTimedOut { .. }
                | Event::GateGaveUp { .. }
                | Event::AdmissionRefused { .. }
                | Event::RegistrationRefused { full: true, .. }
                | Event::BreakerMoved {
                    to: BreakerState::Open,
                    ..
                }
        ),
        Fact::World(event) => matches!(
            event,
            WorldEvent::MessageForgotten { .. } | WorldEvent::ConnectionCut { .. }
        ),
    });
    struck.map(|entry| entry.fact.row().line()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_largest_unit_in_which_they_are_whole() {
        let cases = [
            (870_000, "ms", "870 s"),
            (1_500, "ms", "1500 ms"),
            (2_000_000, "µs", "2 s"),
            (1_500, "µs", "1500 µs"),
            (0, "µs", "0 µs"),
            (10, "", "10"),
        ];
        for (amount, unit, words) in cases {
            assert_eq!(amount_in_words(amount, unit), words);
        }
    }
}
