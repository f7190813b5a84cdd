//! What a scenario may demand of figures and marks, beyond the invariants.
//!
//! What can be limited follows from the declarations of figures ([`crate::plan::figure`]) and of marks
//! ([`Mark`]); [`Measure::all`] lists it. Whether a sweep keeps to its limits is judged above, where
//! runs are summed.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::{Map, Value};

use crate::plan::{
    figure::{FIGURES, FigureForm, FigureRow, Worse},
    mark::Mark,
    scenario::WEIGHTS,
    unit::{PerMille, is_default},
};

/// Something that a limit may be about.
#[derive(Clone, Copy, Debug)]
pub enum Measure {
    /// A figure that is a number of each run.
    Figure(&'static FigureRow),
    /// So many per cent of the durations of a figure, in milliseconds; 100 is the longest.
    Quantile(&'static FigureRow, u8),
    /// The share of runs that have a mark.
    Mark(Mark),
}

/// The quantiles that may be limited, and how their names end.
const QUANTILES: [(u8, &str); 3] = [(50, "p50_ms"), (99, "p99_ms"), (100, "max_ms")];

impl Measure {
    /// Everything that may be limited, in the order of the declarations.
    pub fn all() -> impl Iterator<Item = Measure> {
        let figures = FIGURES.iter().flat_map(|row| {
            let quantiles = QUANTILES
                .iter()
                .map(|(percent, _)| Measure::Quantile(row, *percent));
            let number = std::iter::once(Measure::Figure(row));
            let is_number = matches!(row.form, FigureForm::Count | FigureForm::Peak);
            let is_durations = matches!(row.form, FigureForm::Durations);
            number
                .filter(move |_| is_number)
                .chain(quantiles.filter(move |_| is_durations))
        });
        figures.chain(Mark::ALL.iter().copied().map(Measure::Mark))
    }

    /// Its name in a scenario file and in reports.
    pub fn name(self) -> String {
        match self {
            Measure::Figure(row) => row.name.to_owned(),
            Measure::Quantile(row, percent) => {
                let ending = QUANTILES.iter().find(|(one, _)| *one == percent);
                format!("{}_{}", row.name, ending.map_or("", |(_, ending)| ending))
            }
            Measure::Mark(mark) => mark.name().to_owned(),
        }
    }

    /// What it is, in a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Measure::Figure(row) | Measure::Quantile(row, _) => row.text.trim(),
            Measure::Mark(mark) => mark.statement(),
        }
    }

    /// The figure that a number is a share of; none if it is no share, or one of runs.
    pub fn whole(self) -> Option<&'static str> {
        match self {
            Measure::Figure(row) => row.whole,
            Measure::Quantile(..) | Measure::Mark(_) => None,
        }
    }

    /// Whether more of it is worse or less.
    pub fn worse(self) -> Worse {
        match self {
            Measure::Figure(row) | Measure::Quantile(row, _) => row.worse,
            Measure::Mark(_) => Worse::More,
        }
    }

    /// What a limit on it may say.
    pub fn demands(self) -> &'static [&'static str] {
        const NUMBER: &[&str] = &["most", "least", NO_WORSE];
        const SHARE: &[&str] = &[
            "most",
            "least",
            "most_per_mille",
            "least_per_mille",
            NO_WORSE,
        ];
        const RUNS: &[&str] = &["most_per_mille", "least_per_mille", NO_WORSE];
        match self {
            Measure::Figure(FigureRow { whole: Some(_), .. }) => SHARE,
            Measure::Figure(_) | Measure::Quantile(..) => NUMBER,
            Measure::Mark(_) => RUNS,
        }
    }
}

/// The demand that compares a design with `reference`, as a file has it.
const NO_WORSE: &str = "no_worse_than_reference_by_per_mille";

/// One demand on one measure.
#[derive(Clone, Copy, Debug)]
pub struct FigureLimit {
    /// What it is about.
    pub measure: Measure,
    /// What it demands.
    pub demand: Demand,
}

/// What is demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// No more, in any run; of a quantile, over all runs.
    Most(u64),
    /// No less, in any run; of a quantile, over all runs.
    Least(u64),
    /// No more in a thousand of the whole, over all runs.
    MostPerMille(u32),
    /// No less in a thousand of the whole, over all runs.
    LeastPerMille(u32),
    /// Over all runs no worse than `reference` on the same seeds: by so many in a thousand of the
    /// whole, or, of what is no share, of the value of `reference`.
    NoWorseByPerMille(u32),
}

impl FigureLimit {
    /// Its name in reports.
    pub fn name(&self) -> String {
        format!("limit {}", self.measure.name())
    }
}

