//! What a sweep found, beside what its designs are known to break (`seeds/accepted`).
//!
//! A cause that a list does not have is new. One that it has is known, unless it occurs in a scenario more
//! often than when it was accepted, by more than chance explains. What occurred then and does not occur now,
//! by more than chance explains, is gone.

use std::path::{Path, PathBuf};

use anyhow::bail;
use serde::Serialize;

use crate::{
    output::note,
    statistics::{Proportion, is_less},
    sweep::{
        result::SweepResult,
        tally::PairTally,
        work::{Pair, SweepWork},
    },
    target::{
        accepted::{AcceptedCause, AcceptedList},
        expectation::Expectation,
        failure::FailureSignature,
        run_name::file_word,
    },
};

/// How likely a sweep is at most to call any cause of a design *more often* or *gone* if nothing about the
/// design has changed.
const FALSE_ALARMS: f64 = 1e-4;

/// Confidence of the bounds that are shown.
const CONFIDENCE: f64 = 0.999;

/// What the designs of a sweep are known to break.
#[derive(Clone, Debug, Default)]
pub struct Acceptance {
    lists: Vec<DesignList>,
}

/// The list by which a design is judged.
#[derive(Clone, Debug)]
struct DesignList {
    design: String,
    file: PathBuf,
    list: AcceptedList,
    /// How many comparisons share the chance of a false alarm.
    comparisons: u64,
}

/// What a cause is, beside a list.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// There is no list.
    Unlisted,
    /// The list does not have it.
    New,
    /// The list has it.
    Known {
        /// Why it is accepted.
        reason: String,
    },
    /// The list has it, and it occurs more often.
    MoreOften(RateChange),
}

/// How often a cause occurs in a scenario, now and when it was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct RateChange {
    /// The scenario.
    pub scenario: String,
    /// In this sweep.
    pub now: Proportion,
    /// In that of the list.
    pub accepted: Proportion,
}

/// A cause that a design no longer shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Gone {
    /// The design.
    pub design: String,
    /// The cause.
    pub cause: Expectation,
    /// The scenario in which that is most certain.
    pub change: RateChange,
}

impl Acceptance {
    /// Reads the lists that are named: a file, or a directory with a list for each design. A file
    /// judges every design that has no list of its own.
    pub fn read(paths: &[PathBuf], designs: &[String], work: &SweepWork) -> anyhow::Result<Self> {
        let mut files: Vec<(PathBuf, AcceptedList)> = Vec::new();
        for path in paths.iter().filter(|path| !path.is_dir()) {
            files.push((path.clone(), AcceptedList::read(path)?));
        }
        let directories: Vec<&PathBuf> = paths.iter().filter(|path| path.is_dir()).collect();
        let mut lists: Vec<DesignList> = Vec::new();
        for design in designs.iter().filter(|_| !paths.is_empty()) {
            let own = files.iter().find(|(_, list)| list.design == *design);
            let mut by_name = directories.iter().map(|dir| dir.join(file_name(design)));
            let found = match (own, by_name.find(|path| path.exists())) {
                (Some(own), _) => Some(own.clone()),
                (None, Some(path)) => Some((path.clone(), AcceptedList::read(&path)?)),
                (None, None) => files.first().cloned(),
            };
            match found {
                Some((file, list)) => lists.push(DesignList::new(design, file, list, work)),
                None => note(format_args!("no list of accepted causes for {design}")),
            }
        }
        if !paths.is_empty() && lists.is_empty() {
            bail!("--accept: there is no list for any of the designs");
        }
        Ok(Acceptance { lists })
    }

    /// What a cause is that this many runs of a pair showed.
    pub fn standing(
        &self,
        pair: &Pair,
        tally: &PairTally,
        failure: &FailureSignature,
        count: u64,
    ) -> Standing {
        let Some(list) = self.of(&pair.design_reference) else {
            return Standing::Unlisted;
        };
        let Some(known) = list.list.causes.get(&Expectation::from(failure)) else {
            return Standing::New;
        };
        let change = list.change(known, pair, tally, count);
        match change.filter(|change| list.is_certain(change.accepted, change.now)) {
            Some(change) => Standing::MoreOften(change),
            None => Standing::Known {
                reason: known.reason.clone(),
            },
        }
    }

