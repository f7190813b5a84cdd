//! Stepping through a run, forward and back.
//!
//! The prompt reads lines and writes lines, nothing else: it works in a pipe as on a terminal, and
//! history and editing of the line are left to tools such as rlwrap. Where its input is not a
//! terminal it repeats what it was asked, so that a transcript can be read.

use std::io::BufRead;

use gatesim_sim::view::snapshot::{History, StateChange};

use super::{
    TimelineView, TracedRun,
    list::{self, line_of},
    marker,
    only::{self, RunPart},
    state,
    when::{When, heading},
};
use crate::{
    output::Output,
    timeline::{TimelineRow, when},
};

/// What is printed before a command is read.
const PROMPT: &str = "(gatesim) ";
/// Events that `l` shows to each side unless it is told.
const LISTED: u64 = 5;

const HELP: &str = "\
n [N]       forward by an event, or N; an empty line does the last command again
p [N]       back by an event, or N
g POINT     go to a point: 12.4s, #412, step412, violation, an invariant's name, start, end
v           go to the next violation
f TEXT      go to the next event whose line contains the text
s [PART]    the state of all actors, or of a part: c3, c3#1, client0, container1, auth ...
d           what the last event changed
d POINT     what changed between that point and this one
l [N]       the events around here
o [PART]... only these from here on; o alone shows all again
h           this help
q           leave";

/// A position in a run.
pub struct Prompt<'a> {
    run: TracedRun<'a>,
    history: History,
    parts: Vec<RunPart>,
    /// How many events have happened.
    position: u64,
}

/// What was asked for.
enum PromptCommand {
    Forward(u64),
    Back(u64),
    Go(When),
    NextViolation,
    Find(String),
    State(Vec<RunPart>),
    Changed,
    ChangedSince(When),
    List(u64),
    Only(Vec<RunPart>),
    Help,
    Leave,
}

/// Whether to echo commands, which a terminal has done already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    /// The input is not a terminal.
    Commands,
    /// It is one.
    Nothing,
}

impl<'a> Prompt<'a> {
    /// At a position of a run.
    pub fn new(run: TracedRun<'a>, parts: Vec<RunPart>, position: u64) -> Self {
        Prompt {
            history: History::of(&run.outcome.trace),
            run,
            parts,
            position,
        }
    }

    /// Reads commands until there are no more, or one asks to leave.
    pub fn talk(
        &mut self,
        input: &mut dyn BufRead,
        echo: Echo,
        out: &mut Output,
    ) -> anyhow::Result<()> {
        out.line(format!(
            "{} events; h for help",
            self.run.outcome.trace.len()
        ))?;
        self.show_place(out)?;
        let mut last = "n".to_owned();
        loop {
            out.part(PROMPT)?;
            let mut bytes = Vec::new();
            if input.read_until(b'\n', &mut bytes)? == 0 {
                out.line("")?;
                return Ok(());
            }
            let text = String::from_utf8_lossy(&bytes);
            if echo == Echo::Commands {
                out.line(text.trim_end())?;
            }
            let text = match text.trim() {
                "" => last.clone(),
                text => text.to_owned(),
            };
            match text.parse::<PromptCommand>() {
                Ok(PromptCommand::Leave) => return Ok(()),
                Ok(command) => {
                    if let Err(error) = self.obey(command, out) {
                        out.line(format!("{error:#}"))?;
                    }
                    last = text;
                }
                Err(error) => out.line(error)?,
            }
        }
    }

