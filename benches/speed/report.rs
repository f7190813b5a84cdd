//! What the benchmark found, as a table and as JSON.

use std::{fmt, path::Path};

use anyhow::Context;
use serde::Serialize;

/// Version of the JSON form; a reader that knows another one should not guess.
const FORMAT_VERSION: u32 = 1;

/// Everything measured, in the order of measuring.
#[derive(Default, Serialize)]
pub struct Report {
    figures: Vec<Figure>,
    ratios: Vec<Ratio>,
}

/// A number that holds for this machine.
#[derive(Serialize)]
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
}

/// A number that should hold on any machine.
#[derive(Serialize)]
struct Ratio {
    name: String,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<Goal>,
}

/// The side of a bound on which a ratio is to be.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Not below.
    AtLeast(f64),
    /// Not above.
    AtMost(f64),
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Goal::AtLeast(bound) => value >= bound,
            Goal::AtMost(bound) => value <= bound,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Goal::AtLeast(bound) => write!(f, "at least {bound:.2}"),
            Goal::AtMost(bound) => write!(f, "at most {bound:.2}"),
        }
    }
}

impl Report {
    /// Adds a figure of this machine.
    pub fn figure(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        let name = name.into();
        println!("measured {name}");
        self.figures.push(Figure { name, value, unit });
    }

    /// Adds a ratio, with the bound it is meant to keep.
    pub fn ratio(&mut self, name: impl Into<String>, value: f64, goal: impl Into<Option<Goal>>) {
        self.ratios.push(Ratio {
            name: name.into(),
            value,
            goal: goal.into(),
        });
    }

    /// Writes the JSON form to a file.
    pub fn write_json(&self, path: &Path) -> anyhow::Result<()> {
        #[derive(Serialize)]
        struct Document<'a> {
            format_version: u32,
            #[serde(flatten)]
            report: &'a Report,
        }
        let document = Document {
            format_version: FORMAT_VERSION,
            report: self,
        };
        let json = serde_json::to_string_pretty(&document)?;
        std::fs::write(path, json + "\n")
            .with_context(|| format!("failed to write {}", path.display()))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = self.figures.iter().map(|figure| &figure.name);
        let ratios = self.ratios.iter().map(|ratio| &ratio.name);
        let width = figures.chain(ratios).map(String::len).max().unwrap_or(0);
        writeln!(f, "Figures (median round)")?;
        for Figure { name, value, unit } in &self.figures {
            let decimals = if *value < 100.0 { 2 } else { 0 };
            writeln!(f, "  {name:width$}  {value:>12.decimals$} {unit}")?;
        }
        writeln!(f, "Ratios (within this run)")?;
        for Ratio { name, value, goal } in &self.ratios {
            write!(f, "  {name:width$}  {value:>12.2}")?;
            match goal {
                None => writeln!(f)?,
                Some(goal) if goal.is_met(*value) => writeln!(f, "  {goal}: met")?,
                Some(goal) => writeln!(f, "  {goal}: MISSED")?,
            }
        }
        Ok(())
    }
}
