//! Bad input: one clear error, exit code 2, no incomplete file.

use crate::support::{BROKEN_RUN, Scratch, command, gatesim, gatesim_in};

#[test]
fn names_that_do_not_exist() {
    for (label, args) in [
        ("unknown scenario", &["sweep", "cold-strat"][..]),
        ("unknown design", &["sweep", "--design", "v99"]),
        (
            "unknown question",
            &["sweep", "--design", "reference+cleanups=never"],
        ),
        (
            "unknown answer",
            &["sweep", "--design", "reference+cleanup=nevr"],
        ),
        ("no flip", &["sweep", "--design", "reference+cleanup"]),
        ("no run name", &["replay", "cold-start"]),
        (
            "seed out of range",
            &["replay", "cold-start@v4:9223372036854775808"],
        ),
        (
            "seeds beyond the last",
            &[
                "sweep",
                "--first-seed",
                "9223372036854775807",
                "--seeds",
                "2",
            ],
        ),
        ("too many jobs", &["sweep", "--jobs", "100000"]),
        ("negative first seed", &["sweep", "--first-seed", "-1"]),
        ("no budget", &["sweep", "--budget", "0s"]),
        ("scenario named twice", &["sweep", "chaos", "chaos"]),
        (
            "design named twice",
            &["sweep", "--design", "v9", "--design", "v9"],
        ),
        ("directory for junit", &["sweep", "--junit", "."]),
        ("missing file", &["replay", "nowhere.toml"]),
        (
            "design with a run name",
            &["replay", "cold-start@v4:1", "--design", "v5"],
        ),
        ("missing corpus", &["corpus", "check", "--dir", "nowhere"]),
        (
            "missing directory for junit",
            &["sweep", "--junit", "nowhere/report.xml"],
        ),
    ] {
        insta::assert_snapshot!(label, gatesim(args).complaint());
    }
}

#[test]
fn files_that_are_wrong() {
    let scratch = Scratch::new("errors-files");
    for (name, text) in [
        ("broken.toml", "format = 1\nwhy = \"no end\n"),
        ("plan.toml", "scenario = \"chaos\"\nseeed = 1\n"),
        ("design.toml", "base = \"v9\"\ncleanup = \"nevr\"\n"),
        ("scenario.toml", "summary = \"x\"\nlatency = 3\n"),
        ("one.toml", "summary = \"x\"\nbase = \"two.toml\"\n"),
        ("two.toml", "base = \"one.toml+cleanup=never\"\n"),
        ("three.toml", "base = \"four.toml\"\n"),
        ("four.toml", "base = \"v9\"\ncleanup = \"nevr\"\n"),
        ("mine.toml", "base = \"v9\"\ncleanup = \"always\"\n"),
        ("crowd.toml", "[clients]\ncount = [1, 2]\n"),
    ] {
        scratch.write(name, text);
    }
    for (label, args) in [
        ("broken toml", &["replay", "broken.toml"][..]),
        ("unknown key in a plan", &["replay", "plan.toml"]),
        (
            "unknown answer in a design file",
            &["sweep", "--design", "design.toml"],
        ),
        (
            "files that are each other's base",
            &["sweep", "--design", "one.toml"],
        ),
        (
            "unknown answer in the base of a file",
            &["sweep", "--design", "three.toml"],
        ),
        (
            "unknown key in a scenario file",
            &["sweep", "scenario.toml"],
        ),
        ("a design in place of a plan", &["replay", "mine.toml"]),
        ("a scenario in place of a plan", &["why", "crowd.toml"]),
    ] {
        insta::assert_snapshot!(label, gatesim_in(scratch.path(), args).complaint());
    }
}

