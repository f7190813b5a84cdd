//! Asking only the rules concerned finds what asking all of them finds.

use gatesim_model::design::Design;

use super::{Options, run};
use crate::{
    check::{
        Violation,
        invariants::{Checker, Limits},
    },
    plan::scenario::Scenario,
    trace::event::{Fact, FinishReason, TraceEvent, WorldEvent},
};

const CHAOS: &str = include_str!("../../../seeds/scenarios/chaos.toml");
const REORDER: &str = include_str!("../../../seeds/scenarios/lb-reorder.toml");

#[test]
fn subjects_make_no_difference() {
    let options = Options {
        trace: true,
        invariants: false,
        ..Options::default()
    };
    let mut broken = 0;
    for text in [CHAOS, REORDER] {
        let scenario = Scenario::parse("subjects", "subjects.toml", text).unwrap();
        for name in Design::builtin_names() {
            let design = Design::builtin(name).unwrap();
            for seed in 0..12 {
                let plan = scenario.plan(seed);
                let trace = run(&design, &plan, &options).trace;
                let judge = |mut checker: Checker| -> Vec<Violation> {
                    trace.iter().for_each(|entry| checker.observe(entry));
                    let last = trace.last().unwrap();
                    checker.finish(last.time, reason(last));
                    checker.violations().to_vec()
                };
                let limits = Limits::of(&plan);
                let found = judge(Checker::new(&limits));
                assert_eq!(
                    found,
                    judge(Checker::asking_all(&limits)),
                    "{name}, seed {seed}"
                );
                broken += found.len();
            }
        }
    }
    assert!(broken > 500, "{broken} violations are too few to compare");
}

/// Why a run ended, which its last event says.
fn reason(last: &TraceEvent) -> FinishReason {
    match &last.fact {
        Fact::World(WorldEvent::Finished { reason }) => *reason,
        other => panic!("a trace ends with {other:?}"),
    }
}
