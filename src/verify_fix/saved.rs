//! A sample in a file: taken with one build, compared with that of another.

use std::path::Path;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    population::{Population, Sizes},
    sample::Sample,
};
use crate::{
    output::{FORMAT, read_text, write_whole},
    target::{Target, expectation::Expectation},
};

/// What `--save` writes and `--before` reads.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    format: u32,
    run: String,
    /// Digest of its plan: capsules of one run may have been shrunk in different ways.
    plan: String,
    pub sample: Sample,
}

fn plan_digest(target: &Target) -> String {
    let plan = toml::to_string(&target.plan).expect("a plan can be written");
    format!("{:016x}", xxh3_64(plan.as_bytes()))
}

/// Read first: the rest of a file in another format may mean something else.
#[derive(Deserialize)]
struct SavedFormat {
    format: u32,
}

impl Saved {
    /// A sample around a run.
    pub fn new(target: &Target, sample: Sample) -> Self {
        Saved {
            format: FORMAT,
            run: target.run.to_string(),
            plan: plan_digest(target),
            sample,
        }
    }

    /// Writes it.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        write_whole(path, |file| Ok(writeln!(file, "{text}")?))
    }

    /// Reads what [`Saved::write`] wrote; in another format it is refused.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = read_text(path)?;
        let failed = || {
            format!(
                "failed to read {} as a file written by --save",
                path.display()
            )
        };
        let SavedFormat { format } = serde_json::from_str(&text).with_context(failed)?;
        if format != FORMAT {
            bail!(
                "{}: format {format} is not supported; this build reads format {FORMAT}",
                path.display()
            );
        }
        serde_json::from_str(&text).with_context(failed)
    }

    /// Two samples are comparable if they have the same run, failure and sizes.
    pub fn check(&self, target: &Target, expect: &Expectation, sizes: Sizes) -> anyhow::Result<()> {
        let saved = &self.sample;
        let (name, plan) = (target.run.to_string(), plan_digest(target));
        if (&self.run, &self.plan) != (&name, &plan) {
            bail!(
                "--before is a sample of another run: {} there, {name} here, or another plan of it",
                self.run
            );
        }
        if saved.expect != *expect {
            bail!(
                "--before counted {}, but {} expects {expect}",
                saved.expect,
                target.run
            );
        }
        let expected = Population::ALL.map(|population| sizes.of(population));
        let sizes = |sizes: &[u64]| {
            sizes
                .iter()
                .map(u64::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        };
        if saved.sizes() != expected {
            bail!(
                "--before has {} runs in its populations, this sample {}; use the same --samples and \
                 --seeds",
                sizes(&saved.sizes()),
                sizes(&expected)
            );
        }
        Ok(())
    }
}