#[test]
fn scenarios_and_plans_that_cannot_be_run() {
    let scratch = Scratch::new("errors-bounds");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let scenario = std::fs::read_to_string(root.join("seeds/scenarios/golden-path.toml")).unwrap();
    let saved = gatesim_in(
        scratch.path(),
        &[
            "replay",
            "restart@v9:1",
            "--quiet",
            "--save-plan",
            "plan.toml",
        ],
    );
    assert_ne!(saved.code, 2, "{}", saved.stderr);
    let plan = scratch.read("plan.toml");
    let crash = |container: u32| {
        format!(
            "{plan}\n[[faults]]\nkind = \"crash\"\nat_ms = 1\ndown_ms = 1\ncontainer = {container}\n"
        )
    };
    let with = |text: &str, key: &str, value: &str| -> String {
        let lines = text.lines().map(|line| match line.starts_with(key) {
            true => format!("{key} = {value}\n"),
            false => format!("{line}\n"),
        });
        lines.collect()
    };
    for (text, complaint) in [
        (
            with(&scenario, "count", "[0, 0]"),
            "[0, 0] is out of bounds; 1 to",
        ),
        (
            with(&scenario, "users", "[1, 1_000_000]"),
            "[1, 1000000] is out of bounds; 1 to 20000",
        ),
        (
            with(&scenario, "start_ms", "[0, 9223372036854775807]"),
            "0 to 86400000 is allowed",
        ),
        (
            with(&scenario, "time_limit_ms", "0"),
            "0 is out of bounds; 1 to",
        ),
        (
            with(&scenario, "start_ms", "[5, 2]"),
            "[5, 2] is not a range",
        ),
        (
            with(&scenario, "token", "{ valid = 0 }"),
            "at least one weight",
        ),
        (
            with(&plan, "time_limit_ms", "86400001"),
            "86400001 is out of bounds",
        ),
        (crash(64), "names container 64; containers are 0 to"),
    ] {
        scratch.write("wrong.toml", &text);
        let args = match text.starts_with("#:schema") {
            true => ["sweep", "wrong.toml"],
            false => ["replay", "wrong.toml"],
        };
        let ran = gatesim_in(scratch.path(), &args);
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{complaint}");
        assert!(
            ran.stderr.starts_with("error: wrong.toml:"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains(complaint), "{}", ran.stderr);
    }
    scratch.write("right.toml", &crash(0));
    assert_ne!(
        gatesim_in(scratch.path(), &["replay", "right.toml"]).code,
        2
    );
}

#[test]
fn capsules_that_are_wrong() {
    let scratch = Scratch::new("errors-capsules");
    let added = gatesim_in(
        scratch.path(),
        &["corpus", "add", BROKEN_RUN, "--why", "a test", "--dir", "."],
    );
    assert_eq!(added.code, 0, "{}", added.stderr);
    let good = scratch.read("golden-path-v1-3.toml");
    let complaint = |label: &str, spoilt: String| {
        assert_ne!(spoilt, good, "{label}");
        scratch.write("spoilt.toml", &spoilt);
        let ran = gatesim_in(scratch.path(), &["replay", "spoilt.toml"]);
        insta::assert_snapshot!(label, ran.complaint());
    };
    // The first occurrence is the capsule's own, the second the plan's.
    let spoilt = |label: &str, from: &str, to: &str| {
        complaint(label, good.replacen(from, to, 1));
    };
    // Values that change with the simulator must not end up in a snapshot.
    let spoilt_line = |label: &str, start: &str, line: &str| {
        let lines = good.lines().map(|old| match old.starts_with(start) {
            true => line,
            false => old,
        });
        complaint(label, lines.collect::<Vec<_>>().join("\n"));
    };
    spoilt("other format version", "format = 1", "format = 2");
    spoilt(
        "unknown scenario in a capsule",
        "scenario = \"golden-path\"",
        "scenario = \"golden\"",
    );
    spoilt(
        "unknown design in a capsule",
        "design = \"v1\"",
        "design = \"v1+cleanup=nevr\"",
    );
    spoilt("negative seed", "seed = 3", "seed = -3");
    spoilt("seed beyond TOML", "seed = 3", "seed = 9223372036854775808");
    spoilt("another seed than the plan", "seed = 3", "seed = 4");
    spoilt_line("no digest", "digest = ", "digest = \"xyz\"");
    spoilt_line(
        "unknown invariant",
        "invariant = ",
        "invariant = \"never-redy-without-machine\"",
    );
    spoilt("unknown key in a capsule", "why = ", "because = ");
    spoilt("empty why", "why = \"a test\"", "why = \" \"");
    // One bad file spoils a check before anything runs.
    let ran = gatesim_in(scratch.path(), &["corpus", "check", "--dir", "."]);
    assert_eq!((ran.code, &*ran.stdout), (2, ""));
}

#[test]
fn paths_that_cannot_be_written() {
    let scratch = Scratch::new("errors-places");
    scratch.write("file", "");
    for args in [
        &[
            "replay",
            BROKEN_RUN,
            "--quiet",
            "--trace",
            "file/trace.jsonl",
        ][..],
        &[
            "replay",
            BROKEN_RUN,
            "--quiet",
            "--save-plan",
            "file/plan.toml",
        ],
        &["corpus", "add", BROKEN_RUN, "--why", "x", "--dir", "file"],
        &["sweep", "golden-path", "--seeds", "1", "--capsules", "file"],
    ] {
        let ran = gatesim_in(scratch.path(), args);
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{args:?}");
        assert!(ran.stderr.contains("file"), "{}", ran.stderr);
        assert_eq!(scratch.files(), ["file"]);
    }
}

/// Output must not overwrite input.
#[test]
fn nothing_replaces_what_is_being_run() {
    let scratch = Scratch::new("errors-own-input");
    let add = ["corpus", "add", BROKEN_RUN, "--why", "mine", "--dir", "."];
    assert_eq!(gatesim_in(scratch.path(), &add).code, 0);
    let [file] = &scratch.files()[..] else {
        panic!("one capsule");
    };
    let before = scratch.read(file);
    for args in [
        &["shrink", file, "-o", file][..],
        &["report", file, "-o", file],
        &["replay", file, "--save-plan", file],
        &["replay", file, "--trace", file],
        &["verify-fix", file, "--save", file],
        &["verify-fix", file, "--design", "v2", "--keep", file],
    ] {
        let ran = gatesim_in(scratch.path(), args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
    }
    assert_eq!(scratch.read(file), before);
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_pipe_makes_no_difference() {
    let full = || {
        std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap()
    };
    for (args, code) in [
        (&["replay", "foo"][..], 2),
        (&["sweep", "golden-path", "--seeds", "2"], 0),
        (&["sweep", "golden-path", "--seeds", "ten"], 2),
    ] {
        let status = command(args)
            .stderr(full())
            .stdout(std::process::Stdio::null())
            .status();
        assert_eq!(status.unwrap().code(), Some(code), "{args:?}");
    }
}
