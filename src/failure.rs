//! A failing run as it is reported: what an engineer reads first, and what they paste next.

use gatesim_model::time::Time;
use gatesim_sim::{
    invariants::Invariant,
    outcome::{Digest, Outcome, Violation},
};
use serde::Serialize;

use crate::{
    output::Style,
    run_name::{RunName, shell_word},
    tally::{Failure, Group},
};

/// A failing run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureReport {
    /// Its name.
    pub run: RunName,
    /// What it is grouped by.
    pub failure: Failure,
    /// Fingerprint of the trace.
    pub digest: Digest,
    /// When it happened.
    pub time: Time,
    /// The scheduler step.
    pub step: u64,
    /// What happened, in one sentence.
    pub sentence: String,
    /// The earliest violation, unless the run panicked.
    pub violation: Option<Violation>,
    /// Invariants that broke later in the same run.
    pub later: Vec<Invariant>,
    /// The other runs with the same cause, if there was a sweep.
    pub group: Option<GroupReport>,
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
    /// What there is to report of an outcome; none if it held.
    pub fn new(run: RunName, outcome: &Outcome, group: Option<(&Group, u64)>) -> Option<Self> {
        let failure = Failure::of(outcome)?;
        let first = outcome.violations.first();
        let (time, step, sentence, violation) = match (&outcome.panic, first) {
            (None, Some(first)) => (
                first.time,
                first.step,
                first.sentence.clone(),
                Some(first.clone()),
            ),
            (panic, _) => (
                outcome.time,
                outcome.steps,
                panic.clone().unwrap_or_default(),
                None,
            ),
        };
        Some(FailureReport {
            run,
            failure,
            digest: outcome.digest,
            time,
            step,
            sentence,
            later: outcome
                .violations
                .iter()
                .skip(usize::from(violation.is_some()))
                .map(|violation| violation.invariant)
                .collect(),
            violation,
            group: group.map(|(group, runs)| GroupReport {
                count: group.count,
                runs,
                seeds: group
                    .sightings
                    .iter()
                    .map(|sighting| sighting.seed)
                    .collect(),
                median_runs_to_find: group.median_runs_to_find(runs),
            }),
        })
    }

    /// For a person.
    pub fn human(&self, style: Style) -> String {
        let mut lines = vec![
            format!(
                "{} {}",
                style.bad("FAILURE"),
                style.strong(&self.run.to_string())
            ),
            format!("  invariant  {}", self.failure),
            format!("  when       {} s, step {}", self.time, self.step),
            format!(
                "  what       {}",
                self.sentence.replace('\n', "\n             ")
            ),
        ];
        if !self.later.is_empty() {
            let later: Vec<String> = self.later.iter().map(Invariant::to_string).collect();
            lines.push(format!("  then       {}", later.join(", ")));
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
        lines.push("  reproduce and keep it with".to_owned());
        lines.push(format!("    {}", self.replay_command()));
        lines.push(format!("    {}", self.keep_command()));
        lines.join("\n")
    }

    /// For a program.
    pub fn json(&self) -> FailureJson<'_> {
        FailureJson {
            run: self.run.to_string(),
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
            later: &self.later,
            digest: self.digest,
            group: self.group.as_ref(),
            replay: self.replay_command(),
            keep: self.keep_command(),
        }
    }

    fn replay_command(&self) -> String {
        format!("gatesim replay {}", shell_word(&self.run.to_string()))
    }

    fn keep_command(&self) -> String {
        format!(
            "gatesim corpus add {} --why {}",
            shell_word(&self.run.to_string()),
            shell_word(self.failure.cause())
        )
    }
}

/// A failure as a JSON line.
#[derive(Serialize)]
pub struct FailureJson<'a> {
    run: String,
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
    later: &'a [Invariant],
    digest: Digest,
    #[serde(flatten)]
    group: Option<&'a GroupReport>,
    replay: String,
    keep: String,
}
