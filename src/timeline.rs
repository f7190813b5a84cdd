//! A trace for people: one line per event, with the violations where they happened.

use gatesim_sim::{describe, event::Entry, outcome::Outcome};

use crate::output::{Output, Style};

/// Virtual time 0 in the log lines of a replay: an ordinary date, so that log tools accept them.
const LOG_DATE: &str = "2025-09-10";

/// Number, virtual time, actor, text.
pub fn line(entry: &Entry) -> String {
    format!(
        "{:>6} {:>14} {:<12} {}",
        entry.number,
        entry.time,
        entry.actor,
        describe::describe(entry)
    )
}

/// Writes the timeline of a traced run.
pub fn write(outcome: &Outcome, out: &mut Output) -> anyhow::Result<()> {
    let style = out.style();
    out.line(style.strong(&format!(
        "{:>6} {:>14} {:<12} {}",
        "event", "time (s)", "actor", "what"
    )))?;
    let mut violations = outcome.violations.iter().peekable();
    for entry in &outcome.trace {
        out.line(line(entry))?;
        while let Some(violation) = violations.next_if(|next| next.event <= entry.number) {
            out.line(marker(
                style,
                &violation.invariant.to_string(),
                &violation.sentence,
            ))?;
        }
    }
    for violation in violations {
        out.line(marker(
            style,
            &violation.invariant.to_string(),
            &violation.sentence,
        ))?;
    }
    if let Some(panic) = &outcome.panic {
        out.line(marker(style, "panic", panic))?;
    }
    Ok(())
}

fn marker(style: Style, invariant: &str, sentence: &str) -> String {
    let text = format!(
        "{:>6} {invariant}: {}",
        ">>>>>>",
        sentence.replace('\n', " ")
    );
    style.bad(&text)
}

/// Writes what a container would have logged, in the shapes of the production logs.
pub fn write_log(outcome: &Outcome, out: &mut Output) -> anyhow::Result<()> {
    for entry in &outcome.trace {
        if let Some((level, message)) = describe::log_line(entry) {
            let micros = entry.time.0 / 1_000;
            let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
            // A run is minutes long; the hour is enough, and it never reaches the next day.
            let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
            out.line(format!(
                "{LOG_DATE}T{hours:02}:{minutes:02}:{:02}.{micros:06}Z  {level:<8}  {message}",
                seconds % 60
            ))?;
        }
    }
    Ok(())
}
