//! Choices by key, seen in whole runs: an edit of the plan leaves the other choices where they
//! were, and a record replays the run it was taken from.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_sim::{
    Options,
    plan::Plan,
    run::outcome::Outcome,
    scheduler::choices::{Base, Record, RecordDivergence},
};

use crate::support::{execute, plan};

fn recorded(plan: &Plan) -> Outcome {
    let options = Options {
        record: true,
        trace: true,
        ..Options::default()
    };
    execute("reference", plan, &options)
}

fn replayed(plan: &Plan, record: &Record) -> Outcome {
    let options = Options {
        replay: Some(record.clone()),
        ..Options::default()
    };
    execute("reference", plan, &options)
}

/// Key, ordinal and value of every choice.
fn choices(record: &Record) -> BTreeMap<(String, u64), u64> {
    let lines = BTreeMap::<String, String>::from(record.clone());
    let pair = |pair: &str| -> (u64, u64) {
        let (ordinal, value) = pair.split_once(':').unwrap();
        (ordinal.parse().unwrap(), value.parse().unwrap())
    };
    lines
        .iter()
        .flat_map(|(key, line)| {
            line.split(' ')
                .map(pair)
                .map(move |(ordinal, value)| ((key.clone(), ordinal), value))
        })
        .collect()
}

/// The entity whose choice it is.
fn entity(key: &str) -> &str {
    key.split('/').next().unwrap()
}

/// The choices that both runs made have the same values; gives how many there were.
///
/// Where the balancer sends an upgrade is left out: it chooses among the containers that are in
/// service, and a fault changes which these are.
fn assert_agreement(once: &Record, again: &Record) -> usize {
    let (once, again) = (choices(once), choices(again));
    let mut common = 0;
    for (choice @ (key, _), value) in &once {
        if key.contains("/route/") {
            continue;
        }
        if let Some(other) = again.get(choice) {
            assert_eq!(value, other, "{choice:?}");
            common += 1;
        }
    }
    common
}

#[test]
fn without_its_last_fault_a_run_makes_the_same_choices() {
    let mut compared = 0;
    for seed in 0..12 {
        let whole = plan("chaos", seed);
        let mut edited = whole.clone();
        if edited.faults.pop().is_none() {
            continue;
        }
        let (whole, edited) = (recorded(&whole), recorded(&edited));
        let common = assert_agreement(&whole.choices, &edited.choices);
        assert!(common > 50, "seed {seed}: only {common} in common");
        compared += 1;
    }
    assert!(compared >= 6, "only {compared} plans have a fault");
}

/// Stronger than agreement: what all others choose is the same set of choices, because here
/// nothing that one client does concerns another. Only ties are left out: there are fewer.
#[test]
fn without_its_last_client_a_run_makes_the_same_choices_for_the_others() {
    let mut compared = 0;
    for seed in 0..40 {
        let whole = plan("golden-path", seed);
        let mut edited = whole.clone();
        let last = edited.clients.pop().unwrap();
        if edited.clients.is_empty() || edited.clients.iter().any(|c| c.user == last.user) {
            continue;
        }
        let number = edited.clients.len();
        let (whole, edited) = (recorded(&whole), recorded(&edited));
        assert_agreement(&whole.choices, &edited.choices);
        let of_the_others = |outcome: &Outcome| -> BTreeSet<String> {
            let (client, sockets) = (format!("client{number}"), format!("c{number}#"));
            let removed = |key: &str| entity(key) == client || entity(key).starts_with(&sockets);
            choices(&outcome.choices)
                .into_keys()
                .filter(|(key, _)| !removed(key))
                .filter(|(key, _)| !key.contains("/turn/") && !key.contains("/delivery/"))
                .map(|(key, ordinal)| format!("{key}:{ordinal}"))
                .collect()
        };
        assert_eq!(of_the_others(&whole), of_the_others(&edited), "seed {seed}");
        compared += 1;
    }
    assert!(compared >= 5, "only {compared} plans are fit for this");
}

#[test]
fn a_record_replays_its_run() {
    for (scenario, seed) in [("golden-path", 1), ("restart", 2), ("chaos", 3)] {
        let plan = plan(scenario, seed);
        let original = recorded(&plan);
        let again = replayed(&plan, &original.choices);
        assert_eq!(again.digest, original.digest, "{scenario}");
        assert_eq!(again.divergence, RecordDivergence::default(), "{scenario}");

        let other_seed = Plan {
            seed: seed + 1_000,
            ..plan
        };
        let again = replayed(&other_seed, &original.choices);
        assert_eq!(again.digest, original.digest, "{scenario}, another seed");
        assert_eq!(
            again.divergence,
            RecordDivergence::default(),
            "{scenario}, another seed"
        );
        assert_ne!(recorded(&other_seed).digest, original.digest, "{scenario}");
    }
}

