//! `gatesim accept`, and sweeps beside what it writes.

use crate::support::{Ran, Scratch, gatesim_in};

const REASON: [&str; 2] = ["--reason", "as shipped"];

fn accept(scratch: &Scratch, design: &str, more: &[&str]) -> Ran {
    let args = ["accept", "golden-path", "--design", design, "--seeds", "40"];
    gatesim_in(scratch.path(), &[&args[..], more].concat())
}

fn sweep(scratch: &Scratch, design: &str, more: &[&str]) -> Ran {
    let args = ["sweep", "golden-path", "--design", design, "--seeds", "40"];
    gatesim_in(scratch.path(), &[&args[..], more].concat())
}

/// The lines of the list of causes that begin with this standing.
fn standing<'a>(ran: &'a Ran, name: &str) -> Vec<&'a str> {
    let prefix = format!("  {name} ");
    let lines = ran.stdout.lines();
    lines.filter(|line| line.starts_with(&prefix)).collect()
}

#[test]
fn what_is_accepted_does_not_fail_and_what_is_new_does() {
    let scratch = Scratch::new("accept-new");
    let ran = accept(&scratch, "v9", &REASON);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let beside = ["--accept", "seeds/accepted"];
    let same = sweep(&scratch, "v9", &beside);
    assert_eq!(same.code, 0, "{}", same.stdout);
    assert!(!same.stdout.contains("FAILURE"), "{}", same.stdout);
    assert!(standing(&same, "known").len() > 3, "{}", same.stdout);
    let beside = ["--accept", "seeds/accepted/v9.toml"];
    let planted = sweep(&scratch, "v9+subprotocol-answer=never", &beside);
    let unlisted = sweep(&scratch, "v9", &[]);
    assert_eq!(unlisted.code, 1);
    assert_eq!(
        (planted.code, standing(&planted, "new").is_empty()),
        (1, false),
        "{}",
        planted.stdout
    );
    // Only what is new is a failure.
    let failures = planted
        .stdout
        .lines()
        .filter(|line| line.starts_with("FAILURE"));
    assert_eq!(
        failures.count(),
        standing(&planted, "new").len() + standing(&planted, "more often").len()
    );
}

#[test]
fn what_happens_more_often_fails_and_what_is_gone_is_said() {
    let scratch = Scratch::new("accept-often");
    assert_eq!(accept(&scratch, "v9", &REASON).code, 0);
    let list = scratch.read("seeds/accepted/v9.toml");
    // As if a cause of every run had been seen in one of a thousand.
    let rare = list
        .replace("golden-path = 40", "golden-path = 1")
        .replacen("golden-path = 1", "golden-path = 1000", 1);
    scratch.write("rare.toml", &rare);
    let ran = sweep(&scratch, "v9", &["--accept", "rare.toml"]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(!standing(&ran, "more often").is_empty(), "{}", ran.stdout);
    let ran = sweep(
        &scratch,
        "reference",
        &["--accept", "seeds/accepted/v9.toml"],
    );
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(!standing(&ran, "gone").is_empty(), "{}", ran.stdout);
    let json = [
        "--accept",
        "seeds/accepted/v9.toml",
        "--message-format",
        "json",
    ];
    let ran = sweep(&scratch, "reference", &json);
    let gone = ran.json().into_iter().filter(|line| line["type"] == "gone");
    assert!(gone.count() > 0);
}

#[test]
fn reasons_stay_and_what_is_gone_is_dropped_if_asked() {
    let scratch = Scratch::new("accept-reasons");
    let refused = accept(&scratch, "v9", &[]);
    assert_eq!(refused.code, 2, "{}", refused.stdout);
    assert!(
        refused.stderr.contains("--reason must say why"),
        "{}",
        refused.stderr
    );
    assert!(scratch.files().is_empty());
    assert_eq!(accept(&scratch, "v9", &REASON).code, 0);
    let edited = scratch
        .read("seeds/accepted/v9.toml")
        .replacen("as shipped", "since 2025", 1);
    scratch.write("seeds/accepted/v9.toml", &edited);
    assert_eq!(accept(&scratch, "v9", &[]).code, 0);
    assert_eq!(scratch.read("seeds/accepted/v9.toml"), edited);
    let fixed = ["-o", "seeds/accepted/v9.toml"];
    assert_eq!(accept(&scratch, "reference", &fixed).code, 0);
    assert!(
        scratch
            .read("seeds/accepted/v9.toml")
            .contains("since 2025")
    );
    assert_eq!(
        accept(
            &scratch,
            "reference",
            &[&fixed[..], &["--drop-gone"]].concat()
        )
        .code,
        0
    );
    assert!(
        !scratch
            .read("seeds/accepted/v9.toml")
            .contains("[[accepted]]")
    );
}

#[test]
fn a_list_that_is_wrong_is_an_error_with_its_line() {
    let scratch = Scratch::new("accept-wrong");
    scratch.write("list.toml", "format = 1\ndesign = \"v9\"\n[runs]\n[[accepted]]\ninvariant = \"ids-agree\"\ncause = \"x\"\nreason = \"\"\n");
    let complaints = [
        sweep(&scratch, "v9", &["--accept", "list.toml"]).complaint(),
        sweep(&scratch, "v9", &["--accept", "nowhere.toml"]).complaint(),
        sweep(&scratch, "v9", &["--accept", "."]).complaint(),
    ];
    insta::assert_snapshot!("lists that are wrong", complaints.join("\n"));
}
