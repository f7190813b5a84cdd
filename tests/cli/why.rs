//! `gatesim why`: the root cause of a failing run.

use std::{fmt::Write, fs};

use serde_json::Value;

use crate::support::{Ran, Scratch, gatesim};

/// A budget that suffices on every machine: the result must not depend on it.
const AMPLE: &str = "10m";

/// A run for each defect in the incident reports (`docs/protocol.md#incident-reports`).
const DEFECTS: &[(&str, &str)] = &[
    ("D01", "seeds/regressions/golden-path-v4-0.toml"),
    ("D02", "seeds/regressions/golden-path-v1-0.toml"),
    ("D03", "seeds/regressions/golden-path-v1-3.toml"),
    ("D04", "seeds/regressions/golden-path-v5-0.toml"),
    (
        "D05",
        "lb-reorder@reference+undelivered-events=stored-and-replayed+unknown-connection=ready:4",
    ),
    ("D06", "seeds/regressions/golden-path-v9-0.toml"),
    ("D07", "seeds/regressions/two-in-one-second-v2-2.toml"),
    ("D08", "seeds/regressions/slow-reader-v9-43.toml"),
    ("D09", "seeds/regressions/golden-path-v4-1.toml"),
    ("D10", "seeds/regressions/golden-path-v5-1.toml"),
    ("D16", "seeds/regressions/two-in-one-second-v1-2.toml"),
    ("D21", "seeds/regressions/golden-path-v9-1.toml"),
    ("D59", "seeds/regressions/golden-path-v5-2.toml"),
    ("D59", "chaos@reference+client-resend=never:30"),
    ("D60", "seeds/regressions/golden-path-v6-0.toml"),
];

fn explain(run: &str) -> (Ran, Value) {
    let ran = gatesim(&["why", run, "--budget", AMPLE, "--message-format", "json"]);
    let lines = ran.json();
    assert_eq!(lines.len(), 1, "{run}: {}", ran.stderr);
    let explanation = lines.into_iter().next().unwrap();
    (ran, explanation)
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or("")
}

#[test]
fn the_sentences_agree_with_the_reports() {
    let mut sentences = String::new();
    for (defect, run) in DEFECTS {
        let (_, explanation) = explain(run);
        writeln!(sentences, "{defect}: {}", text(&explanation, "/sentence")).unwrap();
        for also in explanation["also"].as_array().unwrap() {
            let changes = also["changes"].as_array();
            for change in changes.into_iter().flatten() {
                let [question, answer] = ["/question", "/passes_with"].map(|key| text(change, key));
                writeln!(sentences, "     also {question} = {answer}").unwrap();
            }
        }
    }
    insta::assert_snapshot!(sentences);
}

#[test]
fn a_planted_race_is_named_by_its_events() {
    let (ran, explanation) =
        explain("seeds/regressions/chaos-reference-early-frames-dispatched-13.toml");
    assert_eq!(ran.code, 1);
    let decisive = &explanation["decisive"];
    let titles = ["/first/title", "/second/title"].map(|path| text(decisive, path));
    assert_eq!(text(decisive, "/kind"), "race", "{explanation:#}");
    assert_eq!(
        titles,
        ["message dispatched", "machine to PROCESSING_READY"]
    );
    let slice = explanation["slice"].as_array().unwrap();
    for step in ["first", "second"] {
        assert!(slice.contains(&decisive[step]["event"]), "{explanation:#}");
    }
}

#[test]
fn an_explanation_does_not_depend_on_the_number_of_worker_threads() {
    let run = "seeds/regressions/golden-path-v6-0.toml";
    let with = |jobs| {
        let args = ["why", run, "--budget", AMPLE, "--jobs", jobs];
        gatesim(&args).stdout
    };
    assert_eq!(with("1"), with("3"));
}

