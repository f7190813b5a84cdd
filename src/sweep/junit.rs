//! A sweep as a JUnit file: a suite per scenario and design, a case per invariant, fault, floor and
//! what else a sweep must have tested. What broke in any run has failed, what was not put to the
//! test is skipped, and properties say which runs it was.

use std::path::Path;

use gatesim_sim::check::invariants::Invariant;
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::{
    output::{Style, write_whole},
    sweep::{
        gaps::Gap,
        groups::Group,
        limits::{LimitResult, LimitVerdict},
        report::never_judged,
        result::SweepResult,
        tally::PairTally,
        work::{Limit, Pair},
    },
    target::failure::FailureSignature,
};

/// The case in which a panic of the model is reported.
const PANIC_CASE: &str = "panic";

/// The case in which a run that did not repeat is reported.
const REPEAT_CASE: &str = "runs-repeat";

/// The type of failure of what held without having been tested.
const GAP_TYPE: &str = "not tested";

/// The type of failure of a limit that was exceeded.
const LIMIT_TYPE: &str = "limit exceeded";

/// Why a case is skipped if its suite has no runs.
const NO_RUNS: &str = "nothing ran";

/// Writes the file.
pub fn write(result: &SweepResult, path: &Path) -> anyhow::Result<()> {
    let report = report(result);
    write_whole(path, |out| Ok(report.serialize(out)?))
}

fn report(result: &SweepResult) -> Report {
    let mut report = Report::new("gatesim sweep");
    report.set_time(result.elapsed);
    for (pair, tally) in result.pairs() {
        report.add_test_suite(suite(result, pair, tally));
    }
    report
}

fn suite(result: &SweepResult, pair: &Pair, tally: &PairTally) -> TestSuite {
    let name = pair.name();
    let mut suite = TestSuite::new(name.clone());
    suite.set_time(tally.busy);
    suite.add_properties(properties(result, tally));
    let mut add = |case: &str, status| {
        let mut case = TestCase::new(case, status);
        case.set_classname(name.clone());
        suite.add_test_case(case);
    };
    for invariant in Invariant::ALL.iter().copied() {
        add(
            invariant.name(),
            of_invariant(result, pair, tally, invariant),
        );
    }
    add(PANIC_CASE, of_panics(result, pair, tally));
    let gaps = Gap::of(pair, tally);
    for case in tested_cases(pair, &gaps) {
        let gap = gaps.iter().find(|gap| gap.name() == case);
        add(&case, of_gap(tally, gap));
    }
    for limit in result.limits(pair, tally) {
        let case = format!("{} {}", limit.name, limit.demand);
        add(&case, of_limit(tally, &limit));
    }
    add(REPEAT_CASE, of_repetition(result, pair, tally));
    suite
}

/// Which runs it was, and of which build.
fn properties(result: &SweepResult, tally: &PairTally) -> Vec<Property> {
    let work = &result.work;
    let limit = match work.limit {
        Limit::Seeds(seeds) => format!("{seeds} seeds"),
        Limit::Time(budget) => format!("{budget:?}"),
    };
    let partial = match result.interrupted {
        true => "yes",
        false => "no",
    };
    let mut properties = vec![
        Property::new("version", env!("CARGO_PKG_VERSION")),
        Property::new("first-seed", work.first_seed.to_string()),
        Property::new("limit", limit),
        Property::new("partition", work.partition.to_string()),
        Property::new("runs", tally.runs.to_string()),
        Property::new("partial", partial),
    ];
    if let Some(commit) = option_env!("GATESIM_COMMIT") {
        properties.push(Property::new("commit", commit));
    }
    if let Some((first, last)) = tally.seeds {
        properties.push(Property::new("seeds", format!("{first} to {last}")));
    }
    properties
}

