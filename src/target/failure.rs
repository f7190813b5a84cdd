//! A failing run: its signature, and its report with the commands that reproduce it.

use std::fmt;

use gatesim_model::core::time::Time;
use gatesim_sim::{
    check::{Signature, Violation, invariants::Invariant},
    run::outcome::{Digest, Outcome},
};
use serde::Serialize;

use crate::{
    output::Style,
    target::{
        asked::ViolationName,
        expectation::Expectation,
        origin::Origin,
        run_name::{RunName, shell_word},
        title::RunTitle,
    },
};

/// Named instead of an invariant if the run panicked.
pub const PANIC: &str = "panic";

/// Longest panic message that is part of a cause.
const MAX_PANIC_CHARS: usize = 200;

/// What failures are grouped by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureSignature {
    /// The model or the simulator panicked; the message without its numbers.
    Panic(String),
    /// A violation.
    Violation(Signature),
}

impl FailureSignature {
    /// How the run failed, if it did: what broke first, unless it panicked.
    pub fn of(outcome: &Outcome) -> Option<FailureSignature> {
        FailureSignature::all(outcome).next()
    }

    /// Everything by which the run failed: its panic, and each violation in the order of happening.
    pub fn all(outcome: &Outcome) -> impl Iterator<Item = FailureSignature> {
        let panic = outcome.panic.as_deref().map(without_numbers);
        let violations = outcome.violations.iter().map(Violation::signature);
        (panic.into_iter().map(FailureSignature::Panic))
            .chain(violations.map(FailureSignature::Violation))
    }

    /// Whether this is the violation.
    pub fn is_of(&self, violation: &Violation) -> bool {
        match self {
            FailureSignature::Panic(_) => false,
            FailureSignature::Violation(signature) => {
                signature.invariant == violation.invariant && signature.cause == violation.cause
            }
        }
    }

    /// The invariant as it is named in outputs; `panic` if it was none.
    pub fn invariant(&self) -> String {
        match self {
            FailureSignature::Panic(_) => PANIC.to_owned(),
            FailureSignature::Violation(signature) => signature.invariant.to_string(),
        }
    }

    /// The cause in words that are the same for every seed.
    pub fn cause(&self) -> &str {
        match self {
            FailureSignature::Panic(message) => message,
            FailureSignature::Violation(signature) => &signature.cause,
        }
    }
}

impl fmt::Display for FailureSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant(), self.cause())
    }
}

/// The first line of a panic message with every number replaced, so that one bug gives one group.
fn without_numbers(message: &str) -> String {
    let mut text = String::new();
    let mut in_number = false;
    for c in message
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(MAX_PANIC_CHARS)
    {
        if !c.is_ascii_digit() {
            text.push(c);
        } else if !in_number {
            text.push('#');
        }
        in_number = c.is_ascii_digit();
    }
    text
}

/// A failing run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureReport {
    /// The name it was made from.
    pub run: RunName,
    /// What it is called.
    pub title: RunTitle,
    /// Where it came from.
    pub origin: Origin,
    /// What it is grouped by.
    pub failure: FailureSignature,
    /// Fingerprint of the trace.
    pub digest: Digest,
    /// When it happened.
    pub time: Time,
    /// The scheduler step.
    pub step: u64,
    /// What happened, in one sentence.
    pub sentence: String,
    /// The violation that it reports, unless the run panicked.
    pub violation: Option<Violation>,
    /// What else broke in the same run.
    pub others: Vec<Invariant>,
    /// The other runs with the same cause, if there was a sweep.
    pub group: Option<GroupReport>,
    /// The name of the violation, if commands do not take it to be meant.
    pub asked: Option<ViolationName>,
}

/// How often a cause was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupReport {
    /// Failing runs.
    pub count: u64,
    /// Of how many.
    pub runs: u64,
    /// The smallest seeds.
    pub seeds: Vec<u64>,
    /// After how many runs a sweep has found it with even odds.
    pub median_runs_to_find: u64,
}

