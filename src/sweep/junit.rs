//! A sweep as a JUnit file: a suite per scenario and design, a case per invariant and per floor.

use std::path::Path;

use gatesim_sim::check::invariants::Invariant;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::{
    output::{Style, write_whole},
    sweep::{report::missed_floor, result::SweepResult},
    target::{failure::FailureReport, run_name::RunName},
};

/// The case in which a panic of the model is reported.
const PANIC_CASE: &str = "panic";

/// The case in which a run that did not repeat is reported.
const REPEAT_CASE: &str = "runs-repeat";

/// The type of failure of a floor that was missed.
const FLOOR_TYPE: &str = "floor missed";

/// Writes the file.
pub fn write(result: &SweepResult, path: &Path) -> anyhow::Result<()> {
    let report = report(result);
    write_whole(path, |out| Ok(report.serialize(out)?))
}

fn report(result: &SweepResult) -> Report {
    let mut report = Report::new("gatesim sweep");
    for (pair, tally) in result.pairs() {
        let suite_name = format!("{}@{}", pair.scenario_reference, pair.design_reference);
        let of_pair = |run: &RunName| pair.run_name(run.seed) == *run;
        let failures: Vec<&FailureReport> = result
            .failures
            .iter()
            .filter(|failure| of_pair(&failure.run))
            .collect();
        let mut suite = TestSuite::new(suite_name.clone());
        let invariants = Invariant::ALL.iter().map(Invariant::to_string);
        for case in invariants.chain([PANIC_CASE.to_owned()]) {
            let broken: Vec<&FailureReport> = failures
                .iter()
                .copied()
                .filter(|failure| failure.failure.invariant() == case)
                .collect();
            suite.add_test_case(classified(&suite_name, &case, failed(&broken)));
        }
        let missed = tally.missed(&pair.scenario.floors);
        for (mark, _) in pair.scenario.floors.iter() {
            let status = match missed.iter().find(|floor| floor.mark == mark) {
                None => TestCaseStatus::success(),
                Some(floor) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    status.set_message(missed_floor(floor)).set_type(FLOOR_TYPE);
                    status
                }
            };
            suite.add_test_case(classified(&suite_name, &format!("floor {mark}"), status));
        }
        let divergences: Vec<String> = result
            .divergences
            .iter()
            .filter(|divergence| of_pair(&divergence.run))
            .map(|divergence| divergence.human())
            .collect();
        let status = if divergences.is_empty() {
            TestCaseStatus::success()
        } else {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_description(divergences.join("\n\n"));
            status
        };
        suite.add_test_case(classified(&suite_name, REPEAT_CASE, status));
        report.add_test_suite(suite);
    }
    report
}

fn classified(suite: &str, case: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(case, status);
    case.set_classname(suite);
    case
}

fn failed(broken: &[&FailureReport]) -> TestCaseStatus {
    let Some(first) = broken.first() else {
        return TestCaseStatus::success();
    };
    let blocks: Vec<String> = broken
        .iter()
        .map(|failure| failure.human(Style::Plain))
        .collect();
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status
        .set_message(first.sentence.as_str())
        .set_type(first.failure.cause())
        .set_description(blocks.join("\n\n"));
    status
}
