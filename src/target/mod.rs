//! The run that a command is about: from a run name, a capsule or a plan file.

pub mod accepted;
pub mod asked;
pub mod capsule;
pub mod catalog;
pub mod defects;
pub mod dials;
pub mod expectation;
pub mod failure;
pub mod origin;
pub mod reproduction;
pub mod run_name;
pub mod shrunk;
pub mod title;
pub mod witness;

use std::path::Path;

use anyhow::{anyhow, bail};
use gatesim_model::design::Design;
use gatesim_sim::{Options, check::Violation, plan::Plan, run::outcome::Outcome};

use crate::{
    output::{check_writable, read_text},
    target::{
        asked::ViolationName,
        capsule::{Capsule, parse_toml},
        expectation::Expectation,
        failure::FailureReport,
        origin::Origin,
        run_name::RunName,
        title::RunTitle,
    },
};

/// A run that can be executed any number of times.
#[derive(Clone)]
pub struct Target {
    /// The name it was made from.
    pub run: RunName,
    /// What it is called in outputs.
    pub title: RunTitle,
    /// The protocol.
    pub design: Design,
    /// The world.
    pub plan: Plan,
    /// Where it came from.
    pub origin: Origin,
    /// The capsule that it came from.
    pub capsule: Option<Capsule>,
    /// The violation that is asked about, if one is.
    pub asked: Option<ViolationName>,
}

impl Target {
    /// Loads what `text` names. `design` is for plan files, which name none.
    pub fn load(text: &str, design: Option<&str>) -> anyhow::Result<Self> {
        if !catalog::is_file(text) {
            if design.is_some() {
                bail!("--design is for plan files; a run name contains its design");
            }
            return Self::named(text.parse()?);
        }
        let contents = read_text(Path::new(text))?;
        if is_capsule(&contents) {
            if design.is_some() {
                bail!("--design is for plan files; a capsule contains its design");
            }
            return Self::of_capsule(text, Capsule::parse(text, &contents)?);
        }
        let plan: Plan = parse_toml(text, &contents).map_err(|error| match kind(&contents) {
            Some(kind) => anyhow!("{text} is {kind}, not a plan or a capsule"),
            None => error,
        })?;
        let design_reference = design.unwrap_or("reference");
        let run = RunName {
            scenario: plan.scenario.to_string(),
            design: design_reference.to_owned(),
            seed: plan.seed,
        };
        Ok(Target {
            title: RunTitle::of_file(text, &run, &plan),
            run,
            design: catalog::design(design_reference)?,
            plan,
            origin: Origin::Plan {
                file: text.to_owned(),
            },
            capsule: None,
            asked: None,
        })
    }

    /// The run of a capsule.
    pub fn of_capsule(file: &str, capsule: Capsule) -> anyhow::Result<Self> {
        Ok(Target {
            run: capsule.run.clone(),
            title: RunTitle::of_file(file, &capsule.run, &capsule.plan),
            design: capsule.design()?,
            plan: capsule.plan.clone(),
            origin: Origin::Capsule {
                file: file.to_owned(),
            },
            capsule: Some(capsule),
            asked: None,
        })
    }

    /// The same run, asked about this violation, if it is one.
    pub fn asked(self, asked: Option<ViolationName>) -> Self {
        Target { asked, ..self }
    }

    /// Fails if no file can be written at `path`, or if it would replace the file that is being run.
    pub fn check_output(&self, path: &Path) -> anyhow::Result<()> {
        check_writable(path)?;
        if self.is_from(path) {
            bail!(
                "{} is the file that is run; choose another one to write to",
                path.display()
            );
        }
        Ok(())
    }

    /// Whether it came from this file.
    pub fn is_from(&self, path: &Path) -> bool {
        match &self.origin {
            Origin::Name => false,
            Origin::Plan { file } | Origin::Capsule { file } => {
                let [from, path] = [Path::new(file), path].map(|path| path.canonicalize().ok());
                from.is_some() && from == path
            }
        }
    }

    /// Runs it. A capsule's recorded choices are replayed.
    pub fn execute(&self, options: &Options) -> Outcome {
        self.execute_under(&self.design, options)
    }

    /// Runs it under another design.
    pub fn execute_under(&self, design: &Design, options: &Options) -> Outcome {
        let choices = self.capsule.as_ref().and_then(|c| c.choices.clone());
        let options = Options {
            replay: choices.or_else(|| options.replay.clone()),
            ..options.clone()
        };
        gatesim_sim::run(design, &self.plan, &options)
    }

    /// The report of an outcome; none if it held.
    pub fn failure(&self, outcome: &Outcome) -> Option<FailureReport> {
        let (run, origin) = (self.run.clone(), self.origin.clone());
        let report = FailureReport::new(run, origin, outcome, self.expected(outcome), None)?;
        Some(FailureReport {
            title: self.title.clone(),
            asked: self.asked.clone().or(report.asked),
            ..report
        })
    }

    /// How it failed: in the way that is asked about, as its capsule expects if it did, or else what
    /// broke first; none if it held.
    ///
    /// # Errors
    /// If it did not fail in the way that is asked about.
    pub fn expectation(&self, outcome: &Outcome) -> anyhow::Result<Option<Expectation>> {
        if let Some(asked) = &self.asked {
            return asked.of(&self.title, outcome).map(Some);
        }
        let expected = self.capsule.as_ref().map(|capsule| &capsule.expect);
        let met = expected.filter(|expect| expect.is_met_by(outcome));
        Ok(met.cloned().or_else(|| Expectation::of(outcome)))
    }

    /// The violation that is reported first: the one that is [expected](Self::expectation), or the
    /// earliest.
    pub fn headline<'a>(&self, outcome: &'a Outcome) -> Option<&'a Violation> {
        self.expected(outcome).or(outcome.violations.first())
    }

    fn expected<'a>(&self, outcome: &'a Outcome) -> Option<&'a Violation> {
        let expect = self.expectation(outcome).ok().flatten()?;
        outcome.violations.iter().find(|one| expect.is_of(one))
    }

    fn named(run: RunName) -> anyhow::Result<Self> {
        let design = catalog::design(&run.design)?;
        let plan = catalog::scenario(&run.scenario)?.plan(run.seed);
        Ok(Target {
            title: RunTitle::of_name(&run),
            run,
            design,
            plan,
            origin: Origin::Name,
            capsule: None,
            asked: None,
        })
    }
}

/// The kind of a file that is not a plan, judged by its keys, and how to use it.
fn kind(text: &str) -> Option<&'static str> {
    let table: toml::Table = text.parse().ok()?;
    let has = |key: &str| table.contains_key(key);
    let is_count = |clients: &toml::Value| clients.get("count").is_some();
    if has("digest") && has("expect") {
        Some("a capsule without its `format`")
    } else if has("base") {
        Some("a design (scenario@FILE:seed names a run of it)")
    } else if table.get("clients").is_some_and(is_count) {
        Some("a scenario (FILE@design:seed names a run of it)")
    } else {
        None
    }
}

/// Only capsules have a format. A broken file is read as a plan, which gives an error with a line.
fn is_capsule(text: &str) -> bool {
    text.lines()
        .take_while(|line| !line.trim_start().starts_with('['))
        .any(|line| line.trim_start().starts_with("format"))
}
