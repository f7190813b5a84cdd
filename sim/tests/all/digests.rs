//! The same run gives the same digest, regardless of what happens around it and what is asked of it.

use std::{fmt::Write, sync::Mutex, thread};

use gatesim_sim::{Options, run::outcome::Digest};

use crate::support::{execute, plan};

const DESIGNS: [&str; 4] = ["v2", "v4", "v9", "reference"];
const RUNS: [(&str, u64); 3] = [("golden-path", 1), ("restart", 2), ("chaos", 3)];

/// Every run that these tests compare: scenario, seed, design.
fn runs() -> impl Iterator<Item = (&'static str, u64, &'static str)> {
    RUNS.into_iter()
        .flat_map(|(scenario, seed)| DESIGNS.map(|design| (scenario, seed, design)))
}

fn digest((scenario, seed, design): (&str, u64, &str)) -> Digest {
    execute(design, &plan(scenario, seed), &Options::default()).digest
}

#[test]
fn alone_again_and_as_the_tenth_on_one_thread() {
    for run in runs() {
        let alone = digest(run);
        let tenth = thread::scope(|scope| {
            let sweep = scope.spawn(|| {
                for seed in 100..109 {
                    digest(("golden-path", seed, "v9"));
                }
                digest(run)
            });
            sweep.join().unwrap()
        });
        assert_eq!(alone, tenth, "{run:?} as the tenth");
        assert_eq!(alone, digest(run), "{run:?} again");
    }
}

#[test]
fn with_one_job_and_with_two() {
    let one: Vec<_> = runs().map(|run| (run, digest(run))).collect();
    let queue = Mutex::new(runs());
    let two = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next = queue.lock().unwrap().next();
            let Some(run) = next else { return };
            let digest = digest(run);
            two.lock().unwrap().push((run, digest));
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let mut one = one;
    let mut two = two.into_inner().unwrap();
    one.sort_unstable();
    two.sort_unstable();
    assert_eq!(one, two);
}

#[test]
fn the_options_of_the_run_do_not_change_it() {
    for run in runs() {
        let (scenario, seed, design) = run;
        let expected = digest(run);
        for (invariants, trace, record) in [
            (false, false, false),
            (false, true, true),
            (true, true, false),
            (true, false, true),
        ] {
            let options = Options {
                invariants,
                trace,
                record,
                ..Options::default()
            };
            let outcome = execute(design, &plan(scenario, seed), &options);
            assert_eq!(outcome.digest, expected, "{run:?} with {options:?}");
            assert_eq!(outcome.trace.is_empty(), !trace);
            assert_eq!(outcome.choices.is_empty(), !record);
        }
    }
}

#[test]
fn stopping_at_the_first_violation_gives_the_beginning_of_the_same_trace() {
    for run @ (scenario, seed, design) in runs() {
        let execute = |stop_at_first| {
            let options = Options {
                trace: true,
                stop_at_first,
                ..Options::default()
            };
            execute(design, &plan(scenario, seed), &options)
        };
        let (whole, stopped) = (execute(false), execute(true));
        let violated = stopped.violations.first();
        assert_eq!(violated, whole.violations.first(), "{run:?}");
        // The last entry of a trace says why the run ended.
        let same = stopped.trace.len() - 1;
        assert_eq!(stopped.trace[..same], whole.trace[..same], "{run:?}");
    }
}

#[test]
fn other_seeds_and_designs_give_other_digests() {
    let mut digests: Vec<Digest> = runs().map(digest).collect();
    digests.extend((10..20).map(|seed| digest(("golden-path", seed, "reference"))));
    let count = digests.len();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), count);
}

/// The same in every build and on every machine: if this changes, what existing seeds do has
/// changed, and the change log must say so under seed-breaking.
#[test]
fn known_digests() {
    let mut table = String::new();
    for (scenario, seed, design) in runs() {
        let name = format!("{scenario}@{design}:{seed}");
        let digest = digest((scenario, seed, design));
        writeln!(table, "{name:<24} {digest}").unwrap();
    }
    insta::assert_snapshot!(table);
}
