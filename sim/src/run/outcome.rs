//! What a run gives back.

use std::{collections::BTreeMap, fmt, str::FromStr};

use gatesim_model::core::time::Time;
use serde::{Deserialize, Serialize};

use crate::{
    check::{
        Signature, Violation, faults::FaultFate, figures::Figures, invariants::Invariant,
        marks::Marks, premises::Premises,
    },
    scheduler::{
        ConstraintEnd,
        causes::Causes,
        choices::{Record, RecordDivergence},
    },
    trace::event::{FinishReason, TraceEvent},
};

/// The result of one run. Two runs of the same design, plan and code give equal outcomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Fingerprint of the trace.
    pub digest: Digest,
    /// How the run ended; none if the model panicked.
    pub finish: Option<FinishReason>,
    /// The message of a panic inside the model or the simulator.
    pub panic: Option<String>,
    /// Scheduler steps: polls and deliveries.
    pub steps: u64,
    /// Events seen.
    pub events: u64,
    /// Virtual time at the end.
    pub time: Time,
    /// The first sighting of each invariant and cause, in the order of happening.
    pub violations: Vec<Violation>,
    /// The rare states it went through.
    pub marks: Marks,
    /// Figures of merit.
    pub figures: Figures,
    /// What became of each fault of the plan, by its number.
    pub faults: BTreeMap<u32, FaultFate>,
    /// What has occurred of that which invariants judge.
    pub premises: Premises,
    /// The whole trace, if it was asked for.
    pub trace: Vec<TraceEvent>,
    /// Every choice, if it was asked for.
    pub choices: Record,
    /// How far the run diverged from the record that it was replayed from.
    pub divergence: RecordDivergence,
    /// What made each step happen, if it was asked for.
    pub causes: Causes,
    /// What became of each ordering constraint.
    pub constraints: Vec<ConstraintEnd>,
}

impl Outcome {
    /// A run that ended in a panic of the model or the simulator.
    pub fn panicked(message: String) -> Self {
        Outcome {
            digest: Digest::default(),
            finish: None,
            panic: Some(message),
            steps: 0,
            events: 0,
            time: Time::ZERO,
            violations: Vec::new(),
            marks: Marks::default(),
            figures: Figures::default(),
            faults: BTreeMap::new(),
            premises: Premises::default(),
            trace: Vec::new(),
            choices: Record::default(),
            divergence: RecordDivergence::default(),
            causes: Causes::default(),
            constraints: Vec::new(),
        }
    }

    /// The signature of the earliest violation.
    pub fn signature(&self) -> Option<Signature> {
        self.violations.first().map(Violation::signature)
    }

    /// Each broken invariant once, in the order in which they broke.
    pub fn broken(&self) -> impl Iterator<Item = Invariant> {
        let all = self.violations.iter().enumerate();
        let first = all.filter(|(number, one)| {
            let before = &self.violations[..*number];
            before.iter().all(|other| other.invariant != one.invariant)
        });
        first.map(|(_, violation)| violation.invariant)
    }

    /// Whether the run held: no violation, no panic.
    pub fn held(&self) -> bool {
        self.violations.is_empty() && self.panic.is_none()
    }
}

/// A 128-bit fingerprint; prints as 32 hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest(pub u128);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match u128::from_str_radix(text, 16) {
            Ok(value) if text.len() == 32 => Ok(Digest(value)),
            _ => Err(format!("`{text}` is not a digest of 32 hexadecimal digits")),
        }
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
