//! `gatesim replay`: verdict, timeline, traces, plans.

use crate::support::{BROKEN_RUN, Scratch, gatesim, gatesim_in};

const HOLDING_RUN: &str = "golden-path@reference:3";

#[test]
fn a_run_that_holds() {
    let ran = gatesim(&["replay", HOLDING_RUN, "--quiet"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(
        ran.stdout.starts_with(&format!("HELD {HOLDING_RUN}\n")),
        "{}",
        ran.stdout
    );
}

#[test]
fn the_timeline_has_a_line_per_event_and_shows_each_violation() {
    let quiet = gatesim(&["replay", BROKEN_RUN, "--quiet"]);
    let ran = gatesim(&["replay", BROKEN_RUN]);
    assert_eq!((quiet.code, ran.code), (1, 1), "{}", ran.stderr);
    assert!(ran.stdout.ends_with(&quiet.stdout));
    let timeline = ran.stdout.strip_suffix(&quiet.stdout).unwrap();
    let numbers: Vec<u64> = timeline
        .lines()
        .filter_map(|line| line.split_whitespace().next()?.parse().ok())
        .collect();
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
    assert!(timeline.contains("\n>>>>>> "), "{timeline}");
}

#[test]
fn the_trace_is_json_lines_with_a_verdict_at_the_end() {
    let scratch = Scratch::new("replay-trace");
    let ran = gatesim_in(
        scratch.path(),
        &["replay", BROKEN_RUN, "--quiet", "--trace", "trace.jsonl"],
    );
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert_eq!(scratch.files(), ["trace.jsonl"]);
    let lines: Vec<serde_json::Value> = scratch
        .read("trace.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.first().unwrap()["type"], "run");
    let verdict = lines.last().unwrap();
    assert_eq!(
        (&verdict["type"], &verdict["held"]),
        (&"verdict".into(), &false.into())
    );
    let events = lines.iter().filter(|line| line["type"] == "event").count();
    assert_eq!(verdict["events"], events);
}

#[test]
fn log_lines_have_the_shape_of_the_production_logs() {
    let ran = gatesim(&["replay", HOLDING_RUN, "--format", "gateway-log"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("INFO"), "{}", ran.stdout);
    for line in ran.stdout.lines() {
        assert!(line.starts_with("2025-09-10T05:1"), "{line}");
    }
}

#[test]
fn a_saved_plan_is_the_same_run() {
    let scratch = Scratch::new("replay-plan");
    let digest = |args: &[&str]| {
        let ran = gatesim_in(scratch.path(), args);
        let digest = ran.stdout.lines().find(|line| line.starts_with("  digest"));
        digest.map(str::to_owned).expect(&ran.stderr)
    };
    let named = digest(&["replay", BROKEN_RUN, "--quiet", "--save-plan", "plan.toml"]);
    let planned = digest(&["replay", "plan.toml", "--design", "v1", "--quiet"]);
    assert_eq!(named, planned);
}
