//! A column per actor, or per kind of actor where there are many, so that what happens at the
//! same time can be compared.

use std::collections::BTreeSet;

use gatesim_model::core::time::Time;
use gatesim_sim::trace::{
    event::{Actor, TraceEvent},
    vocabulary::Sign,
};

use super::{TimelineRow, TimelineView, marker};
use crate::output::Style;

/// Narrower columns are not readable.
const MIN_COLUMN: usize = 30;
/// Wider ones are hard to read across.
const MAX_COLUMN: usize = 64;
/// Number and time of an event.
const MARGIN: usize = 20;
/// Between two columns.
const RULE: &str = " │ ";
/// A time without anything that is shown gets a line of its own.
const GAP: u64 = 500_000_000;

/// What the columns are.
enum Columns {
    /// One for each actor.
    Actors(Vec<Actor>),
    /// One for each kind.
    Kinds(Vec<ActorKind>),
}

/// A kind of actor, in the order of columns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ActorKind {
    Clients,
    Balancer,
    Containers,
    Services,
}

/// The lanes in so many characters; none if that is too narrow for them.
pub fn lines(view: &TimelineView<'_>, width: usize, style: Style) -> Option<Vec<String>> {
    let rows: Vec<TimelineRow<'_>> = view.rows().collect();
    let columns = Columns::fitting(&rows, width)?;
    let count = columns.titles().len();
    let column = column_width(width, count).min(MAX_COLUMN);
    let mut lines = heading(&columns.titles(), column, style);
    let mut before: Option<Time> = None;
    for row in rows {
        let TimelineRow::Event(entry) = row else {
            lines.extend(marker(row).map(|text| style.bad(&text)));
            continue;
        };
        if let Some(passed) = before.map(|before| entry.time.0 - before.0)
            && passed >= GAP
        {
            lines.push(format!(
                "{:>MARGIN$}",
                format!("⋮ {} s", short(Time(passed)))
            ));
        }
        before = Some(entry.time);
        let margin = format!("{:>6} {:>13}", entry.number, short(entry.time));
        let text = format!(
            "{} {}",
            glyph(entry.fact.row().sign()),
            view.run.text(entry)
        );
        match columns.place(entry) {
            None => {
                let whole = column * count + RULE.chars().count() * count.saturating_sub(1);
                let text = format!("── {} ", view.run.text(entry));
                let rule = whole.saturating_sub(text.chars().count());
                lines.push(format!("{margin}{RULE}{text}{}", "─".repeat(rule)));
            }
            Some((place, name)) => {
                let text = match name {
                    Some(name) => format!("{text} [{name}]"),
                    None => text,
                };
                for (i, part) in wrapped(&text, column).into_iter().enumerate() {
                    let margin = if i == 0 { &*margin } else { "" };
                    let cells = (0..count).map(|at| if at == place { &*part } else { "" });
                    lines.push(line(margin, cells, column));
                }
            }
        }
    }
    Some(lines)
}

impl Columns {
    fn fitting(rows: &[TimelineRow<'_>], width: usize) -> Option<Self> {
        let actors: BTreeSet<Actor> = rows
            .iter()
            .filter_map(|row| match row {
                TimelineRow::Event(entry) => Some(entry.lane()),
                TimelineRow::Violation(_) | TimelineRow::Panic(_) => None,
            })
            .filter(|actor| ActorKind::of(*actor).is_some())
            .collect();
        let fits = |count| count > 0 && column_width(width, count) >= MIN_COLUMN;
        if fits(actors.len()) {
            return Some(Columns::Actors(actors.into_iter().collect()));
        }
        let kinds: BTreeSet<ActorKind> = actors.into_iter().filter_map(ActorKind::of).collect();
        fits(kinds.len()).then(|| Columns::Kinds(kinds.into_iter().collect()))
    }

    fn titles(&self) -> Vec<String> {
        match self {
            Columns::Actors(actors) => actors.iter().map(Actor::to_string).collect(),
            Columns::Kinds(kinds) => kinds.iter().map(|kind| kind.title().to_owned()).collect(),
        }
    }

    /// The column of an event, and the name of its actor if the column does not say it; none if
    /// it belongs to all of them.
    fn place(&self, entry: &TraceEvent) -> Option<(usize, Option<String>)> {
        let actor = entry.lane();
        match self {
            Columns::Actors(actors) => {
                let place = actors.iter().position(|known| *known == actor)?;
                Some((place, None))
            }
            Columns::Kinds(kinds) => {
                let kind = ActorKind::of(actor)?;
                let place = kinds.iter().position(|known| *known == kind)?;
                let name = match kind {
                    ActorKind::Balancer => None,
                    ActorKind::Clients | ActorKind::Containers | ActorKind::Services => {
                        Some(actor.to_string())
                    }
                };
                Some((place, name))
            }
        }
    }
}

impl ActorKind {
    fn of(actor: Actor) -> Option<Self> {
        match actor {
            Actor::World => None,
            Actor::Client(_) | Actor::Socket(_) => Some(ActorKind::Clients),
            Actor::Balancer => Some(ActorKind::Balancer),
            Actor::Container(_) => Some(ActorKind::Containers),
            Actor::Service(_) => Some(ActorKind::Services),
        }
    }

