//! `--violation`: each violation of a run can be asked about.

use serde_json::Value;

use crate::support::{BROKEN_RUN, Scratch, gatesim, gatesim_in};

/// Each violation of the run, as `invariant: cause`, by the line of the list that shows it.
fn broken(run: &str) -> Vec<String> {
    let ran = gatesim(&[
        "sweep",
        run.split('@').next().unwrap(),
        "--design",
        "v1",
        "--first-seed",
        "3",
        "--seeds",
        "1",
        "--message-format",
        "json",
    ]);
    let lines = ran.json();
    let of_type = |line: &&Value| line["type"] == "result";
    let result = lines.iter().find(of_type).unwrap();
    let text = |cause: &Value, key: &str| cause[key].as_str().unwrap().to_owned();
    let causes = result["causes"].as_array().unwrap().iter();
    causes
        .map(|cause| format!("{}: {}", text(cause, "invariant"), text(cause, "cause")))
        .collect()
}

#[test]
fn every_violation_that_a_sweep_lists_can_be_asked_about() {
    let broken = broken(BROKEN_RUN);
    assert!(broken.len() > 5, "{broken:?}");
    for violation in &broken {
        let ran = gatesim(&["replay", BROKEN_RUN, "--quiet", "--violation", violation]);
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        let line = format!("  invariant  {violation}");
        assert_eq!(ran.stdout.lines().nth(1), Some(&*line));
    }
    let last = broken.last().unwrap();
    let asked = ["--violation", last];
    let ran = gatesim(&[&["why", BROKEN_RUN, "--budget", "1s"][..], &asked].concat());
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains(last), "{}", ran.stdout);
    let diagram = ["report", BROKEN_RUN, "--format", "mermaid", "--no-why"];
    let [whole, of_last] = [&[][..], &asked].map(|more| gatesim(&[&diagram, more].concat()).stdout);
    assert_ne!(whole, of_last);
}

#[test]
fn a_capsule_can_be_kept_for_any_violation_and_its_name_says_which() {
    let scratch = Scratch::new("violation-kept");
    for violation in broken(BROKEN_RUN) {
        let add = [
            "corpus", "add", BROKEN_RUN, "--why", "mine", "--dir", "kept",
        ];
        let ran = gatesim_in(
            scratch.path(),
            &[&add[..], &["--violation", &violation]].concat(),
        );
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    let ran = gatesim_in(scratch.path(), &["corpus", "check", "--dir", "kept"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn a_fix_is_verified_for_the_violation_that_is_asked_about() {
    let scratch = Scratch::new("violation-fix");
    let verify = |violation: &str, more: &[&str]| {
        let args = [
            "verify-fix",
            BROKEN_RUN,
            "--samples",
            "30",
            "--violation",
            violation,
        ];
        gatesim_in(scratch.path(), &[&args[..], more].concat())
    };
    let ran = verify("ids-agree", &["--save", "before.json"]);
    assert!(ran.stdout.contains("ids-agree: "), "{}", ran.stdout);
    let ran = verify("ids-agree", &["--before", "before.json"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let ran = verify("transport-discipline", &["--before", "before.json"]);
    assert_eq!(ran.code, 2, "{}", ran.stdout);
}

#[test]
fn what_a_run_did_not_break_is_an_error() {
    let ask = |violation| gatesim(&["why", BROKEN_RUN, "--violation", violation]).complaint();
    let complaints = [
        ask("ids-agre"),
        ask("dead-peers-are-noticed"),
        ask("ids-agree: machine id chang"),
    ];
    insta::assert_snapshot!("violations that are not there", complaints.join("\n"));
}
