//! `[limits]` of a scenario: what an operator would not accept although no invariant breaks.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::support::{Ran, Scratch, gatesim, gatesim_in};

/// A built-in scenario with other lines, and with limits.
fn scenario(name: &str, lines: &[(&str, &str)], limits: &str) -> String {
    let file = format!("seeds/scenarios/{name}.toml");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    // Its own limits and floors are not the subject.
    let text = text.split("\n[limits]").next().unwrap();
    let text = text.split("\n[floors]").next().unwrap();
    let line = |line: &str| {
        let key = line.split(" = ").next().unwrap_or_default();
        match lines.iter().find(|(name, _)| *name == key) {
            Some((name, value)) => format!("{name} = {value}\n"),
            None => format!("{line}\n"),
        }
    };
    let text: String = text.lines().map(line).collect();
    format!("{text}\n[limits]\n{limits}\n")
}

fn sweep(text: &str, args: &[&str]) -> Ran {
    // Tests run side by side.
    static SWEEPS: AtomicU32 = AtomicU32::new(0);
    let number = SWEEPS.fetch_add(1, Ordering::Relaxed);
    let scratch = Scratch::new(&format!("limits-{number}"));
    scratch.write("limited.toml", text);
    gatesim_in(scratch.path(), &[&["sweep", "limited.toml"], args].concat())
}

