//! `gatesim corpus`: capsules that reproduce, and capsules that do not.

use std::collections::BTreeSet;

use gatesim_sim::check::invariants::Invariant;

use crate::support::{BROKEN_RUN, Scratch, gatesim, gatesim_in};

const FILE: &str = "golden-path-v1-3.toml";

fn corpus(name: &str) -> Scratch {
    let scratch = Scratch::new(name);
    let args = ["corpus", "add", BROKEN_RUN, "--why", "a test", "--dir", "."];
    let ran = gatesim_in(scratch.path(), &args);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout, format!("kept {BROKEN_RUN} in ./{FILE}\n"));
    scratch
}

fn check(scratch: &Scratch) -> (i32, String) {
    let ran = gatesim_in(scratch.path(), &["corpus", "check", "--dir", "."]);
    (ran.code, ran.stdout)
}

#[test]
fn a_kept_run_reproduces() {
    let scratch = corpus("corpus-keep");
    let (code, text) = check(&scratch);
    assert_eq!((code, text.lines().count()), (0, 2), "{text}");
    assert!(text.contains("reproduced exactly"), "{text}");
    let listed = gatesim_in(scratch.path(), &["corpus", "list", "--dir", "."]);
    assert!(listed.stdout.contains("a test"), "{}", listed.stdout);
    let replayed = gatesim_in(scratch.path(), &["replay", FILE, "--quiet"]);
    assert_eq!(replayed.code, 1);
    assert!(
        replayed.stdout.contains("reproduced exactly"),
        "{}",
        replayed.stdout
    );
}

#[test]
fn recorded_choices_give_the_same_run() {
    let scratch = Scratch::new("corpus-choices");
    let added = gatesim_in(
        scratch.path(),
        &[
            "corpus",
            "add",
            BROKEN_RUN,
            "--why",
            "a test",
            "--choices",
            "--dir",
            ".",
        ],
    );
    assert_eq!(added.code, 0, "{}", added.stderr);
    assert!(scratch.read(FILE).contains("\n[choices]\n"));
    assert_eq!(check(&scratch).0, 0);
}

#[test]
fn a_changed_trace_is_distinguished_from_a_changed_violation() {
    let scratch = corpus("corpus-drift");
    let good = scratch.read(FILE);
    let digest = good
        .lines()
        .find(|line| line.starts_with("digest"))
        .unwrap();
    scratch.write(
        FILE,
        &good.replace(digest, &format!("digest = \"{:032x}\"", 1)),
    );
    let (code, text) = check(&scratch);
    assert_eq!(code, 1);
    assert!(text.contains("seed-breaking"), "{text}");

    let args = ["corpus", "check", "--accept-drift", "--dir", "."];
    assert_eq!(gatesim_in(scratch.path(), &args).code, 0);
    assert_eq!(scratch.read(FILE), good);

    let cause = good.lines().find(|line| line.starts_with("cause")).unwrap();
    scratch.write(FILE, &good.replace(cause, "cause = \"another\""));
    let (code, text) = check(&scratch);
    assert_eq!(code, 1);
    assert!(
        text.contains("expected") && !text.contains("seed-breaking"),
        "{text}"
    );
}

/// A capsule that holds is fixed only if the situation of its violation occurred.
#[test]
fn a_capsule_that_holds_is_fixed_or_no_longer_the_same_run() {
    let scratch = corpus("corpus-witness");
    let good = scratch.read(FILE);
    let fixed = good.replace("design = \"v1\"", "design = \"reference\"");
    scratch.write(FILE, &fixed);
    let (code, text) = check(&scratch);
    assert_eq!(code, 1);
    insta::assert_snapshot!("fixed", text);

    let (before, after) = fixed.split_once("facts = [\n").unwrap();
    let other = format!("{before}facts = [\n    \"world container7 crashed\",\n{after}");
    scratch.write(FILE, &other);
    let (code, text) = check(&scratch);
    assert_eq!(code, 1);
    insta::assert_snapshot!("no longer the same run", text);

    let (without, _) = fixed.split_once("\n[witness]\n").unwrap();
    scratch.write(FILE, without);
    let (code, text) = check(&scratch);
    assert_eq!(code, 1);
    assert!(text.contains("without a witness"), "{text}");
}

/// Old capsules have no witness.
#[test]
fn a_witness_is_written_where_there_is_none() {
    let scratch = corpus("corpus-no-witness");
    let good = scratch.read(FILE);
    let (without, _) = good.split_once("\n[witness]\n").unwrap();
    scratch.write(FILE, without);
    assert_eq!(check(&scratch).0, 0);
    let args = ["corpus", "check", "--accept-drift", "--dir", "."];
    assert_eq!(gatesim_in(scratch.path(), &args).code, 0);
    assert_eq!(scratch.read(FILE), good);
}

