//! Whether a design keeps to the limits of a scenario.
//!
//! A limit of every run is judged by the worst run, which has a name and can be replayed. A share is
//! judged over all runs, and a comparison with `reference` over the same seeds; of both, what rests
//! on fewer than [`JUDGED_FROM`] sightings is not judged, unless none at all is allowed.

use std::{collections::BTreeMap, time::Duration};

use gatesim_sim::{
    check::{figures::Figures, marks::JUDGED_FROM},
    plan::{
        figure::{FIGURES, Worse},
        scenario::{Demand, FigureLimit, Measure},
    },
};
use serde::Serialize;

use crate::sweep::{tally::PairTally, work::Pair};

/// The design that limits compare with.
pub const REFERENCE: &str = "reference";

/// The least and the greatest value of each figure that is a number, each with the smallest seed that
/// has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extremes {
    by_figure: BTreeMap<&'static str, Extreme>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extreme {
    least: WorstRun,
    most: WorstRun,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WorstRun {
    value: u64,
    seed: u64,
}

impl Extremes {
    /// Adds a run.
    pub fn add(&mut self, seed: u64, figures: &Figures) {
        for row in FIGURES {
            let value = figures.value(row.name).and_then(|figure| figure.number());
            if let Some(value) = value {
                let one = WorstRun { value, seed };
                self.join(
                    row.name,
                    Extreme {
                        least: one,
                        most: one,
                    },
                );
            }
        }
    }

    /// Adds what another worker saw.
    pub fn merge(&mut self, other: &Extremes) {
        for (figure, extreme) in &other.by_figure {
            self.join(figure, *extreme);
        }
    }

    fn join(&mut self, figure: &'static str, other: Extreme) {
        let known = self.by_figure.entry(figure).or_insert(other);
        let less = |one: WorstRun| (one.value, one.seed);
        let more = |one: WorstRun| (u64::MAX - one.value, one.seed);
        known.least = std::cmp::min_by_key(known.least, other.least, |one| less(*one));
        known.most = std::cmp::min_by_key(known.most, other.most, |one| more(*one));
    }
}

/// What became of one limit under one design.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitResult {
    /// What it is called.
    pub name: String,
    /// What it demands, as a clause.
    pub demand: String,
    /// What there was, as a clause.
    pub value: String,
    /// What it is about, in a sentence.
    pub about: &'static str,
    /// Whether it was kept.
    pub verdict: LimitVerdict,
}

/// Whether a limit was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitVerdict {
    /// It was.
    Held,
    /// It was not.
    Exceeded,
    /// It was not, as is known of the design.
    Accepted,
    /// There were too few runs to say.
    NotJudged,
}

impl LimitResult {
    /// The results of one design in one scenario; `reference` is its sum over the same seeds, if it was
    /// run.
    pub fn of(pair: &Pair, tally: &PairTally, reference: Option<&PairTally>) -> Vec<LimitResult> {
        let limits = pair.scenario.limits.iter();
        limits
            .map(|limit| {
                let (verdict, value) = judge(&limit, pair, tally, reference)
                    .unwrap_or((LimitVerdict::NotJudged, "nothing to judge it by".to_owned()));
                LimitResult {
                    name: limit.name(),
                    demand: limit.demand.to_string(),
                    value,
                    about: limit.measure.text(),
                    verdict,
                }
            })
            .collect()
    }

    /// The same, of one of these pairs, among which the reference may be.
    pub fn among<'a>(
        mut pairs: impl Iterator<Item = (&'a Pair, &'a PairTally)>,
        pair: &Pair,
        tally: &PairTally,
    ) -> Vec<LimitResult> {
        let same_scenario = |other: &Pair| other.scenario_reference == pair.scenario_reference;
        let reference = pairs
            .find(|(other, _)| other.design_reference == REFERENCE && same_scenario(other))
            .map(|(_, tally)| tally);
        LimitResult::of(pair, tally, reference)
    }

    /// In one line.
    pub fn sentence(&self) -> String {
        let LimitResult {
            name,
            demand,
            value,
            about,
            ..
        } = self;
        format!("{name}: {value}; {demand} is allowed ({about})")
    }
}

type Judged = (LimitVerdict, String);

fn judge(
    limit: &FigureLimit,
    pair: &Pair,
    tally: &PairTally,
    reference: Option<&PairTally>,
) -> Option<Judged> {
    let measure = limit.measure;
    match limit.demand {
        Demand::Most(most) => Some(match extreme(measure, tally)? {
            Worst::Run(extreme) => by_run(pair, extreme.most, extreme.most.value <= most),
            Worst::Sweep(ms) => (kept(ms <= most), format!("{ms} ms")),
        }),
        Demand::Least(least) => Some(match extreme(measure, tally)? {
            Worst::Run(extreme) => by_run(pair, extreme.least, extreme.least.value >= least),
            Worst::Sweep(ms) => (kept(ms >= least), format!("{ms} ms")),
        }),
        Demand::MostPerMille(most) => {
            let share = Share::of(measure, tally)?;
            let exceeds = share.part * 1000 > share.whole * u64::from(most);
            let enough = most == 0 || share.part >= JUDGED_FROM;
            Some((exceeded(exceeds, enough), share.to_string()))
        }
        Demand::LeastPerMille(least) => {
            let share = Share::of(measure, tally)?;
            let due = share.whole * u64::from(least);
            let enough = due >= JUDGED_FROM * 1000;
            Some((exceeded(share.part * 1000 < due, enough), share.to_string()))
        }
        Demand::NoWorseByPerMille(by) => compare(measure, tally, reference?, by.into()),
    }
}

