//! What the texts of the project say: no retired word, no document that does not exist, no link
//! that leads nowhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::{
    layers::{
        our_modules, repository,
        source::{At, Facts, Sources},
    },
    support::gatesim,
};

/// Words and phrases that are no longer used, and what to say instead.
const RETIRED: &[(&str, &str)] = &[
    ("somebody", "name the person or the part"),
    ("nobody", "name what is not done, or use the passive"),
    ("anybody", "name the person or the part"),
    ("everybody", "all clients, all actors"),
    ("whoever", "name the person or the part"),
    ("whatever", "any, all, regardless of"),
    ("whom", "name the person or the part"),
    ("anew", "again; redrawn, resampled, re-executed"),
    ("thereby", "by this"),
    ("befall", "happen to, affect"),
    ("befalls", "happens to, affects"),
    ("befallen", "affected"),
    ("mend", "repair"),
    ("mends", "repairs"),
    ("mended", "repaired"),
    ("mending", "repair"),
    ("parting", "divergence"),
    ("to be had", "available"),
    ("see off", "shut down"),
    ("sees off", "shuts down"),
    ("seen off", "shut down"),
    ("quiet", "default, silent"),
    ("loud", "non-default"),
    ("wish", "obligation"),
    ("wishes", "obligations"),
    ("moment", "point, time; snapshot for a state"),
    ("moments", "points, times"),
];

/// Where a retired word is right: the beginning of the place, and the words around it.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// Commands whose help texts are read.
const COMMANDS: &[&[&str]] = &[
    &[],
    &["sweep"],
    &["power"],
    &["replay"],
    &["report"],
    &["why"],
    &["shrink"],
    &["verify-fix"],
    &["corpus"],
    &["corpus", "check"],
    &["corpus", "add"],
    &["corpus", "list"],
    &["list"],
    &["schema"],
];

/// What `gatesim list` takes.
const LISTS: &[&str] = &[
    "scenarios",
    "designs",
    "questions",
    "invariants",
    "marks",
    "defects",
    "faults",
    "knobs",
];

/// A line of prose, and where it stands.
#[derive(Clone)]
struct Line {
    place: String,
    text: String,
}

