//! `gatesim list`: what there is to choose from.

use clap::{Args, ValueEnum};
use gatesim_model::design::Design;
use gatesim_sim::{
    check::{invariants::Invariant, marks::Mark},
    plan::FaultKind,
};
use serde::Serialize;

use crate::{
    exit::Exit,
    output::{MessageFormat, Output},
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
    /// What is known to go wrong, each as a decision to flip in the reference.
    Defects,
    /// What can go wrong in the world around the gateway.
    Faults,
}

const EXAMPLES: &str = "\
Examples:
  gatesim list scenarios
  gatesim list questions
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
        ListSubject::Defects => ("defect", defects()?),
        ListSubject::Faults => ("fault", faults()),
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
        .map(|(name, text)| ListItem::new(kebab_case(name), text.trim()))
        .collect()
}

/// `ServiceDown` as files spell it: `service-down`.
fn kebab_case(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
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
    fn faults_are_spelt_as_in_files() {
        assert_eq!(kebab_case("ServiceDown"), "service-down");
    }

    #[test]
    fn text_is_wrapped_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("", 7), [""]);
        assert_eq!(wrap("incomprehensibilities", 7), ["incomprehensibilities"]);
    }
}
