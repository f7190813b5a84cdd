//! `gatesim verify-fix`: a fix is distinguished from a change of timing.

use crate::support::{Scratch, gatesim, gatesim_in};

/// A race that fails with more than a third of all timings.
const RACE: &str = "seeds/regressions/slow-reader-reference-manager-lock-held-over-removal-44.toml";
/// The same defect, in a gateway with other delays: the run itself holds.
const SAME_DEFECT: &str = "reference+manager-lock=held-over-removal+service-validation=ladder";

fn verify(args: &[&str]) -> (i32, String) {
    let ran = gatesim(&[&["verify-fix"], args].concat());
    assert!(ran.code < 2, "{}", ran.stderr);
    (ran.code, ran.stdout)
}

#[test]
fn a_removed_defect_is_fixed() {
    let (code, text) = verify(&[
        RACE,
        "--design",
        "reference",
        "--samples",
        "60",
        "--seeds",
        "60",
    ]);
    insta::assert_snapshot!("fixed", text);
    assert_eq!(code, 0);
}

#[test]
fn other_timing_is_not_a_fix() {
    let replayed = gatesim(&["replay", RACE, "--quiet"]);
    assert!(replayed.stdout.contains("reproduced exactly"));
    let (code, text) = verify(&[
        RACE,
        "--design",
        SAME_DEFECT,
        "--samples",
        "120",
        "--seeds",
        "120",
    ]);
    insta::assert_snapshot!("timing only", text);
    assert_eq!(code, 1);
}

#[test]
fn no_change_still_fails() {
    let design = "reference+manager-lock=held-over-removal";
    let (code, text) = verify(&[RACE, "--design", design, "--samples", "60", "--seeds", "60"]);
    assert_eq!(code, 1);
    assert!(text.contains("\nstill fails: "), "{text}");
}

#[test]
fn a_new_failure_is_not_a_fix() {
    let (code, text) = verify(&[RACE, "--design", "v4", "--samples", "18", "--seeds", "18"]);
    assert_eq!(code, 1);
    assert!(text.contains("\nother failure: "), "{text}");
}

#[test]
fn few_failures_show_nothing() {
    let few = ["--samples", "4", "--seeds", "4"];
    let (code, text) = verify(&[&[RACE, "--design", "reference"], &few[..]].concat());
    assert_eq!(code, 1);
    assert!(text.contains("\nnot enough evidence: "), "{text}");
}

/// The runs of a sample are the same in another process and with any number of worker threads, so
/// builds can be compared through a file.
#[test]
fn builds_are_compared_through_a_file() {
    let scratch = Scratch::new("verify-fix-builds");
    let run = "golden-path@reference+welcome=before-ready:0";
    let save = [
        "verify-fix",
        run,
        "--samples",
        "24",
        "--seeds",
        "24",
        "--save",
        "before.json",
    ];
    let saved = gatesim_in(scratch.path(), &save);
    assert_eq!(saved.code, 1, "{}", saved.stderr);
    insta::assert_snapshot!("saved", saved.stdout);

    let compare = |more: &[&str]| {
        let args = [
            "verify-fix",
            run,
            "--before",
            "before.json",
            "--seeds",
            "24",
            "--samples",
        ];
        gatesim_in(scratch.path(), &[&args, more].concat())
    };
    let same = compare(&["24", "--jobs", "1"]);
    assert_eq!(same.code, 1);
    assert!(same.stdout.contains("\nstill fails: "), "{}", same.stdout);
    let fixed = compare(&["24", "--design", "reference", "--message-format", "json"]);
    assert_eq!(fixed.code, 0);
    assert_eq!(fixed.json()[0]["verdict"], "fixed");
    insta::assert_snapshot!("another number of samples", compare(&["30"]).complaint());

    scratch.write("before.json", "{}");
    insta::assert_snapshot!("no saved file", compare(&["24"]).complaint());
}

/// The choices of a run of the sample can be recorded, and replay the same run.
#[test]
fn the_most_similar_run_that_fails_is_kept() {
    let scratch = Scratch::new("verify-fix-keep");
    let path = scratch.path().join("nearest.toml");
    let path = path.to_str().unwrap();
    let args = [
        "--design",
        SAME_DEFECT,
        "--samples",
        "60",
        "--seeds",
        "0",
        "--keep",
        path,
    ];
    verify(&[&[RACE], &args[..]].concat());
    let replayed = gatesim(&["replay", path, "--quiet"]);
    let text = &replayed.stdout;
    assert!(text.contains("capsule    reproduced exactly"), "{text}");
    assert!(!text.contains("drift"), "{text}");
}

#[test]
fn a_run_that_holds_has_nothing_to_fix() {
    let args = ["golden-path@reference:0", "--design", "v2"];
    let ran = gatesim(&[&["verify-fix"], &args[..]].concat());
    insta::assert_snapshot!("nothing to fix", ran.complaint());
}

#[test]
fn samples_around_different_runs_are_not_compared() {
    let scratch = Scratch::new("verify-fix-runs");
    let saved = |run| {
        let args = ["verify-fix", run, "--samples", "18", "--seeds", "18"];
        let ends = ["--save", "before.json"];
        gatesim_in(scratch.path(), &[&args[..], &ends].concat()).code
    };
    assert_eq!(saved("golden-path@v2:12"), 1);
    let compared = |run| {
        let args = ["verify-fix", run, "--samples", "18", "--seeds", "18"];
        let ends = ["--before", "before.json"];
        gatesim_in(scratch.path(), &[&args[..], &ends].concat())
    };
    assert_eq!(compared("golden-path@v2:12").code, 1);
    for other in ["golden-path@v2:3", "golden-path@reference:7"] {
        let ran = compared(other);
        assert_eq!(ran.code, 2, "{other}");
        assert!(
            ran.stderr.contains("another run: golden-path@v2:12"),
            "{}",
            ran.stderr
        );
    }
}

/// How often the verdict is right for changes of which the effect is known:
/// `cargo test --release --test cli -- --ignored known_changes --nocapture`.
#[test]
#[ignore = "takes minutes: a measurement"]
fn known_changes() {
    #[derive(serde::Deserialize)]
    struct Change {
        scenario: String,
        before: String,
        after: String,
        effect: String,
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("seeds/changes.toml")).unwrap();
    let mut changes: std::collections::BTreeMap<String, Vec<Change>> =
        toml::from_str(&text).unwrap();
    let changes = changes.remove("change").unwrap();
    let mut right = 0;
    for change in &changes {
        let Change {
            scenario,
            before,
            after,
            effect,
        } = change;
        let failing = (0..1_000)
            .map(|seed| format!("{scenario}@{before}:{seed}"))
            .find(|run| gatesim(&["replay", run, "--quiet"]).code == 1)
            .unwrap_or_else(|| panic!("{before} never fails in {scenario}"));
        let args = [
            "verify-fix",
            &failing,
            "--design",
            after,
            "--message-format",
            "json",
        ];
        let compared = &gatesim(&args).json()[0];
        let verdict = compared["verdict"].as_str().unwrap();
        let expected: &[&str] = match &**effect {
            "removes" => &["fixed"],
            "part" => &["less-often"],
            "moves" => &["timing-only", "still-fails"],
            other => panic!("unknown effect {other}"),
        };
        let is_right = expected.contains(&verdict);
        right += u32::from(is_right);
        let mark = if is_right { "right" } else { "WRONG" };
        println!("{mark} {effect:<8} {verdict:<20} {failing} -> {after}");
        println!("      {}", compared["sentence"].as_str().unwrap());
    }
    println!("{right} of {} right", changes.len());
}
