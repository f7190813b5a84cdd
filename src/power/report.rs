//! What `gatesim power` writes to standard output. It depends on the seeds alone.

use std::{collections::BTreeMap, time::Duration};

use gatesim_sim::check::invariants::Invariant;
use serde::Serialize;

use super::{
    Power,
    finding::{Finding, Verdict},
};
use crate::output::{MessageFormat, Output, Style, labels::percent, note};

/// Writes everything.
pub fn write(power: &Power, out: &mut Output) -> anyhow::Result<()> {
    match out.format() {
        MessageFormat::Human => write_human(power, out),
        MessageFormat::Json => write_json(power, out),
    }
}

/// How fast it was, on standard error.
pub fn speed(power: &Power, elapsed: Duration) {
    let runs: u64 = power.findings.iter().map(Finding::runs).sum();
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
    out.line(
        style.strong("defect  runs to find           broke in this share of the runs looked at"),
    )?;
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
    let survivors = power.with(Verdict::Survived).map(survivor).collect();
    section("survived", survivors, out)?;
    let panicked = power.findings.iter().filter_map(|finding| {
        let run = finding.panic()?;
        Some(format!("  {}  gatesim replay '{run}'", finding.defect.id))
    });
    section("panicked", panicked.collect(), out)?;
    let unseen = differences(power, Finding::expected_unseen);
    section("ought to break, and did not", unseen, out)?;
    let sole = Invariant::ALL.iter().filter_map(|invariant| {
        let ids = power.solely_found_by(*invariant);
        (!ids.is_empty()).then(|| format!("  {invariant}: {}", ids.join(", ")))
    });
    section("seen by one invariant only", sole.collect(), out)?;
    let idle = power
        .idle_invariants()
        .iter()
        .map(|i| format!("  {i}"))
        .collect();
    section("not the only one to see anything", idle, out)?;
    out.line("")?;
    out.line(verdict(power))
}

fn row(finding: &Finding, style: Style) -> String {
    let id = &finding.defect.id;
    let runs = finding.runs_to_find();
    let found = match (finding.verdict(), finding.median_runs_to_find()) {
        (Verdict::Survived, _) => style.bad("survived"),
        (Verdict::Unfinished, _) => "unfinished".to_owned(),
        (Verdict::Found, Some(median)) => format!(
            "{median} ({} to {})",
            runs.first().unwrap_or(&median),
            runs.last().unwrap_or(&median)
        ),
        (Verdict::Found, None) => "never looked for".to_owned(),
    };
    format!("{id:<6}  {found:<21}  {}", shares(finding))
}

/// Each invariant that broke, the most frequent first.
fn shares(finding: &Finding) -> String {
    let mut broken: Vec<(Invariant, u64)> = finding.broken().into_iter().collect();
    broken.sort_by_key(|(invariant, count)| (std::cmp::Reverse(*count), *invariant));
    let shares: Vec<String> = broken
        .into_iter()
        .map(|(invariant, count)| format!("{invariant} {}", percent(count, finding.runs())))
        .collect();
    shares.join(", ")
}

fn survivor(finding: &Finding) -> String {
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

/// One line for each defect of which `invariants` has something to say.
fn differences(power: &Power, invariants: impl Fn(&Finding) -> Vec<Invariant>) -> Vec<String> {
    power
        .with(Verdict::Found)
        .filter_map(|finding| {
            let names: Vec<String> = invariants(finding)
                .iter()
                .map(Invariant::to_string)
                .collect();
            (!names.is_empty()).then(|| format!("  {}  {}", finding.defect.id, names.join(", ")))
        })
        .collect()
}

/// The verdict in one line, and what makes it worthless if something does.
pub fn verdict(power: &Power) -> String {
    let found = power.with(Verdict::Found).count();
    let mut text = format!("{found} of {} defects found", power.findings.len());
    if let Some((median, largest, id)) = power.runs_to_find() {
        text.push_str(&format!(
            ", half of them within {median} runs, the last, {id}, within {largest}"
        ));
    }
    if !power.divergences.is_empty() {
        text.push_str(&format!(
            "\n{} finds did not repeat: find out why before you believe anything else here",
            power.divergences.len()
        ));
    }
    if power.interrupted {
        text.push_str("\ninterrupted: these are the hunts that were finished");
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
    /// How many of the first seeds led to it.
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
struct SummaryJson<'a> {
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
                found: finding.verdict() == Verdict::Found,
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
        &SummaryJson {
            defects: power.findings.len(),
            found: power.with(Verdict::Found).count(),
            survived: power
                .with(Verdict::Survived)
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