/// Nothing else may have been found: the limit is the only line between green and red.
fn only_the_limit_strikes(ran: &Ran, expected: &str) {
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(!ran.stdout.contains("FAILURE"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("no violation, 1 limit exceeded"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains(expected), "{expected}\n{}", ran.stdout);
}

/// Three hundred clients; what happens to them is not in the built-in scenarios.
fn crowd(containers: &str, fault: &str, limits: &str) -> String {
    let lines = [
        ("count", containers),
        ("registry_capacity", "[10_000, 10_000]"),
        ("time_limit_ms", "300_000"),
        ("start_ms", "[0, 0]"),
    ];
    let text = scenario("golden-path", &lines, "");
    let (before, _) = text.split_once("[clients]").unwrap();
    format!(
        "{before}[clients]
count = [300, 300]
users = [300, 300]
start_ms = [1_500, 20_000]
token = {{ valid = 1 }}
latency_us = [2_000, 60_000]
jitter_us = [500, 20_000]
messages = [1, 1]
first_message_ms = [60_000, 70_000]
message_gap_ms = [100, 4_000]
tools = [1, 2]
text_bytes = [10, 400]
patience_ms = [15_000, 25_000]
leaves = {{ close = 3, abort = 1 }}

[[faults]]
happens_per_mille = 1000
at_ms = [30_000, 30_000]
{fault}

[limits]
{limits}
"
    )
}

#[test]
fn a_crowd_that_comes_back_in_one_instant() {
    let text = crowd(
        "[2, 2]",
        "kind = \"crash\"\ndown_ms = [10_000, 10_000]",
        "attempts_per_second = { most = 60 }",
    );
    let ran = sweep(&text, &["--seeds", "1"]);
    only_the_limit_strikes(&ran, "limit attempts_per_second: 1");
    assert!(
        ran.stdout
            .contains("in the run limited.toml@reference:0; at most 60 is allowed")
    );
}

#[test]
fn a_container_that_serves_nearly_all() {
    let text = crowd(
        "[3, 3]",
        "kind = \"rolling-deploy\"\ngrace_ms = [10_000, 10_000]\npause_ms = [1_000, 1_000]",
        "connections_over_fair_share = { most = 40 }",
    );
    let ran = sweep(&text, &["--seeds", "1"]);
    only_the_limit_strikes(&ran, "limit connections_over_fair_share: ");
}

#[test]
fn names_and_demands_that_do_not_exist_are_refused_with_their_line() {
    for (limits, complaint) in [
        (
            "atempts_per_second = { most = 1 }",
            "there is no limit `atempts_per_second`; limits are ",
        ),
        ("attempts_per_second = {}", "demands nothing; most, least, "),
        (
            "attempts_per_second = { most_per_mille = 1 }",
            "`most_per_mille` is not for `attempts_per_second`; most, least, ",
        ),
        (
            "clock-set = { most = 1 }",
            "`most` is not for `clock-set`; most_per_mille, ",
        ),
        (
            "messages_lost = { at_most = 1 }",
            "unknown field `at_most`, expected one of `most`",
        ),
    ] {
        let ran = sweep(&scenario("golden-path", &[], limits), &["--seeds", "1"]);
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{limits}");
        assert!(
            ran.stderr.starts_with("error: limited.toml:"),
            "{}",
            ran.stderr
        );
        assert!(
            !ran.stderr.starts_with("error: limited.toml:1:"),
            "{}",
            ran.stderr
        );
        assert!(
            ran.stderr.contains(complaint),
            "{complaint}\n{}",
            ran.stderr
        );
    }
}

#[test]
fn a_mark_may_have_a_ceiling() {
    let ceiling = scenario(
        "golden-path",
        &[],
        "two-tabs-ready = { most_per_mille = 10 }",
    );
    let ran = sweep(&ceiling, &["--seeds", "60"]);
    only_the_limit_strikes(&ran, "limit two-tabs-ready: ");
}

#[test]
fn limits_stand_in_json_and_junit() {
    let scratch = Scratch::new("limits-junit");
    let limits = "attempts_per_second = { most = 0 }\ntime_to_ready_p99_ms = { most = 60_000 }";
    scratch.write("limited.toml", &scenario("golden-path", &[], limits));
    let args = [
        "sweep",
        "limited.toml",
        "--seeds",
        "2",
        "--junit",
        "r.xml",
        "--message-format",
        "json",
    ];
    let ran = gatesim_in(scratch.path(), &args);
    let result = ran
        .json()
        .into_iter()
        .find(|line| line["type"] == "result")
        .unwrap();
    let verdicts: Vec<&str> = result["limits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|limit| limit["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["held", "exceeded"], "{}", result["limits"]);
    let report = scratch.read("r.xml");
    let case = "<testcase name=\"limit attempts_per_second at most 0\"";
    let (_, after) = report.split_once(case).unwrap();
    assert!(
        after
            .split_once("</testcase>")
            .unwrap()
            .0
            .contains("<failure"),
        "{report}"
    );
}

#[test]
fn everything_that_can_be_limited_is_listed() {
    let listed = gatesim(&["list", "limits"]).stdout;
    for name in [
        "attempts_per_second",
        "time_to_ready_p99_ms",
        "planned_stops_ended_1006",
        "clock-set",
    ] {
        assert!(listed.contains(name), "{listed}");
    }
}

/// Defects that break no invariant, and what an operator would have seen of them.
#[test]
fn a_limit_finds_what_no_invariant_does() {
    for (name, answer, limits, expected) in [
        (
            "golden-path",
            "stabilisation=fixed-sleeps",
            "time_to_ready_p99_ms = { most = 280 }",
            "limit time_to_ready_p99_ms: ",
        ),
        (
            "golden-path",
            "redis-grace=asleep",
            "time_to_ready_p99_ms = { no_worse_than_reference_by_per_mille = 300 }",
            "limit time_to_ready_p99_ms: ",
        ),
        (
            "golden-path",
            "redis-grace=asleep",
            "time_to_ready_p99_ms = { most = 500 }",
            "limit time_to_ready_p99_ms: ",
        ),
        (
            "golden-path",
            "preliminary-id=second-granular",
            "attempts_refused = { most_per_mille = 10 }",
            "limit attempts_refused: ",
        ),
        (
            "golden-path",
            "preliminary-id=second-granular",
            "reconnects = { no_worse_than_reference_by_per_mille = 20 }",
            "limit reconnects: ",
        ),
    ] {
        let design = format!("reference+{answer}");
        let text = scenario(name, &[], limits);
        let ran = sweep(&text, &["--seeds", "100", "--design", &design]);
        only_the_limit_strikes(&ran, expected);
        // What it finds is the answer: without it all limits are kept.
        let ran = sweep(&text, &["--seeds", "100"]);
        assert_eq!(ran.code, 0, "{limits}: {}", ran.stdout);
    }
}

#[test]
fn the_built_in_limits_find_a_process_that_ignores_its_stop() {
    let ran = gatesim(&[
        "sweep",
        "rolling-deploy",
        "--design",
        "reference+shutdown=ignored",
        "--seeds",
        "200",
    ]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(
        ran.stdout.contains("limit planned_stops_ended_1006: "),
        "{}",
        ran.stdout
    );
    // The reference was run for comparison.
    assert!(
        ran.stdout.contains("rolling-deploy@reference "),
        "{}",
        ran.stdout
    );
}
