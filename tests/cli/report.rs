//! `gatesim report`: pages, diagrams and traces as files and on standard output.

use std::{fs, io::Read, path::Path, process::Stdio};

use serde_json::Value;

use crate::support::{BROKEN_RUN, Scratch, command, gatesim, gatesim_in};

/// The largest page of a run that is shown whole.
const MAX_PAGE_BYTES: u64 = 2_000_000;

fn capsules() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<String> = fs::read_dir(root.join("seeds/regressions"))
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect();
    files.sort();
    files
}

#[test]
fn a_page_is_a_file_named_after_its_run() {
    let scratch = Scratch::new("report-page");
    let ran = gatesim_in(scratch.path(), &["report", BROKEN_RUN]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert_eq!(scratch.files(), ["golden-path-v1-3.html"]);
    assert!(
        ran.stdout.starts_with(&format!("FAILURE {BROKEN_RUN}: ")),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("golden-path-v1-3.html ("),
        "{}",
        ran.stdout
    );
    let page = scratch.read("golden-path-v1-3.html");
    assert!(page.starts_with("<!doctype html>"));
    assert!(page.contains(&format!("gatesim replay {BROKEN_RUN}")));
}

#[test]
fn a_run_that_holds_has_a_page_too() {
    let scratch = Scratch::new("report-held");
    let ran = gatesim_in(scratch.path(), &["report", "golden-path@reference:3"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let page = scratch.read("golden-path-reference-3.html");
    assert!(page.contains("Every invariant held."));
}

#[test]
fn the_same_run_gives_the_same_page() {
    let page = || gatesim(&["report", BROKEN_RUN, "--no-why", "-o", "-"]).stdout;
    assert_eq!(page(), page());
}

#[test]
fn the_page_of_every_capsule_is_small_and_whole() {
    let scratch = Scratch::new("report-capsules");
    for capsule in capsules() {
        let ran = gatesim_in(
            scratch.path(),
            &["report", &capsule, "--no-why", "-o", "page.html"],
        );
        assert_eq!(ran.code, 1, "{capsule}: {}", ran.stderr);
        let bytes = fs::metadata(scratch.path().join("page.html"))
            .unwrap()
            .len();
        assert!(bytes < MAX_PAGE_BYTES, "{capsule}: {bytes} bytes");
        let page = scratch.read("page.html");
        assert!(page.ends_with("</html>\n"), "{capsule}");
    }
}

/// Of a run with many clients, only those nearest to the violation have lanes.
#[test]
fn a_run_with_many_clients_is_cut_and_says_so() {
    let scratch = Scratch::new("report-cut");
    let ran = gatesim_in(
        scratch.path(),
        &["replay", BROKEN_RUN, "-q", "--save-plan", "plan.toml"],
    );
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let plan = scratch.read("plan.toml");
    let client = &plan[plan.find("[[clients]]").unwrap()..];
    let end = client[1..]
        .find("[[clients]]")
        .map_or(client.len(), |at| at + 1);
    scratch.write(
        "many.toml",
        &(plan.clone() + "\n" + &client[..end].repeat(600)),
    );
    let ran = gatesim_in(
        scratch.path(),
        &["report", "many.toml", "--design", "v1", "--no-why"],
    );
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let page = scratch.read("many.html");
    assert!(page.contains("This run is too long to be shown whole"));
    assert!(page.contains("more lines are omitted here"));
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
}

#[test]
fn names_in_a_plan_are_texts() {
    let scratch = Scratch::new("report-texts");
    let saved = gatesim_in(
        scratch.path(),
        &["replay", BROKEN_RUN, "-q", "--save-plan", "plan.toml"],
    );
    assert_eq!(saved.code, 1, "{}", saved.stderr);
    let nasty = "</script><script>alert(1)</script>";
    let plan = scratch
        .read("plan.toml")
        .replace("\"golden-path\"", &format!("\"{nasty}\""));
    scratch.write("nasty.toml", &plan);
    let ran = gatesim_in(scratch.path(), &["report", "nasty.toml", "--design", "v1"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let page = scratch.read("nasty.html");
    assert!(page.contains("alert(1)") && !page.contains(nasty));
}

#[test]
fn a_diagram_goes_to_standard_output() {
    let ran = gatesim(&["report", BROKEN_RUN, "--format", "mermaid"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stdout.starts_with("sequenceDiagram\n"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("VIOLATION "), "{}", ran.stdout);
    assert!(
        ran.stdout.lines().count() < 120,
        "an issue has room for no more"
    );
}

#[test]
fn a_trace_for_a_viewer_is_json_with_a_process_for_each_actor() {
    let scratch = Scratch::new("report-perfetto");
    let args = [
        "report",
        BROKEN_RUN,
        "--format",
        "perfetto",
        "-o",
        "trace.json",
    ];
    let ran = gatesim_in(scratch.path(), &args);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let trace: Value = serde_json::from_str(&scratch.read("trace.json")).unwrap();
    let processes: Vec<&str> = (trace["traceEvents"].as_array().unwrap().iter())
        .filter(|record| record["name"] == "process_name")
        .map(|record| record["args"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(processes[..2], [BROKEN_RUN, "client 0"], "{processes:?}");
    assert!(processes.contains(&"container 0"), "{processes:?}");
}

#[test]
fn json_names_the_file() {
    let scratch = Scratch::new("report-json");
    let ran = gatesim_in(
        scratch.path(),
        &["report", BROKEN_RUN, "--message-format", "json"],
    );
    let [line] = &ran.json()[..] else {
        panic!("one line: {}", ran.stdout)
    };
    assert_eq!(
        (&line["type"], &line["report"]),
        (&"report".into(), &"html".into())
    );
    let file = line["file"].as_str().unwrap();
    assert_eq!(line["bytes"], scratch.read(file).len());
    // Without a file the text is in the line.
    let args = [
        "report",
        BROKEN_RUN,
        "--format",
        "mermaid",
        "--message-format",
        "json",
    ];
    let line = &gatesim(&args).json()[0];
    assert!(
        line["text"]
            .as_str()
            .unwrap()
            .starts_with("sequenceDiagram")
    );
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = command(&["report", BROKEN_RUN, "--no-why", "-o", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 9];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"<!doctype");
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

#[test]
fn a_path_that_cannot_be_written_is_refused_before_anything_runs() {
    let scratch = Scratch::new("report-places");
    scratch.write("file", "");
    for place in ["file/page.html", "nowhere/page.html", "."] {
        let ran = gatesim_in(scratch.path(), &["report", BROKEN_RUN, "-o", place]);
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{place}");
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
        assert_eq!(scratch.files(), ["file"]);
    }
}

/// What stands in a run must stay text, wherever it comes from.
#[test]
fn scripts_have_no_markup_and_no_evaluation() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/html");
    for name in ["run.js", "diagram.js", "panels.js", "main.js"] {
        let script = fs::read_to_string(scripts.join(name)).unwrap();
        for banned in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "eval(",
            "document.write",
        ] {
            assert!(!script.contains(banned), "{name} uses {banned}");
        }
    }
}
