//! Incidents that were reported of other gateways, as scenarios (`seeds/field`): the behaviour of the report is found
//! and named by the right invariant or limit, and the reference holds.

use crate::support::gatesim;

/// A reported behaviour: the scenario, the answers that switch it on, and what names it.
struct Case {
    scenario: &'static str,
    flips: &'static str,
    named: &'static str,
    seeds: &'static str,
}

const fn case(
    scenario: &'static str,
    flips: &'static str,
    named: &'static str,
    seeds: &'static str,
) -> Case {
    Case {
        scenario,
        flips,
        named,
        seeds,
    }
}

const CASES: &[Case] = &[
    case(
        "c01-stop-during-accept",
        "stop-in-setup=step-failed",
        "close-tells-the-truth",
        "200",
    ),
    case(
        "c01-stop-during-accept",
        "transport-owner=any-task",
        "transport-discipline",
        "100",
    ),
    case(
        "c02-silent-1006",
        "shutdown=ignored",
        "close-tells-the-truth",
        "20",
    ),
    case(
        "c05-drop-at-deregistration",
        "undelivered-events=stored-and-replayed",
        "no-client-message-lost",
        "20",
    ),
    case(
        "c05-drop-at-deregistration",
        "client-resend=never",
        "no-client-message-lost",
        "20",
    ),
    case(
        "c09-slow-link",
        "heartbeat-sign=pong",
        "dead-peers-are-noticed",
        "60",
    ),
    case(
        "c11-stale-twin",
        "event-target=newest-connection",
        "users-isolated",
        "20",
    ),
    case("c11-stale-twin", "manager-key=client-id", "ids-agree", "5"),
    case(
        "c12-resume-elsewhere",
        "undelivered-events=stored-and-replayed",
        "no-client-message-lost",
        "20",
    ),
    case(
        "c12-resume-elsewhere",
        "message-ledger=per-container",
        "no-client-message-lost",
        "20",
    ),
    case(
        "c12-resume-elsewhere",
        "undelivered-events=kept-twice",
        "events-in-order",
        "20",
    ),
    case(
        "c13-late-retry",
        "late-repetition=executed",
        "no-client-message-lost",
        "10",
    ),
    case(
        "c18-dependency-cascade",
        "auth-failure-code=internal-error",
        "close-tells-the-truth",
        "5",
    ),
    case(
        "c18-dependency-cascade",
        "client-close-codes=only-policy-violation+client-backoff-reset=on-open",
        "clients-do-not-storm",
        "5",
    ),
];

fn file(scenario: &str) -> String {
    format!("seeds/field/{scenario}.toml")
}

#[test]
fn what_was_reported_is_found_and_named() {
    for case in CASES {
        let design = format!("reference+{}", case.flips);
        let file = file(case.scenario);
        let args = ["sweep", &file, "--design", &design, "--seeds", case.seeds];
        let ran = gatesim(&args);
        assert_eq!(ran.code, 1, "{file} {design}: {}", ran.stdout);
        assert!(
            ran.stdout.contains(case.named),
            "{file} {design}: {}",
            ran.stdout
        );
    }
}

#[test]
fn the_reference_holds_in_every_field_case() {
    let mut files: Vec<_> = std::fs::read_dir("seeds/field")
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect();
    files.sort();
    assert!(files.len() > 10, "{files:?}");
    for file in files {
        let ran = gatesim(&["sweep", &file, "--seeds", "20"]);
        assert!(
            ran.stdout.contains("20 runs, all held"),
            "{file}: {}",
            ran.stdout
        );
    }
}
