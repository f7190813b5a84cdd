//! Every command of the README runs, in the order in which a reader would type them.

use std::{fs, path::Path, process::Command};

use crate::support::Scratch;

const README: &str = include_str!("../../README.md");
const CI: &str = include_str!("../../.ci/run");

/// The contents of the code blocks in this language.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let starts = README.split(fence.as_str()).skip(1);
    starts
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

fn commands() -> Vec<String> {
    let lines = blocks("sh");
    lines
        .iter()
        .flat_map(|block| block.lines().map(str::to_owned))
        .collect()
}

#[test]
fn every_command_of_the_readme_runs() {
    let scratch = Scratch::new("readme");
    let [design] = &blocks("toml")[..] else {
        panic!("one design file in the README")
    };
    fs::write(scratch.path().join("my-design.toml"), design).unwrap();
    let bin = Path::new(env!("CARGO_BIN_EXE_gatesim")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let ours: Vec<String> = commands()
        .into_iter()
        .filter(|command| command.starts_with("gatesim "))
        .collect();
    assert!(ours.len() > 8, "{ours:?}");
    for command in ours {
        let ran = Command::new("sh")
            .args(["-c", &command])
            .env("PATH", &path)
            .current_dir(scratch.path())
            .output()
            .unwrap();
        let complaint = String::from_utf8_lossy(&ran.stderr);
        // 1 is the exit code of a command that shows a failure.
        assert!(
            matches!(ran.status.code(), Some(0 | 1)),
            "{command}: {complaint}"
        );
        assert!(!complaint.contains("error:"), "{command}: {complaint}");
        assert!(!ran.stdout.is_empty(), "{command} printed nothing");
    }
}

#[test]
fn continuous_integration_types_the_other_commands() {
    for command in commands()
        .iter()
        .filter(|command| command.starts_with("cargo "))
    {
        assert!(
            CI.lines().any(|line| line.starts_with(command.as_str())),
            "{command}"
        );
    }
    let known = |command: &String| command.starts_with("cargo ") || command.starts_with("gatesim ");
    assert!(commands().iter().all(known));
}
