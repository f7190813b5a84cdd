//! What the tokens of a source file say about its module: the paths that it names, the types that
//! it declares, the words that it uses. Code under `#[cfg(test)]` is left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter::Peekable,
};

use proc_macro2::{Delimiter, TokenStream, TokenTree, token_stream::IntoIter};

/// The sources of the workspace: path from its root, and text.
pub type Sources = BTreeMap<String, String>;

/// A crate of the workspace.
pub struct CrateSource {
    /// Its source directory.
    pub root: &'static str,
    /// Its name in paths.
    pub name: &'static str,
}

/// The crates, dependencies first.
pub const CRATES: [CrateSource; 3] = [
    CrateSource {
        root: "model/src",
        name: "gatesim_model",
    },
    CrateSource {
        root: "sim/src",
        name: "gatesim_sim",
    },
    CrateSource {
        root: "src",
        name: "gatesim",
    },
];

/// A module, by the place of its crate in [`CRATES`] and its path in it; the path of a crate's root
/// is empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Module {
    pub krate: usize,
    pub path: Vec<String>,
}

impl Module {
    /// The module of a file; none outside the crates.
    fn of_file(file: &str) -> Option<Self> {
        let (krate, path) = (CRATES.iter().enumerate())
            .find_map(|(krate, source)| Some((krate, file.strip_prefix(source.root)?)))?;
        let path = path.strip_prefix('/')?.strip_suffix(".rs")?;
        let mut path: Vec<String> = path.split('/').map(str::to_owned).collect();
        if matches!(
            path.last().map(String::as_str),
            Some("mod" | "lib" | "main")
        ) {
            path.pop();
        }
        Some(Module { krate, path })
    }

    fn child(&self, name: &str) -> Module {
        let mut child = self.clone();
        child.path.push(name.to_owned());
        child
    }
}

/// Something that stands in a line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At<T> {
    pub line: usize,
    pub what: T,
}

/// What a file says.
#[derive(Default)]
pub struct Facts {
    pub file: String,
    /// The modules whose items it names, itself excepted.
    pub uses: Vec<At<Module>>,
    /// The types, traits and aliases that it declares.
    pub types: Vec<At<String>>,
    /// Every identifier.
    pub words: Vec<At<String>>,
    /// Every line of a doc comment.
    pub docs: Vec<At<String>>,
    /// Every literal, as it is written.
    pub literals: Vec<At<String>>,
}

/// Reads all modules but those that exist only for tests.
pub fn read(sources: &Sources) -> BTreeMap<Module, Facts> {
    let files: BTreeMap<Module, &String> = (sources.keys())
        .filter_map(|file| Some((Module::of_file(file)?, file)))
        .collect();
    let mut facts = BTreeMap::new();
    let mut only_for_tests = BTreeSet::new();
    for (module, &file) in &files {
        let tokens: TokenStream = sources[file]
            .parse()
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut reader = Reader {
            module,
            files: &files,
            facts: Facts {
                file: file.clone(),
                ..Facts::default()
            },
            only_for_tests: &mut only_for_tests,
        };
        reader.tokens(tokens, Inside::Module);
        facts.insert(module.clone(), reader.facts);
    }
    facts.retain(|module, _| {
        !(1..=module.path.len()).any(|depth| {
            only_for_tests.contains(&Module {
                krate: module.krate,
                path: module.path[..depth].to_vec(),
            })
        })
    });
    facts
}

/// What a group of tokens belongs to: `type` declares an alias in a module, and an associated type
/// in a trait or an implementation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Module,
    TraitOrImpl,
    /// Read with the path before it.
    UseTree,
}

struct Reader<'a> {
    module: &'a Module,
    files: &'a BTreeMap<Module, &'a String>,
    facts: Facts,
    only_for_tests: &'a mut BTreeSet<Module>,
}

