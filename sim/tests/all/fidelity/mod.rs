//! Simulated links against TCP sockets of the operating system: the same scripts over both, and
//! each step has to come to the same.

use std::fmt::Write;

mod script;
mod simulated;
mod system;

use script::{Line, Outcome, Script, Step};

/// How many steps, or scripts, in a thousand may come to something else.
const TOLERANCE_PER_MILLE: usize = 20;

/// How often the operating system is asked.
const ATTEMPTS: u32 = 3;

/// `side.what=outcome` for each step of an end.
fn shown(lines: &[Line], outcomes: &[Outcome]) -> String {
    let words = lines
        .iter()
        .zip(outcomes)
        .filter_map(|(line, outcome)| match line.step {
            Step::End { side, verb } => Some(format!("{side}.{verb}={outcome}")),
            Step::Listen { .. } | Step::Unlisten | Step::Wait => None,
            Step::Partition | Step::PartitionUp | Step::PartitionDown | Step::Repair => None,
        });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether both come to the same. A kernel under load may take its time over a window; what it
/// does not do when asked again, it does not do.
fn system_agrees(lines: &[Line], simulated: &[Outcome]) -> Result<(), Vec<Outcome>> {
    let mut system = Vec::new();
    for _ in 0..ATTEMPTS {
        system = system::play(lines);
        if system == simulated {
            return Ok(());
        }
    }
    Err(system)
}

#[test]
fn links_behave_as_the_sockets_of_the_operating_system() {
    let scripts = script::parse(include_str!("scripts.txt"));
    let (mut table, mut differences) = (String::new(), String::new());
    let (mut steps, mut steps_alike, mut scripts_alike) = (0, 0, 0);
    for Script { name, lines } in &scripts {
        let simulated = simulated::play(lines);
        writeln!(table, "{name:<35} {}", shown(lines, &simulated)).unwrap();
        steps += lines.len();
        match system_agrees(lines, &simulated) {
            Ok(()) => {
                scripts_alike += 1;
                steps_alike += lines.len();
            }
            Err(system) => {
                let same = system.iter().zip(&simulated).filter(|(a, b)| a == b);
                steps_alike += same.count();
                writeln!(differences, "{name:<35} {}", shown(lines, &system)).unwrap();
            }
        }
    }
    let count = scripts.len();
    writeln!(table, "\n{count} scripts, {steps} steps").unwrap();
    insta::assert_snapshot!(table);
    let summary = format!(
        "{scripts_alike} of {count} scripts and {steps_alike} of {steps} steps alike; the system \
         did otherwise in\n{differences}"
    );
    println!("{summary}");
    assert!(count >= 60, "{count} scripts");
    let enough = |alike, all| (all - alike) * 1000 <= all * TOLERANCE_PER_MILLE;
    assert!(
        enough(steps_alike, steps) && enough(scripts_alike, count),
        "{summary}"
    );
}

/// The exceptions: nothing to compare with, so a person has read this snapshot.
#[test]
fn what_only_simulated_links_can_show() {
    let mut table = String::new();
    for Script { name, lines } in script::parse(include_str!("exceptions.txt")) {
        let outcomes = simulated::play(&lines);
        writeln!(table, "{name:<35} {}", shown(&lines, &outcomes)).unwrap();
    }
    insta::assert_snapshot!(table);
}
