//! The output of an explanation.

use gatesim_sim::run::outcome::Outcome;
use serde::Serialize;

use super::{
    Decisive, Explanation,
    explanation::{Coverage, StepWords},
    reduction::LeftOut,
};
use crate::{
    output::{Output, Style},
    target::Target,
    timeline::{TracedRun, list},
};

/// Most further decisive factors that are printed.
const MAX_ALSO: usize = 4;

/// For a person: the causal slice and the decisive factors.
pub fn write_human(
    target: &Target,
    outcome: &Outcome,
    explanation: &Option<Explanation>,
    out: &mut Output,
) -> anyhow::Result<()> {
    let style = out.style();
    let (Some(failure), Some(explanation)) = (target.failure(outcome), explanation) else {
        return out.line(format!(
            "{} {}: there is no failure to explain",
            style.good("HELD"),
            target.run
        ));
    };
    out.line(failure.human(style))?;
    out.line("")?;
    out.lines(lines(target, outcome, explanation, style))
}

/// The slice as a timeline, then the sentence, then further decisive factors.
fn lines(
    target: &Target,
    outcome: &Outcome,
    explanation: &Explanation,
    style: Style,
) -> Vec<String> {
    let run = TracedRun {
        outcome,
        plan: &target.plan,
        headline: None,
    };
    let mut lines = vec![style.strong("events that led to it")];
    let marked = marked(explanation);
    for number in &explanation.slice {
        let Some(entry) = outcome.trace.get(*number as usize) else {
            continue;
        };
        let line = list::line_of(&run, entry);
        lines.push(match marked.contains(number) {
            true => format!("> {line}"),
            false => format!("  {line}"),
        });
    }
    lines.push(String::new());
    lines.push(format!("{} {}", style.strong("why"), explanation.sentence));
    for decisive in explanation.also.iter().take(MAX_ALSO) {
        lines.push(format!("    also: {}", decisive.sentence()));
    }
    if explanation.also.len() > MAX_ALSO {
        let more = explanation.also.len() - MAX_ALSO;
        lines.push(format!("    and {more} more"));
    }
    lines.extend(without(&explanation.left_out));
    let other_timing = explanation.other_timing.sentence();
    lines.extend(other_timing.map(|sentence| format!("    {sentence}")));
    lines.push(match explanation.search {
        Coverage::Whole => format!("    found in {} runs", explanation.runs),
        Coverage::CutShort => format!(
            "    found in {} runs; the --budget ended before everything was tried",
            explanation.runs
        ),
    });
    lines
}

/// The events of the decisive steps.
fn marked(explanation: &Explanation) -> Vec<u64> {
    let event = |step: &StepWords| step.event;
    match &explanation.decisive {
        Some(Decisive::Race { first, second }) => {
            [first, second].into_iter().filter_map(event).collect()
        }
        Some(Decisive::Fault { timing, .. }) => {
            let step = timing.iter().map(|timing| &timing.step);
            step.filter_map(event).collect()
        }
        Some(Decisive::Value(_) | Decisive::Input { .. } | Decisive::Answer { .. }) | None => {
            Vec::new()
        }
    }
}

/// What the run fails without as well.
fn without(left_out: &LeftOut) -> Option<String> {
    let words = left_out.words()?;
    Some(format!("    it fails in the same way without {words}"))
}

/// An explanation as a JSON line.
#[derive(Serialize)]
struct ExplanationJson<'a> {
    run: String,
    held: bool,
    #[serde(flatten)]
    explanation: &'a Option<Explanation>,
}

/// For a program.
pub fn write_json(
    target: &Target,
    explanation: &Option<Explanation>,
    out: &mut Output,
) -> anyhow::Result<()> {
    let json = ExplanationJson {
        run: target.run.to_string(),
        held: explanation.is_none(),
        explanation,
    };
    out.json("explanation", &json)
}