impl FailureReport {
    /// The report of an outcome; none if it held. `headline` is the violation to report, by default how the
    /// run [failed](FailureSignature::of).
    pub fn new(
        run: RunName,
        origin: Origin,
        outcome: &Outcome,
        headline: Option<&Violation>,
        group: Option<GroupReport>,
    ) -> Option<Self> {
        let first = FailureSignature::of(outcome)?;
        let (failure, violation) = match (headline, &first) {
            (Some(headline), _) => {
                let failure = FailureSignature::Violation(headline.signature());
                (failure, Some(headline))
            }
            (None, FailureSignature::Violation(_)) => (first.clone(), outcome.violations.first()),
            (None, FailureSignature::Panic(_)) => (first.clone(), None),
        };
        let panic = outcome.panic.as_deref().unwrap_or_default();
        let (time, step, sentence) = match violation {
            Some(violation) => (violation.time, violation.step, violation.sentence.as_str()),
            None => (outcome.time, outcome.steps, panic),
        };
        let is_meant = match &origin {
            Origin::Capsule { .. } => true,
            Origin::Name | Origin::Plan { .. } => failure == first,
        };
        Some(FailureReport {
            title: RunTitle::of_name(&run),
            run,
            origin,
            asked: (!is_meant).then(|| ViolationName::from(&Expectation::from(&failure))),
            failure,
            digest: outcome.digest,
            time,
            step,
            sentence: sentence.to_owned(),
            others: outcome
                .broken()
                .filter(|other| violation.is_none_or(|reported| reported.invariant != *other))
                .collect(),
            violation: violation.cloned(),
            group,
        })
    }

    /// For a person.
    pub fn human(&self, style: Style) -> String {
        let mut lines = vec![format!(
            "{} {}",
            style.bad("FAILURE"),
            style.strong(&self.title.to_string())
        )];
        lines.extend(
            self.title
                .made_from()
                .map(|name| format!("  made from  {name}")),
        );
        lines.extend([
            format!("  invariant  {}", self.failure),
            format!("  when       {} s, step {}", self.time, self.step),
            format!(
                "  what       {}",
                self.sentence.replace('\n', "\n             ")
            ),
            format!("  digest     {}, the same twice", self.digest),
        ]);
        if !self.others.is_empty() {
            let others: Vec<String> = self.others.iter().map(Invariant::to_string).collect();
            lines.push(format!("  also       {}", others.join(", ")));
        }
        if let Some(group) = &self.group {
            let seeds: Vec<String> = group.seeds.iter().map(u64::to_string).collect();
            lines.push(format!(
                "  how often  {} of {} runs; even odds after {}; seeds {}{}",
                group.count,
                group.runs,
                group.median_runs_to_find,
                seeds.join(", "),
                if group.count > group.seeds.len() as u64 {
                    " ..."
                } else {
                    ""
                },
            ));
        }
        lines.push("  reproduce, explain, shrink and keep it with".to_owned());
        lines.push(format!("    {}", self.replay_command()));
        lines.push(format!("    {}", self.why_command()));
        lines.push(format!("    {}", self.shrink_command()));
        lines.extend(self.keep_command().map(|command| format!("    {command}")));
        lines.join("\n")
    }

    /// For a person who reads many: what it is, and what to ask.
    pub fn in_short(&self, style: Style) -> String {
        let head = style.bad("FAILURE");
        format!(
            "{head} {}: {}\n    {}",
            self.run,
            self.failure,
            self.why_command()
        )
    }

    /// For a program.
    pub fn json(&self) -> FailureJson<'_> {
        FailureJson {
            run: self.title.to_string(),
            made_from: self.title.other_name(),
            scenario: &self.run.scenario,
            design: &self.run.design,
            seed: self.run.seed,
            invariant: self.failure.invariant(),
            cause: self.failure.cause(),
            time_ns: self.time.0,
            step: self.step,
            event: self.violation.as_ref().map(|violation| violation.event),
            actor: self.violation.as_ref().map(|v| v.actor.to_string()),
            socket: self
                .violation
                .as_ref()
                .and_then(|v| v.socket.map(|socket| socket.to_string())),
            sentence: &self.sentence,
            others: &self.others,
            digest: self.digest,
            group: self.group.as_ref(),
            replay: self.replay_command(),
            why: self.why_command(),
            shrink: self.shrink_command(),
            keep: self.keep_command(),
        }
    }

    fn replay_command(&self) -> String {
        self.origin.replay_command(&self.run) + &self.asked_for()
    }

    fn why_command(&self) -> String {
        self.origin.why_command(&self.run) + &self.asked_for()
    }

    fn shrink_command(&self) -> String {
        self.origin.shrink_command(&self.run) + &self.asked_for()
    }

    fn keep_command(&self) -> Option<String> {
        let command = self.origin.keep_command(&self.run, self.failure.cause())?;
        Some(command + &self.asked_for())
    }

    fn asked_for(&self) -> String {
        let asked = self.asked.as_ref().map(ViolationName::to_string);
        asked.map_or_else(String::new, |asked| {
            format!(" --violation {}", shell_word(&asked))
        })
    }
}

/// A failure as a JSON line.
#[derive(Serialize)]
pub struct FailureJson<'a> {
    run: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    made_from: Option<String>,
    scenario: &'a str,
    design: &'a str,
    seed: u64,
    invariant: String,
    cause: &'a str,
    time_ns: u64,
    step: u64,
    event: Option<u64>,
    actor: Option<String>,
    socket: Option<String>,
    sentence: &'a str,
    others: &'a [Invariant],
    digest: Digest,
    #[serde(flatten)]
    group: Option<&'a GroupReport>,
    replay: String,
    why: String,
    shrink: String,
    keep: Option<String>,
}

