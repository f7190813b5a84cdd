//! Dials of built-in scenarios.

use super::*;
use crate::target::catalog;

fn plan(scenario: &str, seed: u64) -> Plan {
    catalog::scenario(scenario).unwrap().plan(seed)
}

#[test]
fn a_value_that_is_set_is_the_default_and_nothing_else_has_changed() {
    for seed in 0..20 {
        let plan = plan("chaos", seed);
        let dials = non_default(&plan);
        assert!(dials.len() > 20, "{dials:?}");
        assert_eq!(with(&plan, &BTreeMap::new()), plan);
        for dial in &dials {
            let settings = BTreeMap::from([(dial.place, dial.default)]);
            let changed = with(&plan, &settings);
            assert_ne!(changed, plan, "{dial:?}");
            let left = non_default(&changed);
            let still = left.iter().any(|other| other.place == dial.place);
            assert!(!still, "{dial:?} is still there");
            let others = |dials: &[Dial]| -> Vec<usize> {
                let places = dials.iter().map(|other| other.place);
                places.filter(|place| *place != dial.place).collect()
            };
            let gone: Vec<usize> = others(&dials)
                .into_iter()
                .filter(|place| !others(&left).contains(place))
                .collect();
            // The parts of a header plan and the amount of an option go with the whole.
            assert!(gone.len() <= 3, "{dial:?} took {gone:?} with it");
        }
    }
}

#[test]
fn with_everything_turned_down_nothing_differs() {
    for scenario in ["chaos", "golden-path", "header-strip", "hostile-middlebox"] {
        let plan = plan(scenario, 3);
        let settings = non_default(&plan)
            .iter()
            .map(|d| (d.place, d.default))
            .collect();
        let defaults = with(&plan, &settings);
        assert_eq!(non_default(&defaults), [], "{scenario}");
        assert_eq!(defaults.clients.len(), plan.clients.len());
    }
}
