//! From a reference that a person typed to a scenario or a design: built in, flipped, or a file.

use std::path::Path;

use anyhow::{Context, anyhow, bail};
use gatesim_model::design::{AnswerError, Design, DesignError};
use gatesim_sim::plan::scenario::Scenario;

use crate::output::read_text;

macro_rules! embedded {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../seeds/scenarios/", $name, ".toml")),
        )
    };
}

/// Built-in scenarios: the file each comes from, and its text.
const SCENARIOS: &[(&str, &str)] = &[
    embedded!("golden-path"),
    embedded!("two-in-one-second"),
    embedded!("cold-start"),
    embedded!("restart"),
    embedded!("lb-reorder"),
    embedded!("header-strip"),
    embedded!("duplicate-upgrades"),
    embedded!("partition"),
    embedded!("half-open"),
    embedded!("slow-reader"),
    embedded!("hostile-middlebox"),
    embedded!("rolling-deploy"),
    embedded!("autoscale"),
    embedded!("brownout"),
    embedded!("auth-outage"),
    embedded!("token-refresh"),
    embedded!("many-tabs"),
    embedded!("bad-clients"),
    embedded!("idle"),
    embedded!("slow-agent"),
    embedded!("chaos"),
    embedded!("load"),
];

/// What may be written besides a name.
const OR_A_FILE: &str = ", or a path ending in .toml";

/// Similarity from which on a name is worth suggesting.
const SIMILAR_ENOUGH: f64 = 0.75;

/// Names of the built-in scenarios, simplest first.
pub fn scenario_names() -> Vec<&'static str> {
    SCENARIOS.iter().map(|(name, _)| *name).collect()
}

/// A scenario by name, or by path if the reference ends in `.toml`.
pub fn scenario(reference: &str) -> anyhow::Result<Scenario> {
    if is_file(reference) {
        let text = read_text(Path::new(reference))?;
        // The path is the name, so that a plan made from it can say where it came from.
        return Ok(Scenario::parse(reference, reference, &text)?);
    }
    let Some((name, text)) = SCENARIOS.iter().find(|(name, _)| *name == reference) else {
        bail!(unknown("scenario", reference, &scenario_names()) + OR_A_FILE);
    };
    Ok(Scenario::parse(
        name,
        &format!("seeds/scenarios/{name}.toml"),
        text,
    )?)
}

/// A design by name or path, with any answers flipped: `v9`, `reference+cleanup=never`,
/// `my.toml+welcome=before-ready`.
pub fn design(reference: &str) -> anyhow::Result<Design> {
    let (base, flips) = match reference.split_once('+') {
        Some((base, flips)) => (base, Some(flips)),
        None => (reference, None),
    };
    let mut design = if is_file(base) {
        Design::parse(base, &read_text(Path::new(base))?)?
    } else {
        Design::builtin(base)
            .ok_or_else(|| anyhow!(unknown("design", base, Design::builtin_names()) + OR_A_FILE))?
    };
    for flip in flips.into_iter().flat_map(|flips| flips.split('+')) {
        let (question, answer) = flip
            .split_once('=')
            .with_context(|| format!("`{flip}` in design `{reference}` is not question=answer"))?;
        design = design.with(question, answer).map_err(with_guess)?;
    }
    Ok(design)
}

/// A reference to the same answers that no file can change: of a file, the built-in design that has
/// most of its answers, with the others flipped.
pub fn without_file(reference: &str) -> anyhow::Result<String> {
    if !is_file(reference.split('+').next().unwrap_or_default()) {
        return Ok(reference.to_owned());
    }
    let answers = design(reference)?.answers();
    let names = Design::builtin_names().iter();
    let flips = names.filter_map(|name| {
        let base = Design::builtin(name)?.answers();
        let differs = answers.iter().zip(base).filter(|(own, base)| *own != base);
        let flips: Vec<String> = differs
            .map(|((question, answer), _)| format!("+{question}={answer}"))
            .collect();
        Some((flips, name))
    });
    let (flips, name) = flips
        .min_by_key(|(flips, _)| flips.len())
        .context("there are built-in designs")?;
    Ok(format!("{name}{}", flips.concat()))
}

/// Whether a reference means a file.
pub fn is_file(reference: &str) -> bool {
    reference.ends_with(".toml")
}

/// Says that a name is unknown, what it may have meant, and what there is.
pub fn unknown(kind: &str, name: &str, known: &[&str]) -> String {
    let separator = match nearest(name, known.iter().copied()) {
        Some(guess) => format!("; did you mean `{guess}`?"),
        None => ";".to_owned(),
    };
    format!(
        "unknown {kind} `{name}`{separator} {kind}s are {}",
        known.join(", ")
    )
}

/// The name that was probably meant.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity > SIMILAR_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// Adds to an error about an answer what may have been meant.
fn with_guess(error: DesignError) -> anyhow::Error {
    let guess = match &error {
        DesignError::Answer(AnswerError::Question { key }) => {
            nearest(key, Design::questions().iter().map(|question| question.key))
        }
        DesignError::Answer(AnswerError::Answer {
            answer, allowed, ..
        }) => nearest(answer, allowed.iter().copied()),
        DesignError::Name { .. } | DesignError::Flip { .. } | DesignError::File { .. } => None,
    };
    match guess {
        Some(guess) => anyhow!("{error}; did you mean `{guess}`?"),
        None => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_scenario_is_sound_and_named_after_its_file() {
        for name in scenario_names() {
            assert_eq!(scenario(name).unwrap().name, name);
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_one() {
        assert_eq!(
            unknown("scenario", "cold-strat", &["chaos", "cold-start"]),
            "unknown scenario `cold-strat`; did you mean `cold-start`? scenarios are chaos, \
             cold-start"
        );
        assert_eq!(
            unknown("design", "zzz", &["v1", "v9"]),
            "unknown design `zzz`; designs are v1, v9"
        );
    }
}