    /// Whether it is known that a design does not keep to a limit of a scenario.
    pub fn accepts(&self, pair: &Pair, limit: &str) -> bool {
        let key = (pair.scenario_reference.clone(), limit.to_owned());
        let list = self.of(&pair.design_reference);
        list.is_some_and(|list| list.list.limits.contains_key(&key))
    }

    /// The file by which a design is judged.
    pub fn file(&self, design: &str) -> Option<&Path> {
        self.of(design).map(|list| list.file.as_path())
    }

    /// The causes that are gone.
    pub fn gone(&self, result: &SweepResult) -> Vec<Gone> {
        self.lists
            .iter()
            .flat_map(|list| list.gone(result))
            .collect()
    }

    fn of(&self, design: &str) -> Option<&DesignList> {
        self.lists.iter().find(|list| list.design == design)
    }
}

impl DesignList {
    fn new(design: &str, file: PathBuf, list: AcceptedList, work: &SweepWork) -> Self {
        let compared = work.pairs.iter().filter(|pair| {
            pair.design_reference == design && list.runs.contains_key(&pair.scenario_reference)
        });
        DesignList {
            design: design.to_owned(),
            file,
            comparisons: (compared.count() * list.causes.len()).max(1) as u64,
            list,
        }
    }

    /// How often a known cause was seen in a scenario then and now, if the scenario was swept then.
    fn change(
        &self,
        known: &AcceptedCause,
        pair: &Pair,
        tally: &PairTally,
        count: u64,
    ) -> Option<RateChange> {
        let scenario = &pair.scenario_reference;
        let runs = self.list.runs.get(scenario)?;
        let seen = known.seen.get(scenario).copied().unwrap_or(0);
        Some(RateChange {
            scenario: scenario.clone(),
            now: Proportion::new(count, tally.runs),
            accepted: Proportion::new(seen, *runs),
        })
    }

    /// Whether chance does not explain that the one rate is less than the other. All comparisons together
    /// have the chance of one false alarm (Bonferroni).
    fn is_certain(&self, less: Proportion, more: Proportion) -> bool {
        is_less(less, more, FALSE_ALARMS / self.comparisons as f64)
    }

    fn gone(&self, result: &SweepResult) -> Vec<Gone> {
        let pairs: Vec<(&Pair, &PairTally)> = result
            .pairs()
            .filter(|(pair, _)| pair.design_reference == self.design)
            .collect();
        let mut gone = Vec::new();
        for (cause, known) in &self.list.causes {
            let occurs = |(_, tally): &(&Pair, &PairTally)| {
                let mut groups = tally.groups.iter();
                groups.any(|(failure, _)| Expectation::from(failure) == *cause)
            };
            if pairs.iter().any(occurs) {
                continue;
            }
            let changes = (pairs.iter())
                .filter_map(|(pair, tally)| self.change(known, pair, tally, 0))
                .filter(|change| self.is_certain(change.now, change.accepted));
            let clearest = changes.max_by(|one, other| {
                let least = |change: &RateChange| change.accepted.lower_bound(CONFIDENCE);
                least(one).total_cmp(&least(other))
            });
            gone.extend(clearest.map(|change| Gone {
                design: self.design.clone(),
                cause: cause.clone(),
                change,
            }));
        }
        gone
    }
}

impl Standing {
    /// Whether a sweep that found it has failed.
    pub fn is_failure(&self) -> bool {
        match self {
            Standing::Unlisted | Standing::New | Standing::MoreOften(_) => true,
            Standing::Known { .. } => false,
        }
    }

