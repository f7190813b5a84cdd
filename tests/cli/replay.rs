//! `gatesim replay`: result, timeline, traces, plans.

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

/// A run that is stopped at a point is the same for every way to name the point, and violations after
/// it do not count.
#[test]
fn a_run_that_is_stopped_early_is_judged_up_to_that_point() {
    let run = "golden-path@v2:12";
    let whole = gatesim(&["replay", run, "--message-format", "json"]).json();
    let failure = whole.iter().find(|line| line["type"] == "failure").unwrap();
    let (event, step) = (
        failure["event"].as_u64().unwrap(),
        failure["step"].as_u64().unwrap(),
    );
    let cut = |until: &str| {
        let ran = gatesim(&["replay", run, "--until", until, "--message-format", "json"]);
        let verdict = ran.json().pop().unwrap();
        let steps = verdict["steps"].as_u64().unwrap();
        (ran.code, verdict["finish"].clone(), steps)
    };
    for before in [format!("#{}", event - 1), format!("step{}", step - 1)] {
        let (code, finish, steps) = cut(&before);
        assert_eq!((code, finish), (0, "stopped_at_point".into()), "{before}");
        assert!(steps < step, "{before}: {steps}");
    }
    for after in [format!("#{event}"), format!("step{step}")] {
        assert_eq!(cut(&after).0, 1, "{after}");
    }
}

#[test]
fn a_capsule_that_is_stopped_early_is_not_compared() {
    let capsule = "seeds/regressions/golden-path-v2-12.toml";
    let ran = gatesim(&["replay", capsule, "--quiet", "--stop-at-first"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(!ran.stdout.contains("drift"), "{}", ran.stdout);
}

#[test]
fn an_edited_plan_is_not_called_by_the_name_it_was_made_from() {
    let scratch = Scratch::new("edited-plan");
    let run = ["replay", "golden-path@v4:0", "--quiet"];
    let saved = gatesim_in(
        scratch.path(),
        &[&run[..], &["--save-plan", "plan.toml"]].concat(),
    );
    assert!(saved.stdout.starts_with("FAILURE golden-path@v4:0\n"));
    let replayed = || {
        let args = ["replay", "plan.toml", "--design", "v4", "--quiet"];
        gatesim_in(scratch.path(), &args).stdout
    };
    assert_eq!(
        replayed().lines().next(),
        Some("FAILURE golden-path@v4:0"),
        "the same plan is the same run"
    );
    let plan = scratch.read("plan.toml");
    let edited = plan.replace("aftermath_ms = ", "aftermath_ms = 1");
    assert_ne!(edited, plan);
    scratch.write("plan.toml", &edited);
    let title = "FAILURE plan.toml\n  made from  golden-path@v4:0, which gives another plan\n";
    assert!(replayed().starts_with(title), "{}", replayed());
}