fn kept(held: bool) -> LimitVerdict {
    match held {
        true => LimitVerdict::Held,
        false => LimitVerdict::Exceeded,
    }
}

fn exceeded(exceeds: bool, enough: bool) -> LimitVerdict {
    match (exceeds, enough) {
        (false, _) => LimitVerdict::Held,
        (true, true) => LimitVerdict::Exceeded,
        (true, false) => LimitVerdict::NotJudged,
    }
}

fn by_run(pair: &Pair, worst: WorstRun, held: bool) -> Judged {
    let run = pair.run_name(worst.seed);
    (kept(held), format!("{} in the run {run}", worst.value))
}

/// What a limit of every run is judged by.
enum Worst {
    /// The runs with the least and the greatest value.
    Run(Extreme),
    /// A quantile over all runs, in milliseconds.
    Sweep(u64),
}

fn extreme(measure: Measure, tally: &PairTally) -> Option<Worst> {
    match measure {
        Measure::Figure(row) => {
            let extreme = tally.extremes.by_figure.get(row.name)?;
            Some(Worst::Run(*extreme))
        }
        Measure::Quantile(..) => Some(Worst::Sweep(amount(measure, tally)?)),
        Measure::Mark(_) => None,
    }
}

/// The value of a measure over all runs: a sum, the greatest peak, milliseconds, or runs with a mark.
fn amount(measure: Measure, tally: &PairTally) -> Option<u64> {
    match measure {
        Measure::Figure(row) => tally.figures.value(row.name)?.number(),
        Measure::Quantile(row, percent) => {
            let quantile: Duration = tally.figures.value(row.name)?.quantile(percent)?;
            u64::try_from(quantile.as_millis()).ok()
        }
        Measure::Mark(mark) => Some(tally.marks.get(&mark).copied().unwrap_or(0)),
    }
}

/// A part of a whole.
#[derive(Clone, Copy)]
struct Share {
    part: u64,
    whole: u64,
}

impl Share {
    /// Of a figure, of that which it is a share of; of a mark, of the runs.
    fn of(measure: Measure, tally: &PairTally) -> Option<Share> {
        let whole = match measure {
            Measure::Mark(_) => tally.runs,
            _ => tally.figures.value(measure.whole()?)?.number()?,
        };
        let part = amount(measure, tally)?;
        (whole > 0).then_some(Share { part, whole })
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.part, self.whole)
    }
}

/// Shares are compared as shares, everything else in proportion.
fn compare(measure: Measure, tally: &PairTally, reference: &PairTally, by: u64) -> Option<Judged> {
    let shares = Share::of(measure, tally).zip(Share::of(measure, reference));
    let (ours, theirs, allowed, text) = match shares {
        Some((ours, theirs)) => {
            // Both on the whole of ours.
            let wide = |value: u64| u128::from(value);
            let due = wide(theirs.part) * wide(ours.whole) / wide(theirs.whole);
            let allowed = wide(ours.whole) * wide(by) / 1000;
            let text = format!("{ours}, `{REFERENCE}` has {theirs}");
            (wide(ours.part), due, allowed, text)
        }
        None => {
            let (ours, theirs) = (amount(measure, tally)?, amount(measure, reference)?);
            let allowed = u128::from(theirs) * u128::from(by) / 1000;
            let text = format!("{ours}, `{REFERENCE}` has {theirs}");
            (ours.into(), theirs.into(), allowed, text)
        }
    };
    let (more, less) = match measure.worse() {
        Worse::More => (ours, theirs),
        Worse::Less => (theirs, ours),
    };
    let beyond = more.saturating_sub(less);
    let counted = shares.is_some();
    let enough = !counted || beyond >= u128::from(JUDGED_FROM);
    Some((exceeded(beyond > allowed, enough), text))
}

/// A limit in JSON.
#[derive(Serialize)]
pub struct LimitJson {
    limit: String,
    demand: String,
    value: String,
    verdict: LimitVerdict,
}

impl LimitResult {
    /// For a program.
    pub fn json(&self) -> LimitJson {
        LimitJson {
            limit: self.name.clone(),
            demand: self.demand.clone(),
            value: self.value.clone(),
            verdict: self.verdict,
        }
    }
}
