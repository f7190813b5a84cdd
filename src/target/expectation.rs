//! How a run must fail: the signature that a capsule reproduces and that a smaller run keeps.

use std::fmt;

use gatesim_sim::{check::Violation, run::outcome::Outcome};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::target::failure::FailureSignature;

/// The signature that a capsule must reproduce.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Expectation {
    /// Name of the invariant, or `panic`.
    pub invariant: String,
    /// The cause.
    pub cause: String,
}

impl Expectation {
    /// How an outcome failed, if it did.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        let failure = FailureSignature::of(outcome)?;
        Some(Expectation::from(&failure))
    }

    /// Whether an outcome failed in this way, first or as a consequence.
    pub fn is_met_by(&self, outcome: &Outcome) -> bool {
        let mut violations = outcome.violations.iter();
        Self::of(outcome).as_ref() == Some(self) || violations.any(|one| self.is_of(one))
    }

    /// Whether this is the violation that is expected.
    pub fn is_of(&self, violation: &Violation) -> bool {
        violation.invariant.name() == self.invariant && violation.cause == self.cause
    }
}

impl From<&FailureSignature> for Expectation {
    fn from(failure: &FailureSignature) -> Self {
        Expectation {
            invariant: failure.invariant(),
            cause: failure.cause().to_owned(),
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.cause)
    }
}
