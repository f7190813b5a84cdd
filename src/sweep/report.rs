//! What a sweep writes: non-determinism first, then failures, then the figures of merit, and the
//! verdict last. Standard output never shows wall-clock time, so that two sweeps of the same
//! seeds can be compared byte for byte.

use std::{collections::BTreeMap, time::Duration};

use gatesim_sim::check::{figures::Figures, invariants::Invariant, marks::Mark};
use serde::Serialize;

use crate::{
    output::{MessageFormat, Output, note},
    sweep::{
        acceptance::{Acceptance, Gone, RateChangeJson},
        durations::Durations,
        gaps::{Gap, GapJson},
        groups::Group,
        happened::FaultCounts,
        limits::{LimitJson, LimitResult},
        result::{DesignCause, DesignRuns, SweepResult},
        tally::PairTally,
        work::Pair,
    },
    target::{
        expectation::Expectation,
        failure::{FailureReport, FailureSignature},
    },
};

/// Causes that are shown in full; more than a person reads are shown in two lines each.
const MAX_BLOCKS: usize = 10;

/// Writes everything; `faults` if the text is to say in how many runs each fault happened.
pub fn write(result: &SweepResult, faults: bool, out: &mut Output) -> anyhow::Result<()> {
    match out.format() {
        MessageFormat::Human => write_human(result, faults, out),
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

fn write_human(result: &SweepResult, faults: bool, out: &mut Output) -> anyhow::Result<()> {
    let style = out.style();
    for divergence in &result.divergences {
        out.line(divergence.human())?;
        out.line("")?;
    }
    let causes = result.causes();
    let examples: Vec<&FailureReport> = causes.iter().filter_map(|cause| cause.example).collect();
    let (whole, rest) = examples.split_at(examples.len().min(MAX_BLOCKS));
    for failure in whole {
        out.line(failure.human(style))?;
        out.line("")?;
    }
    for failure in rest {
        out.line(failure.in_short(style))?;
    }
    if !rest.is_empty() {
        out.line("")?;
    }
    let rows: Vec<TableRow> = result
        .pairs()
        .map(|(pair, tally)| row(pair, tally))
        .collect();
    for (number, line) in table(&rows).iter().enumerate() {
        match number {
            0 => out.line(style.strong(line))?,
            _ => out.line(line)?,
        }
    }
    if faults {
        write_faults(result, out)?;
    }
    let gone = result.acceptance.gone(result);
    for design in result.designs() {
        write_causes(result, &causes, &gone, &design, out)?;
    }
    out.line("")?;
    out.line(verdict(result))
}

/// In how many runs each fault happened, and what was never put to the test.
fn write_faults(result: &SweepResult, out: &mut Output) -> anyhow::Result<()> {
    for (pair, tally) in result.pairs().filter(|(_, tally)| tally.runs > 0) {
        let faults = tally.happened.named(pair.scenario.fault_names());
        let width = faults.iter().map(|(fault, _)| fault.len()).max();
        out.line("")?;
        out.line(format!("{}, {} runs", pair.name(), tally.runs))?;
        for (fault, counts) in &faults {
            let width = width.unwrap_or_default();
            out.line(format!("  {fault:<width$}  {counts}"))?;
        }
        for (invariant, _) in tally.never_judged() {
            out.line(format!("  {}", never_judged(invariant)))?;
        }
    }
    Ok(())
}

/// That an invariant was never put to the test, and why.
pub fn never_judged(invariant: Invariant) -> String {
    let why = invariant.premise().unmet();
    format!("{invariant} was not put to the test: {why} in any run")
}

/// Everything that a design broke, and what it no longer breaks.
fn write_causes(
    result: &SweepResult,
    causes: &[DesignCause<'_>],
    gone: &[Gone],
    design: &DesignRuns<'_>,
    out: &mut Output,
) -> anyhow::Result<()> {
    let gone = gone.iter().filter(|gone| gone.design == design.design);
    let gone: Vec<String> = gone
        .flat_map(|gone| {
            let remark = gone.change.in_words();
            [
                format!("  gone        {}", gone.cause),
                format!("              {remark}"),
            ]
        })
        .collect();
    let causes = causes.iter().filter(|cause| cause.design == design.design);
    let broken: Vec<String> = causes
        .flat_map(|cause| cause_lines(cause, design))
        .collect();
    if broken.is_empty() && gone.is_empty() {
        return Ok(());
    }
    let judged_by = result.acceptance.file(design.design);
    let judged_by = judged_by.map_or_else(String::new, |file| {
        format!(" (accepted: {})", file.display())
    });
    out.line("")?;
    out.line(format!(
        "{} broke, first or as a consequence, in{judged_by}",
        design.design
    ))?;
    out.lines(broken)?;
    out.lines(gone)
}

/// A cause of a design, how often it was seen and where; with what it is beside a list, if there is one.
fn cause_lines(cause: &DesignCause<'_>, of: &DesignRuns<'_>) -> Vec<String> {
    let scenarios = match of.scenarios {
        1 => String::new(),
        all => format!("in {} of {all} scenarios, ", cause.scenarios),
    };
    let standing = cause.standing.name();
    let standing = standing.map_or_else(String::new, |name| format!("  {name:<10}"));
    let line = format!(
        "{standing}  {:>8} of {} runs  {} ({scenarios}first {})",
        cause.count, of.runs, cause.failure, cause.first
    );
    let remark = cause.standing.remark();
    let remark = remark.map(|remark| format!("              {remark}"));
    std::iter::once(line).chain(remark).collect()
}

/// The verdict in one line: what the reader sees last.
fn verdict(result: &SweepResult) -> String {
    let tallies = &result.harvest.tallies;
    let runs: u64 = tallies.iter().map(|tally| tally.runs).sum();
    let failed: u64 = tallies.iter().map(|tally| tally.failed).sum();
    let not_kept: u64 = tallies.iter().map(|tally| tally.groups.not_kept()).sum();
    let mut text = if runs == 0 {
        "nothing ran".to_owned()
    } else if failed == 0 {
        match result.exceeded().count() {
            0 if result.gaps().next().is_some() => format!("{runs} runs, all held, not all tested"),
            0 => format!("{runs} runs, all held"),
            1 => format!("{runs} runs, no violation, 1 limit exceeded"),
            limits => format!("{runs} runs, no violation, {limits} limits exceeded"),
        }
    } else {
        let causes = result.causes();
        let counted = match causes.len() {
            1 => "1 cause".to_owned(),
            several => format!("{several} causes"),
        };
        format!(
            "{runs} runs, {failed} failed, {counted}{}",
            in_standings(&causes)
        )
    };
    if not_kept > 0 {
        text.push_str(&format!(
            " ({not_kept} sightings of further causes are only counted)"
        ));
    }
    for (pair, limit) in result.exceeded() {
        text.push_str(&format!("\n{}: {}", pair.name(), limit.sentence()));
    }
    for (pair, gap) in result.gaps() {
        text.push_str(&format!("\n{}: {gap}", pair.name()));
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

/// How many causes are new and so on; nothing without a list.
fn in_standings(causes: &[DesignCause<'_>]) -> String {
    let standings = ["new", "more often", "known"];
    let counts: Vec<String> = standings
        .into_iter()
        .map(|name| {
            (
                name,
                causes
                    .iter()
                    .filter(|cause| cause.standing.name() == Some(name)),
            )
        })
        .map(|(name, of)| (name, of.count()))
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    match counts.is_empty() {
        true => String::new(),
        false => format!(": {}", counts.join(", ")),
    }
}

/// One row of the table: each cell with the heading of its column.
type TableRow = Vec<(&'static str, String)>;

fn row(pair: &Pair, tally: &PairTally) -> TableRow {
    let millis = |value: Option<Duration>| value.map_or("-".to_owned(), in_millis);
    let figures = &tally.figures;
    let codes: Vec<String> = figures
        .close_codes
        .iter()
        .map(|(code, count)| format!("{code}:{count}"))
        .collect();
    let ready = percent(figures.connections_ready, figures.connections_expected);
    let welcomed = percent(figures.connections_welcomed, figures.connections_expected);
    let healed = percent(figures.healed_ready, figures.healed_expected);
    let delivered = percent(figures.agent_runs_delivered, figures.agent_runs_started);
    let overhead = figures.coordination_overhead.percentile(99);
    let mut row = vec![
        ("scenario@design", pair.name()),
        ("runs", tally.runs.to_string()),
        ("failed", tally.failed.to_string()),
        ("ready", ready),
        ("welcomed", welcomed),
        ("healed", healed),
        ("p50 ms", millis(figures.time_to_ready.percentile(50))),
        ("p99 ms", millis(figures.time_to_ready.percentile(99))),
        ("max ms", millis(figures.time_to_ready.max())),
        ("overhead p99", millis(overhead)),
        ("delivered", delivered),
    ];
    let shown = figures.shown().into_iter();
    row.extend(shown.map(|(heading, count)| (heading, count.to_string())));
    row.push(("close codes", codes.join(" ")));
    row
}

/// Aligned columns under a heading: the first and the last to the left, numbers to the right.
fn table(rows: &[TableRow]) -> Vec<String> {
    let Some(first) = rows.first() else {
        return Vec::new();
    };
    let heading: Vec<&str> = first.iter().map(|(heading, _)| *heading).collect();
    let cells = rows
        .iter()
        .map(|row| row.iter().map(|(_, cell)| cell.as_str()).collect());
    let all: Vec<Vec<&str>> = std::iter::once(heading).chain(cells).collect();
    let columns = first.len();
    let widths: Vec<usize> = (0..columns)
        .map(|column| all.iter().map(|row| row[column].len()).max().unwrap_or(0))
        .collect();
    let aligned = |(column, text): (usize, &&str)| {
        let width = widths[column];
        match column == 0 || column == columns - 1 {
            true => format!("{text:<width$}"),
            false => format!("{text:>width$}"),
        }
    };
    all.iter()
        .map(|row| {
            let cells: Vec<String> = row.iter().enumerate().map(aligned).collect();
            cells.join("  ").trim_end().to_owned()
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
    sightings_of_further_causes: u64,
    finishes: &'a BTreeMap<String, u64>,
    marks: &'a BTreeMap<Mark, u64>,
    /// In how many runs each fault of the scenario happened, by its name.
    faults: BTreeMap<String, FaultCounts>,
    /// Invariants that no run put to the test, and what did not occur.
    never_judged: BTreeMap<Invariant, &'static str>,
    /// What was not tested although all runs held: exit code 5.
    gaps: Vec<GapJson>,
    /// The limits of the scenario; one that was exceeded is exit code 1.
    limits: Vec<LimitJson>,
    steps: u64,
    #[serde(flatten)]
    figures: &'a Figures<Durations>,
}

#[derive(Serialize)]
struct CauseJson<'a> {
    invariant: String,
    cause: &'a str,
    count: u64,
    first_seed: u64,
    median_runs_to_find: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    standing: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<String>,
}

/// A cause that a design no longer shows, as a JSON line.
#[derive(Serialize)]
struct GoneJson<'a> {
    design: &'a str,
    #[serde(flatten)]
    cause: &'a Expectation,
    #[serde(flatten)]
    change: RateChangeJson<'a>,
}

/// The last JSON line; its absence means that the sweep did not end in order.
#[derive(Serialize)]
struct SweepSummaryJson {
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
    for (pair, tally) in result.pairs() {
        out.json("result", &result_json(result, pair, tally))?;
    }
    for gone in result.acceptance.gone(result) {
        let json = GoneJson {
            design: &gone.design,
            cause: &gone.cause,
            change: gone.change.json(),
        };
        out.json("gone", &json)?;
    }
    let tallies = &result.harvest.tallies;
    out.json(
        "summary",
        &SweepSummaryJson {
            runs: tallies.iter().map(|tally| tally.runs).sum(),
            failed: tallies.iter().map(|tally| tally.failed).sum(),
            unstable: result.divergences.len(),
            interrupted: result.interrupted,
        },
    )
}

fn result_json<'a>(result: &SweepResult, pair: &'a Pair, tally: &'a PairTally) -> ResultJson<'a> {
    ResultJson {
        scenario: &pair.scenario_reference,
        design: &pair.design_reference,
        runs: tally.runs,
        held: tally.held(),
        failed: tally.failed,
        causes: causes_json(&result.acceptance, pair, tally),
        sightings_of_further_causes: tally.groups.not_kept(),
        finishes: &tally.finishes,
        marks: &tally.marks,
        faults: tally
            .happened
            .named(pair.scenario.fault_names())
            .into_iter()
            .collect(),
        never_judged: tally
            .never_judged()
            .map(|(invariant, _)| (invariant, invariant.premise().unmet()))
            .collect(),
        gaps: Gap::of(pair, tally).iter().map(Gap::json).collect(),
        limits: result
            .limits(pair, tally)
            .iter()
            .map(LimitResult::json)
            .collect(),
        steps: tally.steps,
        figures: &tally.figures,
    }
}

fn causes_json<'a>(
    acceptance: &Acceptance,
    pair: &Pair,
    tally: &'a PairTally,
) -> Vec<CauseJson<'a>> {
    let cause = |(failure, group): (&'a FailureSignature, &'a Group)| {
        let standing = acceptance.standing(pair, tally, failure, group.count);
        CauseJson {
            invariant: failure.invariant(),
            cause: failure.cause(),
            count: group.count,
            first_seed: group.seeds[0].seed,
            median_runs_to_find: group.median_runs_to_find(tally.runs),
            standing: standing.name(),
            remark: standing.remark(),
        }
    };
    tally.groups.iter().map(cause).collect()
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