#[test]
fn an_edited_record_changes_what_it_says() {
    let plan = plan("golden-path", 1);
    let original = recorded(&plan);
    let range = plan.balancer.upgrade_hold_us;
    let key = "c0#1/upgrade-delay/0";
    let mut listed = original.choices.listed();
    let (_, _, held) = listed.find(|one| (one.0, one.1) == (key, 0)).unwrap();
    let opened = |outcome: &Outcome| {
        use gatesim_sim::trace::event::{Fact, WorldEvent};
        let routed = outcome.trace.iter().find(|entry| {
            matches!(entry.fact, Fact::World(WorldEvent::UpgradeRouted { socket, .. })
                if socket.peer == 0)
        });
        routed.unwrap().time
    };
    for longer_us in [1, (range.most.get() - held).min(50)] {
        let mut edited = original.choices.clone();
        edited.note(key, 0, held + longer_us);
        let options = Options {
            trace: true,
            replay: Some(edited),
            ..Options::default()
        };
        let outcome = execute("reference", &plan, &options);
        assert_ne!(outcome.digest, original.digest);
        let later = opened(&outcome).since(opened(&original));
        assert_eq!(later.as_micros(), u128::from(longer_us));
    }
}

#[test]
fn a_record_that_lacks_a_key_counts_what_it_lacks() {
    let plan = plan("golden-path", 1);
    let original = recorded(&plan);
    let mut lines = BTreeMap::<String, String>::from(original.choices.clone());
    let line = lines.remove("c0#1/upgrade-delay/0").unwrap();
    let missing = line.split(' ').count() as u64;
    let again = replayed(&plan, &Record::try_from(lines).unwrap());
    let unused = 0;
    assert_eq!(again.divergence, RecordDivergence { missing, unused });
    assert_eq!(again.digest, original.digest, "the seed fills the gap");

    let again = replayed(&plan, &Record::default());
    assert_eq!(again.divergence.missing, original.choices.len() as u64);
    assert_eq!(again.digest, original.digest);
}

/// A plan from whose middle something was removed has numbers, so what is left keeps its name.
#[test]
fn without_its_first_client_and_its_first_fault_a_run_makes_the_same_choices() {
    let mut compared = 0;
    for seed in 0..12 {
        let whole = plan("chaos", seed);
        let mut edited = whole.clone();
        if edited.faults.len() < 2 || edited.clients.len() < 2 || edited.containers.len() < 2 {
            continue;
        }
        edited.retain_faults(|fault| fault != 0);
        edited.retain_clients(|client| client != 0);
        let (whole, fewer) = (recorded(&whole), recorded(&edited));
        let common = assert_agreement(&whole.choices, &fewer.choices);
        assert!(common > 50, "seed {seed}: only {common} in common");

        // Upgrades go elsewhere now, so values are drawn from other ranges.
        edited.retain_containers(|container| container != 0);
        // The one that is left may be one that a fault scales in: that is no plan.
        if edited.check().is_err() {
            continue;
        }
        let text = toml::to_string(&edited).unwrap();
        assert_eq!(toml::from_str::<Plan>(&text).unwrap(), edited);
        let edited = recorded(&edited);
        let gone = |key: &str| matches!(entity(key), "client0" | "container0");
        let left: Vec<_> = choices(&edited.choices)
            .into_keys()
            .filter(|(key, _)| gone(key) || entity(key).starts_with("c0#"))
            .collect();
        assert_eq!(left, [], "seed {seed}");
        compared += 1;
    }
    assert!(compared >= 4, "only {compared} plans are fit for this");
}

/// With everything listed nothing is left for the base to say; with nothing listed everything is
/// default: no tie is broken and every latency is the least.
#[test]
fn a_record_of_everything_replays_its_run_on_the_default_base() {
    for (scenario, seed) in [("golden-path", 1), ("restart", 2), ("chaos", 3)] {
        let plan = plan(scenario, seed);
        let original = recorded(&plan);
        let again = replayed(&plan, &original.choices.clone().rebased(Base::Default));
        assert_eq!(again.digest, original.digest, "{scenario}");
        assert_eq!(again.divergence, RecordDivergence::default(), "{scenario}");

        let options = Options {
            record: true,
            replay: Some(Record::on(Base::Default)),
            ..Options::default()
        };
        let defaults = execute("reference", &plan, &options);
        assert_eq!(
            defaults.divergence,
            RecordDivergence::default(),
            "{scenario}"
        );
        for ((key, _), value) in choices(&defaults.choices) {
            let tie = key.contains("/turn/") || key.contains("/delivery/");
            assert!(!tie || value == 0, "{scenario}: {key} {value}");
        }
    }
}
