//! From a reference that a person typed to a scenario or a design: built in, flipped, or a file.

use std::path::{Path, PathBuf};

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
    embedded!("long-absence"),
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

/// Files that stand on one another, at most: the same file may have several paths.
const MAX_BASES: usize = 32;

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
/// `my.toml+welcome=before-ready`. The base of a file is written in the same way; a path in it starts at
/// the folder of the file.
pub fn design(reference: &str) -> anyhow::Result<Design> {
    design_within(reference, &[])
}

/// A design that is the base of the last of these files, each of which is the base of the one before.
fn design_within(reference: &str, files: &[PathBuf]) -> anyhow::Result<Design> {
    let (base, flips) = match reference.split_once('+') {
        Some((base, flips)) => (base, Some(flips)),
        None => (reference, None),
    };
    let mut design = if is_file(base) {
        let folder = files.last().and_then(|file| file.parent());
        let file = folder.map_or_else(|| PathBuf::from(base), |folder| folder.join(base));
        let chain = [files, std::slice::from_ref(&file)].concat();
        if files.contains(&file) || files.len() > MAX_BASES {
            let names: Vec<_> = chain
                .iter()
                .map(|file| file.display().to_string())
                .collect();
            bail!("the files are each other's base: {}", names.join(" -> "));
        }
        let text = read_text(&file)?;
        let base_of =
            |base: &str| design_within(base, &chain).map_err(|error| format!("{error:#}"));
        Design::parse_on(&file.display().to_string(), &text, base_of)?
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
