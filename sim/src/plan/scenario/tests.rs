//! What seeds make of scenarios.

use std::collections::BTreeMap;

use super::*;
use crate::plan::{FaultKind, Victim};

const SEEDS: u64 = 400;

fn scenario(name: &str) -> Scenario {
    let text = match name {
        "chaos" => include_str!("../../../../seeds/scenarios/chaos.toml"),
        "autoscale" => include_str!("../../../../seeds/scenarios/autoscale.toml"),
        _ => unreachable!("no such scenario here"),
    };
    Scenario::parse(name, name, text).unwrap()
}

/// The name of a fault's kind, as a plan has it.
fn kind(fault: &FaultPlan) -> String {
    let value = toml::Value::try_from(fault).unwrap();
    value["kind"].as_str().unwrap().to_owned()
}

#[test]
fn a_swarm_leaves_out_whole_kinds_and_overdoes_others() {
    let scenario = scenario("chaos");
    let mut most: BTreeMap<&str, u64> = BTreeMap::new();
    let mut absent: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..SEEDS {
        let faults: Vec<String> = scenario.plan(seed).faults.iter().map(kind).collect();
        for fault in &scenario.faults {
            let count = faults.iter().filter(|kind| **kind == fault.name()).count() as u64;
            let most = most.entry(fault.name()).or_default();
            *most = count.max(*most);
            *absent.entry(fault.name()).or_default() += u64::from(count == 0);
        }
    }
    for (kind, most) in most {
        assert!(most >= 2, "{kind} happens at most {most} times");
        assert!(absent[kind] >= SEEDS * 3 / 10, "{kind} {}", absent[kind]);
    }
}

#[test]
fn nothing_goes_wrong_after_the_healing_and_the_first_container_remains() {
    for name in ["chaos", "autoscale"] {
        let scenario = scenario(name);
        for seed in 0..200 {
            let plan = scenario.plan(seed);
            let heal = plan.heal_at_ms.unwrap();
            for fault in &plan.faults {
                assert!(fault.at_ms < heal, "{name} {seed}");
                if let FaultKind::ScaleIn { container, .. } = fault.kind {
                    assert_ne!(container, 0);
                }
                match fault.kind.victim() {
                    Victim::Container(n) => assert!((n as usize) < plan.containers.len()),
                    Victim::Client(n) => assert!((n as usize) < plan.clients.len()),
                    Victim::Fleet | Victim::Service(_) => {}
                }
            }
        }
    }
}

#[test]
fn a_plan_survives_its_file_form() {
    let scenario = scenario("chaos");
    for seed in 0..100 {
        let plan = scenario.plan(seed);
        let text = toml::to_string(&plan).unwrap();
        assert_eq!(toml::from_str::<Plan>(&text).unwrap(), plan, "seed {seed}");
    }
}

#[test]
fn a_fault_that_cannot_be_is_refused_with_its_place() {
    let mut plan = scenario("autoscale").plan(1);
    let mut complaint = |kind, at_ms| {
        plan.faults = vec![FaultPlan::new(kind, Millis::new(at_ms))].into();
        let text = toml::to_string(&plan).unwrap();
        let error = toml::from_str::<Plan>(&text).unwrap_err();
        error.message().to_owned()
    };
    let smallest = FaultKind::ScaleIn {
        container: 0,
        grace_ms: Millis::new(1),
    };
    assert_eq!(
        complaint(smallest, 1),
        "fault 1 of 1 scales in container 0, which must remain"
    );
    assert_eq!(
        complaint(FaultKind::Reset { client: 0 }, 80_000),
        "fault 1 of 1 begins after the world is healed"
    );
    let unknown = complaint(FaultKind::Reset { client: 77 }, 1);
    assert!(
        unknown.starts_with("fault 1 of 1 names client 77; clients are 0 to "),
        "{unknown}"
    );
}

#[test]
fn a_fault_without_a_field_or_with_a_strange_one_is_refused() {
    let text = include_str!("../../../../seeds/scenarios/autoscale.toml");
    for (fields, expected) in [
        (
            "kind = \"stall\"\nhappens_per_mille = 1",
            "missing field `for_ms`",
        ),
        (
            "kind = \"reset\"\nhappens_per_mille = 1\nfor_ms = [1, 1]",
            "unknown field `for_ms`",
        ),
        (
            "kind = \"reset\"\nhappens_per_mille = 1001",
            "1001 is out of bounds",
        ),
        (
            "kind = \"rest\"\nhappens_per_mille = 1",
            "unknown variant `rest`",
        ),
    ] {
        let text = format!("{text}\n[[faults]]\nat_ms = [1, 1]\n{fields}\n");
        let complaint = Scenario::parse("x", "x", &text).unwrap_err().message;
        assert!(complaint.contains(expected), "{fields}: {complaint}");
    }
}

