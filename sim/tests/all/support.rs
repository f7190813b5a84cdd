//! Scenarios and designs by name.

use gatesim_model::design::Design;
use gatesim_sim::{
    Options,
    plan::{Plan, scenario::Scenario},
    run,
    run::outcome::Outcome,
};

macro_rules! scenario_text {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../../seeds/scenarios/", $name, ".toml")),
        )
    };
}

/// Every built-in scenario.
pub const SCENARIOS: [(&str, &str); 22] = [
    scenario_text!("auth-outage"),
    scenario_text!("autoscale"),
    scenario_text!("bad-clients"),
    scenario_text!("brownout"),
    scenario_text!("chaos"),
    scenario_text!("cold-start"),
    scenario_text!("duplicate-upgrades"),
    scenario_text!("golden-path"),
    scenario_text!("half-open"),
    scenario_text!("header-strip"),
    scenario_text!("hostile-middlebox"),
    scenario_text!("idle"),
    scenario_text!("lb-reorder"),
    scenario_text!("load"),
    scenario_text!("many-tabs"),
    scenario_text!("partition"),
    scenario_text!("restart"),
    scenario_text!("rolling-deploy"),
    scenario_text!("slow-agent"),
    scenario_text!("slow-reader"),
    scenario_text!("token-refresh"),
    scenario_text!("two-in-one-second"),
];

/// The plan of one seed of a scenario.
pub fn plan(scenario: &str, seed: u64) -> Plan {
    let found = SCENARIOS.iter().find(|(name, _)| *name == scenario);
    let (name, text) = found.unwrap_or_else(|| panic!("no scenario {scenario}"));
    Scenario::parse(name, name, text).unwrap().plan(seed)
}

/// A built-in design, or one with some answers flipped.
pub fn design(name: &str) -> Design {
    Design::resolve(name).unwrap_or_else(|error| panic!("{error}"))
}

/// One run; a panic inside fails the test.
pub fn execute(design_name: &str, plan: &Plan, options: &Options) -> Outcome {
    let outcome = run(&design(design_name), plan, options);
    assert_eq!(
        outcome.panic, None,
        "{}@{design_name}:{}",
        plan.scenario, plan.seed
    );
    outcome
}