fn of_invariant(
    result: &SweepResult,
    pair: &Pair,
    tally: &PairTally,
    invariant: Invariant,
) -> TestCaseStatus {
    let groups = tally.groups.iter();
    let broken: Vec<(&FailureSignature, &Group)> = groups
        .filter(|(failure, _)| failure.invariant() == invariant.name())
        .filter(|(failure, group)| {
            let standing = result
                .acceptance
                .standing(pair, tally, failure, group.count);
            standing.is_failure()
        })
        .collect();
    if !broken.is_empty() {
        let count = tally.broken_in.get(&invariant).copied().unwrap_or(0);
        return failed(result, pair, tally, count, &broken);
    }
    match tally.never_judged().any(|(never, _)| never == invariant) {
        true if tally.runs > 0 => skipped(&never_judged(invariant)),
        _ => passed(tally),
    }
}

fn of_panics(result: &SweepResult, pair: &Pair, tally: &PairTally) -> TestCaseStatus {
    let groups = tally.groups.iter();
    let panics: Vec<(&FailureSignature, &Group)> = groups
        .filter(|(failure, _)| matches!(failure, FailureSignature::Panic(_)))
        .collect();
    match panics.iter().map(|(_, group)| group.count).sum() {
        0 => passed(tally),
        count => failed(result, pair, tally, count, &panics),
    }
}

/// The cases of what a sweep must have tested, each named as its [`Gap`] is.
fn tested_cases(pair: &Pair, gaps: &[Gap]) -> Vec<String> {
    let mut cases = vec!["cut-off".to_owned()];
    let answers = ["nothing-ready", "nothing-answered"].map(str::to_owned);
    cases.extend(answers);
    let faults = pair.scenario.fault_names().into_iter();
    cases.extend(faults.map(|fault| format!("fault {fault}")));
    let floors = pair.scenario.floors.iter();
    cases.extend(floors.map(|(mark, _)| format!("floor {mark}")));
    // An invariant that was owed and not tested has a case of its own beside the skipped one.
    let untested = gaps
        .iter()
        .filter(|gap| matches!(gap, Gap::NeverJudged { .. }));
    cases.extend(untested.map(Gap::name));
    cases
}

fn of_gap(tally: &PairTally, gap: Option<&Gap>) -> TestCaseStatus {
    let Some(gap) = gap else {
        return passed(tally);
    };
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(gap.to_string()).set_type(GAP_TYPE);
    status
}

fn of_limit(tally: &PairTally, limit: &LimitResult) -> TestCaseStatus {
    match limit.verdict {
        LimitVerdict::Held | LimitVerdict::Accepted => passed(tally),
        LimitVerdict::NotJudged => skipped(&limit.value),
        LimitVerdict::Exceeded => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(limit.sentence()).set_type(LIMIT_TYPE);
            status
        }
    }
}

fn of_repetition(result: &SweepResult, pair: &Pair, tally: &PairTally) -> TestCaseStatus {
    let divergences: Vec<String> = result
        .divergences
        .iter()
        .filter(|divergence| pair.run_name(divergence.run.seed) == divergence.run)
        .map(|divergence| divergence.human())
        .collect();
    if divergences.is_empty() {
        return passed(tally);
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_description(divergences.join("\n\n"));
    status
}

/// What did not run has not passed.
fn passed(tally: &PairTally) -> TestCaseStatus {
    match tally.runs {
        0 => skipped(NO_RUNS),
        _ => TestCaseStatus::success(),
    }
}

fn skipped(why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(why);
    status
}

/// Every cause, with the report of a run where there is one.
fn failed(
    result: &SweepResult,
    pair: &Pair,
    tally: &PairTally,
    count: u64,
    broken: &[(&FailureSignature, &Group)],
) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(format!("broke in {count} of {} runs", tally.runs));
    if let Some((first, _)) = broken.first() {
        status.set_type(first.cause());
    }
    let lines = broken.iter().map(|(failure, group)| {
        let run = pair.run_name(group.seeds[0].seed);
        let reports = result.failures.iter();
        let mut reports = reports.filter(|report| report.run == run && report.failure == **failure);
        let how_often = format!("{} of {} runs  {failure}", group.count, tally.runs);
        match reports.next() {
            Some(report) => format!("{how_often}\n{}", report.human(Style::Plain)),
            None => format!("{how_often}\n  gatesim replay {run}"),
        }
    });
    let lines: Vec<String> = lines.collect();
    status.set_description(lines.join("\n\n"));
    status
}
