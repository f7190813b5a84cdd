//! What is noted of the steps of whole runs, and runs in which two steps change places.

use gatesim_sim::{
    Options,
    run::outcome::Outcome,
    scheduler::{ConstraintEnd, OrderingConstraint, Side},
};

use crate::support::{execute, plan};

fn noting(order: Vec<OrderingConstraint>) -> Options {
    Options {
        trace: true,
        causes: true,
        order,
        ..Options::default()
    }
}

#[test]
fn noting_causes_changes_nothing() {
    for (scenario, design) in [
        ("chaos", "v9"),
        ("restart", "reference"),
        ("lb-reorder", "v2"),
    ] {
        for seed in 0..3 {
            let plan = plan(scenario, seed);
            let plain = Options {
                causes: false,
                ..noting(Vec::new())
            };
            let plain = execute(design, &plan, &plain);
            let noted = execute(design, &plan, &noting(Vec::new()));
            assert_eq!(noted.causes.len(), noted.steps);
            let without = Outcome {
                causes: Default::default(),
                ..noted
            };
            assert_eq!(without, plain);
        }
    }
}

#[test]
fn causes_lie_before_their_steps_and_turns_count() {
    let outcome = execute("v9", &plan("chaos", 1), &noting(Vec::new()));
    let mut taken = vec![0; outcome.causes.sources().len()];
    let mut time = outcome.causes.step(1).unwrap().time;
    for (number, step) in outcome.causes.steps() {
        assert!(u64::from(step.by) < number);
        assert!(step.time >= time);
        time = step.time;
        assert_eq!(step.turn, taken[step.source as usize]);
        taken[step.source as usize] += 1;
    }
    for entry in &outcome.trace {
        let step = outcome.causes.step(entry.step);
        assert!(step.is_none_or(|step| step.time == entry.time));
    }
    let name = outcome.causes.name(1_000).unwrap();
    assert_eq!(outcome.causes.find(&name), Some(1_000));
}

#[test]
fn a_constraint_flips_the_order_of_two_steps_and_nothing_before_them() {
    let plan = plan("golden-path", 0);
    let before = execute("reference", &plan, &noting(Vec::new()));
    let causes = &before.causes;
    let changes_hands = |first: &u64| {
        let [once, next] = [*first, first + 1].map(|number| causes.step(number).unwrap());
        once.source != next.source && u64::from(next.by) != *first
    };
    let first = (200..causes.len()).find(changes_hands).unwrap();
    let second = first + 1;
    let order = vec![OrderingConstraint {
        delayed: causes.name(first).unwrap(),
        awaited: causes.name(second).unwrap(),
        side: Side::After,
    }];
    let after = execute("reference", &plan, &noting(order.clone()));
    assert_eq!(after, execute("reference", &plan, &noting(order)));
    assert_eq!(after.constraints, [ConstraintEnd::Met]);
    let place = |number| after.causes.find(&causes.name(number).unwrap()).unwrap();
    assert!(place(second) < place(first));
    for number in 1..first {
        assert_eq!(causes.step(number), after.causes.step(number));
    }
}
