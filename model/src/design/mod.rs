//! Designs: one answer to each open question of the protocol.
//!
//! A design is data. `v1` to `v9` are the revisions that ran in production, `reference` is the
//! protocol that their incident reports ask for. The code never asks for a revision; it asks one
//! question at the place where the answer matters.
//!
//! The revisions and their differences are in docs/protocol.md#revisions.
//!
//! ```
//! use gatesim_model::design::Design;
//!
//! let design = Design::resolve("reference+cleanup=never").unwrap();
//! assert!(design.answers().contains(&("cleanup", "never")));
//! assert_eq!(&*design.name, "reference+cleanup=never");
//! ```

use std::{fmt, sync::Arc};

use thiserror::Error;

mod file;
mod question;
mod questions;
mod suggestion;

pub use file::line_of;
pub use question::{Answer, Question};
pub use questions::*;
pub use suggestion::unknown;

use questions::Partial;
use suggestion::suggestion;

/// Name and text of the designs that come with the gateway.
const BUILTIN: &[(&str, &str)] = &[
    ("v1", include_str!("../../designs/v1.toml")),
    ("v1b", include_str!("../../designs/v1b.toml")),
    ("v2", include_str!("../../designs/v2.toml")),
    ("v3", include_str!("../../designs/v3.toml")),
    ("v4", include_str!("../../designs/v4.toml")),
    ("v5", include_str!("../../designs/v5.toml")),
    ("v6", include_str!("../../designs/v6.toml")),
    ("v7", include_str!("../../designs/v7.toml")),
    ("v7b", include_str!("../../designs/v7b.toml")),
    ("v8", include_str!("../../designs/v8.toml")),
    ("v9", include_str!("../../designs/v9.toml")),
    ("reference", include_str!("../../designs/reference.toml")),
];

const BUILTIN_NAMES: [&str; BUILTIN.len()] = {
    let mut names = [""; BUILTIN.len()];
    let mut i = 0;
    while i < BUILTIN.len() {
        names[i] = BUILTIN[i].0;
        i += 1;
    }
    names
};

/// Why a key or an answer was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// No question has this key.
    #[error("{}", unknown("question", key, &Design::question_keys()))]
    Question {
        /// What was written.
        key: String,
    },
    /// The question has no such answer.
    #[error(
        "unknown answer `{answer}` to `{question}`{}",
        suggestion("answer", answer, allowed)
    )]
    Answer {
        /// The question's key.
        question: &'static str,
        /// What was written.
        answer: String,
        /// What may be written.
        allowed: &'static [&'static str],
    },
}

/// Why there is no such design.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DesignError {
    /// No built-in design has this name.
    #[error("{}", unknown("design", name, Design::builtin_names()))]
    Name {
        /// What was written.
        name: String,
    },
    /// A flip is not of the form `question=answer`.
    #[error("`{flip}` is not of the form question=answer")]
    Flip {
        /// What was written.
        flip: String,
    },
    /// A question or an answer is unknown.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// A design file cannot be read.
    #[error("{file}:{line}: {message}")]
    File {
        /// The file, as the caller named it.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong, and what would be right.
        message: String,
    },
}

impl Design {
    /// The built-in design of this name.
    pub fn builtin(name: &str) -> Option<Design> {
        let (name, text) = BUILTIN.iter().find(|(builtin, _)| *builtin == name)?;
        Some(Design::parse(&format!("{name}.toml"), text).expect("built-in designs are tested"))
    }

    /// The names of the built-in designs, oldest first, `reference` last.
    pub fn builtin_names() -> &'static [&'static str] {
        &BUILTIN_NAMES
    }

    /// A built-in design, or one with some answers flipped: `reference+welcome=before-ready`.
    ///
    /// # Errors
    /// If the design, a question or an answer is unknown.
    pub fn resolve(text: &str) -> Result<Design, DesignError> {
        let mut parts = text.split('+');
        let name = parts.next().unwrap_or_default();
        let design = Design::builtin(name).ok_or_else(|| DesignError::Name {
            name: name.to_owned(),
        })?;
        parts.try_fold(design, |design, flip| {
            let (key, answer) = flip.split_once('=').ok_or_else(|| DesignError::Flip {
                flip: flip.to_owned(),
            })?;
            design.with(key, answer)
        })
    }

    fn question_keys() -> Vec<&'static str> {
        Design::questions()
            .iter()
            .map(|question| question.key)
            .collect()
    }

    /// The same design with one answer flipped; its name says so.
    ///
    /// # Errors
    /// If the question or the answer is unknown.
    pub fn with(&self, key: &str, answer: &str) -> Result<Design, DesignError> {
        let mut partial = Partial::default();
        partial.answer(key, answer)?;
        let name = format!("{}+{key}={answer}", self.name).into();
        Ok(partial
            .or(self)
            .complete(name, Arc::clone(&self.summary))
            .expect("the base answers every question"))
    }

    /// Reads a design file whose base, if it has one, is any text that [`Design::resolve`] takes;
    /// see [`Design::parse_on`].
    ///
    /// # Errors
    /// Those of [`Design::parse_on`].
    pub fn parse(file: &str, text: &str) -> Result<Design, DesignError> {
        file::parse_on(file, text, Design::resolve)
    }

    /// Reads a design file: `base = "v9"`, `name`, `summary`, then one key per question that is
    /// answered differently. `base_of` finds the base. Without a base every question must be
    /// answered; without a name the file's stem is the name. `file` is only used to name the design
    /// and the place of an error.
    ///
    /// # Errors
    /// On the first line that is not TOML, not a question or not an answer, if the base cannot be
    /// found, or if a question is left open.
    pub fn parse_on<E: fmt::Display>(
        file: &str,
        text: &str,
        base_of: impl FnOnce(&str) -> Result<Design, E>,
    ) -> Result<Design, DesignError> {
        file::parse_on(file, text, base_of)
    }
}

#[cfg(test)]
mod tests;
