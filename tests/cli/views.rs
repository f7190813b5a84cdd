//! The views of `gatesim replay`: parts, points, states, changes, steps, the log of the gateway.

use crate::support::{Ran, gatesim, gatesim_told};

/// S4: refused, refused, ten polls, and an end that says nothing.
const RUN: &str = "golden-path@v2:12";

fn replay(args: &[&str]) -> Ran {
    let ran = gatesim(&[&["replay", RUN], args].concat());
    assert_eq!((ran.code, &*ran.stderr), (1, ""), "{args:?}");
    ran
}

/// The part of an output above the result, which changes with every change of the run.
fn above_verdict(ran: &Ran) -> &str {
    let (shown, _) = ran.stdout.split_once("\n\n").expect("a verdict");
    shown
}

#[test]
fn a_list_around_the_violation() {
    let ran = replay(&["--around", "setup-ends-in-time=6"]);
    insta::assert_snapshot!("list around", above_verdict(&ran));
    let two = replay(&["--around", "violation=200ms", "--only", "client0,balancer"]);
    insta::assert_snapshot!("list of parts", above_verdict(&two));
}

#[test]
fn lanes_on_a_wide_terminal() {
    let lanes = ["--around", "setup-ends-in-time=12", "--layout", "lanes"];
    let wide = replay(&[&lanes[..], &["--width", "200"]].concat());
    insta::assert_snapshot!("lanes of actors", above_verdict(&wide));
    let narrower = replay(&[&lanes[..], &["--width", "120"]].concat());
    insta::assert_snapshot!("lanes of kinds", above_verdict(&narrower));
    for line in above_verdict(&narrower).lines() {
        assert!(
            line.chars().count() <= 120 || line.starts_with(">>>>>>"),
            "{line}"
        );
    }
    let args = ["replay", RUN, "--layout", "lanes", "--width", "60"];
    insta::assert_snapshot!("too narrow", gatesim(&args).complaint());
}

#[test]
fn only_a_connection() {
    let ran = replay(&["--only", "c0#1", "--until", "3.25s"]);
    assert!(ran.stdout.contains("HELD SO FAR") || ran.stdout.contains("FAILURE"));
    let shown = above_verdict(&ran);
    assert!(shown.lines().count() > 20, "{shown}");
    for line in shown.lines().skip(1).filter(|l| !l.starts_with(">>>>>>")) {
        let concerns = line.contains("c0#1") || line.contains("machine ws_");
        // What concerns all.
        let of_the_run = line.contains("run over") || line.contains("every fault is over");
        assert!(concerns || of_the_run, "{line}");
    }
    // In every spelling.
    let written = |part: &str| replay(&["--only", part, "--until", "3.25s"]).stdout;
    assert_eq!(written("c0"), written("conn 0"));
}

#[test]
fn parts_and_points_that_do_not_occur() {
    for (label, args) in [
        ("unknown part", &["--only", "pod1"][..]),
        ("part that does not occur", &["--only", "container7"]),
        ("unknown moment", &["--until", "soon"]),
        (
            "event beyond the end",
            &["--show", "all", "--until", "#99999"],
        ),
        ("invariant that held", &["--around", "users-isolated"]),
        ("reach that is none", &["--around", "violation=far"]),
    ] {
        let ran = gatesim(&[&["replay", RUN], args].concat());
        insta::assert_snapshot!(label, ran.complaint());
    }
}

#[test]
fn the_state_at_a_point() {
    let ran = replay(&["--until", "setup-ends-in-time", "--show", "container-0"]);
    insta::assert_snapshot!("state of a container", ran.stdout);
    let ran = replay(&["--until", "3.2s", "--show", "c0"]);
    insta::assert_snapshot!("state of a connection", ran.stdout);
    let all_parts = replay(&["--show", "all"]).stdout;
    for actor in ["client0", "container0", "auth", "world"] {
        let line = all_parts.lines().find(|line| *line == actor);
        assert!(line.is_some(), "{actor}:\n{all_parts}");
    }
}

#[test]
fn what_changed_between_two_points() {
    let ran = replay(&[
        "--diff",
        "3.2s",
        "setup-ends-in-time",
        "--only",
        "container0",
    ]);
    insta::assert_snapshot!("changes", ran.stdout);
    let backwards = replay(&["--diff", "setup-ends-in-time", "3.2s"]);
    let sign = |text: &str, sign: char| text.lines().filter(|l| l.trim().starts_with(sign)).count();
    let forwards = replay(&["--diff", "3.2s", "setup-ends-in-time"]);
    assert_eq!(sign(&forwards.stdout, '+'), sign(&backwards.stdout, '-'));
    assert!(
        replay(&["--diff", "end", "end"])
            .stdout
            .contains("nothing changed")
    );
}

#[test]
fn states_and_changes_for_programs() {
    let json = ["--message-format", "json"];
    let show = replay(&[&["--show", "container0", "--until", "#80"], &json[..]].concat()).json();
    assert_eq!(show.len(), 1);
    assert_eq!(
        (&show[0]["type"], &show[0]["events"]),
        (&"state".into(), &81.into())
    );
    assert_eq!(show[0]["state"]["phase"], "complete");
    let changes = replay(&[&["--diff", "#79", "#81"], &json[..]].concat()).json();
    assert!(!changes.is_empty());
    for change in &changes {
        assert_eq!(change["type"], "change");
        assert_ne!(change["before"], change["after"]);
    }
    let events = replay(&[&["--only", "client0", "--from", "#70"], &json[..]].concat()).json();
    let numbers = events.iter().filter_map(|event| event["number"].as_u64());
    assert!(numbers.clone().count() > 0 && numbers.min() >= Some(70));
}

