//! A sweep that tested nothing is never green: built-in scenarios are spoilt in ways that leave
//! nothing to break, and JUnit says what did not run.

use std::{fs, path::Path};

use crate::support::{Ran, Scratch, gatesim, gatesim_in};

/// Seeds per scenario: as few as are judged.
const SEEDS: &str = "6";

/// Every built-in scenario: its name and its text.
fn scenarios() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/scenarios");
    let mut all: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    all.sort();
    all
}

/// A scenario with other values for some keys, wherever they stand at the start of a line.
fn with(text: &str, values: &[(&str, &str)]) -> String {
    let line = |line: &str| {
        let key = line.split(" = ").next().unwrap_or_default();
        match values.iter().find(|(name, _)| *name == key) {
            Some((name, value)) => format!("{name} = {value}\n"),
            None => format!("{line}\n"),
        }
    };
    text.lines().map(line).collect()
}

/// Sweeps each scenario after it was spoilt; none may be green.
fn none_is_green(label: &str, spoil: impl Fn(&str) -> Option<String>, says: &[&str]) {
    let scratch = Scratch::new(label);
    for (name, text) in scenarios() {
        let Some(spoilt) = spoil(&text) else { continue };
        scratch.write("spoilt.toml", &spoilt);
        let seeds = if name == "load" { "1" } else { SEEDS };
        let ran = gatesim_in(scratch.path(), &["sweep", "spoilt.toml", "--seeds", seeds]);
        assert!(
            [1, 2, 5].contains(&ran.code),
            "{label}: {name}\n{}",
            ran.stdout
        );
        let output = format!("{}{}", ran.stdout, ran.stderr);
        assert!(
            says.iter().any(|say| output.contains(say)),
            "{label}: {name}\n{output}"
        );
        if ran.code == 2 {
            assert!(
                ran.stderr.starts_with("error: spoilt.toml:"),
                "{}",
                ran.stderr
            );
        }
    }
}

#[test]
fn no_scenario_is_green_if_its_runs_are_cut_off() {
    none_is_green(
        "cut-off",
        |text| Some(with(text, &[("time_limit_ms", "4_000")])),
        &[
            "runs were cut off",
            "the run is cut off at 4s at the latest",
        ],
    );
}

#[test]
fn no_scenario_is_green_if_its_faults_never_happen() {
    let limit = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("time_limit_ms"));
        let digits: String = line.unwrap().chars().filter(char::is_ascii_digit).collect();
        digits.parse::<u64>().unwrap()
    };
    none_is_green(
        "no-fault",
        |text| {
            let late = limit(text) - 1;
            let at_ms = format!("[{late}, {late}]");
            let values = [("at_ms", at_ms.as_str()), ("happens_per_mille", "1000")];
            text.contains("[[faults]]").then(|| with(text, &values))
        },
        &["never happened in the", "never happens: it begins at"],
    );
}

#[test]
fn no_scenario_is_green_if_no_answer_arrives() {
    none_is_green(
        "no-answer",
        |text| {
            Some(with(
                text,
                &[("supervisor", "{ latency_us = [800_000_000, 900_000_000] }")],
            ))
        },
        &["was answered in full", "runs were cut off", "failed"],
    );
}

#[test]
fn faults_are_counted_with_the_reasons_for_which_they_did_not_happen() {
    let ran = gatesim(&["sweep", "autoscale", "--seeds", "20", "--faults"]);
    assert!(ran.stdout.contains("scale-in"), "{}", ran.stdout);
    assert!(ran.stdout.contains("happened in"), "{}", ran.stdout);
    let ran = gatesim(&[
        "sweep",
        "autoscale",
        "--seeds",
        "20",
        "--message-format",
        "json",
    ]);
    let result = ran
        .json()
        .into_iter()
        .find(|line| line["type"] == "result")
        .unwrap();
    let fault = &result["faults"]["scale-in"];
    assert!(
        fault["drawn"].as_u64() >= fault["happened"].as_u64(),
        "{fault}"
    );
    assert!(fault["happened"].as_u64() > Some(0), "{fault}");
}

/// The cases of one suite, each with whether it passed, failed or was skipped.
fn cases(junit: &str, suite: &str) -> Vec<(String, &'static str)> {
    let (_, after) = junit
        .split_once(&format!("<testsuite name=\"{suite}\""))
        .unwrap();
    let (suite, _) = after.split_once("</testsuite>").unwrap();
    suite
        .split("<testcase name=\"")
        .skip(1)
        .map(|case| {
            let (name, rest) = case.split_once('"').unwrap();
            let outcome = match rest {
                rest if rest.contains("<failure") => "failed",
                rest if rest.contains("<skipped") => "skipped",
                _ => "passed",
            };
            (name.to_owned(), outcome)
        })
        .collect()
}

fn junit(scratch: &Scratch, args: &[&str]) -> (Ran, String) {
    let args = [&["sweep"], args, &["--junit", "r.xml"]].concat();
    let ran = gatesim_in(scratch.path(), &args);
    let report = scratch.read("r.xml");
    (ran, report)
}

#[test]
fn in_junit_everything_that_broke_has_failed() {
    let scratch = Scratch::new("junit-all");
    let (ran, report) = junit(
        &scratch,
        &["golden-path", "--design", "v9", "--seeds", "20"],
    );
    assert_eq!(ran.code, 1);
    let cases = cases(&report, "golden-path@v9");
    let of = |name: &str| cases.iter().find(|(case, _)| case == name).unwrap().1;
    // None of these is what breaks first.
    for broken in ["welcome-after-ready", "nothing-left-behind", "views-agree"] {
        assert_eq!(of(broken), "failed", "{cases:?}");
    }
    assert_eq!(of("events-in-order"), "passed");
    // One healthy container: nothing is refused, and no rule about that is tested.
    assert_eq!(of("failures-stay-local"), "skipped");
    for property in ["first-seed", "partition", "partial", "version", "seeds"] {
        assert!(
            report.contains(&format!("name=\"{property}\"")),
            "{property}\n{report}"
        );
    }
}

#[test]
fn in_junit_what_did_not_run_is_skipped() {
    let scratch = Scratch::new("junit-none");
    let share = ["golden-path", "--seeds", "1", "--partition", "2/2"];
    let (ran, report) = junit(&scratch, &share);
    assert_eq!(ran.code, 4);
    let cases = cases(&report, "golden-path@reference");
    assert!(
        cases.iter().all(|(_, outcome)| *outcome == "skipped"),
        "{cases:?}"
    );
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_the_sweep() {
    let ran = gatesim(&[
        "sweep",
        "golden-path",
        "--seeds",
        "1",
        "--junit",
        "/proc/r.xml",
    ]);
    assert_eq!((ran.code, &*ran.stdout), (2, ""), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("failed to write /proc/r.xml"),
        "{}",
        ran.stderr
    );
}
