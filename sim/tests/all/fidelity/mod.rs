//! Simulated links against TCP sockets of the operating system: the same scripts over both, and
//! each step has to come to the same.

use std::fmt::Write;

mod script;
mod simulated;
mod system;

use script::{Line, Outcome, Script, Step};

/// How many steps in a thousand may come to something else.
const TOLERANCE_PER_MILLE: usize = 20;

/// `who.what=outcome` for each step of an end.
fn shown(lines: &[Line], outcomes: &[Outcome]) -> String {
    let words = lines
        .iter()
        .zip(outcomes)
        .filter_map(|(line, outcome)| match line.step {
            Step::End { side, verb } => Some(format!("{side}.{verb}={outcome}")),
            Step::Listen { .. } | Step::Unlisten | Step::Wait => None,
            Step::Cut | Step::CutUp | Step::CutDown | Step::Mend => None,
        });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn links_behave_as_the_sockets_of_the_operating_system() {
    let scripts = script::parse(include_str!("scripts.txt"));
    let (mut table, mut alike, mut steps) = (String::new(), 0, 0);
    let mut alike_throughout = 0;
    for Script { name, lines } in &scripts {
        let (system, simulated) = (system::play(lines), simulated::play(lines));
        let same = system.iter().zip(&simulated).filter(|(a, b)| a == b);
        let same = same.count();
        alike += same;
        steps += lines.len();
        alike_throughout += usize::from(same == lines.len());
        writeln!(table, "{name:<35} {}", shown(lines, &system)).unwrap();
        if same < lines.len() {
            let links = shown(lines, &simulated);
            writeln!(table, "{:<35} {links}", "  but simulated").unwrap();
        }
    }
    let count = scripts.len();
    writeln!(
        table,
        "\n{alike_throughout} of {count} scripts and {alike} of {steps} steps alike"
    )
    .unwrap();
    insta::assert_snapshot!(table);
    assert!(count >= 60, "{count} scripts");
    assert!((steps - alike) * 1000 <= steps * TOLERANCE_PER_MILLE);
    assert!((count - alike_throughout) * 1000 <= count * TOLERANCE_PER_MILLE);
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
