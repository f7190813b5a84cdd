//! The catalogue of defects: every known defect of the protocol, as one answer that can be flipped in
//! `reference`, with the scenarios in which it shows and the invariants that must find it. The data are
//! in `seeds/defects.toml`.

use std::collections::BTreeSet;

use anyhow::{Context, anyhow, bail};
use gatesim_model::design::{Design, unknown};
use gatesim_sim::{check::invariants::Invariant, plan::scenario::Scenario};
use serde::Deserialize;

use crate::target::catalog;

/// The file, and its text.
const FILE: (&str, &str) = (
    "seeds/defects.toml",
    include_str!("../../seeds/defects.toml"),
);

/// The design in which every defect is flipped.
const BASE: &str = "reference";

/// The catalogue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Defects that can be switched on and must be found.
    #[serde(rename = "defect")]
    pub defects: Vec<Defect>,
    /// Defects of the original that are not simulated, such as those of its language.
    #[serde(default)]
    pub excluded: Vec<Excluded>,
    /// Answers that differ from the reference and are not defects on their own.
    #[serde(default)]
    pub harmless: Vec<Harmless>,
    /// Where the simulated revisions break other invariants than their known defects predict.
    #[serde(default, rename = "disagreement")]
    pub disagreements: Vec<Disagreement>,
}

/// A defect that can be switched on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defect {
    /// `D01` for a defect of the original (`docs/protocol.md#defects`); `R01` for a weakness of the
    /// mechanisms of the reference.
    pub id: String,
    /// One line.
    pub title: String,
    /// The answer that is flipped: `question=answer`.
    pub flip: String,
    /// Other answers without which the flipped one has no effect.
    pub needs: Option<Needs>,
    /// The condition of the world that it needs in order to show, if any.
    pub condition: Option<String>,
    /// The scenarios in which it is searched for, in turn.
    pub scenarios: Vec<String>,
    /// The invariants that find it; one of them must break.
    pub expect: Vec<Invariant>,
    /// The revisions that have it, according to `docs/protocol.md`.
    pub revisions: Option<Revisions>,
    /// The reason why it is not found, if that is known.
    pub survives: Option<String>,
    /// Anything else.
    pub note: Option<String>,
}

/// A prerequisite of a defect.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// `question=answer`, at least one.
    pub answers: Vec<String>,
    /// Why.
    pub because: String,
}

/// Revisions in a row, both ends included.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revisions {
    /// The first that has the defect.
    pub first: String,
    /// The last.
    pub last: String,
}

/// A defect of the original that is not simulated.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excluded {
    /// As in `docs/protocol.md#defects`.
    pub id: String,
    /// One line.
    pub title: String,
    /// Why not.
    pub because: String,
}

/// An answer that is not a defect on its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Harmless {
    /// `question=answer`.
    pub answer: String,
    /// Why.
    pub because: String,
}

/// A difference between what revisions break and what their known defects predict.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disagreement {
    /// The revisions.
    pub designs: Vec<String>,
    /// The invariants that break unexpectedly, or hold unexpectedly.
    pub invariants: Vec<Invariant>,
    /// Why.
    pub because: String,
}

/// A defect with its designs and scenarios.
pub struct PreparedDefect {
    /// The defect.
    pub defect: Defect,
    /// The design with the defect, as it is named in runs.
    pub reference: String,
    /// That design.
    pub flipped: Design,
    /// The same without the flipped answer: what it breaks is not caused by the defect.
    pub sound: Design,
    /// The scenarios.
    pub scenarios: Vec<Scenario>,
}

impl Catalogue {
    /// The built-in one.
    pub fn load() -> anyhow::Result<Self> {
        let (file, text) = FILE;
        toml::from_str(text).map_err(|error| anyhow!("{file}: {error}"))
    }

    /// The defects with these ids, in the catalogue's order; all if none is named.
    pub fn subjects(&self, ids: &[String]) -> anyhow::Result<Vec<PreparedDefect>> {
        let known: Vec<&str> = self.defects.iter().map(|defect| &*defect.id).collect();
        let asked: BTreeSet<String> = ids.iter().map(|id| id.to_uppercase()).collect();
        if let Some(id) = asked.iter().find(|id| !known.contains(&id.as_str())) {
            match self.excluded.iter().find(|excluded| excluded.id == *id) {
                Some(excluded) => bail!("{id} is not simulated: {}", excluded.because),
                None => bail!(unknown("defect", id, &known)),
            }
        }
        self.defects
            .iter()
            .filter(|defect| asked.is_empty() || asked.contains(&defect.id))
            .map(|defect| defect.subject().with_context(|| defect.id.clone()))
            .collect()
    }

    /// The invariants that a design should break according to its known defects, each with these
    /// defects.
    pub fn expected_of(&self, design: &str) -> Vec<(Invariant, Vec<&str>)> {
        let of = |invariant: &Invariant| -> Vec<&str> {
            self.defects
                .iter()
                .filter(|defect| defect.expect.contains(invariant) && defect.is_in(design))
                .map(|defect| &*defect.id)
                .collect()
        };
        Invariant::ALL
            .iter()
            .map(|invariant| (*invariant, of(invariant)))
            .filter(|(_, ids)| !ids.is_empty())
            .collect()
    }

