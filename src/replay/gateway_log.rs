//! A run as the log of the production service, with the same format of times.

use std::fmt;

use gatesim_model::core::{identity::unix_secs, time::Time};
use gatesim_sim::{trace::event::TraceEvent, view::describe::GatewayLog};
use serde::Serialize;

/// Midnight before every run, in Unix seconds and as a date: log lines agree with the times in
/// connection ids.
const MIDNIGHT_SECS: u64 = 1_757_462_400;
const MONTH: &str = "2025-09";
const DAY: u64 = 10;

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimedLogLine {
    /// RFC 3339 with microseconds.
    pub time: String,
    /// The name of its level.
    pub level: String,
    /// The text.
    pub message: String,
}

impl fmt::Display for TimedLogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {:<8}  {}", self.time, self.level, self.message)
    }
}

/// The log lines of the events that are shown. `trace` must be the whole trace: lines depend on
/// earlier events.
pub fn lines(
    trace: &[TraceEvent],
    mut log: GatewayLog,
    shown: impl Fn(&TraceEvent) -> bool,
) -> impl Iterator<Item = TimedLogLine> {
    trace.iter().flat_map(move |entry| {
        let mut lines = log.lines(entry);
        if !shown(entry) {
            lines.clear();
        }
        lines.into_iter().map(|line| TimedLogLine {
            time: log_time(entry.time),
            level: line.level.to_string(),
            message: line.message,
        })
    })
}

/// RFC 3339 with microseconds. A run is a day long at most (`bounds::MAX_MS`).
fn log_time(time: Time) -> String {
    let seconds = unix_secs(time) - MIDNIGHT_SECS;
    format!(
        "{MONTH}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
        DAY + seconds / 86_400,
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60,
        time.0 / 1_000 % 1_000_000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_times_are_those_of_the_ids() {
        assert_eq!(log_time(Time::ZERO), "2025-09-10T05:18:00.000000Z");
        assert_eq!(
            log_time(Time(3_661_000_001_999)),
            "2025-09-10T06:19:01.000001Z"
        );
        let day = Time(86_400_000_000_000);
        assert_eq!(log_time(day), "2025-09-11T05:18:00.000000Z");
    }
}
