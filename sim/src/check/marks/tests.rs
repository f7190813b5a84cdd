use std::collections::BTreeMap;

use super::*;

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
