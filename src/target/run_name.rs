//! `scenario@design:seed`: the name of a run in every output and on every command line.

use std::{fmt, str::FromStr};

use gatesim_sim::plan::scenario::MAX_SEED;
use thiserror::Error;

/// Names a run. Scenario and design are references: a name, a name with flipped answers, or a
/// path to a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunName {
    /// Scenario reference.
    pub scenario: String,
    /// Design reference.
    pub design: String,
    /// At most [`MAX_SEED`].
    pub seed: u64,
}

impl RunName {
    /// The name in characters that every file system accepts.
    pub fn file_stem(&self) -> String {
        let part = |text: &str| file_word(text.trim_end_matches(".toml"));
        format!(
            "{}-{}-{}",
            part(&self.scenario),
            part(&self.design),
            self.seed
        )
    }
}

/// A text in characters that every file system accepts.
pub fn file_word(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect()
}

/// Why a text is no run name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RunNameError {
    /// One of the separators or parts is missing.
    #[error(
        "`{0}` is not a run name; a run name is scenario@design:seed, for example \
         cold-start@reference:7, and a file ends in .toml"
    )]
    Shape(String),
    /// The seed is no number, or too large.
    #[error("`{0}` is not a seed; seeds are whole numbers from 0 to {MAX_SEED}")]
    Seed(String),
}

impl fmt::Display for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.scenario, self.design, self.seed)
    }
}

impl FromStr for RunName {
    type Err = RunNameError;

    fn from_str(text: &str) -> Result<Self, RunNameError> {
        let shape = || RunNameError::Shape(text.to_owned());
        let (scenario, rest) = text.split_once('@').ok_or_else(shape)?;
        let (design, seed) = rest.rsplit_once(':').ok_or_else(shape)?;
        if scenario.is_empty() || design.is_empty() {
            return Err(shape());
        }
        Ok(RunName {
            scenario: scenario.to_owned(),
            design: design.to_owned(),
            seed: parse_seed(seed)?,
        })
    }
}

/// Reads a seed.
pub fn parse_seed(text: &str) -> Result<u64, RunNameError> {
    match text.parse() {
        Ok(seed) if seed <= MAX_SEED => Ok(seed),
        Ok(_) | Err(_) => Err(RunNameError::Seed(text.to_owned())),
    }
}

/// The text as one word of a POSIX shell, quoted only where necessary, so that printed commands can
/// be pasted.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@:+=._/-,%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_survives_the_round_trip() {
        for text in [
            "cold-start@v4:7364529",
            "chaos@reference+cleanup=never+welcome=before-ready:0",
            "my/own.toml@designs/a b.toml:9223372036854775807",
        ] {
            assert_eq!(text.parse::<RunName>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "chaos", "chaos@v4", "@v4:1", "chaos@:1", "v4:1"] {
            assert!(
                matches!(text.parse::<RunName>(), Err(RunNameError::Shape(_))),
                "{text}"
            );
        }
        for text in [
            "chaos@v4:",
            "chaos@v4:-1",
            "chaos@v4:9223372036854775808",
            "chaos@v4:x",
        ] {
            assert!(
                matches!(text.parse::<RunName>(), Err(RunNameError::Seed(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn only_what_needs_quotes_is_quoted() {
        assert_eq!(
            shell_word("chaos@reference+cleanup=never:1"),
            "chaos@reference+cleanup=never:1"
        );
        assert_eq!(shell_word("a b@it's:1"), r"'a b@it'\''s:1'");
        assert_eq!(shell_word(""), "''");
    }
}
