//! `gatesim sweep`: results, comparability of outputs, interruption.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use gatesim_model::design::Design;
use gatesim_sim::{Options, plan::scenario::Scenario, run};
use serde_json::Value;

use crate::{
    layers::repository,
    support::{Scratch, command, gatesim, gatesim_in, pasted},
};

#[test]
fn the_reference_holds() {
    let ran = gatesim(&["sweep", "--seeds", "5"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(
        ran.stdout.ends_with("110 runs, all held\n"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_broken_design_is_found_and_the_printed_command_reproduces_it() {
    let ran = gatesim(&["sweep", "golden-path", "--design", "v1", "--seeds", "5"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let commands: Vec<&str> = ran
        .stdout
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("gatesim replay "))
        .collect();
    assert!(commands.len() > 1);
    for command in commands {
        let replayed = pasted(&format!("{command} --quiet"));
        assert_eq!(replayed.code, 1, "{}", replayed.stderr);
        let block: Vec<&str> = replayed.stdout.lines().take(4).collect();
        assert!(
            ran.stdout.contains(&block.join("\n")),
            "{}",
            replayed.stdout
        );
    }
}

/// What a sweep shows is what a plain list of all outcomes has: no cause hides another, and every one can be
/// asked about and is kept.
#[test]
fn every_cause_that_occurs_is_counted_shown_and_kept() {
    const SEEDS: u64 = 6;
    let scratch = Scratch::new("sweep-all-causes");
    for design in ["v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9"] {
        let mut occurred: BTreeMap<(&str, String), u64> = BTreeMap::new();
        let revision = Design::builtin(design).unwrap();
        for name in ["golden-path", "chaos"] {
            let file = format!("seeds/scenarios/{name}.toml");
            let text = fs::read_to_string(repository().join(&file)).unwrap();
            let scenario = Scenario::parse(name, &file, &text).unwrap();
            for seed in 0..SEEDS {
                let outcome = run(&revision, &scenario.plan(seed), &Options::default());
                for violation in &outcome.violations {
                    *occurred
                        .entry((name, violation.signature().to_string()))
                        .or_default() += 1;
                }
            }
        }
        let kept = scratch.path().join(design);
        let args = [
            "sweep",
            "golden-path",
            "chaos",
            "--design",
            design,
            "--seeds",
            "6",
            "--capsules",
            kept.to_str().unwrap(),
        ];
        let json = gatesim(&[&args[..], &["--message-format", "json"]].concat()).json();
        let text = |value: &Value, key: &str| value[key].as_str().unwrap().to_owned();
        let signature =
            |value: &Value| format!("{}: {}", text(value, "invariant"), text(value, "cause"));
        let mut counted = BTreeMap::new();
        for result in json.iter().filter(|line| line["type"] == "result") {
            let name = if result["scenario"] == "chaos" {
                "chaos"
            } else {
                "golden-path"
            };
            for cause in result["causes"].as_array().unwrap() {
                counted.insert((name, signature(cause)), cause["count"].as_u64().unwrap());
            }
        }
        assert_eq!(counted, occurred, "{design}");
        let failures = json.iter().filter(|line| line["type"] == "failure");
        assert_eq!(failures.count(), occurred.len(), "{design}");
        let causes: BTreeSet<&String> = occurred.keys().map(|(_, cause)| cause).collect();
        let human = gatesim(&args[..args.len() - 2]).stdout;
        let blocks = human.lines().filter(|line| line.starts_with("FAILURE"));
        assert_eq!(blocks.count(), causes.len(), "{human}");
        assert!(causes.iter().all(|cause| human.contains(*cause)), "{human}");
        assert_eq!(
            fs::read_dir(kept).unwrap().count(),
            causes.len(),
            "{design}"
        );
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_worker_threads() {
    let with_jobs = |jobs| {
        let args = [
            "sweep", "chaos", "--design", "v9", "--seeds", "12", "--jobs", jobs,
        ];
        gatesim(&args).stdout
    };
    assert_eq!(with_jobs("1"), with_jobs("4"));
}

/// Every key and every figure: what a program that reads the output relies on.
#[test]
fn the_json_of_a_whole_sweep() {
    let ran = gatesim(&[
        "sweep",
        "chaos",
        "--design",
        "reference",
        "--design",
        "v9",
        "--seeds",
        "8",
        "--message-format",
        "json",
    ]);
    let lines: Vec<String> = ran
        .json()
        .iter()
        .map(|line| serde_json::to_string_pretty(line).unwrap())
        .collect();
    insta::assert_snapshot!("whole", lines.join("\n"));
}

#[test]
fn partitions_share_the_seeds() {
    let runs = |partition| {
        let ran = gatesim(&[
            "sweep",
            "golden-path",
            "--seeds",
            "7",
            "--partition",
            partition,
            "--message-format",
            "json",
        ]);
        let summary = ran.json().pop().unwrap();
        assert_eq!(summary["type"], "summary");
        summary["runs"].as_u64().unwrap()
    };
    assert_eq!((runs("1/3"), runs("2/3"), runs("3/3")), (3, 2, 2));
}

#[test]
fn a_share_without_seeds_runs_nothing() {
    let ran = gatesim(&["sweep", "golden-path", "--seeds", "1", "--partition", "2/2"]);
    assert_eq!(ran.code, 4);
    assert!(ran.stdout.ends_with("nothing ran\n"), "{}", ran.stdout);
}

#[test]
fn json_lines_have_a_format_and_a_type() {
    let ran = gatesim(&[
        "sweep",
        "golden-path",
        "--design",
        "v1",
        "--design",
        "reference",
        "--seeds",
        "3",
        "--message-format",
        "json",
    ]);
    let lines = ran.json();
    assert!(lines.iter().all(|line| line["format"] == 1));
    let count = |kind| lines.iter().filter(|line| line["type"] == kind).count();
    assert!(count("failure") >= 1);
    assert_eq!((count("result"), count("summary")), (2, 1));
}

#[test]
fn reports_for_ci_are_written() {
    let scratch = Scratch::new("sweep-reports");
    let junit = scratch.path().join("report.xml");
    let capsules = scratch.path().join("capsules");
    let ran = gatesim(&[
        "sweep",
        "golden-path",
        "--design",
        "v1",
        "--seeds",
        "3",
        "--junit",
        junit.to_str().unwrap(),
        "--capsules",
        capsules.to_str().unwrap(),
    ]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert_eq!(scratch.files(), ["capsules", "report.xml"]);
    let report = scratch.read("report.xml");
    assert!(report.contains("<failure"), "{report}");
    let checked = gatesim(&["corpus", "check", "--dir", capsules.to_str().unwrap()]);
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
}

/// A terminal sends INT and HUP; CI systems, Kubernetes and `timeout` send TERM.
#[test]
fn the_first_interrupt_writes_partial_results() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let child = command(&["sweep", "golden-path", "--budget", "1h"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_secs(1));
        let pid = child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
        let output = child.wait_with_output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(130), "{signal}: {stdout}");
        assert!(
            stdout.contains("golden-path@reference"),
            "{signal}: {stdout}"
        );
        assert!(stdout.contains("interrupted"), "{signal}: {stdout}");
    }
}

#[test]
fn a_base_may_be_another_file_and_is_found_from_it() {
    let scratch = Scratch::new("base-file");
    scratch.write("base.toml", "base = \"v9\"\ncleanup = \"always\"\n");
    std::fs::create_dir_all(scratch.path().join("mine")).unwrap();
    scratch.write(
        "mine/try.toml",
        "base = \"../base.toml+welcome=after-ready\"\nshutdown = \"ignored\"\n",
    );
    let digest = |design: &str| {
        let run = format!("golden-path@{design}:0");
        let args = ["replay", &run, "--quiet", "--message-format", "json"];
        let ran = gatesim_in(scratch.path(), &args);
        ran.json()[0]["digest"].clone()
    };
    let flipped = digest("v9+cleanup=always+welcome=after-ready+shutdown=ignored");
    assert!(flipped.is_string());
    assert_eq!(digest("mine/try.toml"), flipped);
    assert_ne!(digest("v9"), flipped);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = command(&["sweep", "golden-path", "--seeds", "2"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(
        !stderr.contains("error") && !stderr.contains("panicked"),
        "{stderr}"
    );
}