impl Reader<'_> {
    fn tokens(&mut self, tokens: TokenStream, inside: Inside) {
        let mut tokens = tokens.into_iter().peekable();
        let mut within = Inside::Module;
        let mut colons = 0;
        while let Some(token) = tokens.next() {
            match &token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    // `#!` of inner attributes and comments.
                    tokens.next_if(|token| matches!(token, TokenTree::Punct(_)));
                    let attribute = tokens.next_if(|token| matches!(token, TokenTree::Group(_)));
                    if attribute.is_some_and(|group| self.is_cfg_test(&group)) {
                        self.skip_item(&mut tokens);
                    }
                }
                TokenTree::Ident(ident) => {
                    let (word, line) = (ident.to_string(), ident.span().start().line);
                    match word.as_str() {
                        // `pub(in path)` names who may see an item, which is no use.
                        "pub" => drop(tokens.next_if(is_restriction)),
                        "impl" | "trait" => within = Inside::TraitOrImpl,
                        "fn" | "mod" | "struct" | "enum" => within = Inside::Module,
                        _ => {}
                    }
                    let declares = match word.as_str() {
                        "struct" | "enum" | "union" | "trait" => true,
                        "type" => inside == Inside::Module,
                        _ => false,
                    };
                    if let (true, Some(TokenTree::Ident(name))) = (declares, tokens.peek()) {
                        let what = name.to_string();
                        self.facts.types.push(At { line, what });
                    }
                    if colons < 2 && inside != Inside::UseTree && is_path(&tokens) {
                        self.path(vec![word.clone()], line, &mut tokens.clone());
                    }
                    self.facts.words.push(At { line, what: word });
                }
                TokenTree::Group(group) => {
                    let inside = match group.delimiter() {
                        _ if inside == Inside::UseTree => Inside::UseTree,
                        Delimiter::Brace if colons == 2 => Inside::UseTree,
                        Delimiter::Brace => std::mem::replace(&mut within, Inside::Module),
                        Delimiter::Parenthesis | Delimiter::Bracket | Delimiter::None => {
                            Inside::Module
                        }
                    };
                    self.tokens(group.stream(), inside);
                }
                TokenTree::Literal(literal) => self.facts.literals.push(At {
                    line: literal.span().start().line,
                    what: literal.to_string(),
                }),
                TokenTree::Punct(_) => {}
            }
            colons = match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons + 1,
                _ => 0,
            };
        }
    }

    /// Whether an attribute is `#[cfg(test)]`. Doc comments are attributes; others may hold literals.
    fn is_cfg_test(&mut self, attribute: &TokenTree) -> bool {
        let TokenTree::Group(group) = attribute else {
            return false;
        };
        let mut words = group.stream().into_iter();
        let is_doc = matches!(words.next(), Some(TokenTree::Ident(name)) if name == "doc");
        match words.nth(usize::from(is_doc)) {
            Some(TokenTree::Literal(literal)) if is_doc => {
                let line = literal.span().start().line;
                let what = literal.to_string();
                self.facts.docs.push(At { line, what });
            }
            Some(_) | None => self.tokens(group.stream(), Inside::UseTree),
        }
        let text = group.stream().to_string();
        text.replace(' ', "") == "cfg(test)"
    }

    /// A path that begins with these segments: `tokens` stand behind the last.
    fn path(&mut self, mut path: Vec<String>, line: usize, tokens: &mut Peekable<IntoIter>) {
        while is_path(tokens) {
            tokens.next();
            tokens.next();
            match tokens.peek().cloned() {
                Some(TokenTree::Ident(segment)) => {
                    tokens.next();
                    path.push(segment.to_string());
                }
                Some(TokenTree::Group(tree)) if tree.delimiter() == Delimiter::Brace => {
                    return self.use_tree(&path, tree.stream());
                }
                Some(_) | None => break,
            }
        }
        self.named(&path, line);
    }

    /// The branches of a `use` with braces.
    fn use_tree(&mut self, path: &[String], tree: TokenStream) {
        let mut tokens = tree.into_iter().peekable();
        while let Some(token) = tokens.next() {
            if let TokenTree::Ident(ident) = token {
                let (word, line) = (ident.to_string(), ident.span().start().line);
                let mut branch = path.to_vec();
                if word != "self" {
                    branch.push(word);
                }
                self.path(branch, line, &mut tokens.clone());
            }
            // To the next branch.
            while let Some(token) = tokens.peek() {
                let ends = matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
                tokens.next();
                if ends {
                    break;
                }
            }
        }
    }

    fn named(&mut self, path: &[String], line: usize) {
        let (mut module, mut rest) = match path[0].as_str() {
            "crate" => (self.root(self.module.krate), &path[1..]),
            "self" => (self.module.clone(), &path[1..]),
            "super" => {
                let mut module = self.module.clone();
                let ups = path
                    .iter()
                    .take_while(|segment| *segment == "super")
                    .count();
                (0..ups).for_each(|_| drop(module.path.pop()));
                (module, &path[ups..])
            }
            name => match CRATES.iter().position(|source| source.name == name) {
                Some(krate) => (self.root(krate), &path[1..]),
                None if self.files.contains_key(&self.module.child(name)) => {
                    (self.module.clone(), path)
                }
                None => return,
            },
        };
        while let Some(name) = rest.first() {
            let child = module.child(name);
            if !self.files.contains_key(&child) {
                break;
            }
            (module, rest) = (child, &rest[1..]);
        }
        if module != *self.module {
            self.facts.uses.push(At { line, what: module });
        }
    }

    fn root(&self, krate: usize) -> Module {
        Module {
            krate,
            path: Vec::new(),
        }
    }

    /// Skips what stands behind `#[cfg(test)]`; the file of a module that does is left out.
    fn skip_item(&mut self, tokens: &mut Peekable<IntoIter>) {
        let mut path: Option<String> = None;
        let mut is_module = false;
        for token in tokens.by_ref() {
            match token {
                TokenTree::Ident(ident) if is_module => {
                    let module = match path.take() {
                        Some(path) => self.beside(&path),
                        None => self.module.child(&ident.to_string()),
                    };
                    self.only_for_tests.insert(module);
                    is_module = false;
                }
                TokenTree::Ident(ident) => is_module = ident == "mod",
                TokenTree::Punct(punct) if punct.as_char() == ';' => return,
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return,
                TokenTree::Group(group) => {
                    let attribute = group.stream().to_string().replace([' ', '"'], "");
                    path = attribute.strip_prefix("path=").map(str::to_owned).or(path);
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    /// The module of a file in the folder of this one.
    fn beside(&self, file: &str) -> Module {
        let folder = self
            .facts
            .file
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        Module::of_file(&format!("{folder}/{file}")).expect("a file of the same crate")
    }
}

/// Whether these are the parentheses of a restricted visibility such as `pub(in path)`.
fn is_restriction(token: &TokenTree) -> bool {
    let TokenTree::Group(group) = token else {
        return false;
    };
    matches!(
        group.stream().into_iter().next(),
        Some(TokenTree::Ident(first)) if first == "in" || first == "crate" || first == "super"
    ) && !group.stream().to_string().contains(',')
        && group.delimiter() == Delimiter::Parenthesis
}

/// Whether a path continues here.
fn is_path(tokens: &Peekable<IntoIter>) -> bool {
    let mut tokens = tokens.clone();
    let mut is_colon = || matches!(tokens.next(), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    is_colon() && is_colon()
}