    /// Why a design breaks an invariant unexpectedly, or holds one unexpectedly.
    pub fn explanation(&self, design: &str, invariant: Invariant) -> Option<&str> {
        self.disagreements
            .iter()
            .find(|disagreement| {
                disagreement.designs.iter().any(|name| name == design)
                    && disagreement.invariants.contains(&invariant)
            })
            .map(|disagreement| &*disagreement.because)
    }
}

impl Defect {
    /// Every answer that is flipped, prerequisites first, as `reference+...` names them.
    pub fn answers(&self) -> impl Iterator<Item = &str> {
        self.prerequisites().chain([&*self.flip])
    }

    /// Whether a built-in revision has it, according to `docs/protocol.md`.
    fn is_in(&self, design: &str) -> bool {
        let names = Design::builtin_names();
        let place = |name: &str| names.iter().position(|builtin| *builtin == name);
        self.revisions.as_ref().is_some_and(|revisions| {
            place(design) >= place(&revisions.first) && place(design) <= place(&revisions.last)
        })
    }

    fn prerequisites(&self) -> impl Iterator<Item = &str> {
        self.needs
            .iter()
            .flat_map(|needs| needs.answers.iter().map(|answer| &**answer))
    }

    fn subject(&self) -> anyhow::Result<PreparedDefect> {
        let join = |parts: &mut dyn Iterator<Item = &str>| {
            parts.fold(BASE.to_owned(), |name, part| format!("{name}+{part}"))
        };
        let reference = join(&mut self.answers());
        Ok(PreparedDefect {
            flipped: catalog::design(&reference)?,
            sound: catalog::design(&join(&mut self.prerequisites()))?,
            reference,
            scenarios: self
                .scenarios
                .iter()
                .map(|name| catalog::scenario(name))
                .collect::<anyhow::Result<_>>()?,
            defect: self.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The numbers of the fact sheet's catalogue, which has gaps.
    const FACT_SHEET: [u32; 72] = [
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 24, 27, 28, 30,
        31, 32, 33, 34, 35, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55,
        56, 57, 58, 59, 60, 62, 63, 64, 66, 67, 68, 69, 71, 72, 73, 74, 77, 78, 79, 80, 82, 83, 85,
        86,
    ];

    fn catalogue() -> Catalogue {
        Catalogue::load().unwrap()
    }

    #[test]
    fn ids_are_unique_and_ascend() {
        let catalogue = catalogue();
        let ids: Vec<&str> = catalogue.defects.iter().map(|d| &*d.id).collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        for excluded in &catalogue.excluded {
            assert!(!ids.contains(&&*excluded.id), "{}", excluded.id);
        }
    }

    #[test]
    fn every_defect_of_the_fact_sheet_is_here_or_excluded() {
        let catalogue = catalogue();
        for number in FACT_SHEET {
            let id = format!("D{number:02}");
            let here = catalogue.defects.iter().any(|defect| defect.id == id);
            let excluded = catalogue.excluded.iter().any(|excluded| excluded.id == id);
            assert!(here != excluded, "{id}");
        }
    }

    #[test]
    fn every_defect_can_be_switched_on() {
        let subjects = catalogue().subjects(&[]).unwrap();
        for subject in &subjects {
            let defect = &subject.defect;
            assert_ne!(
                subject.flipped.answers(),
                subject.sound.answers(),
                "{} flips nothing",
                defect.id
            );
            assert!(!defect.scenarios.is_empty(), "{}", defect.id);
            assert!(!defect.expect.is_empty(), "{}", defect.id);
        }
    }

    #[test]
    fn an_unknown_defect_is_answered_with_the_known_ones() {
        let error = catalogue().subjects(&["D99".to_owned()]).err().unwrap();
        assert!(error.to_string().starts_with("unknown defect `D99`"));
    }

    #[test]
    fn the_revisions_with_a_defect_answer_as_it_does() {
        for defect in &catalogue().defects {
            let (key, answer) = defect.flip.split_once('=').unwrap();
            for name in Design::builtin_names() {
                let design = Design::builtin(name).unwrap();
                if defect.is_in(name) {
                    assert!(
                        design.answers().contains(&(key, answer)),
                        "{name} does not answer {key}={answer} although it has {}",
                        defect.id
                    );
                }
            }
            if let Some(revisions) = &defect.revisions {
                assert!(defect.is_in(&revisions.first), "{}", defect.id);
            }
        }
    }

    /// An answer that is never flipped is an answer that no invariant is known to judge correctly.
    #[test]
    fn every_answer_is_the_reference_s_or_a_defect_or_known_to_be_harmless() {
        let catalogue = catalogue();
        let mut listed: BTreeMap<String, u32> = BTreeMap::new();
        for defect in &catalogue.defects {
            *listed.entry(defect.flip.clone()).or_default() += 1;
        }
        for harmless in &catalogue.harmless {
            let twice = listed.insert(harmless.answer.clone(), 1);
            assert_eq!(twice, None, "{} is also a defect", harmless.answer);
        }
        let reference = Design::builtin(BASE).unwrap().answers();
        let missing: Vec<String> = Design::questions()
            .iter()
            .flat_map(|question| {
                question
                    .answers
                    .iter()
                    .map(|answer| (question.key, answer.name))
            })
            .filter(|answer| !reference.contains(answer))
            .map(|(key, answer)| format!("{key}={answer}"))
            .filter(|answer| listed.remove(answer).is_none())
            .collect();
        assert!(missing.is_empty(), "not in {}: {missing:#?}", FILE.0);
        assert!(listed.is_empty(), "no such answers: {listed:?}");
    }
}