    fn title(self) -> &'static str {
        match self {
            ActorKind::Clients => "clients",
            ActorKind::Balancer => "balancer",
            ActorKind::Containers => "containers",
            ActorKind::Services => "services",
        }
    }
}

fn heading(titles: &[String], column: usize, style: Style) -> Vec<String> {
    let margin = format!("{:>6} {:>13}", "event", "time (s)");
    let titles = line(&margin, titles.iter().map(String::as_str), column);
    vec![style.strong(&titles)]
}

fn line<'t>(margin: &str, cells: impl Iterator<Item = &'t str>, column: usize) -> String {
    let mut line = format!("{margin:>MARGIN$}");
    for cell in cells {
        line.push_str(RULE);
        line.push_str(cell);
        let padding = column.saturating_sub(cell.chars().count());
        line.extend(std::iter::repeat_n(' ', padding));
    }
    line.truncate(line.trim_end().len());
    line
}

fn column_width(width: usize, count: usize) -> usize {
    let rules = RULE.chars().count() * count;
    width.saturating_sub(MARGIN + rules) / count.max(1)
}

/// Microseconds are enough to tell events apart that are not of one instant.
fn short(time: Time) -> String {
    format!("{}.{:06}", time.as_secs(), time.0 / 1_000 % 1_000_000)
}

/// Breaks a text at its spaces, and a word that is too long anywhere. What follows the first line
/// is indented as far as its sign is wide.
fn wrapped(text: &str, column: usize) -> Vec<String> {
    const INDENT: &str = "  ";
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        let space = usize::from(length > 0);
        if length > INDENT.len() && length + space + word.len() > column {
            lines.push(std::mem::replace(&mut line, INDENT.to_owned()));
            length = INDENT.len();
        } else if length > 0 && line != INDENT {
            line.push(' ');
            length += 1;
        }
        while length + word.len() > column {
            let rest = word.split_off(column - length);
            line.extend(word);
            lines.push(std::mem::replace(&mut line, INDENT.to_owned()));
            length = INDENT.len();
            word = rest;
        }
        length += word.len();
        line.extend(word);
    }
    lines.push(line);
    lines
}

/// One character for the kind of an event, seen before anything is read.
fn glyph(sign: Sign) -> char {
    match sign {
        Sign::State => '●',
        Sign::Sent => '→',
        Sign::Arrived => '←',
        Sign::Asked => '↗',
        Sign::Answered => '↙',
        Sign::Refused => '✗',
        Sign::Fault => '▲',
        Sign::Other => '·',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_whole_where_they_fit() {
        let id = "ws_1757481482071_139946826201168";
        assert_eq!(
            wrapped(&format!("● machine {id} moved"), 20),
            [
                "● machine",
                "  ws_1757481482071_1",
                "  39946826201168",
                "  moved"
            ]
        );
        assert_eq!(wrapped("→ open", 20), ["→ open"]);
        assert_eq!(wrapped("", 20), [""]);
    }
}
