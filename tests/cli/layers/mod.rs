//! Folders are layers: which may use which, and what else holds for all sources of the workspace.

pub mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::LazyLock,
};

use source::{CRATES, Facts, Module, Sources, read};

/// Files of a cycle, at most.
const LARGEST_CYCLE: usize = 5;

/// For each folder (or file beside the root) of a crate, from below to above: the folders that it
/// may use. A crate's root may use everything, and nothing in the crate may use it.
const LAYERS: [&[(&str, &str)]; CRATES.len()] = [MODEL, SIM, TOOL];

const MODEL: &[(&str, &str)] = &[
    ("design", ""),
    ("core", "design"),
    ("event", "core"),
    ("port", "core event"),
    ("historical", "core design event port"),
    ("gateway", "core design event historical port"),
];

const SIM: &[(&str, &str)] = &[
    ("trace", ""),
    ("scheduler", "trace"),
    ("plan", "scheduler trace"),
    ("world", "plan scheduler trace"),
    ("check", "plan trace"),
    ("view", "plan trace"),
    ("run", "check plan scheduler trace world"),
];

const TOOL: &[(&str, &str)] = &[
    ("exit", ""),
    ("statistics", ""),
    ("output", ""),
    ("target", "output"),
    ("timeline", "output"),
    ("execution", "exit output target timeline"),
    ("schema", "exit output target"),
    ("list", "exit output schema target"),
    ("corpus", "execution exit output target"),
    ("replay", "execution exit output target timeline"),
    ("sweep", "execution exit output statistics target"),
    ("accept", "execution exit output sweep target"),
    ("power", "execution exit output target"),
    ("verify_fix", "execution exit output statistics target"),
    ("shrink", "execution exit output target"),
    ("why", "execution exit output shrink target timeline"),
    ("report", "execution exit output target why"),
    (
        "cli",
        "accept corpus exit list output power replay report schema shrink sweep verify_fix why",
    ),
];

/// A word, where it may not stand, and why.
struct Reserved {
    word: &'static str,
    /// Beginnings of paths.
    not_in: &'static [&'static str],
    because: &'static str,
}

const RESERVED: &[Reserved] = &[
    Reserved {
        word: "madsim",
        not_in: &["model/", "src/"],
        because: "only sim names madsim",
    },
    Reserved {
        word: "scheduler",
        not_in: &["sim/src/check/"],
        because: "rules judge events, not the scheduler",
    },
];

#[test]
fn the_sources_keep_to_their_layers() {
    let complaints = complaints(our_modules(), LAYERS);
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

type Modules = BTreeMap<Module, Facts>;

/// Those of the workspace.
pub fn our_modules() -> &'static Modules {
    static MODULES: LazyLock<Modules> = LazyLock::new(|| read(&workspace()));
    &MODULES
}

fn workspace() -> Sources {
    let mut sources = Sources::new();
    for source in CRATES {
        let mut folders = vec![source.root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(repository().join(&folder)).unwrap() {
                let entry = entry.unwrap();
                let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
                if entry.file_type().unwrap().is_dir() {
                    folders.push(path);
                } else if path.ends_with(".rs") {
                    let text = fs::read_to_string(entry.path()).unwrap();
                    sources.insert(path, text);
                }
            }
        }
    }
    sources
}

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

type Layers = [&'static [(&'static str, &'static str)]; CRATES.len()];

/// What is wrong with these modules, one line each.
fn complaints(modules: &Modules, layers: Layers) -> Vec<String> {
    let mut complaints = folders_beside_the_table(modules, layers);
    complaints.extend(uses_across_layers(modules, layers));
    complaints.extend(cycles(modules));
    complaints.extend(types_declared_twice(modules));
    complaints.extend(reserved_words(modules));
    complaints.dedup();
    complaints
}

/// The folder of a module: the first part of its path. None for the root of a crate.
fn folder(module: &Module) -> Option<&str> {
    module.path.first().map(String::as_str)
}

fn allowed(layers: Layers, krate: usize, folder: &str) -> Option<Vec<&'static str>> {
    let row = layers[krate].iter().find(|(name, _)| *name == folder)?;
    Some(row.1.split_whitespace().collect())
}

/// Folders without a row, and rows that say more than is so.
fn folders_beside_the_table(modules: &Modules, layers: Layers) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut used: BTreeSet<(usize, &str, &str)> = BTreeSet::new();
    for (module, facts) in modules {
        let Some(from) = folder(module) else { continue };
        if allowed(layers, module.krate, from).is_none() {
            let file = &facts.file;
            complaints.push(format!(
                "{file}: the table of layers has no row for `{from}`"
            ));
        }
        let own = facts.uses.iter().filter(|at| at.what.krate == module.krate);
        used.extend(own.filter_map(|at| Some((module.krate, from, folder(&at.what)?))));
    }
    for (krate, rows) in layers.iter().enumerate() {
        for (from, to) in rows.iter() {
            for to in to
                .split_whitespace()
                .filter(|to| !used.contains(&(krate, from, to)))
            {
                let root = CRATES[krate].root;
                complaints.push(format!(
                    "{root}/{from}: the table of layers lets it use `{to}`, which it does not"
                ));
            }
        }
    }
    complaints
}

