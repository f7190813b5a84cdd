//! A trace for people: one line per event, with the violations where they happened.

use gatesim_model::{identity::unix_secs, time::Time};
use gatesim_sim::{
    describe::{self, GatewayLog},
    event::Entry,
    outcome::Outcome,
};

use crate::output::Style;

/// Midnight before every run, in Unix seconds and as a date: log lines agree with the times in
/// connection ids.
const MIDNIGHT_SECS: u64 = 1_757_462_400;
const DATE: &str = "2025-09-10";

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

/// The timeline of a traced run: a heading, one line per event, each violation behind the event
/// at which it was noticed.
pub fn lines(outcome: &Outcome, style: Style) -> Vec<String> {
    let mut lines = vec![style.strong(&format!(
        "{:>6} {:>14} {:<12} {}",
        "event", "time (s)", "actor", "what"
    ))];
    let mut markers = outcome
        .violations
        .iter()
        .map(|violation| {
            let name = violation.invariant.name();
            (violation.event, marker(style, name, &violation.sentence))
        })
        .peekable();
    for entry in &outcome.trace {
        lines.push(line(entry));
        while let Some((_, marker)) = markers.next_if(|(event, _)| *event <= entry.number) {
            lines.push(marker);
        }
    }
    lines.extend(markers.map(|(_, marker)| marker));
    lines.extend(
        outcome
            .panic
            .as_deref()
            .map(|panic| marker(style, "panic", panic)),
    );
    lines
}

fn marker(style: Style, name: &str, sentence: &str) -> String {
    style.bad(&format!(">>>>>> {name}: {}", sentence.replace('\n', " ")))
}

/// What the containers would have logged, in the shapes of the production logs.
pub fn log_lines(outcome: &Outcome, mut log: GatewayLog) -> Vec<String> {
    let lines = outcome.trace.iter().flat_map(|entry| {
        let time = log_time(entry.time);
        let lines = log.lines(entry).into_iter();
        lines.map(move |line| format!("{time}  {:<8}  {}", line.level, line.message))
    });
    lines.collect()
}

/// RFC 3339 with microseconds. A run is minutes long and never reaches the next day.
fn log_time(time: Time) -> String {
    let seconds = unix_secs(time) - MIDNIGHT_SECS;
    format!(
        "{DATE}T{:02}:{:02}:{:02}.{:06}Z",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60,
        time.0 / 1_000 % 1_000_000
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::tests::failed_outcome;

    #[test]
    fn violations_stand_behind_their_events() {
        let lines = lines(&failed_outcome(), Style::Plain);
        insta::assert_snapshot!("timeline", lines.join("\n"));
    }

    #[test]
    fn log_times_are_those_of_the_ids() {
        assert_eq!(log_time(Time::ZERO), "2025-09-10T05:18:00.000000Z");
        assert_eq!(
            log_time(Time(3_661_000_001_999)),
            "2025-09-10T06:19:01.000001Z"
        );
    }
}
