//! A capsule: a file that keeps a failing run. Plan, design, choices, the violation that is expected,
//! the digest, and why it is kept.

use std::{collections::BTreeMap, fmt::Write as _, ops::Range, path::Path};

use anyhow::anyhow;
use gatesim_model::design::{Design, line_of, unknown};
use gatesim_sim::{
    check::invariants::Invariant,
    plan::Plan,
    run::outcome::{Digest, Outcome},
    scheduler::choices::Record,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::{
    output::{FORMAT, read_text, write_whole},
    target::{
        asked::ViolationName, catalog, expectation::Expectation, failure::PANIC, run_name::RunName,
        shrunk::Shrunk, witness::Witness,
    },
};

/// A capsule, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Capsule {
    /// What the run shows, in one sentence.
    pub why: String,
    /// The run it was made from.
    pub run: RunName,
    /// What it must break.
    pub expect: Expectation,
    /// The trace it must give.
    pub digest: Digest,
    /// What is run.
    pub plan: Plan,
    /// The choices to replay; none replays from the seed.
    pub choices: Option<Record>,
    /// The run that it was shrunk from, if it was.
    pub shrunk: Option<Shrunk>,
    /// The events of the world that led to the violation.
    pub witness: Option<Witness>,
}

/// The file. Scalars stand before tables.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Capsule", description = "A failing run that is kept.")]
pub struct Written<'a> {
    /// The format of the file.
    format: u32,
    /// What the run shows, in one sentence.
    why: &'a str,
    /// The scenario it was made from.
    scenario: &'a str,
    /// The seed it was made from, which is the plan's own.
    seed: u64,
    /// The design it runs.
    design: &'a str,
    /// The fingerprint of its trace.
    #[schemars(with = "String")]
    digest: Digest,
    /// The violation that it must reproduce.
    expect: &'a Expectation,
    /// What it was before it was shrunk, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    shrunk: Option<&'a Shrunk>,
    /// What is run.
    plan: &'a Plan,
    /// The choices to replay, by key: pairs of ordinal and value. None replays from the seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    choices: Option<&'a Record>,
    /// What led to the violation; written apart, one fact a line.
    #[serde(skip_serializing)]
    witness: Option<&'a Witness>,
}

/// The file as it is read: with positions, for errors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(rename = "format")]
    _format: i64,
    why: Spanned<String>,
    scenario: Spanned<String>,
    seed: Spanned<i64>,
    design: Spanned<String>,
    digest: Spanned<String>,
    expect: ReadExpectation,
    shrunk: Option<Shrunk>,
    plan: Plan,
    choices: Option<Record>,
    witness: Option<Witness>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadExpectation {
    invariant: Spanned<String>,
    cause: String,
}

/// Read first: the rest of a file in another format may mean something else.
#[derive(Deserialize)]
struct ReadFormat {
    format: Spanned<i64>,
}

impl Capsule {
    /// The capsule of a run that failed in this way; with a witness if the run was traced.
    pub fn expecting(
        run: RunName,
        plan: Plan,
        outcome: Outcome,
        why: &str,
        expect: Expectation,
    ) -> Self {
        let witness = Witness::of(&outcome, &expect);
        Capsule {
            why: why.to_owned(),
            run,
            expect,
            digest: outcome.digest,
            plan,
            choices: Some(outcome.choices).filter(|record| !record.is_empty()),
            shrunk: None,
            witness,
        }
    }