fn uses_across_layers(modules: &Modules, layers: Layers) -> Vec<String> {
    let mut complaints = Vec::new();
    for (module, facts) in modules {
        let Some(from) = folder(module) else { continue };
        let may_use = allowed(layers, module.krate, from).unwrap_or_default();
        for at in facts.uses.iter().filter(|at| at.what.krate == module.krate) {
            let to = folder(&at.what);
            if to == Some(from) || to.is_some_and(|to| may_use.contains(&to)) {
                continue;
            }
            let to = to.unwrap_or("the root of the crate");
            complaints.push(format!(
                "{}:{}: `{from}` uses `{to}`; it may use {}",
                facts.file,
                at.line,
                match may_use.is_empty() {
                    true => "nothing of its crate".to_owned(),
                    false => may_use.join(", "),
                }
            ));
        }
    }
    complaints
}

/// Cycles between folders, and cycles of too many files.
fn cycles(modules: &Modules) -> Vec<String> {
    let mut files: BTreeMap<Node, BTreeSet<Node>> = BTreeMap::new();
    let mut folders: BTreeMap<Node, BTreeSet<Node>> = BTreeMap::new();
    let of_folder = |module: &Module| {
        let root = CRATES[module.krate].root;
        Some(format!("{root}/{}", folder(module)?))
    };
    for (module, facts) in modules {
        for at in &facts.uses {
            let Some(used) = modules.get(&at.what) else {
                continue;
            };
            let edges = files.entry(facts.file.clone()).or_default();
            edges.insert(used.file.clone());
            if let (Some(from), Some(to)) = (of_folder(module), of_folder(&at.what))
                && from != to
            {
                folders.entry(from).or_default().insert(to);
            }
        }
    }
    let too_large = components(&files)
        .into_iter()
        .filter(|files| files.len() > LARGEST_CYCLE);
    let too_large = too_large.map(|files| {
        let count = files.len();
        let names = files.join(", ");
        format!(
            "{}: a cycle of {count} files, at most {LARGEST_CYCLE} are allowed: {names}",
            files[0]
        )
    });
    let circular = components(&folders)
        .into_iter()
        .filter(|folders| folders.len() > 1);
    let circular = circular.map(|folders| {
        let names = folders.join(", ");
        format!(
            "{}: a cycle of folders, none is allowed: {names}",
            folders[0]
        )
    });
    too_large.chain(circular).collect()
}

type Node = String;

/// The strongly connected components of a graph, as what can be reached both ways.
fn components(edges: &BTreeMap<Node, BTreeSet<Node>>) -> Vec<Vec<&str>> {
    let reach = |from: &Node| {
        let mut seen: BTreeSet<&Node> = BTreeSet::new();
        let mut next: Vec<&Node> = edges.get(from).into_iter().flatten().collect();
        while let Some(node) = next.pop() {
            if seen.insert(node) {
                next.extend(edges.get(node).into_iter().flatten());
            }
        }
        seen
    };
    let reached: BTreeMap<&Node, BTreeSet<&Node>> =
        edges.keys().map(|node| (node, reach(node))).collect();
    let mut left: BTreeSet<&Node> = edges.keys().collect();
    let mut components = Vec::new();
    while let Some(node) = left.pop_first() {
        let both_ways =
            |other: &&&Node| reached[node].contains(**other) && reached[**other].contains(node);
        let mut component: Vec<&Node> = left.iter().filter(both_ways).copied().collect();
        left.retain(|other| !component.contains(other));
        component.insert(0, node);
        components.push(component.into_iter().map(String::as_str).collect());
    }
    components
}

fn types_declared_twice(modules: &Modules) -> Vec<String> {
    let mut declared: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for facts in modules.values() {
        for at in &facts.types {
            let places = declared.entry(&at.what).or_default();
            places.entry(&facts.file).or_insert(at.line);
        }
    }
    let twice = declared.into_iter().filter(|(_, places)| places.len() > 1);
    twice
        .map(|(name, places)| {
            let places: Vec<String> = places
                .iter()
                .map(|(file, line)| format!("{file}:{line}"))
                .collect();
            let (first, others) = (&places[0], places[1..].join(", "));
            format!(
                "{first}: the type `{name}` is also declared in {others}; one name for one thing"
            )
        })
        .collect()
}

fn reserved_words(modules: &Modules) -> Vec<String> {
    let mut complaints = Vec::new();
    for facts in modules.values() {
        for reserved in RESERVED {
            if !reserved
                .not_in
                .iter()
                .any(|start| facts.file.starts_with(start))
            {
                continue;
            }
            for at in facts.words.iter().filter(|at| at.what == reserved.word) {
                let (file, line, word, because) =
                    (&facts.file, at.line, reserved.word, reserved.because);
                complaints.push(format!("{file}:{line}: names `{word}`; {because}"));
            }
        }
    }
    complaints
}

/// The check itself: one planted violation of each kind, among sources that are in order.
mod planted {
    use super::*;