/// How a run ended, in the spelling of the trace.
pub fn finish_name(outcome: &Outcome) -> String {
    match outcome.finish {
        None => "panicked".to_owned(),
        Some(reason) => serde_json::to_value(reason)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use gatesim_model::core::ids::SocketId;
    use gatesim_sim::{
        check::figures::Figures,
        scheduler::choices::{Record, RecordDivergence},
        trace::event::{Actor, Fact, FinishReason, TraceEvent, WorldEvent},
    };

    use super::*;

    const SOCKET: SocketId = SocketId::first(0);

    fn violation(invariant: Invariant, event: u64) -> Violation {
        Violation {
            invariant,
            time: Time(1_600_000_000),
            step: 4711,
            event,
            actor: Actor::Socket(SOCKET),
            socket: Some(SOCKET),
            message: None,
            cause: "the welcome without a machine".to_owned(),
            sentence: "c0#1 was declared ready under ws_1, for which container0 has no machine."
                .to_owned(),
        }
    }

    /// A run of three events in which two invariants broke.
    pub fn failed_outcome() -> Outcome {
        let entry = |number: u64, event| TraceEvent {
            number,
            time: Time(number * 800_000_000),
            step: number * 2_000,
            actor: Actor::Client(0),
            fact: Fact::World(event),
        };
        Outcome {
            digest: Digest(0xfeed),
            finish: Some(FinishReason::Done),
            panic: None,
            steps: 5_000,
            events: 3,
            time: Time(2_000_000_000),
            violations: vec![
                violation(Invariant::NeverReadyWithoutMachine, 1),
                violation(Invariant::WelcomeAfterReady, 2),
            ],
            marks: Default::default(),
            figures: Figures::default(),
            faults: Default::default(),
            premises: Default::default(),
            trace: vec![
                entry(
                    0,
                    WorldEvent::ClientConnecting {
                        socket: SOCKET,
                        user: 0,
                    },
                ),
                entry(1, WorldEvent::ClientOpened { socket: SOCKET }),
                entry(2, WorldEvent::ClientReady { socket: SOCKET }),
            ],
            choices: Record::default(),
            divergence: RecordDivergence::default(),
            causes: Default::default(),
            constraints: Vec::new(),
        }
    }

    fn name() -> RunName {
        "cold-start@reference+missing-machine=ready:7"
            .parse()
            .unwrap()
    }

    #[test]
    fn the_block_says_what_happened_and_what_to_paste() {
        let group = GroupReport {
            count: 12,
            runs: 200,
            seeds: (7..12).collect(),
            median_runs_to_find: 12,
        };
        let outcome = failed_outcome();
        let swept = FailureReport::new(name(), Origin::Name, &outcome, None, Some(group));
        insta::assert_snapshot!("swept", swept.unwrap().human(Style::Plain));
    }

    #[test]
    fn what_to_paste_asks_for_the_same_run() {
        let outcome = failed_outcome();
        let pasted = |origin: Origin| {
            let report = FailureReport::new(name(), origin, &outcome, None, None).unwrap();
            (
                report.replay_command(),
                report.shrink_command(),
                report.keep_command(),
            )
        };
        let file = "my plan.toml".to_owned();
        insta::assert_debug_snapshot!(
            "pasted",
            [
                pasted(Origin::Name),
                pasted(Origin::Plan { file: file.clone() }),
                pasted(Origin::Capsule { file }),
            ]
        );
    }

    #[test]
    fn one_panic_is_one_group_whatever_its_numbers() {
        assert_eq!(
            without_numbers("index 17 is out of bounds for 3\nbacktrace"),
            "index # is out of bounds for #"
        );
        let panicked = Outcome {
            panic: Some("index 17".to_owned()),
            ..failed_outcome()
        };
        assert_eq!(
            FailureSignature::of(&panicked),
            Some(FailureSignature::Panic("index #".to_owned()))
        );
    }

    #[test]
    fn a_panic_is_a_finding_too() {
        let outcome = Outcome {
            panic: Some("attempt to subtract 7 from 3\nsecond line".to_owned()),
            finish: None,
            ..failed_outcome()
        };
        let report = FailureReport::new(name(), Origin::Name, &outcome, None, None).unwrap();
        insta::assert_snapshot!("panicked", report.human(Style::Plain));
    }

    #[test]
    fn json_has_the_same_facts() {
        let outcome = failed_outcome();
        let report = FailureReport::new(name(), Origin::Name, &outcome, None, None).unwrap();
        insta::assert_snapshot!(
            "json",
            serde_json::to_string_pretty(&report.json()).unwrap()
        );
    }
}
