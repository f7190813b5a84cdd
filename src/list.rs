//! `gatesim list`: what there is to choose from.

use clap::{Args, ValueEnum};
use gatesim_model::design::Design;
use gatesim_sim::{
    check::{invariants::Invariant, marks::Mark},
    plan::{FaultKind, scenario::Measure},
};
use serde::Serialize;

use crate::{
    exit::Exit,
    output::{MessageFormat, Output},
    schema::knobs::{Knob, knobs},
    target::{catalog, defects::Catalogue},
};

/// List what other commands take by name: scenarios, designs, invariants and others.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ListArgs {
    /// What to show.
    #[arg(value_enum)]
    pub subject: ListSubject,
}

/// What `gatesim list` can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListSubject {
    /// What a run can throw at a design.
    Scenarios,
    /// Complete protocols: the historical revisions and the reference.
    Designs,
    /// The open questions of the protocol and the answers a design may give.
    Questions,
    /// The rules that every run is judged by.
    Invariants,
    /// The rare states that a scenario may promise to reach now and then.
    Marks,
    /// The figures and marks that a scenario may limit, and what a limit may demand of each.
    Limits,
    /// What is known to go wrong, each as a decision to flip in the reference.
    Defects,
    /// What can go wrong in the world around the gateway.
    Faults,
    /// The fields of a scenario file: what each says, its unit, default and bounds.
    Knobs,
}

const EXAMPLES: &str = "\
Examples:
  gatesim list scenarios
  gatesim list questions
  gatesim list knobs
  gatesim list designs --message-format json";

/// Columns of a line.
const LINE_WIDTH: usize = 100;

/// Columns that running text gets at least, however long the name beside it is.
const MIN_TEXT_WIDTH: usize = 40;

/// One thing with a name.
#[derive(Serialize)]
struct ListItem {
    name: String,
    text: String,
    /// The answers of a question; nothing else has parts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    answers: Vec<ListItem>,
}

impl ListItem {
    fn new(name: impl ToString, text: impl ToString) -> Self {
        ListItem {
            name: name.to_string(),
            text: text.to_string(),
            answers: Vec::new(),
        }
    }
}

/// Runs the command.
pub fn list(args: &ListArgs, out: &mut Output) -> anyhow::Result<Exit> {
    let (kind, items) = match args.subject {
        ListSubject::Scenarios => ("scenario", scenarios()?),
        ListSubject::Designs => ("design", designs()?),
        ListSubject::Questions => ("question", questions()),
        ListSubject::Invariants => ("invariant", invariants()),
        ListSubject::Marks => ("mark", marks()),
        ListSubject::Limits => ("limit", limits()),
        ListSubject::Defects => ("defect", defects()?),
        ListSubject::Faults => ("fault", faults()),
        ListSubject::Knobs => return list_knobs(out),
    };
    match out.format() {
        MessageFormat::Human => {
            let width = items.iter().map(|item| item.name.len()).max().unwrap_or(0);
            for item in &items {
                if item.answers.is_empty() {
                    write_item(item, 0, width, out)?;
                } else {
                    write_question(item, out)?;
                }
            }
        }
        MessageFormat::Json => {
            for item in &items {
                out.json(kind, item)?;
            }
        }
    }
    Ok(Exit::Held)
}

fn scenarios() -> anyhow::Result<Vec<ListItem>> {
    catalog::scenario_names()
        .into_iter()
        .map(|name| Ok(ListItem::new(name, catalog::scenario(name)?.summary)))
        .collect()
}

fn designs() -> anyhow::Result<Vec<ListItem>> {
    Design::builtin_names()
        .iter()
        .map(|name| Ok(ListItem::new(name, catalog::design(name)?.summary)))
        .collect()
}

fn questions() -> Vec<ListItem> {
    Design::questions()
        .iter()
        .map(|question| ListItem {
            answers: question
                .answers
                .iter()
                .map(|answer| ListItem::new(answer.name, answer.doc.trim()))
                .collect(),
            ..ListItem::new(question.key, question.doc.trim())
        })
        .collect()
}

