//! `gatesim power`: finds, output and exit codes.

use crate::support::{Scratch, gatesim};

#[test]
fn a_planted_defect_is_found_and_its_replay_shows_it() {
    let ran = gatesim(&[
        "power",
        "D60",
        "--starts",
        "2",
        "--seeds",
        "50",
        "--message-format",
        "json",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let [defect, summary] = &ran.json()[..] else {
        panic!("{}", ran.stdout)
    };
    assert_eq!(
        (&defect["type"], &defect["id"]),
        (&"defect".into(), &"D60".into())
    );
    assert_eq!(
        (&summary["type"], &summary["found"]),
        (&"summary".into(), &1.into())
    );
    let replay = defect["replay"].as_str().unwrap();
    let name = replay.strip_prefix("gatesim replay ").unwrap();
    let replayed = gatesim(&["replay", name, "--quiet"]);
    assert_eq!(replayed.code, 1, "{}", replayed.stderr);
    assert!(replayed.stdout.contains("welcome-after-ready"));
}

#[test]
fn a_defect_that_survives_misses_a_floor() {
    // One run is too few for a fault that needs a slow accept.
    let ran = gatesim(&["power", "D41", "--seeds", "1", "--starts", "3"]);
    assert_eq!(ran.code, 5, "{}", ran.stdout);
    assert!(
        ran.stdout.ends_with("0 of 1 defects found\n"),
        "{}",
        ran.stdout
    );
}

#[test]
fn results_do_not_depend_on_the_number_of_worker_threads() {
    let with_jobs = |jobs| {
        let args = [
            "power", "D60", "D41", "D31", "--seeds", "20", "--starts", "3", "--jobs", jobs,
        ];
        gatesim(&args).stdout
    };
    assert_eq!(with_jobs("1"), with_jobs("4"));
}

#[test]
fn the_matrix_is_written_and_shows_what_found_each_defect() {
    let scratch = Scratch::new("power-matrix");
    let path = scratch.path().join("power.md");
    let path = path.to_str().unwrap();
    let ran = gatesim(&[
        "power", "D60", "--seeds", "50", "--starts", "1", "--matrix", path,
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let matrix = scratch.read("power.md");
    assert!(matrix.contains("| D60 |"), "{matrix}");
    assert!(matrix.contains("**100 %**"), "{matrix}");
    assert!(
        matrix.contains("- `welcome-after-ready`: D60\n"),
        "{matrix}"
    );
}

#[test]
fn unknown_defects_are_refused_before_the_search() {
    for args in [
        &["power", "D99"][..],
        &["power", "--matrix", "no/such/directory/power.md"],
        &["power", "--first-seed", "9223372036854775807"],
    ] {
        let ran = gatesim(args);
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{args:?}");
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
    }
}