/// The whole file again, with something instead of its faults.
fn autoscale_with(containers: &str, faults: &str) -> Result<Scenario, ConfigError> {
    let text = include_str!("../../../../seeds/scenarios/autoscale.toml");
    let (before, after) = text.split_once("\n[[faults]]").unwrap();
    let floors = after.find("[floors]").map_or("", |at| &after[at..]);
    let mut before = before.replace("count = [1, 2]", containers);
    if containers == "count = [1, 1]" {
        let scale_out = before.find("scale_out").unwrap();
        let end = scale_out + before[scale_out..].find('\n').unwrap();
        before.replace_range(scale_out..end, "");
    }
    Scenario::parse("x", "x.toml", &format!("{before}\n{faults}\n{floors}"))
}

const RESET: &str = "[[faults]]\nkind = \"reset\"\nhappens_per_mille = 1000\nat_ms = [1, 1]";

#[test]
fn a_fault_that_no_seed_can_have_is_refused_with_line_and_way_out() {
    let fault = |fields: &str| format!("{RESET}\n\n[[faults]]\nhappens_per_mille = 500\n{fields}");
    for (containers, fields, expected) in [
        (
            "count = [1, 2]",
            "kind = \"reset\"\nat_ms = [30_000, 40_000]",
            "`reset`, never happens: it begins at 30s at the earliest, and every fault is over at 30s \
             at the latest; a least `at_ms` below 30000 is allowed",
        ),
        (
            "count = [1, 1]",
            "kind = \"scale-in\"\nat_ms = [1, 1]\ngrace_ms = [1, 1]",
            "`scale-in`, never happens: it needs a container besides the first",
        ),
        (
            "count = [1, 2]",
            "kind = \"stall\"\nat_ms = [1, 1]\nfor_ms = [0, 0]",
            "`stall`, never happens: `for_ms` is so small",
        ),
        (
            "count = [1, 2]",
            "kind = \"service-slow\"\nat_ms = [1, 1]\nservice = { auth = 1 }\nfactor = [1, 1]\n\
             for_ms = [9, 9]",
            "`service-slow`, never happens: `factor` is so small",
        ),
    ] {
        let error = autoscale_with(containers, &fault(fields)).unwrap_err();
        let message = format!("fault 2 of 2, {expected}");
        assert!(error.message.starts_with(&message), "{error}");
        let reset = autoscale_with(containers, RESET);
        assert!(reset.is_ok(), "{reset:?}");
        let good = include_str!("../../../../seeds/scenarios/autoscale.toml");
        let faults_begin = good.lines().position(|line| line == "[[faults]]").unwrap();
        assert!(error.line > faults_begin, "{error}");
    }
    let never = autoscale_with("count = [1, 2]", &RESET.replace("1000", "0")).unwrap_err();
    assert!(never.message.contains("1 to 1000 is allowed"), "{never}");
}

#[test]
fn what_some_seeds_cannot_have_is_left_out_with_its_reason() {
    let late = RESET.replace("[1, 1]", "[0, 60_000]");
    let alone = "[[faults]]\nkind = \"scale-in\"\nhappens_per_mille = 1000\nat_ms = [1, 1]\n\
                 grace_ms = [1, 1]";
    let scenario = autoscale_with("count = [1, 2]", &format!("{late}\n{alone}")).unwrap();
    assert_eq!(scenario.fault_names(), ["reset", "scale-in"]);
    let mut reasons: BTreeMap<(usize, DropReason), u32> = BTreeMap::new();
    for seed in 0..100 {
        let drawn = scenario.draw(seed);
        assert_eq!(drawn.plan.faults.len(), drawn.tables.len());
        assert_eq!(drawn.plan.faults.len() + drawn.dropped.len(), 2, "{seed}");
        for dropped in drawn.dropped {
            *reasons.entry((dropped.table, dropped.reason)).or_default() += 1;
        }
    }
    assert!(reasons[&(0, DropReason::AfterHealing)] > 10, "{reasons:?}");
    assert!(reasons.keys().all(|(table, reason)| match table {
        0 => *reason == DropReason::AfterHealing,
        _ => *reason == DropReason::OneContainer,
    }));
}