#[test]
fn a_run_that_holds_is_not_kept() {
    let scratch = Scratch::new("corpus-held");
    let args = [
        "corpus",
        "add",
        "golden-path@reference:3",
        "--why",
        "x",
        "--dir",
        ".",
    ];
    insta::assert_snapshot!(
        "a run that holds",
        gatesim_in(scratch.path(), &args).complaint()
    );
    assert!(scratch.files().is_empty());
}

#[test]
fn nothing_is_overwritten() {
    let scratch = corpus("corpus-twice");
    let args = [
        "corpus", "add", BROKEN_RUN, "--why", "another", "--dir", ".",
    ];
    insta::assert_snapshot!(
        "there already",
        gatesim_in(scratch.path(), &args).complaint()
    );
    assert!(scratch.read(FILE).contains("a test"));
}

#[test]
fn an_empty_corpus_checks_nothing() {
    let scratch = Scratch::new("corpus-empty");
    assert_eq!(check(&scratch).0, 4);
}

#[test]
fn the_corpus_of_the_repository_reproduces() {
    let ran = gatesim(&["corpus", "check"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

/// An invariant that cannot fail is useless: for each there is a capsule in which one answer, flipped
/// in `reference`, breaks it.
#[test]
fn every_invariant_is_broken_by_one_flipped_answer() {
    let kept = gatesim(&["corpus", "list", "--message-format", "json"]).json();
    let broken_by_one_flip: BTreeSet<&str> = kept
        .iter()
        .filter(|capsule| {
            let made_from = capsule["made_from"].as_str();
            let run = made_from.or(capsule["run"].as_str()).unwrap();
            let (_, design_and_seed) = run.split_once('@').unwrap();
            design_and_seed.starts_with("reference+") && design_and_seed.matches('+').count() == 1
        })
        .map(|capsule| capsule["expect"]["invariant"].as_str().unwrap())
        .collect();
    let all: BTreeSet<&str> = Invariant::ALL
        .iter()
        .map(|invariant| invariant.name())
        .collect();
    assert_eq!(broken_by_one_flip, all);
}

/// Every defect of the catalogue that a revision shipped with has a capsule with its reason.
#[test]
fn the_defects_of_the_catalogue_are_kept() {
    let kept = gatesim(&["corpus", "list", "--message-format", "json"]).json();
    for defect in [
        "D01", "D02", "D03", "D04", "D05", "D06", "D07", "D08", "D09", "D10", "D16", "D21", "D59",
        "D60",
    ] {
        let named = |capsule: &serde_json::Value| {
            capsule["why"]
                .as_str()
                .unwrap()
                .starts_with(&format!("{defect}: "))
        };
        assert!(kept.iter().any(named), "no capsule for {defect}");
    }
}

#[test]
fn a_capsule_that_is_kept_again_keeps_its_invariant() {
    let scratch = Scratch::new("corpus-again");
    let capsule = "seeds/regressions/golden-path-v2-12.toml";
    let dir = scratch.path().to_str().unwrap();
    let args = ["corpus", "add", capsule, "--why", "again", "--dir", dir];
    assert_eq!(gatesim(&args).code, 0);
    let kept = scratch.read("golden-path-v2-12.toml");
    assert!(kept.contains("setup-ends-in-time"), "{kept}");
}

#[test]
fn capsules_of_one_run_have_different_names() {
    let scratch = Scratch::new("corpus-beside");
    let add = |target: &str, more: &[&str]| {
        let args = ["corpus", "add", target, "--why", "mine", "--dir", "kept"];
        let ran = gatesim_in(scratch.path(), &[&args[..], more].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    };
    add(BROKEN_RUN, &[]);
    add(BROKEN_RUN, &["--violation", "ids-agree"]);
    let shrink = ["shrink", BROKEN_RUN, "-o", "small.toml"];
    assert_eq!(gatesim_in(scratch.path(), &shrink).code, 0);
    add("small.toml", &[]);
    for name in ["", "-ids-agree", "-shrunk"] {
        let file = scratch
            .path()
            .join(format!("kept/golden-path-v1-3{name}.toml"));
        assert!(file.exists(), "{}", file.display());
    }
}

#[test]
fn a_capsule_holds_the_design_that_it_was_found_with() {
    let scratch = Scratch::new("corpus-design-file");
    let design = "base = \"v9\"\ncleanup = \"always\"\nwelcome = \"before-ready\"\n";
    scratch.write("mine.toml", design);
    let run = "golden-path@mine.toml:0";
    let add = ["corpus", "add", run, "--why", "a try", "--dir", "kept"];
    let ran = gatesim_in(scratch.path(), &add);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    std::fs::remove_file(scratch.path().join("mine.toml")).unwrap();
    let ran = gatesim_in(scratch.path(), &["corpus", "check", "--dir", "kept"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let kept = std::fs::read_to_string(scratch.path().join("kept/golden-path-mine-0.toml"));
    assert!(
        kept.unwrap().contains("design = \"v9+cleanup=always\"\n"),
        "only what differs"
    );
}