    fn obey(&mut self, command: PromptCommand, out: &mut Output) -> anyhow::Result<()> {
        match command {
            PromptCommand::Forward(count) => self.forward(count, out),
            PromptCommand::Back(count) => {
                let shown = |number: &u64| {
                    only::shows(&self.parts, &self.run.outcome.trace[*number as usize])
                };
                let mut earlier = (0..self.position).rev().filter(shown);
                // The event that was shown last is the first of those that are undone.
                self.position = earlier.nth(count as usize).map_or(0, |number| number + 1);
                self.show_place(out)
            }
            PromptCommand::Go(when) => {
                self.position = self.run.position(&when)?;
                self.show_place(out)
            }
            PromptCommand::NextViolation => {
                let mut violations = self.run.outcome.violations.iter();
                let next = violations.find(|violation| violation.event >= self.position);
                match next {
                    Some(violation) => {
                        self.position = violation.event + 1;
                        self.show_place(out)
                    }
                    None => out.line("no violation from here on"),
                }
            }
            PromptCommand::Find(text) => {
                let from = self.position as usize;
                let mut later = self.run.outcome.trace[from..].iter();
                let found = later.find(|entry| {
                    only::shows(&self.parts, entry) && line_of(&self.run, entry).contains(&text)
                });
                match found {
                    Some(entry) => {
                        self.position = entry.number + 1;
                        self.show_place(out)
                    }
                    None => out.line(format!("no event from here on contains `{text}`")),
                }
            }
            PromptCommand::State(parts) => {
                for part in &parts {
                    part.check(self.run.outcome)?;
                }
                let snapshot = self.history.snapshot(self.position);
                let states = state::of_parts(&snapshot, &parts);
                match states.is_empty() {
                    true => out.line("nothing is known of it here"),
                    false => out.lines(state::lines(&states, out.style())),
                }
            }
            PromptCommand::Changed => match self.position.checked_sub(1) {
                None => out.line("nothing has happened yet"),
                Some(last) => self.show_changes(&self.history.changes(last), out),
            },
            PromptCommand::ChangedSince(when) => {
                let then = self.run.position(&when)?;
                out.line(format!("since {}", heading(&when, self.run.outcome, then)))?;
                let (then, now) = (
                    self.history.snapshot(then),
                    self.history.snapshot(self.position),
                );
                self.show_changes(&then.difference(&now), out)
            }
            PromptCommand::List(count) => {
                let around = when::Around {
                    middle: match self.position.checked_sub(1) {
                        None => When::Start,
                        Some(last) => When::Event(last),
                    },
                    reach: when::Reach::Events(count),
                };
                let view = TimelineView {
                    range: self.run.around(&around, &self.parts)?,
                    run: self.run,
                    parts: &self.parts,
                };
                out.lines(list::lines(&view, out.style()))
            }
            PromptCommand::Only(parts) => {
                for part in &parts {
                    part.check(self.run.outcome)?;
                }
                self.parts = parts;
                self.show_place(out)
            }
            PromptCommand::Help => out.line(HELP),
            PromptCommand::Leave => Ok(()),
        }
    }

    /// The next events that are shown, each with what it changed.
    fn forward(&mut self, count: u64, out: &mut Output) -> anyhow::Result<()> {
        let trace = &self.run.outcome.trace;
        for _ in 0..count {
            let mut later = trace[self.position as usize..].iter();
            let Some(entry) = later.find(|entry| only::shows(&self.parts, entry)) else {
                self.position = trace.len() as u64;
                return out.line("the run is over");
            };
            self.position = entry.number + 1;
            self.show_place(out)?;
            self.show_changes(&self.history.changes(entry.number), out)?;
        }
        Ok(())
    }

    /// The last event, and what broke there.
    fn show_place(&self, out: &mut Output) -> anyhow::Result<()> {
        let Some(last) = self.position.checked_sub(1) else {
            return out.line("before the first event");
        };
        let style = out.style();
        out.line(line_of(&self.run, &self.run.outcome.trace[last as usize]))?;
        let violations = self.run.outcome.violations.iter();
        let here = violations.filter(|violation| violation.event == last);
        let markers = here.filter_map(|violation| marker(TimelineRow::Violation(violation)));
        out.lines(markers.map(|text| style.bad(&text)))
    }

    fn show_changes(&self, changes: &[StateChange], out: &mut Output) -> anyhow::Result<()> {
        match changes.is_empty() {
            true => out.line("  no change"),
            false => out.lines(state::change_lines(changes, out.style())),
        }
    }
}

impl std::str::FromStr for PromptCommand {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, rest) = match text.split_once(char::is_whitespace) {
            Some((word, rest)) => (word, rest.trim()),
            None => (text, ""),
        };
        let count = |default: u64| match rest {
            "" => Ok(default),
            rest => rest
                .parse()
                .map_err(|_| format!("`{rest}` is not a number; h shows what there is")),
        };
        let parts = || -> Result<Vec<RunPart>, String> {
            // `s conn 3` is one part, `o c0 c1` are two.
            match rest.parse() {
                Ok(part) => Ok(vec![part]),
                Err(_) => rest.split_whitespace().map(str::parse).collect(),
            }
        };
        Ok(match word {
            "n" | "next" => PromptCommand::Forward(count(1)?),
            "p" | "previous" => PromptCommand::Back(count(1)?),
            "g" | "go" => PromptCommand::Go(rest.parse()?),
            "v" | "violation" => PromptCommand::NextViolation,
            "f" | "find" if !rest.is_empty() => PromptCommand::Find(rest.to_owned()),
            "s" | "state" => PromptCommand::State(parts()?),
            "d" | "diff" if rest.is_empty() => PromptCommand::Changed,
            "d" | "diff" => PromptCommand::ChangedSince(rest.parse()?),
            "l" | "list" => PromptCommand::List(count(LISTED)?),
            "o" | "only" => PromptCommand::Only(parts()?),
            "h" | "help" | "?" => PromptCommand::Help,
            "q" | "quit" | "exit" => PromptCommand::Leave,
            _ => return Err(format!("`{text}` is not a command; h shows what there is")),
        })
    }
}
