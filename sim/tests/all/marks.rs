//! Whole runs reach the rare states that their scenarios were written for.

use gatesim_model::design::Design;
use gatesim_sim::{
    Options,
    check::marks::{Mark, Marks},
    plan::scenario::Scenario,
    run,
};

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
    let chaos = reached(include_str!("../../../seeds/scenarios/chaos.toml"), 60);
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
    let reorder = reached(include_str!("../../../seeds/scenarios/lb-reorder.toml"), 20);
    for mark in [Mark::UpgradeOvertook, Mark::RunOutlivedConnection] {
        assert!(reorder.has(mark), "{mark}");
    }
    let golden = reached(
        include_str!("../../../seeds/scenarios/golden-path.toml"),
        20,
    );
    for mark in [Mark::BreakerOpened, Mark::ReplayedAfterReconnect] {
        assert!(!golden.has(mark), "{mark}");
    }
}
