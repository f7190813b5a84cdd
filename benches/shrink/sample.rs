//! What is shrunk: the corpus, and failures drawn from sweeps.

use std::{collections::BTreeSet, fs, process::Command};

use serde_json::Value;

/// The tool, as it was built for this benchmark.
pub const GATESIM: &str = env!("CARGO_BIN_EXE_gatesim");

/// Where the corpus is.
const CAPSULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds/regressions");

/// The catalogue of decisions to flip.
const DEFECTS: &str = include_str!("../../seeds/defects.toml");

/// The revisions that are swept.
const REVISIONS: [&str; 9] = ["v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9"];

/// Seeds of each scenario in which failures are looked for.
const SEEDS: &str = "20";

/// The first of them: others than those from which most capsules come.
const FIRST_SEED: &str = "5000";

/// A run name or a file.
pub struct Sample {
    /// As the tool takes it.
    pub target: String,
}

/// Every capsule, by name.
pub fn corpus() -> Vec<Sample> {
    let entries = fs::read_dir(CAPSULES).expect("failed to read the corpus");
    let paths = entries.map(|entry| entry.expect("failed to read the corpus").path());
    let mut targets: Vec<String> = paths.map(|path| path.display().to_string()).collect();
    targets.sort();
    targets
        .into_iter()
        .map(|target| Sample { target })
        .collect()
}

/// Failures of different causes, half of them of revisions, half of flipped decisions.
pub fn failures(count: usize) -> Vec<Sample> {
    let revisions = REVISIONS.map(|revision| sweep(&[], revision)).concat();
    let flipped: Vec<Value> = defects()
        .iter()
        .flat_map(|defect| sweep(&defect.scenarios, &defect.design))
        .collect();
    let half = count / 2;
    let mut drawn = drawn(&flipped, half);
    drawn.extend(self::drawn(&revisions, count - drawn.len()));
    drawn
}

/// So many of them, evenly, each invariant and cause of a design once at most.
fn drawn(failures: &[Value], count: usize) -> Vec<Sample> {
    let mut seen = BTreeSet::new();
    let different: Vec<&Value> = failures
        .iter()
        .filter(|failure| {
            let part = |name: &str| failure[name].as_str().unwrap_or_default().to_owned();
            // What broke first in its run is what the name of the run means.
            let is_meant = !part("replay").contains("--violation");
            let kind = (
                part("design"),
                part("invariant"),
                part("cause"),
                part("scenario"),
            );
            is_meant && seen.insert(kind)
        })
        .collect();
    let count = count.min(different.len());
    (0..count)
        .map(|n| different[n * different.len() / count])
        .map(|failure| Sample {
            target: failure["run"].as_str().unwrap_or_default().to_owned(),
        })
        .collect()
}

/// One failure for each cause, as the tool reports them.
fn sweep(scenarios: &[String], design: &str) -> Vec<Value> {
    let mut command = Command::new(GATESIM);
    command.arg("sweep").args(scenarios);
    command.args(["--design", design, "--seeds", SEEDS]);
    command.args(["--first-seed", FIRST_SEED, "--message-format", "json"]);
    json(&mut command)
        .into_iter()
        .filter(|line| line["type"] == "failure")
        .collect()
}

/// The lines that a command writes.
pub fn json(command: &mut Command) -> Vec<Value> {
    let output = command.output().expect("failed to run the tool");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    let line = |line: &str| serde_json::from_str(line).expect("a line of JSON");
    let lines: Vec<Value> = text.lines().map(line).collect();
    assert!(
        !lines.is_empty(),
        "{command:?} printed nothing: {complaint}"
    );
    lines
}

struct Defect {
    design: String,
    scenarios: Vec<String>,
}

/// The reference with one decision flipped, and what else it takes for that to matter.
fn defects() -> Vec<Defect> {
    let catalogue: toml::Value = toml::from_str(DEFECTS).expect("the catalogue is TOML");
    let defects = catalogue["defect"].as_array().expect("a list of defects");
    let texts = |list: Option<&toml::Value>| -> Vec<String> {
        let list = list.and_then(toml::Value::as_array);
        let list = list.into_iter().flatten().filter_map(toml::Value::as_str);
        list.map(str::to_owned).collect()
    };
    let of = |defect: &toml::Value| -> Option<Defect> {
        let flip = defect.get("flip")?.as_str()?;
        let answers = texts(defect.get("needs").and_then(|needs| needs.get("answers")));
        let flips = [vec![flip.to_owned()], answers].concat();
        Some(Defect {
            design: format!("reference+{}", flips.join("+")),
            scenarios: texts(defect.get("scenarios")),
        })
    };
    defects.iter().filter_map(of).collect()
}
