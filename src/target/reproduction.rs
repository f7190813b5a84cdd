//! Whether the run of a capsule still fails as it did, and what it means if it does not.

use gatesim_sim::{
    run::outcome::{Digest, Outcome},
    scheduler::choices::RecordDivergence,
};
use serde::Serialize;

use crate::target::{
    capsule::Capsule, expectation::Expectation, run_name::shell_word, witness::WitnessMatch,
};

/// How a traced run compares with the capsule it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reproduction", rename_all = "snake_case")]
pub enum Reproduction {
    /// Signature and digest are as expected.
    Exact,
    /// The signature is as expected, the digest is not: a code change altered the run.
    SeedBreaking {
        /// The digest now.
        digest: Digest,
    },
    /// Something else broke.
    OtherViolation {
        /// What.
        found: Expectation,
    },
    /// Nothing broke, although everything happened that had led to the violation: the gateway was in
    /// the same situation and held.
    Fixed {
        /// The facts of the witness.
        facts: usize,
    },
    /// Nothing broke, but what had led to the violation did not happen either: the run no longer
    /// shows anything about it.
    NotTheSameRun {
        /// The facts of the witness that happened, in order.
        matched: usize,
        /// Of how many.
        facts: usize,
        /// The first that did not.
        missing: String,
    },
    /// Nothing broke, and it is unknown whether the situation occurred: the capsule has no witness.
    Held,
}

impl Reproduction {
    /// Compares. A run that held must have been traced.
    pub fn of(capsule: &Capsule, outcome: &Outcome) -> Self {
        match Expectation::of(outcome) {
            None => Self::of_held(capsule, outcome),
            Some(found) if !capsule.expect.is_met_by(outcome) => Self::OtherViolation { found },
            Some(_) if outcome.digest != capsule.digest => Self::SeedBreaking {
                digest: outcome.digest,
            },
            Some(_) => Self::Exact,
        }
    }

    fn of_held(capsule: &Capsule, outcome: &Outcome) -> Self {
        let Some(witness) = &capsule.witness else {
            return Self::Held;
        };
        let facts = witness.facts.len();
        match witness.look_for(&outcome.trace) {
            WitnessMatch::Whole => Self::Fixed { facts },
            WitnessMatch::Diverged { matched, missing } => Self::NotTheSameRun {
                matched,
                facts,
                missing,
            },
        }
    }

    /// For a person.
    pub fn human(&self, capsule: &Capsule) -> String {
        let expect = &capsule.expect;
        match self {
            Self::Exact => "reproduced exactly".to_owned(),
            Self::SeedBreaking { digest } => format!(
                "drift: {expect}, as expected, but the trace changed (seed-breaking): digest \
                 {digest}, was {}",
                capsule.digest
            ),
            Self::OtherViolation { found } => format!("broke {found}; expected {expect}"),
            Self::Fixed { facts } => format!(
                "fixed? held in the same situation ({facts} of {facts} facts of the witness); \
                 expected {expect}"
            ),
            Self::NotTheSameRun {
                matched,
                facts,
                missing,
            } => format!(
                "no longer the same run: held, but the situation did not occur; matched \
                 {matched} of {facts} facts of the witness, first missing: {missing}; expected \
                 {expect}"
            ),
            Self::Held => {
                format!("held; expected {expect}; without a witness the reason is unknown")
            }
        }
    }

    /// What to do next, if anything.
    pub fn advice(&self, capsule: &Capsule, file: &str) -> Option<String> {
        let file = shell_word(file);
        let run = &capsule.run;
        match self {
            Self::Exact => None,
            Self::SeedBreaking { .. } => Some(
                "if the change is intended to be seed-breaking: gatesim corpus check --accept-drift"
                    .to_owned(),
            ),
            Self::OtherViolation { .. } => Some(format!("show it: gatesim replay {file}")),
            Self::Fixed { .. } => Some(format!(
                "with the build before the change: gatesim verify-fix {file} --save before.json; \
                 with this one: gatesim verify-fix {file} --before before.json; if the result is fixed, \
                 delete the file, or keep the failure under a design that still has it (change `design` in \
                 the file, then use --accept-drift)"
            )),
            Self::NotTheSameRun { .. } | Self::Held => Some(format!(
                "this does not show a fix; search for the failure again, keep the run that is found and \
                 delete the file: gatesim sweep {} --design {}",
                shell_word(&run.scenario),
                shell_word(&run.design)
            )),
        }
    }
}

/// How a run diverged from the record of choices that it was replayed from; none if it did not.
pub fn drift_in_words(RecordDivergence { missing, unused }: RecordDivergence) -> Option<String> {
    let missing = (missing > 0)
        .then(|| format!("choices that the record lacks, made from the seed: {missing}"));
    let unused =
        (unused > 0).then(|| format!("choices of the record that were not used: {unused}"));
    let words: Vec<String> = [missing, unused].into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join("; "))
}
