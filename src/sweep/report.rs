//! What a sweep writes: non-determinism first, then failures, then the figures of merit, and the
//! verdict last. Standard output never shows wall-clock time, so that two sweeps of the same
//! seeds can be compared byte for byte.

use std::{collections::BTreeMap, time::Duration};

use gatesim_sim::check::marks::{Mark, MissedFloor};
use serde::Serialize;

use crate::{
    output::{MessageFormat, Output, note},
    sweep::{
        groups::Groups,
        result::SweepResult,
        tally::{Durations, Tally},
        work::Pair,
    },
};

/// Failures that are shown in full; more than a person reads are shown in one line each.
const MAX_BLOCKS: usize = 10;

/// Writes everything.
pub fn write(result: &SweepResult, out: &mut Output) -> anyhow::Result<()> {
    match out.format() {
        MessageFormat::Human => write_human(result, out),
        MessageFormat::Json => write_json(result, out),
    }
}

/// How fast it was, on standard error.
pub fn speed(result: &SweepResult, elapsed: Duration) {
    let tallies = &result.harvest.tallies;
    let runs: u64 = tallies.iter().map(|tally| tally.runs).sum();
    let steps: u64 = tallies.iter().map(|tally| tally.steps).sum();
    let ms = u64::try_from(elapsed.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    note(format_args!(
        "{}.{:03} s, {} runs/s, {} steps/s, {} at a time",
        ms / 1000,
        ms % 1000,
        runs.saturating_mul(1000) / ms,
        steps.saturating_mul(1000) / ms,
        result.work.jobs
    ));
}

fn write_human(result: &SweepResult, out: &mut Output) -> anyhow::Result<()> {
    let style = out.style();
    for divergence in &result.divergences {
        out.line(divergence.human())?;
        out.line("")?;
    }
    let (whole, rest) = result
        .failures
        .split_at(result.failures.len().min(MAX_BLOCKS));
    for failure in whole {
        out.line(failure.human(style))?;
        out.line("")?;
    }
    for failure in rest {
        out.line(format!(
            "{} {}: {}",
            style.bad("FAILURE"),
            failure.run,
            failure.failure
        ))?;
    }
    if !rest.is_empty() {
        out.line("")?;
    }
    let rows: Vec<Row> = pairs(result)
        .map(|(pair, tally)| row(pair, tally))
        .collect();
    let lines = table(&rows);
    out.line(style.strong(&lines[0]))?;
    for line in &lines[1..] {
        out.line(line)?;
    }
    for (pair, tally) in pairs(result).filter(|(_, tally)| tally.broken.total() > 0) {
        out.line("")?;
        out.line(format!(
            "{} broke, first or as a consequence, in",
            name(pair)
        ))?;
        for (failure, group) in tally.broken.iter() {
            out.line(format!(
                "  {:>8} of {} runs  {failure} (first seed {}, even odds after {})",
                group.count,
                tally.runs,
                group.sightings[0].seed,
                group.median_runs_to_find(tally.runs),
            ))?;
        }
    }
    out.line("")?;
    out.line(verdict(result))
}

fn name(pair: &Pair) -> String {
    format!("{}@{}", pair.scenario_reference, pair.design_reference)
}

/// The verdict in one line: what the reader sees last.
fn verdict(result: &SweepResult) -> String {
    let tallies = &result.harvest.tallies;
    let runs: u64 = tallies.iter().map(|tally| tally.runs).sum();
    let failed: u64 = tallies.iter().map(|tally| tally.groups.total()).sum();
    let not_kept: u64 = tallies.iter().map(|tally| tally.groups.not_kept()).sum();
    let mut text = if runs == 0 {
        "nothing ran".to_owned()
    } else if failed == 0 {
        format!("{runs} runs, all held")
    } else {
        let groups: usize = tallies
            .iter()
            .map(|tally| tally.groups.iter().count())
            .sum();
        let word = if groups == 1 { "cause" } else { "causes" };
        format!("{runs} runs, {failed} failed, {groups} {word}")
    };
    if not_kept > 0 {
        text.push_str(&format!(
            " ({not_kept} failures of further causes are only counted)"
        ));
    }
    for (pair, tally) in pairs(result).filter(|(_, tally)| tally.is_vacuous()) {
        text.push_str(&format!(
            "\n{}: none of {} connections became ready, so that it held says nothing",
            name(pair),
            tally.connections_expected
        ));
    }
    for (pair, tally) in pairs(result) {
        for floor in tally.missed(&pair.scenario.floors) {
            text.push_str(&format!("\n{}: {}", name(pair), missed_floor(&floor)));
        }
    }
    if !result.divergences.is_empty() {
        text.push_str(&format!(
            "\n{} runs did not repeat: find out why before you believe anything else here",
            result.divergences.len()
        ));
    }
    if result.interrupted {
        text.push_str("\ninterrupted: these are the runs that were finished");
    }
    text
}

/// A floor that was missed, in words.
pub fn missed_floor(floor: &MissedFloor) -> String {
    format!(
        "the floor of {} was missed: {} of {} runs reached it, and at least {} in 1000 must",
        floor.mark, floor.reached, floor.runs, floor.per_mille
    )
}

const COLUMNS: [&str; 14] = [
    "scenario@design",
    "runs",
    "failed",
    "ready",
    "healed",
    "p50 ms",
    "p99 ms",
    "max ms",
    "overhead p99",
    "delivered",
    "twice",
    "lost",
    "reconnects",
    "close codes",
];

type Row = [String; COLUMNS.len()];

fn row(pair: &Pair, tally: &Tally) -> Row {
    let millis = |value: Option<Duration>| value.map_or("-".to_owned(), in_millis);
    let codes: Vec<String> = tally
        .close_codes
        .iter()
        .map(|(code, count)| format!("{code}:{count}"))
        .collect();
    [
        name(pair),
        tally.runs.to_string(),
        tally.groups.total().to_string(),
        percent(tally.connections_ready, tally.connections_expected),
        percent(tally.healed_ready, tally.healed_expected),
        millis(tally.time_to_ready.percentile(50)),
        millis(tally.time_to_ready.percentile(99)),
        millis(tally.time_to_ready.max()),
        millis(tally.coordination_overhead.percentile(99)),
        percent(tally.agent_runs_delivered, tally.agent_runs_started),
        tally.messages_executed_twice.to_string(),
        tally.messages_lost.to_string(),
        tally.reconnects.to_string(),
        codes.join(" "),
    ]
}

/// Aligned columns under a heading: the first and the last to the left, numbers to the right.
fn table(rows: &[Row]) -> Vec<String> {
    let heading = COLUMNS.map(str::to_owned);
    let all: Vec<&Row> = std::iter::once(&heading).chain(rows).collect();
    let width = |column: usize| all.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: [usize; COLUMNS.len()] = std::array::from_fn(width);
    all.iter()
        .map(|row| {
            let cells = row.iter().enumerate().map(|(column, text)| {
                let width = widths[column];
                if column == 0 || column == COLUMNS.len() - 1 {
                    format!("{text:<width$}")
                } else {
                    format!("{text:>width$}")
                }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}

/// Two decimals, rounded down so that only what is whole is called 100 %.
fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let hundredths = u128::from(part) * 10_000 / u128::from(whole);
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// Milliseconds with one decimal.
fn in_millis(value: Duration) -> String {
    let tenths = value.as_micros() / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The figures of one design in one scenario as a JSON line.
#[derive(Serialize)]
struct ResultJson<'a> {
    scenario: &'a str,
    design: &'a str,
    runs: u64,
    held: u64,
    failed: u64,
    causes: Vec<CauseJson<'a>>,
    failed_of_further_causes: u64,
    broken: Vec<CauseJson<'a>>,
    finishes: &'a BTreeMap<String, u64>,
    marks: &'a BTreeMap<Mark, u64>,
    missed_floors: Vec<FloorJson>,
    steps: u64,
    connections_expected: u64,
    connections_ready: u64,
    healed_expected: u64,
    healed_ready: u64,
    messages_sent: u64,
    messages_executed_twice: u64,
    messages_lost: u64,
    left_behind: u64,
    time_to_ready_us: QuantilesJson,
    coordination_overhead_us: QuantilesJson,
    agent_runs_started: u64,
    agent_runs_delivered: u64,
    events_delivered: u64,
    frames: u64,
    reconnects: u64,
    close_codes: &'a BTreeMap<u16, u64>,
}

#[derive(Serialize)]
struct CauseJson<'a> {
    invariant: String,
    cause: &'a str,
    count: u64,
    first_seed: u64,
    median_runs_to_find: u64,
}

#[derive(Serialize)]
struct FloorJson {
    mark: Mark,
    reached: u64,
    per_mille: u32,
}

fn floors_json(pair: &Pair, tally: &Tally) -> Vec<FloorJson> {
    let missed = tally.missed(&pair.scenario.floors).into_iter();
    missed
        .map(|floor| FloorJson {
            mark: floor.mark,
            reached: floor.reached,
            per_mille: floor.per_mille,
        })
        .collect()
}

#[derive(Serialize)]
struct QuantilesJson {
    p50: Option<u64>,
    p99: Option<u64>,
    max: Option<u64>,
}

impl QuantilesJson {
    fn of(durations: &Durations) -> Self {
        let micros = |value: Option<Duration>| {
            value.map(|value| u64::try_from(value.as_micros()).unwrap_or(u64::MAX))
        };
        QuantilesJson {
            p50: micros(durations.percentile(50)),
            p99: micros(durations.percentile(99)),
            max: micros(durations.max()),
        }
    }
}

/// The last JSON line; its absence means that the sweep did not end in order.
#[derive(Serialize)]
struct SummaryJson {
    runs: u64,
    failed: u64,
    unstable: usize,
    interrupted: bool,
}

fn write_json(result: &SweepResult, out: &mut Output) -> anyhow::Result<()> {
    for divergence in &result.divergences {
        out.json("non-determinism", &divergence.json())?;
    }
    for failure in &result.failures {
        out.json("failure", &failure.json())?;
    }
    for (pair, tally) in pairs(result) {
        out.json("result", &result_json(pair, tally))?;
    }
    let tallies = &result.harvest.tallies;
    out.json(
        "summary",
        &SummaryJson {
            runs: tallies.iter().map(|tally| tally.runs).sum(),
            failed: tallies.iter().map(|tally| tally.groups.total()).sum(),
            unstable: result.divergences.len(),
            interrupted: result.interrupted,
        },
    )
}

fn result_json<'a>(pair: &'a Pair, tally: &'a Tally) -> ResultJson<'a> {
    ResultJson {
        scenario: &pair.scenario_reference,
        design: &pair.design_reference,
        runs: tally.runs,
        held: tally.held(),
        failed: tally.groups.total(),
        causes: causes_json(&tally.groups, tally.runs),
        failed_of_further_causes: tally.groups.not_kept(),
        broken: causes_json(&tally.broken, tally.runs),
        finishes: &tally.finishes,
        marks: &tally.marks,
        missed_floors: floors_json(pair, tally),
        steps: tally.steps,
        connections_expected: tally.connections_expected,
        connections_ready: tally.connections_ready,
        healed_expected: tally.healed_expected,
        healed_ready: tally.healed_ready,
        messages_sent: tally.messages_sent,
        messages_executed_twice: tally.messages_executed_twice,
        messages_lost: tally.messages_lost,
        left_behind: tally.left_behind,
        time_to_ready_us: QuantilesJson::of(&tally.time_to_ready),
        coordination_overhead_us: QuantilesJson::of(&tally.coordination_overhead),
        agent_runs_started: tally.agent_runs_started,
        agent_runs_delivered: tally.agent_runs_delivered,
        events_delivered: tally.events_delivered,
        frames: tally.frames,
        reconnects: tally.reconnects,
        close_codes: &tally.close_codes,
    }
}

fn pairs(result: &SweepResult) -> impl Iterator<Item = (&Pair, &Tally)> {
    result.pairs()
}

fn causes_json(groups: &Groups, runs: u64) -> Vec<CauseJson<'_>> {
    groups
        .iter()
        .map(|(failure, group)| CauseJson {
            invariant: failure.invariant(),
            cause: failure.cause(),
            count: group.count,
            first_seed: group.sightings[0].seed,
            median_runs_to_find: group.median_runs_to_find(runs),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_is_a_hundred_percent() {
        assert_eq!(percent(99_999, 100_000), "99.99%");
        assert_eq!(percent(7, 7), "100.00%");
        assert_eq!(percent(0, 0), "-");
    }

    #[test]
    fn milliseconds_have_one_decimal() {
        assert_eq!(in_millis(Duration::from_micros(12_345)), "12.3");
        assert_eq!(in_millis(Duration::from_micros(99)), "0.0");
    }
}