    /// In a word or two; none if there is no list.
    pub fn name(&self) -> Option<&'static str> {
        match self {
            Standing::Unlisted => None,
            Standing::New => Some("new"),
            Standing::Known { .. } => Some("known"),
            Standing::MoreOften(_) => Some("more often"),
        }
    }

    /// Why it is accepted, or what has changed, if there is something to say.
    pub fn remark(&self) -> Option<String> {
        match self {
            Standing::Unlisted | Standing::New => None,
            Standing::Known { reason } => Some(reason.clone()),
            Standing::MoreOften(change) => Some(change.in_words()),
        }
    }
}

impl RateChange {
    /// With the bounds that show that it is one.
    pub fn in_words(&self) -> String {
        let RateChange {
            scenario,
            now,
            accepted,
        } = self;
        let percent = |rate: f64| format!("{:.2} %", rate * 100.0);
        let (at_least, at_most) = match now.rate() > accepted.rate() {
            true => (now, accepted),
            false => (accepted, now),
        };
        let bound = |side: &Proportion| match side == at_least {
            true => format!("at least {}", percent(at_least.lower_bound(CONFIDENCE))),
            false => format!("at most {}", percent(at_most.upper_bound(CONFIDENCE))),
        };
        format!(
            "{scenario}: {now} runs, {}; accepted {accepted}, {}",
            bound(now),
            bound(accepted)
        )
    }

    /// For a program.
    pub fn json(&self) -> RateChangeJson<'_> {
        let side = |side: &Proportion| RateJson {
            count: side.hits(),
            runs: side.runs(),
            at_least: side.lower_bound(CONFIDENCE),
            at_most: side.upper_bound(CONFIDENCE),
        };
        RateChangeJson {
            scenario: &self.scenario,
            now: side(&self.now),
            accepted: side(&self.accepted),
        }
    }
}

/// A change as JSON.
#[derive(Serialize)]
pub struct RateChangeJson<'a> {
    scenario: &'a str,
    now: RateJson,
    accepted: RateJson,
}

/// A count with the bounds of its rate, from 0 to 1.
#[derive(Serialize)]
struct RateJson {
    count: u64,
    runs: u64,
    at_least: f64,
    at_most: f64,
}

/// The name of the file of a design's list.
pub fn file_name(design: &str) -> String {
    let name = Path::new(design.trim_end_matches(".toml")).file_name();
    let name = name.map_or_else(|| design.into(), |name| name.to_string_lossy());
    format!("{}.toml", file_word(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> AcceptedCause {
        AcceptedCause {
            reason: "known".to_owned(),
            seen: [("chaos".to_owned(), 12)].into(),
        }
    }

    #[test]
    fn a_list_is_named_after_its_design() {
        assert_eq!(file_name("v9"), "v9.toml");
        assert_eq!(file_name("designs/mine.toml"), "mine.toml");
        assert_eq!(file_name("v9+cleanup=always"), "v9-cleanup-always.toml");
    }

    #[test]
    fn more_often_is_more_than_chance_explains() {
        let list = DesignList {
            design: "v9".to_owned(),
            file: PathBuf::new(),
            list: AcceptedList {
                design: "v9".to_owned(),
                runs: [("chaos".to_owned(), 1_000)].into(),
                causes: [].into(),
                limits: [].into(),
            },
            comparisons: 1_000,
        };
        let certain = |count, runs| {
            let now = Proportion::new(count, runs);
            let accepted = Proportion::new(known().seen["chaos"], list.list.runs["chaos"]);
            list.is_certain(accepted, now)
        };
        assert!(!certain(12, 1_000));
        assert!(!certain(30, 1_000));
        assert!(!certain(1, 1));
        assert!(!certain(0, 0));
        assert!(certain(80, 1_000));
        assert!(certain(20, 100));
    }

    #[test]
    fn a_change_is_said_with_its_bounds() {
        let change = |now, accepted| RateChange {
            scenario: "chaos".to_owned(),
            now: Proportion::new(now, 200),
            accepted: Proportion::new(accepted, 1_000),
        };
        let words = [change(40, 12), change(0, 900)].map(|change| change.in_words());
        insta::assert_snapshot!(words.join("\n"));
    }
}