#[test]
fn stepping_forward_and_back() {
    let script = "n\np\nv\n\ns container0\nd violation\ng 3.2s\no client0\nn 2\nl 2\nf closed\nd\n\
                  g nowhere\ns container9\ndance\no\nh\nq\nn\n";
    let ran = gatesim_told(&["replay", RUN, "--step", "--until", "#75"], script);
    assert_eq!((ran.code, &*ran.stderr), (1, ""));
    insta::assert_snapshot!("steps", ran.stdout);
    // The end of the input ends the prompt.
    let ran = gatesim_told(&["replay", RUN, "--step"], "g start\np\nn");
    assert!(
        ran.stdout.contains("before the first event"),
        "{}",
        ran.stdout
    );
}

#[test]
fn stepping_forward_and_back_ends_where_it_began() {
    let told = |script: &str| gatesim_told(&["replay", RUN, "--step"], script).stdout;
    let state = |text: &str| text.rsplit("(gatesim) s\n").next().map(str::to_owned);
    let there = told("g #60\ns\n");
    let and_back = told("g #60\nn 20\np 20\ns\n");
    assert_eq!(state(&there), state(&and_back));
}

/// A line of the log: microseconds since midnight, level, message.
fn log_line(line: &str) -> (u64, &str, &str) {
    let (time, rest) = line.split_once("Z  ").expect("a time");
    let (level, message) = rest.split_at(8);
    let clock = time
        .strip_prefix("2025-09-10T")
        .expect("the day of the runs");
    let (seconds, micros) = clock.split_once('.').expect("microseconds");
    assert_eq!(micros.len(), 6, "{line}");
    let seconds = seconds
        .split(':')
        .fold(0, |sum, part| sum * 60 + part.parse::<u64>().unwrap());
    let micros: u64 = micros.parse().unwrap();
    let message = message.strip_prefix("  ").expect("two spaces");
    (seconds * 1_000_000 + micros, level.trim_end(), message)
}

/// The incident in `docs/protocol.md#incident-reports`: SERVICES_READY refused at 05:18:40.682072, never ready at
/// 05:18:41.682521.
#[test]
fn the_log_of_the_incident() {
    let ran = gatesim(&[
        "replay",
        "seeds/regressions/golden-path-v2-12.toml",
        "--format",
        "gateway-log",
    ]);
    assert_eq!(ran.code, 1);
    let lines: Vec<_> = ran.stdout.lines().map(log_line).collect();
    let never = "state machine never reached ready state: ApplicationConnectionState.CONNECTING";
    let stuck: Vec<(usize, &str)> = lines
        .iter()
        .enumerate()
        .filter_map(|(place, (_, level, message))| {
            let id = message.strip_prefix("Connection ")?.strip_suffix(never)?;
            assert_eq!(*level, "ERROR");
            Some((place, id.trim_end()))
        })
        .collect();
    assert!(!stuck.is_empty(), "{}", ran.stdout);
    for (place, id) in stuck {
        let (gave_up_at, ..) = lines[place];
        let next = "This indicates accept() race condition - connection cannot process messages";
        assert_eq!(lines[place + 1], (gave_up_at, "ERROR", next));
        let refused = |to: &str| {
            let message = format!(
                "Invalid state transition for {id}: ApplicationConnectionState.CONNECTING -> \
                 ApplicationConnectionState.{to}"
            );
            let found = lines
                .iter()
                .find(|(_, level, text)| *level == "WARNING" && *text == message);
            found.unwrap_or_else(|| panic!("{message}")).0
        };
        assert!(refused("AUTHENTICATED") < refused("SERVICES_READY"));
        assert_eq!(
            gave_up_at - refused("SERVICES_READY"),
            1_000_000,
            "one second"
        );
        // That path returns before the statistics.
        let exit = format!("Exiting message handling loop for connection: {id}");
        assert!(!ran.stdout.contains(&exit));
    }
    let excerpt = replay(&["--format", "gateway-log", "--only", "c0#1"]);
    insta::assert_snapshot!("log of a connection", excerpt.stdout);
}

#[test]
fn a_log_of_each_revision_has_its_words() {
    let log = |design: &str| {
        let run = format!("golden-path@{design}:2");
        gatesim(&["replay", &run, "--format", "gateway-log"]).stdout
    };
    assert!(log("v5").contains("PHASE 2 FIX 2: Migrating state machine from "));
    let last = log("v9");
    for words in [
        "✅ PASS-THROUGH SUCCESS: connection_id '",
        "PHASE 4 FIX: Transition rejected: INITIALIZING -> FACTORY_CREATING by endpoint",
        "State machine fully ready for message processing: ",
        "Setup completed for ",
    ] {
        assert!(last.contains(words), "{words}\n{last}");
    }
    assert!(!last.contains("Migrating"));
}
