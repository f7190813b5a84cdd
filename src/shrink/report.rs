//! The report of a run that was shrunk.

use std::path::Path;

use gatesim_sim::run::outcome::{Digest, Outcome};
use serde::Serialize;

use super::{elements::Element, goal::Goal, trials::Stopped};
use crate::{
    output::Style,
    target::{
        capsule::Capsule,
        run_name::{RunName, shell_word},
        shrunk::Size,
    },
};

/// A run that was shrunk.
pub struct ShrinkReport<'a> {
    /// The capsule that was written.
    pub capsule: &'a Capsule,
    /// Its outcome.
    pub outcome: &'a Outcome,
    /// The failure that it keeps.
    pub goal: &'a Goal,
    /// How large the original was.
    pub before: Size,
    /// How large it is now.
    pub after: Size,
    /// Where it was written.
    pub file: &'a Path,
    /// Whether the search was cut short.
    pub stopped: Option<Stopped>,
}

impl ShrinkReport<'_> {
    /// For a person.
    pub fn human(&self, style: Style) -> String {
        let run = &self.capsule.run;
        let mut lines = vec![
            format!(
                "{} {}",
                style.good("SHRUNK"),
                style.strong(&run.to_string())
            ),
            format!("  invariant  {}", self.goal.expect),
        ];
        if let Some(violation) = self.goal.violation(self.outcome) {
            let (time, step) = (violation.time, violation.step);
            lines.push(format!("  when       {time} s, step {step}"));
            let sentence = violation.sentence.replace('\n', "\n             ");
            lines.push(format!("  what       {sentence}"));
        }
        lines.push("  size       before   after".to_owned());
        let parts = self.before.parts().into_iter().zip(self.after.parts());
        for ((name, before), (_, after)) in parts {
            // Figures that are zero on both sides are omitted.
            if (before, after) != (0, 0) {
                lines.push(format!("            {before:>7} {after:>7}  {name}"));
            }
        }
        lines.push(format!("  minimal    {}", self.minimality()));
        lines.push("  replay it with".to_owned());
        lines.push(format!("    {}", self.replay_command()));
        if self.stopped.is_some() {
            lines.push("  continue with".to_owned());
            let file = shell_word(&self.file.display().to_string());
            lines.push(format!("    gatesim shrink {file} -o {file}"));
        }
        lines.join("\n")
    }

    fn minimality(&self) -> &'static str {
        match self.stopped {
            None => "yes: without any one of its elements it does not fail like this",
            Some(Stopped::Budget) => "unknown: the time was up",
            Some(Stopped::Interrupt) => "unknown: interrupted",
        }
    }

    fn replay_command(&self) -> String {
        let file = self.file.display().to_string();
        format!("gatesim replay {}", shell_word(&file))
    }

    /// For a program.
    pub fn json(&self) -> ShrunkJson<'_> {
        let violation = self.goal.violation(self.outcome);
        ShrunkJson {
            run: self.capsule.run.to_string(),
            invariant: &self.goal.expect.invariant,
            cause: &self.goal.expect.cause,
            time_ns: violation.map_or(self.outcome.time.0, |violation| violation.time.0),
            step: violation.map_or(self.outcome.steps, |violation| violation.step),
            sentence: violation.map(|violation| violation.sentence.as_str()),
            digest: self.outcome.digest,
            before: self.before,
            after: self.after,
            minimal: self.stopped.is_none(),
            file: self.file.display().to_string(),
            replay: self.replay_command(),
        }
    }
}

/// A shrunk run as a JSON line.
#[derive(Serialize)]
pub struct ShrunkJson<'a> {
    run: String,
    invariant: &'a str,
    cause: &'a str,
    time_ns: u64,
    step: u64,
    sentence: Option<&'a str>,
    digest: Digest,
    before: Size,
    after: Size,
    minimal: bool,
    file: String,
    replay: String,
}

/// The answer to `--check`, for a person.
pub fn minimality(elements: usize, superfluous: Option<&Element>) -> String {
    match superfluous {
        None if elements == 0 => "minimal: it has no elements that could be removed".to_owned(),
        None => format!("minimal: each of its {elements} elements is needed to fail like this"),
        Some(element) => format!("NOT MINIMAL: it also fails like this without {element}"),
    }
}

/// The answer to `--check` as a JSON line.
#[derive(Serialize)]
pub struct MinimalityJson {
    run: String,
    elements: usize,
    minimal: bool,
    superfluous: Option<String>,
}

impl MinimalityJson {
    /// About a run.
    pub fn new(run: &RunName, elements: usize, superfluous: Option<&Element>) -> Self {
        MinimalityJson {
            run: run.to_string(),
            elements,
            minimal: superfluous.is_none(),
            superfluous: superfluous.map(Element::to_string),
        }
    }
}
