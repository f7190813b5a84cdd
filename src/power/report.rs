//! The output of `gatesim power`, which depends on the seeds alone.

use std::{collections::BTreeMap, time::Duration};

use gatesim_sim::check::invariants::Invariant;
use serde::Serialize;

use super::{
    Power,
    finding::{DefectFinding, DefectVerdict},
};
use crate::output::{MessageFormat, Output, Style, labels::percent, note};

/// Writes everything.
pub fn write(power: &Power, out: &mut Output) -> anyhow::Result<()> {
    match out.format() {
        MessageFormat::Human => write_human(power, out),
        MessageFormat::Json => write_json(power, out),
    }
}

/// Prints the speed to standard error.
pub fn speed(power: &Power, elapsed: Duration) {
    let runs: u64 = power.findings.iter().map(DefectFinding::runs).sum();
    note(format_args!(
        "{}.{:03} s, {runs} runs of flipped designs",
        elapsed.as_secs(),
        elapsed.subsec_millis()
    ));
}

fn write_human(power: &Power, out: &mut Output) -> anyhow::Result<()> {
    let style = out.style();
    for divergence in &power.divergences {
        out.line(divergence.human())?;
        out.line("")?;
    }
    out.line(style.strong("defect  runs to find           broke in this share of the runs"))?;
    for finding in &power.findings {
        out.line(row(finding, style))?;
    }
    let section = |title: &str, lines: Vec<String>, out: &mut Output| {
        if lines.is_empty() {
            return Ok(());
        }
        out.line("")?;
        out.line(style.strong(title))?;
        out.lines(lines)
    };
    let survivors = power.with(DefectVerdict::Survived).map(survivor).collect();
    section("survived", survivors, out)?;
    let panicked = power.findings.iter().filter_map(|finding| {
        let run = finding.panic()?;
        Some(format!("  {}  gatesim replay '{run}'", finding.defect.id))
    });
    section("panicked", panicked.collect(), out)?;
    let unseen = differences(power, DefectFinding::expected_unseen);
    section("expected to break, but held", unseen, out)?;
    let sole = Invariant::ALL.iter().filter_map(|invariant| {
        let ids = power.solely_found_by(*invariant);
        (!ids.is_empty()).then(|| format!("  {invariant}: {}", ids.join(", ")))
    });
    section("found by one invariant only", sole.collect(), out)?;
    let idle = power
        .idle_invariants()
        .iter()
        .map(|i| format!("  {i}"))
        .collect();
    section("not the only one to find any defect", idle, out)?;
    out.line("")?;
    out.line(verdict(power))
}

fn row(finding: &DefectFinding, style: Style) -> String {
    let id = &finding.defect.id;
    let runs = finding.runs_to_find();
    let found = match (finding.verdict(), finding.median_runs_to_find()) {
        (DefectVerdict::Survived, _) => style.bad("survived"),
        (DefectVerdict::Unfinished, _) => "unfinished".to_owned(),
        (DefectVerdict::Found, Some(median)) => format!(
            "{median} ({} to {})",
            runs.first().unwrap_or(&median),
            runs.last().unwrap_or(&median)
        ),
        (DefectVerdict::Found, None) => "not searched for".to_owned(),
    };
    format!("{id:<6}  {found:<21}  {}", shares(finding))
}

/// The invariants that broke, the most frequent first.
fn shares(finding: &DefectFinding) -> String {
    let mut broken: Vec<(Invariant, u64)> = finding.broken().into_iter().collect();
    broken.sort_by_key(|(invariant, count)| (std::cmp::Reverse(*count), *invariant));
    let shares: Vec<String> = broken
        .into_iter()
        .map(|(invariant, count)| format!("{invariant} {}", percent(count, finding.runs())))
        .collect();
    shares.join(", ")
}