#[test]
fn no_text_uses_a_retired_word() {
    let texts = [help_texts(), lists(), documents(), doc_comments()].concat();
    let found = retired_words(&texts, EXCEPTIONS);
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_document_that_a_text_names_exists() {
    let texts = [help_texts(), lists(), doc_comments(), literals()].concat();
    let exists = |document: &str| repository().join(document).exists();
    let found = missing_documents(&texts, exists);
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_link_and_every_anchor_exists() {
    let found = broken_links(&files());
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

// --- what is read ---------------------------------------------------------------------------------

fn help_texts() -> Vec<Line> {
    let help = |command: &&[&str]| {
        let ran = gatesim(&[command, &["--help"][..]].concat());
        let place = format!("gatesim {} --help", command.join(" "));
        let lines = ran.stdout.lines().map(str::to_owned).collect::<Vec<_>>();
        lines.into_iter().map(move |text| Line {
            place: place.clone(),
            text,
        })
    };
    COMMANDS.iter().flat_map(help).collect()
}

/// Descriptions only: names are names of files.
fn lists() -> Vec<Line> {
    fn descriptions(item: &serde_json::Value, found: &mut Vec<String>) {
        for (key, value) in item.as_object().into_iter().flatten() {
            match value {
                serde_json::Value::String(text) if key == "text" => found.push(text.clone()),
                serde_json::Value::Array(items) => {
                    items.iter().for_each(|item| descriptions(item, found));
                }
                _ => {}
            }
        }
    }
    let mut lines = Vec::new();
    for list in LISTS {
        let mut texts = Vec::new();
        for item in gatesim(&["list", list, "--message-format", "json"]).json() {
            descriptions(&item, &mut texts);
        }
        let place = format!("gatesim list {list}");
        lines.extend(texts.into_iter().map(|text| Line {
            place: place.clone(),
            text,
        }));
    }
    lines
}

/// The Markdown files, without blocks of code.
/// Markdown, and data with its comments and sentences.
fn documents() -> Vec<Line> {
    let files = files();
    let is_read = |file: &str| file.ends_with(".md") || file.ends_with(".toml");
    let documents = files.iter().filter(|(file, _)| is_read(file));
    documents
        .flat_map(|(file, text)| {
            let mut in_code = false;
            (1..).zip(text.lines()).filter_map(move |(number, text)| {
                in_code ^= text.trim_start().starts_with("```");
                (!in_code).then(|| Line {
                    place: format!("{file}:{number}"),
                    text: text.to_owned(),
                })
            })
        })
        .collect()
}

fn doc_comments() -> Vec<Line> {
    lines_of_sources(|facts| &facts.docs)
}

fn literals() -> Vec<Line> {
    lines_of_sources(|facts| &facts.literals)
}

fn lines_of_sources(of: impl Fn(&Facts) -> &Vec<At<String>>) -> Vec<Line> {
    let lines = our_modules().values().flat_map(|facts| {
        of(facts).iter().map(|at| Line {
            place: format!("{}:{}", facts.file, at.line),
            text: at.what.clone(),
        })
    });
    lines.collect()
}

/// Every file of the repository.
fn files() -> Sources {
    let mut files = Sources::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(repository().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = format!("{folder}{name}");
            if entry.file_type().unwrap().is_dir() {
                if !matches!(name.as_str(), "target" | ".git" | "snapshots") {
                    folders.push(format!("{path}/"));
                }
            } else {
                // Of pictures only the names matter.
                files.insert(path, fs::read_to_string(entry.path()).unwrap_or_default());
            }
        }
    }
    files
}

// --- the checks, as functions of texts ------------------------------------------------------------

fn retired_words(lines: &[Line], exceptions: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    for line in lines {
        let allowed = exceptions
            .iter()
            .any(|(place, context)| line.place.starts_with(place) && line.text.contains(context));
        if allowed {
            continue;
        }
        let text = format!(" {} ", words(&line.text).join(" "));
        for (retired, instead) in RETIRED {
            if text.contains(&format!(" {retired} ")) {
                let place = &line.place;
                found.push(format!(
                    "{place}: `{retired}` is retired; instead: {instead}"
                ));
            }
        }
    }
    found
}

/// The words of a line in lower case, without code and options.
fn words(text: &str) -> Vec<String> {
    let prose: String = text.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    let chunks = prose
        .split_whitespace()
        .filter(|chunk| !chunk.starts_with('-'));
    chunks
        .flat_map(|chunk| chunk.split(|c: char| !c.is_alphanumeric() && c != '-'))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// Names of Markdown files that do not exist. A name in a help text may be one of the user's.
fn missing_documents(lines: &[Line], exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for line in lines {
        let is_of_name = |c: char| c.is_alphanumeric() || "/._-".contains(c);
        for name in line.text.split(|c| !is_of_name(c)) {
            let name = name.trim_end_matches('.');
            if name.len() > 3 && name.ends_with(".md") && !exists(name) {
                let place = &line.place;
                found.push(format!("{place}: `{name}` is not in the repository"));
            }
        }
    }
    found
}

/// Anchors of `docs/protocol.md` that do not exist, in any file; relative links of Markdown files
/// that lead nowhere.
fn broken_links(files: &Sources) -> Vec<String> {
    let anchors: BTreeMap<&str, BTreeSet<String>> = (files.iter())
        .filter(|(file, _)| file.ends_with(".md"))
        .map(|(file, text)| (file.as_str(), anchors(text)))
        .collect();
    let has = |document: &str, anchor: &str| {
        anchors
            .get(document)
            .is_some_and(|anchors| anchors.contains(anchor))
    };
    let mut found = Vec::new();
    for (file, text) in files {
        for (number, line) in (1..).zip(text.lines()) {
            for anchor in line.split(CITED).skip(1).map(anchor_at) {
                if anchor != PLACEHOLDER && !has("docs/protocol.md", anchor) {
                    found.push(format!(
                        "{file}:{number}: docs/protocol.md has no anchor `{anchor}`"
                    ));
                }
            }
            if !file.ends_with(".md") {
                continue;
            }
            for target in line
                .split("](")
                .skip(1)
                .filter_map(|rest| rest.split(')').next())
            {
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
                let document = match path {
                    "" => file.clone(),
                    path => resolved(file, path),
                };
                let exists = files.contains_key(&document)
                    || files
                        .keys()
                        .any(|file| file.starts_with(&format!("{document}/")));
                if !exists || (!anchor.is_empty() && !has(&document, anchor)) {
                    found.push(format!(
                        "{file}:{number}: the link to `{target}` leads nowhere"
                    ));
                }
            }
        }
    }
    found
}

/// How an anchor of the fact sheet is cited. Not written in one piece, since this file is read too.
const CITED: &str = concat!("docs/protocol.md", "#");

/// What stands for any anchor where a text says how to cite one.
const PLACEHOLDER: &str = "anchor";

fn anchor_at(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    text[..end.unwrap_or(text.len())].trim_end_matches('-')
}

/// Explicit anchors, and those that GitHub makes of headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let explicit = text
        .split("<a id=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let of_heading = |line: &str| -> String {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    explicit
        .map(str::to_owned)
        .chain(headings.map(of_heading))
        .collect()
}

/// A relative path of a file's link, from the root of the repository.
fn resolved(file: &str, path: &str) -> String {
    let folder = Path::new(file).parent().unwrap();
    let mut parts: Vec<&str> = folder.iter().map(|part| part.to_str().unwrap()).collect();
    for part in path.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

mod planted {
    use super::*;

    fn line(place: &str, text: &str) -> Line {
        Line {
            place: place.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_retired_word_is_found_as_a_word_and_outside_code() {
        let texts = [
            line("a.md:1", "Nobody knows."),
            line(
                "a.md:2",
                "`nobody` is a key, --quiet an option, quietly a word",
            ),
            line("b.rs:3", "what is to be had"),
            line("c.md:4", "the moment of inertia"),
        ];
        let found = retired_words(&texts, &[("c.md", "moment of inertia")]);
        assert_eq!(
            found,
            [
                "a.md:1: `nobody` is retired; instead: name what is not done, or use the passive",
                "b.rs:3: `to be had` is retired; instead: available",
            ]
        );
    }

    #[test]
    fn a_document_that_does_not_exist_is_found() {
        let texts = [line("src/a.rs:1", "see protocol.md, and docs/protocol.md.")];
        let found = missing_documents(&texts, |name| name == "docs/protocol.md");
        assert_eq!(
            found,
            ["src/a.rs:1: `protocol.md` is not in the repository"]
        );
    }

    #[test]
    fn links_and_anchors_that_lead_nowhere_are_found() {
        let cited = |anchor: &str| format!("{CITED}{anchor}, step 3");
        let files = [
            (
                "docs/protocol.md",
                "# A heading, it's\n<a id=\"x\"></a>[up](../README.md)".to_owned(),
            ),
            (
                "README.md",
                format!("[a](docs/) [b]({CITED}a-heading-its) [c](#x) [d](no.md)"),
            ),
            ("src/a.rs", format!("{}\n{}", cited("x"), cited("y"))),
        ];
        let files = files
            .into_iter()
            .map(|(file, text)| (file.to_owned(), text));
        assert_eq!(
            broken_links(&files.collect()),
            [
                "README.md:1: the link to `#x` leads nowhere",
                "README.md:1: the link to `no.md` leads nowhere",
                "src/a.rs:2: docs/protocol.md has no anchor `y`",
            ]
        );
    }
}
