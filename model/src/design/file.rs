//! Design files.

use std::{fmt::Display, path::Path};

use toml::{Spanned, de::DeTable, de::DeValue};

use super::{Design, DesignError, questions::Partial};

/// See [`Design::parse_on`].
pub(super) fn parse_on<E: Display>(
    file: &str,
    text: &str,
    base_of: impl FnOnce(&str) -> Result<Design, E>,
) -> Result<Design, DesignError> {
    let error = |at: usize, message: String| DesignError::File {
        file: file.to_owned(),
        line: line_of(text, at),
        message,
    };
    let table = DeTable::parse(text).map_err(|e| {
        let at = e.span().map_or(0, |span| span.start);
        error(at, e.message().to_owned())
    })?;

    let mut base = None;
    let mut name = None;
    let mut summary = None;
    let mut partial = Partial::default();
    for (key, value) in table.get_ref() {
        let word = string(value).ok_or_else(|| {
            let message = format!("`{}` must be a string", key.get_ref());
            error(value.span().start, message)
        })?;
        match key.get_ref().as_ref() {
            "base" => base = Some((word, value.span().start)),
            "name" => name = Some(word),
            "summary" => summary = Some(word),
            question => partial
                .answer(question, word)
                .map_err(|e| error(key.span().start, e.to_string()))?,
        }
    }

    let partial = match base {
        Some((base, at)) => {
            let base = base_of(base).map_err(|e| error(at, format!("base: {e}")))?;
            partial.or(&base)
        }
        None => partial,
    };
    let stem = Path::new(file).file_stem().and_then(|stem| stem.to_str());
    let name = name.or(stem).unwrap_or(file);
    let summary = summary.unwrap_or_default();
    partial
        .complete(name.into(), summary.into())
        .map_err(|open| {
            let message = format!("`{open}` is not answered, and there is no `base`");
            error(0, message)
        })
}

fn string<'a>(value: &'a Spanned<DeValue<'_>>) -> Option<&'a str> {
    value.get_ref().as_str()
}

/// The line, from 1, of a byte of a text.
#[must_use]
pub fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
