//! The kill matrix as a Markdown file: defects by invariants.

use super::{
    Effort, Power,
    finding::{DefectFinding, DefectVerdict},
    hunt::RUNS_AFTER_FIND,
    report::verdict,
    steps,
};
use crate::{
    output::labels::{self, percent},
    target::defects::Catalogue,
};

/// The whole file.
pub fn markdown(power: &Power, catalogue: &Catalogue) -> String {
    let sections = [
        introduction(power),
        table(power),
        sole_finders(power),
        survivors(power),
        differences(power),
        conditions(power),
        steps::section(catalogue),
        harmless(catalogue),
        excluded(catalogue),
    ];
    sections.concat()
}

fn introduction(power: &Power) -> String {
    let Effort {
        starts,
        seeds,
        first_seed,
    } = power.effort;
    format!(
        "# What the simulator can find\n\n\
         Written by `gatesim power --matrix FILE`; do not edit. Each row is one defect of \
         `seeds/defects.toml`, switched on in `reference`, and searched for from {starts} first \
         seeds (from {first_seed} on, up to {seeds} runs each) until an expected invariant breaks, and \
         in {RUNS_AFTER_FIND} further runs. A cell is the share of the runs in which the invariant \
         broke and does not break without the defect; in bold where no other invariant finds the \
         defect, in brackets where the catalogue does not expect it. *runs* is the median number of \
         runs up to the find.\n\n{}.\n\n{}\n",
        verdict(power).replace('\n', ". "),
        labels::legend()
    )
}

fn table(power: &Power) -> String {
    let columns = labels::in_order();
    let mut text = String::from("| | defect | flipped | runs |");
    for invariant in &columns {
        text.push_str(&format!(" {} |", labels::label(*invariant)));
    }
    text.push_str("\n|---|---|---|---|");
    text.push_str(&"---|".repeat(columns.len()));
    text.push('\n');
    for finding in &power.findings {
        let defect = &finding.defect;
        let flips: Vec<String> = defect
            .answers()
            .map(|answer| format!("`{answer}`"))
            .collect();
        let runs = match (finding.verdict(), finding.median_runs_to_find()) {
            (DefectVerdict::Found, Some(median)) => median.to_string(),
            (DefectVerdict::Found | DefectVerdict::Unfinished, _) => "?".to_owned(),
            (DefectVerdict::Survived, _) => "survived".to_owned(),
        };
        text.push_str(&format!(
            "| {} | {} | {} | {runs} |",
            defect.id,
            defect.title,
            flips.join(" ")
        ));
        let broken = finding.broken();
        for invariant in &columns {
            let cell = match broken.get(invariant) {
                None => String::new(),
                Some(count) => {
                    let share = percent(*count, finding.runs());
                    if finding.sole_finder() == Some(*invariant) {
                        format!("**{share}**")
                    } else if defect.expect.contains(invariant) {
                        share
                    } else {
                        format!("({share})")
                    }
                }
            };
            text.push_str(&format!(" {cell} |"));
        }
        text.push('\n');
    }
    text.push('\n');
    text
}

fn sole_finders(power: &Power) -> String {
    let mut text = String::from("## What each invariant alone finds\n\n");
    for invariant in labels::in_order() {
        let ids = power.solely_found_by(invariant);
        let ids = if ids.is_empty() {
            "nothing".to_owned()
        } else {
            ids.join(", ")
        };
        text.push_str(&format!("- `{invariant}`: {ids}\n"));
    }
    text.push('\n');
    text
}

fn survivors(power: &Power) -> String {
    let lines: Vec<String> = power
        .with(DefectVerdict::Survived)
        .map(|finding| {
            let defect = &finding.defect;
            let reason = defect.survives.as_deref().unwrap_or("reason unknown");
            format!("- {} ({}): {reason}\n", defect.id, defect.title)
        })
        .collect();
    section("Defects that survived", &lines)
}

/// Expected invariants that did not break.
fn differences(power: &Power) -> String {
    let lines: Vec<String> = power
        .with(DefectVerdict::Found)
        .filter_map(|finding: &DefectFinding| {
            let unseen = finding.expected_unseen();
            (!unseen.is_empty()).then(|| {
                let note = finding.defect.note.as_deref().unwrap_or_default();
                format!(
                    "- {}: {}. {note}\n",
                    finding.defect.id,
                    labels::labels(unseen)
                )
            })
        })
        .collect();
    section("Expected to break, but held", &lines)
}

/// Conditions besides the flipped answer.
fn conditions(power: &Power) -> String {
    let lines: Vec<String> = power
        .findings
        .iter()
        .filter_map(|finding| {
            let defect = &finding.defect;
            let needs = defect.needs.as_ref().map(|needs| needs.because.as_str());
            let parts: Vec<&str> = defect
                .condition
                .as_deref()
                .into_iter()
                .chain(needs)
                .collect();
            (!parts.is_empty()).then(|| format!("- {}: {}\n", defect.id, parts.join("; ")))
        })
        .collect();
    section("Further conditions", &lines)
}

fn harmless(catalogue: &Catalogue) -> String {
    let lines: Vec<String> = catalogue
        .harmless
        .iter()
        .map(|harmless| format!("- `{}`: {}\n", harmless.answer, harmless.because))
        .collect();
    section("Answers that are not defects on their own", &lines)
}

fn excluded(catalogue: &Catalogue) -> String {
    let lines: Vec<String> = catalogue
        .excluded
        .iter()
        .map(|excluded| {
            format!(
                "- {} ({}): {}\n",
                excluded.id, excluded.title, excluded.because
            )
        })
        .collect();
    section("Not simulated", &lines)
}

fn section(title: &str, lines: &[String]) -> String {
    let body = if lines.is_empty() {
        "Nothing.\n".to_owned()
    } else {
        lines.concat()
    };
    format!("## {title}\n\n{body}\n")
}