#[test]
fn the_slice_and_the_sentence_are_printed() {
    let run = "seeds/regressions/golden-path-reference-welcome-before-ready-0.toml";
    let ran = gatesim(&["why", run, "--budget", AMPLE]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    insta::assert_snapshot!(ran.stdout);
}

/// A plan with a planted cause, and what its explanation must and must not say.
struct Planted {
    plan: &'static str,
    design: &'static str,
    says: &'static [&'static str],
    never: &'static [&'static str],
}

const PLANTED: &[Planted] = &[
    Planted {
        plan: "long-partition",
        design: "reference+late-repetition=executed",
        says: &[
            "client0      c0#1 sent message c0-m0",
            "started for message c0-m0",
            "fault 0: the link of client0 carries nothing for 1200s",
            "c0-m0 again",
            "redis        the ledger forgets message c0-m0 after 900 s",
            "why passes without fault 0 (the link of client0 carries nothing for 1200s), and if its `for_ms` is 8",
            ": the ledger forgets message c0-m0 after 900 s)",
            "it fails in the same way without fault 1, client 1",
        ],
        never: &["database", "c1#", "client 0,", "applied"],
    },
    Planted {
        plan: "drained-early",
        design: "reference+client-resend=never",
        says: &[
            "c0#1 sent message c0-m0",
            "fault 0: container0 is asked to stop",
            "c0#1 ended by the balancer: the container has left service",
            "run0 event 8 written to the journal",
            "run0 ended, complete",
            "welcome arrived: client ready",
            "why passes without fault 0",
        ],
        never: &["fault 1: ", "c1#", "answer to a ping", "user bound"],
    },
    Planted {
        plan: "idle-timeout",
        design: "reference+client-resend=never",
        says: &[
            "c0#1 ended by the balancer: nothing passed for too long",
            "run0 ended, complete",
            "why passes if `idle_timeout_ms` of the balancer is ",
            " (it fails at ",
            ": c0#1 ended by the balancer: nothing passed for too long)",
        ],
        never: &["without message", "without client", "answer to a ping"],
    },
];

#[test]
fn explanations_name_what_was_planted_and_nothing_beside_it() {
    for Planted {
        plan,
        design,
        says,
        never,
    } in PLANTED
    {
        let file = format!("tests/cli/plans/{plan}.toml");
        let ran = gatesim(&["why", &file, "--design", design, "--budget", AMPLE]);
        assert_eq!(ran.code, 1, "{plan}: {}", ran.stderr);
        let (_, explanation) = ran.stdout.split_once("events that led to it").unwrap();
        for words in *says {
            assert!(
                explanation.contains(words),
                "{plan}: {words:?} is not in\n{explanation}"
            );
        }
        for words in *never {
            assert!(
                !explanation.contains(words),
                "{plan}: {words:?} is in\n{explanation}"
            );
        }
    }
}

/// A threshold is two plans: one run holds, the other fails in the same way.
#[test]
fn both_sides_of_a_threshold_are_so() {
    let file = "tests/cli/plans/idle-timeout.toml";
    let design = ["--design", "reference+client-resend=never"];
    let args = ["why", file, "--budget", AMPLE, "--message-format", "json"];
    let explanation = gatesim(&[&args[..], &design].concat()).json().remove(0);
    let between = &explanation["decisive"]["between"];
    let plan = fs::read_to_string(file).unwrap();
    let scratch = Scratch::new("threshold");
    for (side, code) in [("holds", 0), ("fails", 1)] {
        let amount = between[side].as_u64().unwrap();
        let name = format!("{side}.toml");
        let timeout = format!("idle_timeout_ms = {amount}");
        scratch.write(&name, &plan.replace("idle_timeout_ms = 5000", &timeout));
        let file = scratch.path().join(name);
        let args = ["replay", file.to_str().unwrap(), "--quiet"];
        let ran = gatesim(&[&args[..], &design].concat());
        assert_eq!(ran.code, code, "{side} {amount}: {}", ran.stdout);
    }
}