fn invariants() -> Vec<ListItem> {
    Invariant::ALL
        .iter()
        .map(|invariant| {
            let text = format!("{} ({})", invariant.statement(), invariant.kind());
            ListItem::new(invariant, text)
        })
        .collect()
}

fn marks() -> Vec<ListItem> {
    Mark::ALL
        .iter()
        .map(|mark| ListItem::new(mark, mark.statement()))
        .collect()
}

fn limits() -> Vec<ListItem> {
    Measure::all()
        .map(|measure| {
            let demands = measure.demands().join(", ");
            ListItem::new(measure.name(), format!("{} ({demands})", measure.text()))
        })
        .collect()
}

fn defects() -> anyhow::Result<Vec<ListItem>> {
    let catalogue = Catalogue::load()?;
    let items = catalogue.defects.iter().map(|defect| {
        let answers: Vec<&str> = defect.answers().collect();
        ListItem::new(
            &defect.id,
            format!("{} ({})", defect.title, answers.join(", ")),
        )
    });
    Ok(items.collect())
}

fn faults() -> Vec<ListItem> {
    FaultKind::ALL
        .iter()
        .map(|(name, text)| ListItem::new(name, text.trim()))
        .collect()
}

fn list_knobs(out: &mut Output) -> anyhow::Result<Exit> {
    let knobs = knobs();
    if let MessageFormat::Json = out.format() {
        for knob in &knobs {
            out.json("knob", knob)?;
        }
        return Ok(Exit::Held);
    }
    for table in knobs.chunk_by(|one, next| one.table == next.table) {
        let name = match &*table[0].table {
            "" => "at the top of the file".to_owned(),
            name => format!("[{name}]"),
        };
        out.line(out.style().strong(&name))?;
        let width = table.iter().map(|knob| knob.name.len()).max().unwrap_or(0);
        for knob in table {
            let text = format!("{} ({})", knob.text, bounds(knob));
            write_item(&ListItem::new(&knob.name, text), 4, width, out)?;
        }
        out.line("")?;
    }
    Ok(Exit::Held)
}

/// What may be written for a knob, in a few words.
fn bounds(knob: &Knob) -> String {
    let mut text = knob.form.to_owned();
    if let Some((least, most)) = knob.bounds {
        let unit = knob.unit.as_deref().unwrap_or_default();
        text += format!(", {least} to {most} {unit}").trim_end();
    }
    if !knob.allowed.is_empty() {
        text += &format!(" of {}", knob.allowed.join(", "));
    }
    match &knob.default {
        Some(default) => text + &format!(", default {default}"),
        None if knob.required => text + ", required",
        None => text,
    }
}

fn write_question(question: &ListItem, out: &mut Output) -> anyhow::Result<()> {
    let heading = out.style().strong(&question.name);
    out.line(heading)?;
    for line in wrap(&question.text, LINE_WIDTH - 2) {
        out.line(format!("  {line}"))?;
    }
    let width = question
        .answers
        .iter()
        .map(|a| a.name.len())
        .max()
        .unwrap_or(0);
    for answer in &question.answers {
        write_item(answer, 4, width, out)?;
    }
    out.line("")
}

/// Name and text side by side.
fn write_item(
    item: &ListItem,
    indent: usize,
    width: usize,
    out: &mut Output,
) -> anyhow::Result<()> {
    let mut name = item.name.as_str();
    let text_width = LINE_WIDTH
        .saturating_sub(indent + width + 2)
        .max(MIN_TEXT_WIDTH);
    for line in wrap(&item.text, text_width) {
        out.line(format!("{:indent$}{name:<width$}  {line}", ""))?;
        name = "";
    }
    Ok(())
}

/// Breaks a text at spaces; an empty text is one empty line.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is always a line");
        if last.is_empty() {
            last.push_str(word);
        } else if last.len() + 1 + word.len() <= width {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("", 7), [""]);
        assert_eq!(wrap("incomprehensibilities", 7), ["incomprehensibilities"]);
    }
}