fn survivor(finding: &DefectFinding) -> String {
    let defect = &finding.defect;
    let mut text = format!(
        "  {}  {} ({}): {} runs of {}",
        defect.id,
        defect.title,
        defect.flip,
        finding.runs(),
        defect.scenarios.join(", ")
    );
    if let Some(reason) = &defect.survives {
        text.push_str(&format!("; known: {reason}"));
    }
    text
}

/// One line for each defect for which `invariants` returns some.
fn differences(
    power: &Power,
    invariants: impl Fn(&DefectFinding) -> Vec<Invariant>,
) -> Vec<String> {
    power
        .with(DefectVerdict::Found)
        .filter_map(|finding| {
            let names: Vec<String> = invariants(finding)
                .iter()
                .map(Invariant::to_string)
                .collect();
            (!names.is_empty()).then(|| format!("  {}  {}", finding.defect.id, names.join(", ")))
        })
        .collect()
}

/// The result in one line, with anything that invalidates it.
pub fn verdict(power: &Power) -> String {
    let found = power.with(DefectVerdict::Found).count();
    let mut text = format!("{found} of {} defects found", power.findings.len());
    if let Some((median, largest, id)) = power.runs_to_find() {
        text.push_str(&format!(
            ", half of them within {median} runs, the last one, {id}, within {largest}"
        ));
    }
    if !power.divergences.is_empty() {
        text.push_str(&format!(
            "\n{} finds did not repeat: fix this first, no other result can be trusted",
            power.divergences.len()
        ));
    }
    if power.interrupted {
        text.push_str("\ninterrupted: only finished searches are shown");
    }
    text
}

/// A defect as a JSON line.
#[derive(Serialize)]
struct DefectJson<'a> {
    id: &'a str,
    title: &'a str,
    flip: &'a str,
    found: bool,
    /// The number of first seeds from which it was found.
    starts: usize,
    runs: u64,
    runs_to_find: Vec<u64>,
    median_runs_to_find: Option<u64>,
    broken: BTreeMap<Invariant, u64>,
    expected: &'a [Invariant],
    expected_unseen: Vec<Invariant>,
    unexpected: Vec<Invariant>,
    sole_finder: Option<Invariant>,
    replay: Option<String>,
    survives: Option<&'a str>,
}

/// The end of the JSON lines.
#[derive(Serialize)]
struct PowerSummaryJson<'a> {
    defects: usize,
    found: usize,
    survived: Vec<&'a str>,
    idle_invariants: Vec<Invariant>,
    starts: u64,
    seeds: u64,
    first_seed: u64,
    interrupted: bool,
}

fn write_json(power: &Power, out: &mut Output) -> anyhow::Result<()> {
    for divergence in &power.divergences {
        out.json("non-determinism", &divergence.json())?;
    }
    for finding in &power.findings {
        let defect = &finding.defect;
        out.json(
            "defect",
            &DefectJson {
                id: &defect.id,
                title: &defect.title,
                flip: &defect.flip,
                found: finding.verdict() == DefectVerdict::Found,
                starts: finding.runs_to_find().len(),
                runs: finding.runs(),
                runs_to_find: finding.runs_to_find(),
                median_runs_to_find: finding.median_runs_to_find(),
                broken: finding.broken(),
                expected: &defect.expect,
                expected_unseen: finding.expected_unseen(),
                unexpected: finding.unexpected(),
                sole_finder: finding.sole_finder(),
                replay: finding.example().map(|run| format!("gatesim replay {run}")),
                survives: defect.survives.as_deref(),
            },
        )?;
    }
    out.json(
        "summary",
        &PowerSummaryJson {
            defects: power.findings.len(),
            found: power.with(DefectVerdict::Found).count(),
            survived: power
                .with(DefectVerdict::Survived)
                .map(|finding| &*finding.defect.id)
                .collect(),
            idle_invariants: power.idle_invariants(),
            starts: power.effort.starts,
            seeds: power.effort.seeds,
            first_seed: power.effort.first_seed,
            interrupted: power.interrupted,
        },
    )
}