#[test]
fn a_run_that_holds_has_nothing_to_explain() {
    let ran = gatesim(&["why", "golden-path@reference:3"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        ran.stdout,
        "HELD golden-path@reference:3: there is no failure to explain\n"
    );
    let (ran, explanation) = explain("golden-path@reference:3");
    assert_eq!((ran.code, &explanation["held"]), (0, &Value::Bool(true)));
}

/// How often something is named, and whether the run fails with any timing, over the corpus and failures of every revision and every defect:
/// `cargo test --release --test cli -- --ignored explanation_rate --nocapture`.
#[test]
#[ignore = "takes minutes: a measurement"]
fn explanation_rate() {
    let mut runs: Vec<String> = fs::read_dir("seeds/regressions")
        .unwrap()
        .map(|file| file.unwrap().path().display().to_string())
        .collect();
    runs.sort();
    let capsules = runs.len();
    runs.extend(failures());
    let mut kinds = std::collections::BTreeMap::<(String, &str), [u32; 2]>::new();
    for (number, run) in runs.iter().enumerate() {
        let ran = gatesim(&["why", run, "--message-format", "json"]);
        let explanation = ran.json().into_iter().next().unwrap();
        let kind = match text(&explanation, "/decisive/kind") {
            "" => "nothing",
            kind => kind,
        };
        let timing = &explanation["other_timing"];
        let often = match timing["failed"] == timing["samples"] {
            true => "always",
            false => "now and then",
        };
        let counts = kinds.entry((kind.to_owned(), often)).or_default();
        counts[usize::from(number >= capsules)] += 1;
        println!(
            "{run}\t{kind}\t{often}\t{} runs\t{}\t{}",
            explanation["runs"],
            text(&explanation, "/search"),
            text(&explanation, "/sentence")
        );
    }
    println!("kind\twith other timing\tcapsules\tfailures of sweeps");
    for ((kind, often), [kept, swept]) in &kinds {
        println!("{kind}\t{often}\t{kept}\t{swept}");
    }
    let nothing = kinds.iter().filter(|((kind, _), _)| kind == "nothing");
    let unnamed: u32 = nothing.flat_map(|(_, counts)| counts).sum();
    assert!(
        unnamed as usize * 10 <= runs.len(),
        "{unnamed} of {} unnamed",
        runs.len()
    );
}

/// The first failure of each revision in each of some scenarios, and of each defect.
fn failures() -> Vec<String> {
    let mut runs = Vec::new();
    let mut sweep = |design: &str, scenarios: &[&str]| {
        let args = [
            &["sweep"],
            scenarios,
            &[
                "--design",
                design,
                "--seeds",
                "40",
                "--message-format",
                "json",
            ],
        ]
        .concat();
        let lines = gatesim(&args).json();
        let mut failures = lines.iter().filter(|line| line["type"] == "failure");
        runs.extend(failures.next().map(|line| text(line, "/run").to_owned()));
    };
    for revision in [
        "v1", "v1b", "v2", "v3", "v4", "v5", "v6", "v7", "v7b", "v8", "v9",
    ] {
        for scenario in ["restart", "lb-reorder", "chaos"] {
            sweep(revision, &[scenario]);
        }
    }
    let catalogue: toml::Table = fs::read_to_string("seeds/defects.toml")
        .unwrap()
        .parse()
        .unwrap();
    for defect in catalogue["defect"].as_array().unwrap() {
        let flip = defect["flip"].as_str().unwrap();
        let needs = defect
            .get("needs")
            .and_then(|needs| needs["answers"].as_array());
        let needs: String = needs
            .into_iter()
            .flatten()
            .map(|answer| format!("+{}", answer.as_str().unwrap()))
            .collect();
        let scenarios: Vec<&str> = defect["scenarios"]
            .as_array()
            .unwrap()
            .iter()
            .map(|scenario| scenario.as_str().unwrap())
            .collect();
        sweep(&format!("reference{needs}+{flip}"), &scenarios[..1]);
    }
    runs
}