    const SMALL: Layers = [
        &[("core", ""), ("gateway", "core")],
        &[("check", "trace"), ("trace", "")],
        &[],
    ];

    /// What is said of sources in order, with some replaced or added.
    fn said_of(planted: &[(&str, &str)]) -> Vec<String> {
        let in_order = [
            ("model/src/lib.rs", "pub mod core;\npub mod gateway;"),
            ("model/src/core/mod.rs", "pub mod ids;\nuse std::fmt;"),
            ("model/src/core/ids.rs", "pub struct Id;"),
            (
                "model/src/gateway/mod.rs",
                "use crate::core::ids::Id;\nmod lock;\n#[cfg(test)]\nmod tests;\n\
                 impl Iterator for Lock { type Item = Id; }",
            ),
            (
                "model/src/gateway/lock.rs",
                "pub struct Lock;\n#[cfg(test)]\nmod tests { use crate::everything; struct Id; }",
            ),
            (
                "model/src/gateway/tests.rs",
                "use gatesim_model::gateway::Id;\nstruct Id;",
            ),
            ("sim/src/lib.rs", "pub mod check;\npub mod trace;"),
            ("sim/src/trace/mod.rs", "pub struct Line;\n// scheduler\n"),
            (
                "sim/src/check/mod.rs",
                "use crate::trace::{Line as Row};\nuse gatesim_model::core::ids::{self, Id};",
            ),
        ];
        let sources = in_order.iter().chain(planted);
        let sources = sources.map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
        complaints(&read(&sources.collect()), SMALL)
    }

    #[test]
    fn sources_in_order_pass() {
        assert_eq!(said_of(&[]), [""; 0]);
    }

    #[test]
    fn a_use_across_layers_is_found_in_use_trees_and_in_paths() {
        let cycle = "model/src/core: a cycle of folders, none is allowed: model/src/core, \
                     model/src/gateway";
        let found = "model/src/core/ids.rs:3: `core` uses `gateway`; it may use nothing of its \
                     crate";
        for text in [
            "pub struct Id;\n\nuse crate::{gateway::{lock::Lock}};",
            "pub struct Id;\n\nuse super::super::gateway::lock::Lock;",
            "pub struct Id;\n\nfn f() { vec![crate::gateway::lock::Lock::new()] }",
        ] {
            assert_eq!(
                said_of(&[("model/src/core/ids.rs", text)]),
                [found, cycle],
                "{text}"
            );
        }
        assert_eq!(
            said_of(&[(
                "model/src/core/ids.rs",
                "pub struct Id;\nuse crate::Gateway;"
            )]),
            [
                "model/src/core/ids.rs:2: `core` uses `the root of the crate`; it may use nothing of \
              its crate"
            ]
        );
    }

    #[test]
    fn the_table_says_no_more_and_no_less_than_is_so() {
        assert_eq!(
            said_of(&[
                ("model/src/port/mod.rs", ""),
                ("model/src/gateway/mod.rs", "#[cfg(test)]\nmod tests;"),
            ]),
            [
                "model/src/port/mod.rs: the table of layers has no row for `port`",
                "model/src/gateway: the table of layers lets it use `core`, which it does not",
            ]
        );
    }

    #[test]
    fn a_cycle_of_six_files_is_one_too_many() {
        let files: Vec<(String, String)> = (0..6)
            .map(|n| {
                let file = format!("model/src/core/f{n}.rs");
                (file, format!("use super::f{};", (n + 1) % 6))
            })
            .collect();
        let planted = |files: &[(String, String)]| {
            let files = files
                .iter()
                .map(|(file, text)| (file.as_str(), text.as_str()));
            said_of(&files.collect::<Vec<_>>())
        };
        let [complaint] = &planted(&files)[..] else {
            panic!("one complaint")
        };
        assert!(
            complaint.starts_with(
                "model/src/core/f0.rs: a cycle of 6 files, at most 5 are allowed: \
                 model/src/core/f0.rs, model/src/core/f1.rs"
            ),
            "{complaint}"
        );
        assert_eq!(planted(&files[..5]), [""; 0]);
    }

    #[test]
    fn a_type_of_two_modules_is_found_in_any_crate_and_in_functions() {
        assert_eq!(
            said_of(&[(
                "sim/src/trace/mod.rs",
                "pub struct Line;\nfn f() { enum Lock {} }"
            )]),
            [
                "model/src/gateway/lock.rs:1: the type `Lock` is also declared in \
              sim/src/trace/mod.rs:2; one name for one thing"
            ]
        );
    }

    #[test]
    fn reserved_words_are_found_where_they_may_not_stand() {
        assert_eq!(
            said_of(&[("model/src/core/mod.rs", "pub mod ids;\nuse madsim::time;")]),
            ["model/src/core/mod.rs:2: names `madsim`; only sim names madsim"]
        );
        let check = "use crate::trace::Line;\nfn f(_: scheduler::Step) {}";
        assert_eq!(
            said_of(&[("sim/src/check/mod.rs", check)]),
            ["sim/src/check/mod.rs:2: names `scheduler`; rules judge events, not the scheduler"]
        );
    }
}
