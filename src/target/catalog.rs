//! From a reference that a person typed to a scenario or a design: built in, flipped, or a file.

use std::path::Path;

use anyhow::{Context, anyhow, bail};
use gatesim_model::design::{Design, unknown};
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
        design = design.with(question, answer)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_scenario_is_sound_and_named_after_its_file() {
        for name in scenario_names() {
            assert_eq!(scenario(name).unwrap().name, name);
        }
    }
}
