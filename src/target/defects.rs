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
    /// Why there is no defect of some kinds at some steps.
    #[serde(rename = "gap")]
    pub gaps: Vec<CatalogueGap>,
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
    /// The step at which it goes wrong, one of [`STEPS`].
    pub step: String,
    /// In which way.
    pub kind: Kind,
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

/// Where something can go wrong: the steps of `docs/protocol.md#connection-sequence`, and what is no step
/// of a connection.
pub const STEPS: [&str; 42] = [
    "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17",
    "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32", "33",
    "34", "35", "36", "37", "38", "39", "delivery", "stop", "client",
];

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $name:literal,)+) => {
        /// In which way something goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
        pub enum Kind {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $kind,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Kind] = &[$(Kind::$kind,)+];

            /// Its name in the catalogue.
            pub fn name(self) -> &'static str {
                match self { $(Kind::$kind => $name,)+ }
            }
        }
    };
}

kinds! {
    /// The step is missing.
    Missing = "missing",
    /// It comes early.
    Early = "early",
    /// It comes late.
    Late = "late",
    /// It comes twice.
    Twice = "twice",
    /// It is detached from its connection, or from the step that needs its result.
    Detached = "detached",
    /// It is cancelled between its two halves.
    Cancelled = "cancelled",
    /// It raises.
    Raises = "raises",
    /// It uses a name or an id that is not bound.
    Unbound = "unbound",
    /// It asks about another object than it should, or about none.
    WrongObject = "wrong-object",
    /// It polls with a period of its own.
    OwnPeriod = "own-period",
    /// It believes an answer that is stale.
    Stale = "stale",
    /// It fails in the middle of a round over all connections, or all frames.
    MidRound = "mid-round",
    /// Something else.
    Otherwise = "otherwise",
}

/// Why there is no defect of these kinds at these steps.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueGap {
    /// The steps; all if none is named.
    #[serde(default)]
    pub steps: Vec<String>,
    /// The kinds; all if none is named.
    #[serde(default)]
    pub kinds: Vec<Kind>,
    /// Why.
    pub because: String,
}

/// What the catalogue has of one kind at one step.
#[derive(Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// The ids of these defects.
    Defects(Vec<&'a str>),
    /// None, for the reason at this place of the gaps.
    Gap(usize),
    /// None, and no reason.
    Open,
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

    /// What there is of one kind at one step.
    pub fn cell(&self, step: &str, kind: Kind) -> Cell<'_> {
        let is_here = |defect: &&Defect| defect.step == step && defect.kind == kind;
        let ids: Vec<&str> = self
            .defects
            .iter()
            .filter(is_here)
            .map(|d| &*d.id)
            .collect();
        let covers = |gap: &CatalogueGap| {
            (gap.steps.is_empty() || gap.steps.iter().any(|of| of == step))
                && (gap.kinds.is_empty() || gap.kinds.contains(&kind))
        };
        match (ids.is_empty(), self.gaps.iter().position(covers)) {
            (false, _) => Cell::Defects(ids),
            (true, Some(place)) => Cell::Gap(place),
            (true, None) => Cell::Open,
        }
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
    fn each_kind_has_a_defect_or_a_reason_at_each_step() {
        let catalogue = catalogue();
        for defect in &catalogue.defects {
            assert!(STEPS.contains(&&*defect.step), "{}", defect.id);
        }
        for step in STEPS {
            for kind in Kind::ALL.iter().filter(|kind| **kind != Kind::Otherwise) {
                let cell = catalogue.cell(step, *kind);
                assert_ne!(cell, Cell::Open, "step {step}, {}", kind.name());
            }
        }
        for gap in &catalogue.gaps {
            let known = |step: &String| STEPS.contains(&step.as_str());
            assert!(gap.steps.iter().all(known), "{:?}", gap.steps);
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
