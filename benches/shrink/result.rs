//! What came of shrinking a failure.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::sample::{GATESIM, json};

/// What is told of sizes, as the tool names it.
const PARTS: [&str; 8] = [
    "clients",
    "messages",
    "containers",
    "faults",
    "choices",
    "protocol_events",
    "connection_events",
    "time_ms",
];

/// More time than any search takes.
const BUDGET: &str = "10m";

/// A failure, shrunk.
pub struct Shrunk {
    run: String,
    signature: String,
    before: [u64; PARTS.len()],
    after: [u64; PARTS.len()],
    took: Duration,
}

impl Shrunk {
    /// Shrinks a target to a file, and makes sure that what stands there is right.
    #[expect(
        clippy::disallowed_methods,
        reason = "the time that a search takes is what is measured"
    )]
    pub fn measure(target: &str, file: &Path) -> Self {
        let file = file
            .to_str()
            .expect("a temporary directory with a usual name");
        let _ = std::fs::remove_file(file);
        let start = Instant::now();
        let mut shrink = gatesim(&["shrink", target, "-o", file, "--budget", BUDGET]);
        let lines = json(&mut shrink);
        let took = start.elapsed();
        let told = lines.last().expect("at least one line");
        assert_eq!(told["minimal"], true, "{target}: {told}");

        let before = last(&["replay", target, "--quiet"]);
        let failure = before.iter().find(|line| line["type"] == "failure");
        let failure = failure.expect("what is shrunk has failed");
        let is_capsule = target.ends_with(".toml");
        let same = |part: &str| told[part] == failure[part];
        assert!(
            is_capsule || same("invariant") && same("cause"),
            "{target}: {told}"
        );
        let after = last(&["replay", file, "--quiet"]);
        let verdict = after.last().expect("a verdict");
        assert_eq!(verdict["capsule"]["reproduction"], "exact", "{target}");
        let checked = last(&["shrink", file, "--check", "--budget", BUDGET]);
        let checked = checked.last().expect("an answer");
        assert_eq!(checked["minimal"], true, "{target}: {checked}");

        let sizes = |when: &str| PARTS.map(|part| told[when][part].as_u64().unwrap_or_default());
        let text = |part: &str| told[part].as_str().unwrap_or_default().to_owned();
        Shrunk {
            run: text("run"),
            signature: format!("{}: {}", text("invariant"), text("cause")),
            before: sizes("before"),
            after: sizes("after"),
            took,
        }
    }

    /// The head of the table.
    pub fn heading() -> String {
        let names = PARTS.map(|part| part.replace('_', " ")).join(" | ");
        let rule = "---:|".repeat(PARTS.len());
        format!("| run | signature | {names} | seconds |\n|---|---|{rule}---:|")
    }

    /// Its line of the table.
    pub fn line(&self) -> String {
        let sizes: Vec<String> = (self.before.iter().zip(&self.after))
            .map(|(before, after)| format!("{before} to {after}"))
            .collect();
        let seconds = self.took.as_secs_f64();
        format!(
            "| {} | {} | {} | {seconds:.1} |",
            self.run,
            self.signature,
            sizes.join(" | ")
        )
    }
}

fn gatesim(args: &[&str]) -> Command {
    let mut command = Command::new(GATESIM);
    command.args(args).args(["--message-format", "json"]);
    command
}

fn last(args: &[&str]) -> Vec<Value> {
    json(&mut gatesim(args))
}

/// All of them together.
pub struct Figures<'a>(&'a [Shrunk]);

impl<'a> Figures<'a> {
    /// Of these.
    pub fn of(all: &'a [Shrunk]) -> Self {
        Figures(all)
    }

    /// As Markdown.
    pub fn lines(&self, goal: Duration) -> String {
        let mut took: Vec<Duration> = self.0.iter().map(|one| one.took).collect();
        took.sort();
        let mut lines = vec![
            "| figure | median | 95 of 100 | most |".to_owned(),
            "|---|---:|---:|---:|".to_owned(),
        ];
        let seconds = |n: usize| format!("{:.1}", took[quantile(took.len(), n)].as_secs_f64());
        lines.push(format!(
            "| seconds | {} | {} (goal: {}) | {} |",
            seconds(50),
            seconds(95),
            goal.as_secs(),
            seconds(100)
        ));
        for (place, part) in PARTS.iter().enumerate() {
            for (when, sizes) in [
                ("before", self.sizes(place, |one| &one.before)),
                ("after", self.sizes(place, |one| &one.after)),
            ] {
                let at = |n| sizes[quantile(sizes.len(), n)];
                let name = part.replace('_', " ");
                let (median, most, all) = (at(50), at(95), at(100));
                lines.push(format!("| {name} {when} | {median} | {most} | {all} |"));
            }
        }
        format!("{} failures.\n\n{}\n", self.0.len(), lines.join("\n"))
    }

    fn sizes(&self, place: usize, of: impl Fn(&Shrunk) -> &[u64; PARTS.len()]) -> Vec<u64> {
        let mut sizes: Vec<u64> = self.0.iter().map(|one| of(one)[place]).collect();
        sizes.sort_unstable();
        sizes
    }
}

/// The place of the value below which so many of a hundred are.
fn quantile(count: usize, of_hundred: usize) -> usize {
    (count * of_hundred).div_ceil(100).clamp(1, count) - 1
}
