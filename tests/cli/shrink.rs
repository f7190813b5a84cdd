//! `gatesim shrink`: smaller runs that fail as the original did.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
};

use crate::support::{BROKEN_RUN, Ran, Scratch, command, gatesim, gatesim_in};

const V2: &str = "seeds/regressions/two-in-one-second-v2-2.toml";
const FLIPPED: &str = "seeds/regressions/chaos-reference-missing-machine-ready-2.toml";

/// Shrinks a run to `small.toml` in a directory of its own; what was printed is JSON.
fn shrunk(scratch: &Scratch, target: &str, more: &[&str]) -> (Ran, serde_json::Value) {
    let file = scratch.path().join("small.toml");
    let mut args = vec!["shrink", target, "-o", file.to_str().unwrap()];
    args.extend(["--budget", "10m", "--message-format", "json"]);
    args.extend(more);
    let ran = gatesim(&args);
    let line = ran.json().pop().unwrap_or_default();
    (ran, line)
}

/// The exit code of `--check`, and what a replay says.
fn verdicts(scratch: &Scratch) -> (i32, String) {
    let checked = gatesim_in(scratch.path(), &["shrink", "small.toml", "--check"]);
    let replayed = gatesim_in(scratch.path(), &["replay", "small.toml", "--quiet"]);
    assert_eq!(replayed.code, 1, "{}", replayed.stderr);
    (checked.code, replayed.stdout)
}

#[test]
fn what_is_left_fails_in_the_same_way_and_needs_all_it_has() {
    for (name, target) in [("v2", V2), ("flipped", FLIPPED)] {
        let scratch = Scratch::new(&format!("shrink-{name}"));
        let (ran, told) = shrunk(&scratch, target, &[]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let kept = gatesim(&["replay", target, "--quiet", "--message-format", "json"]).json();
        assert_eq!(kept.last().unwrap()["capsule"]["reproduction"], "exact");
        assert_eq!(told["minimal"], true);
        for part in [
            "clients",
            "messages",
            "noise",
            "containers",
            "faults",
            "choices",
        ] {
            let size = |when: &str| told[when][part].as_u64().unwrap();
            assert!(size("after") <= size("before"), "{name}: {part}");
        }
        let (check, replayed) = verdicts(&scratch);
        assert_eq!(check, 0);
        assert!(replayed.contains("reproduced exactly"), "{replayed}");
        assert!(!replayed.contains("drift"), "{replayed}");
        insta::assert_snapshot!(format!("shrunk {name}"), scratch.read("small.toml"));
    }
}

#[test]
fn what_is_found_does_not_depend_on_the_number_of_threads() {
    let [one, three] = ["1", "3"].map(|jobs| {
        let scratch = Scratch::new(&format!("shrink-jobs-{jobs}"));
        let (ran, _) = shrunk(&scratch, BROKEN_RUN, &["--jobs", jobs]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        scratch.read("small.toml")
    });
    assert_eq!(one, three);
}

#[test]
fn a_person_is_told_what_it_came_to() {
    let scratch = Scratch::new("shrink-human");
    let ran = gatesim_in(scratch.path(), &["shrink", BROKEN_RUN]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(scratch.files(), ["golden-path-v1-3-shrunk.toml"]);
    insta::assert_snapshot!("told", ran.stdout);
}

#[test]
fn a_search_that_was_cut_short_is_gone_on_with() {
    let scratch = Scratch::new("shrink-resume");
    let (ran, told) = shrunk(&scratch, BROKEN_RUN, &[]);
    assert_eq!((ran.code, &told["minimal"]), (0, &true.into()));
    let whole = told["after"].clone();

    let scratch = Scratch::new("shrink-resume");
    let file = scratch.path().join("small.toml");
    let file = file.to_str().unwrap();
    let cut = ["shrink", BROKEN_RUN, "-o", file, "--budget", "1ms"];
    let ran = gatesim(&cut);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("unknown: the time was up"));
    let (_, replayed) = verdicts(&scratch);
    assert!(replayed.contains("reproduced exactly"), "{replayed}");

    let again = gatesim(&cut);
    assert_eq!(again.code, 2);
    assert!(again.stderr.contains("--resume"), "{}", again.stderr);

    let (ran, told) = shrunk(&scratch, BROKEN_RUN, &["--resume"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(told["minimal"], true);
    assert_eq!(told["after"], whole);
    let text = scratch.read("small.toml");
    assert!(text.contains(&format!("from = \"{BROKEN_RUN}\"")), "{text}");
    assert_eq!(verdicts(&scratch).0, 0);
}

#[test]
fn an_interrupt_writes_the_smallest_so_far() {
    let scratch = Scratch::new("shrink-interrupt");
    let file = scratch.path().join("small.toml");
    let slow = "seeds/regressions/slow-reader-v9-43.toml";
    let args = ["shrink", slow, "--jobs", "1", "-o", file.to_str().unwrap()];
    let mut child = command(&args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.starts_with("shrinking "), "{line}");
    let pid = child.id().to_string();
    let killed = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(killed.success());
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stdout}{rest}");
    assert!(stdout.contains("unknown: interrupted"), "{stdout}");
    let (_, replayed) = verdicts(&scratch);
    assert!(replayed.contains("reproduced exactly"), "{replayed}");
}

#[test]
fn there_is_nothing_to_shrink_in_a_run_that_holds() {
    let scratch = Scratch::new("shrink-held");
    let ran = gatesim_in(scratch.path(), &["shrink", "golden-path@reference:3"]);
    insta::assert_snapshot!("nothing to shrink", ran.complaint());
    let args = [
        "shrink",
        BROKEN_RUN,
        "--violation",
        "dead-peers-are-noticed",
    ];
    let ran = gatesim_in(scratch.path(), &args);
    insta::assert_snapshot!("not broken", ran.complaint());
    assert!(scratch.files().is_empty());
}

#[test]
fn a_run_with_something_to_spare_is_not_minimal() {
    let ran = gatesim(&["shrink", V2, "--check"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.starts_with("NOT MINIMAL: "), "{}", ran.stdout);
}