    /// Reads and checks a file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        Self::parse(&path.display().to_string(), &read_text(path)?)
    }

    /// Reads and checks a text; `file` names it in errors.
    pub fn parse(file: &str, text: &str) -> anyhow::Result<Self> {
        let at = |span: Range<usize>, message: String| {
            anyhow!("{file}:{}: {message}", line_of(text, span.start))
        };
        let format: ReadFormat = parse_toml(file, text)?;
        let version = *format.format.get_ref();
        if version != i64::from(FORMAT) {
            return Err(at(
                format.format.span(),
                format!(
                    "capsule format {version} is not supported; this build reads format {FORMAT}"
                ),
            ));
        }
        let read: Read = parse_toml(file, text)?;
        if read.why.get_ref().trim().is_empty() {
            return Err(at(
                read.why.span(),
                "`why` is empty; state what the run shows".to_owned(),
            ));
        }
        let seed = u64::try_from(*read.seed.get_ref()).map_err(|_| {
            at(
                read.seed.span(),
                format!("seed {} is negative; seeds start at 0", read.seed.get_ref()),
            )
        })?;
        if !catalog::is_file(read.scenario.get_ref())
            && let Err(error) = catalog::scenario(read.scenario.get_ref())
        {
            return Err(at(read.scenario.span(), format!("{error:#}")));
        }
        if let Err(error) = catalog::design(read.design.get_ref()) {
            return Err(at(read.design.span(), format!("{error:#}")));
        }
        let digest = (read.digest.get_ref().parse())
            .map_err(|message: String| at(read.digest.span(), message))?;
        check_invariant(read.expect.invariant.get_ref())
            .map_err(|message| at(read.expect.invariant.span(), message))?;
        if read.plan.seed != seed {
            return Err(at(
                read.seed.span(),
                format!(
                    "seed {seed} differs from the plan's own seed {}",
                    read.plan.seed
                ),
            ));
        }
        Ok(Capsule {
            why: read.why.into_inner(),
            run: RunName {
                scenario: read.scenario.into_inner(),
                design: read.design.into_inner(),
                seed,
            },
            expect: Expectation {
                invariant: read.expect.invariant.into_inner(),
                cause: read.expect.cause,
            },
            digest,
            plan: read.plan,
            choices: read.choices,
            shrunk: read.shrunk,
            witness: read.witness,
        })
    }

    /// The design it runs.
    pub fn design(&self) -> anyhow::Result<Design> {
        catalog::design(&self.run.design)
    }

    /// The name of its file, different for each violation of a run: `asked` is the one that it was
    /// explicitly kept for, if any.
    pub fn file_name(&self, asked: Option<&ViolationName>) -> String {
        let kept_for = asked.map_or_else(String::new, |asked| format!("-{}", asked.file_word()));
        let shrunk = if self.shrunk.is_some() { "-shrunk" } else { "" };
        format!("{}{kept_for}{shrunk}.toml", self.run.file_stem())
    }

    /// The default file name of the result of shrinking a run.
    pub fn shrunk_file_name(run: &RunName) -> String {
        format!("{}-shrunk.toml", run.file_stem())
    }

    /// Writes it, completely or not at all.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = self.to_toml()?;
        write_whole(path, |out| Ok(out.write_all(text.as_bytes())?))
    }

    fn to_toml(&self) -> anyhow::Result<String> {
        let design = catalog::without_file(&self.run.design)?;
        let written = Written {
            format: FORMAT,
            why: &self.why,
            scenario: &self.run.scenario,
            seed: self.run.seed,
            design: &design,
            digest: self.digest,
            expect: &self.expect,
            plan: &self.plan,
            choices: self.choices.as_ref(),
            shrunk: self.shrunk.as_ref(),
            witness: self.witness.as_ref(),
        };
        let mut text = toml::to_string(&written)?;
        if let Some(witness) = written.witness {
            write_witness(&mut text, witness)?;
        }
        Ok(text)
    }
}

/// Reads TOML; errors name file and line.
pub fn parse_toml<'a, T: Deserialize<'a>>(file: &str, text: &'a str) -> anyhow::Result<T> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        anyhow!("{file}:{line}: {}", error.message().trim_end())
    })
}

/// One fact per line, for readable diffs.
fn write_witness(text: &mut String, witness: &Witness) -> std::fmt::Result {
    let Witness { time_ms, facts } = witness;
    write!(text, "\n[witness]\ntime_ms = {time_ms}\nfacts = [\n")?;
    for fact in facts {
        writeln!(text, "    {},", toml::Value::String(fact.clone()))?;
    }
    text.push_str("]\n");
    Ok(())
}

/// Whether an expectation may name it: an invariant, or `panic`.
pub fn check_invariant(name: &str) -> Result<(), String> {
    let mut names: Vec<String> = Invariant::ALL.iter().map(Invariant::to_string).collect();
    names.push(PANIC.to_owned());
    if names.iter().any(|known| known == name) {
        return Ok(());
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Err(unknown("invariant", name, &names))
}
