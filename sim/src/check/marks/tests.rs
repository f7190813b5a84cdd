use std::collections::BTreeMap;

use super::*;
use crate::{Options, plan::scenario::Scenario, run};
use gatesim_model::design::Design;

#[test]
fn names_survive_printing_and_serialisation() {
    for mark in Mark::ALL {
        assert_eq!(mark.to_string().parse(), Ok(*mark));
        let serialised = toml::Value::try_from(mark).unwrap();
        assert_eq!(serialised.as_str(), Some(mark.name()));
    }
    let error = "never".parse::<Mark>().unwrap_err().to_string();
    assert!(error.starts_with("unknown mark `never`"));
}

#[test]
fn the_list_of_marks() {
    let lines: Vec<String> = Mark::ALL
        .iter()
        .map(|mark| format!("{mark:<36} {}", mark.statement()))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_set_holds_what_was_set() {
    let mut marks = Marks::default();
    assert_eq!(marks.iter().count(), 0);
    marks.set(Mark::WelcomedAfterHealing);
    marks.set(Mark::UpgradeOvertook);
    marks.set(Mark::UpgradeOvertook);
    let names: Vec<Mark> = marks.iter().collect();
    assert_eq!(names, [Mark::UpgradeOvertook, Mark::WelcomedAfterHealing]);
    assert!(!marks.has(Mark::ClockSet));
}

fn floors(text: &str) -> Result<Floors, toml::de::Error> {
    toml::from_str(text)
}

#[test]
fn a_floor_is_met_missed_or_not_judged_yet() {
    let floors = floors("upgrade-overtook = 10\nclock-set = 1000").unwrap();
    let missed = |runs, overtook, set| {
        let reached = BTreeMap::from([(Mark::UpgradeOvertook, overtook), (Mark::ClockSet, set)]);
        let missed = MissedFloor::among(&floors, runs, &reached);
        missed.iter().map(|one| one.mark).collect::<Vec<_>>()
    };
    assert_eq!(missed(1_000, 10, 1_000), []);
    assert_eq!(missed(1_000, 9, 1_000), [Mark::UpgradeOvertook]);
    assert_eq!(missed(1_000, 10, 999), [Mark::ClockSet]);
    // Ten in a thousand: five are due after five hundred runs, and nothing is said before.
    assert_eq!(missed(499, 0, 499), []);
    assert_eq!(missed(500, 0, 500), [Mark::UpgradeOvertook]);
    assert_eq!(missed(4, 0, 0), []);
    let nothing = MissedFloor::among(&floors, 5, &BTreeMap::new());
    assert_eq!(nothing.len(), 1);
    assert_eq!((nothing[0].reached, nothing[0].runs), (0, 5));
}

#[test]
fn floors_name_marks_and_shares() {
    for bad in ["no-such-mark = 1", "clock-set = 0", "clock-set = 1001"] {
        assert!(floors(bad).is_err(), "{bad}");
    }
}

/// Which marks some seeds of a scenario have under the reference.
fn reached(text: &str, seeds: u64) -> Marks {
    let scenario = Scenario::parse("marks", "marks.toml", text).unwrap();
    let design = Design::builtin("reference").unwrap();
    let mut all = Marks::default();
    for seed in 0..seeds {
        let outcome = run(&design, &scenario.plan(seed), &Options::default());
        outcome.marks.iter().for_each(|mark| all.set(mark));
    }
    all
}

#[test]
fn whole_runs_reach_what_they_were_written_for() {
    let chaos = reached(include_str!("../../../../seeds/scenarios/chaos.toml"), 60);
    for mark in [
        Mark::BreakerOpened,
        Mark::MessageRefused,
        Mark::RegistryFull,
        Mark::ContainerReplacedDuringSetup,
        Mark::ServiceLostDuringSetup,
        Mark::WelcomedAfterHealing,
    ] {
        assert!(
            chaos.has(mark),
            "{mark}: {:?}",
            chaos.iter().collect::<Vec<_>>()
        );
    }
    let reorder = reached(
        include_str!("../../../../seeds/scenarios/lb-reorder.toml"),
        20,
    );
    for mark in [Mark::UpgradeOvertook, Mark::RunOutlivedConnection] {
        assert!(reorder.has(mark), "{mark}");
    }
    let golden = reached(
        include_str!("../../../../seeds/scenarios/golden-path.toml"),
        20,
    );
    for mark in [Mark::BreakerOpened, Mark::ReplayedAfterReconnect] {
        assert!(!golden.has(mark), "{mark}");
    }
}