/// As a clause.
impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Demand::Most(most) => write!(f, "at most {most}"),
            Demand::Least(least) => write!(f, "at least {least}"),
            Demand::MostPerMille(most) => write!(f, "at most {most} in 1000"),
            Demand::LeastPerMille(least) => write!(f, "at least {least} in 1000"),
            Demand::NoWorseByPerMille(by) => {
                write!(f, "no worse than `reference` by more than {by} in 1000")
            }
        }
    }
}

/// The limits of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FigureLimits {
    by_name: BTreeMap<String, Demands>,
}

impl FigureLimits {
    /// Each of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = FigureLimit> {
        let measures = Measure::all();
        measures.flat_map(|measure| {
            let demands = self.by_name.get(&measure.name());
            let demands = demands.map(Demands::all).unwrap_or_default();
            demands
                .into_iter()
                .map(move |(_, demand)| FigureLimit { measure, demand })
        })
    }

    /// Whether one of them compares a design with `reference`.
    pub fn compare(&self) -> bool {
        let mut demands = self.by_name.values();
        demands.any(|one| one.no_worse_than_reference_by_per_mille.is_some())
    }
}

/// What a file demands of one measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Demands {
    /// No more, in any run; of a quantile, over all runs.
    most: Option<u64>,
    /// No less, in any run; of a quantile, over all runs.
    least: Option<u64>,
    /// No more in a thousand, over all runs.
    most_per_mille: Option<PerMille>,
    /// No less in a thousand, over all runs.
    least_per_mille: Option<PerMille<1>>,
    /// No worse than `reference` on the same seeds, by so many in a thousand.
    no_worse_than_reference_by_per_mille: Option<PerMille>,
}

impl Demands {
    /// Those that the file makes, each with the name that it has there.
    fn all(&self) -> Vec<(&'static str, Demand)> {
        let by = self.no_worse_than_reference_by_per_mille;
        let all = [
            ("most", self.most.map(Demand::Most)),
            ("least", self.least.map(Demand::Least)),
            (
                "most_per_mille",
                self.most_per_mille
                    .map(|most| Demand::MostPerMille(most.get())),
            ),
            (
                "least_per_mille",
                self.least_per_mille
                    .map(|least| Demand::LeastPerMille(least.get())),
            ),
            (NO_WORSE, by.map(|by| Demand::NoWorseByPerMille(by.get()))),
        ];
        all.into_iter()
            .filter_map(|(name, demand)| Some((name, demand?)))
            .collect()
    }

    /// Says what is wrong with these demands on a measure.
    fn check(&self, measure: Measure) -> Result<(), String> {
        let (name, allowed) = (measure.name(), measure.demands());
        if is_default(self) {
            return Err(format!(
                "`{name}` demands nothing; {} is allowed",
                allowed.join(", ")
            ));
        }
        match self
            .all()
            .iter()
            .find(|(demand, _)| !allowed.contains(demand))
        {
            None => Ok(()),
            Some((demand, _)) => Err(format!(
                "`{demand}` is not for `{name}`; {} is allowed",
                allowed.join(", ")
            )),
        }
    }
}

/// The name of a measure, as a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct MeasureName(String);

impl<'de> Deserialize<'de> for MeasureName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        if Measure::all().any(|measure| measure.name() == name) {
            return Ok(MeasureName(name));
        }
        let names: Vec<String> = Measure::all().map(Measure::name).collect();
        let all = names.join(", ");
        Err(D::Error::custom(format!(
            "there is no limit `{name}`; limits are {all}"
        )))
    }
}

impl<'de> Deserialize<'de> for FigureLimits {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let named = BTreeMap::<MeasureName, Demands>::deserialize(from)?;
        for measure in Measure::all() {
            if let Some(demands) = named.get(&MeasureName(measure.name())) {
                demands.check(measure).map_err(D::Error::custom)?;
            }
        }
        let by_name = named
            .into_iter()
            .map(|(MeasureName(name), demands)| (name, demands));
        Ok(FigureLimits {
            by_name: by_name.collect(),
        })
    }
}

impl JsonSchema for FigureLimits {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "FigureLimits".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let demands = generator.subschema_for::<Demands>();
        let measure = |one: Measure| {
            let schema = json_schema!({ "description": one.text(), "allOf": [demands] });
            (one.name(), schema.into())
        };
        let properties: Map<String, Value> = Measure::all().map(measure).collect();
        let mut schema = json_schema!({
            "type": "object", "properties": properties, "additionalProperties": false
        });
        schema.insert(WEIGHTS.to_owned(), true.into());
        schema
    }
}
