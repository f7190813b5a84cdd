//! Help texts, usage errors and lists.

use crate::support::gatesim;

#[test]
fn every_command_has_help_with_examples() {
    for command in [
        &["--help"][..],
        &["sweep", "--help"],
        &["power", "--help"],
        &["replay", "--help"],
        &["report", "--help"],
        &["why", "--help"],
        &["shrink", "--help"],
        &["verify-fix", "--help"],
        &["accept", "--help"],
        &["corpus", "--help"],
        &["corpus", "add", "--help"],
        &["list", "--help"],
    ] {
        let ran = gatesim(command);
        assert_eq!(ran.code, 0);
        insta::assert_snapshot!(command.join(" ").replace("--", ""), ran.stdout);
    }
}

#[test]
fn usage_errors_end_with_2() {
    for args in [
        &[][..],
        &["dance"],
        &["sweep", "--seeds", "0"],
        &["sweep", "--seeds", "1", "--budget", "1s"],
        &["sweep", "--partition", "9/8"],
        &["sweep", "--budget", "soon"],
        &["sweep", "--jobs", "0"],
        &["sweep", "--first-seed", "9223372036854775808"],
        &["list", "everything"],
        &["power", "--starts", "0"],
        &["verify-fix", "golden-path@v2:12"],
        &[
            "verify-fix",
            "golden-path@v2:12",
            "--design",
            "v3",
            "--samples",
            "0",
        ],
    ] {
        let ran = gatesim(args);
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{args:?}");
        assert_ne!(ran.stderr, "", "{args:?}");
    }
}

#[test]
fn lists() {
    for subject in [
        "scenarios",
        "designs",
        "questions",
        "invariants",
        "defects",
        "faults",
    ] {
        let ran = gatesim(&["list", subject]);
        assert_eq!((ran.code, &*ran.stderr), (0, ""));
        insta::assert_snapshot!(format!("list {subject}"), ran.stdout);
        for item in gatesim(&["list", subject, "--message-format", "json"]).json() {
            assert_eq!(item["format"], 1);
            assert_eq!(format!("{}s", item["type"].as_str().unwrap()), subject);
        }
    }
}
