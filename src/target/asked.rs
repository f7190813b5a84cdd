//! A violation by name, as a person asks for it: an invariant, or an invariant and a cause.

use std::{fmt, str::FromStr};

use anyhow::bail;
use clap::Args;
use gatesim_model::design;
use gatesim_sim::{check::invariants::Invariant, run::outcome::Outcome};

use crate::target::{
    expectation::Expectation,
    failure::{FailureSignature, PANIC},
    run_name::file_word,
};

/// Which of a run's violations a command is about.
#[derive(Clone, Debug, Default, Args)]
pub struct ViolationArgs {
    /// The violation: an invariant, or one with a cause, as a sweep prints them [default: what a
    /// capsule expects, or what broke first].
    #[arg(long, value_name = "INVARIANT[:CAUSE]")]
    pub violation: Option<ViolationName>,
}

/// `INVARIANT` or `INVARIANT:CAUSE`; without a cause, the first of the invariant is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViolationName {
    /// Name of the invariant, or `panic`.
    pub invariant: String,
    /// The cause.
    pub cause: Option<String>,
}

impl ViolationName {
    /// What the run broke by this name.
    ///
    /// # Errors
    /// If it broke nothing by this name; lists what it did break.
    pub fn of(&self, run: &impl fmt::Display, outcome: &Outcome) -> anyhow::Result<Expectation> {
        let broken: Vec<Expectation> = FailureSignature::all(outcome)
            .map(|failure| Expectation::from(&failure))
            .collect();
        if let Some(expect) = broken.iter().find(|expect| self.names(expect)) {
            return Ok(expect.clone());
        }
        if broken.is_empty() {
            bail!("the run {run} did not break {self}: it held");
        }
        let of_invariant = broken.iter().filter(|one| one.invariant == self.invariant);
        let causes: Vec<&str> = of_invariant.map(|one| one.cause.as_str()).collect();
        match (&self.cause, causes.is_empty()) {
            (Some(cause), false) => {
                let unknown = design::unknown("cause", cause, &causes);
                bail!(
                    "the run {run} did not break {} so: {unknown}",
                    self.invariant
                )
            }
            _ => {
                let broken: Vec<String> = broken.iter().map(|one| format!("\n  {one}")).collect();
                bail!(
                    "the run {run} did not break {self}; it broke{}",
                    broken.concat()
                )
            }
        }
    }

    /// As a part of the name of a file.
    pub fn file_word(&self) -> String {
        match &self.cause {
            Some(cause) => file_word(&format!("{} {cause}", self.invariant)),
            None => file_word(&self.invariant),
        }
    }

    /// Whether it is the name of this failure.
    pub fn names(&self, expect: &Expectation) -> bool {
        expect.invariant == self.invariant
            && (self.cause.as_ref()).is_none_or(|cause| *cause == expect.cause)
    }
}

impl From<&Expectation> for ViolationName {
    fn from(expect: &Expectation) -> Self {
        ViolationName {
            invariant: expect.invariant.clone(),
            cause: Some(expect.cause.clone()),
        }
    }
}

impl FromStr for ViolationName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (invariant, cause) = match text.split_once(':') {
            Some((invariant, cause)) => (invariant.trim(), Some(cause.trim())),
            None => (text.trim(), None),
        };
        let known = || Invariant::ALL.iter().map(|invariant| invariant.name());
        if invariant != PANIC && !known().any(|name| name == invariant) {
            let known: Vec<&str> = known().collect();
            return Err(design::unknown("invariant", invariant, &known));
        }
        if cause == Some("") {
            return Err(format!("no cause after `{invariant}:`"));
        }
        Ok(ViolationName {
            invariant: invariant.to_owned(),
            cause: cause.map(str::to_owned),
        })
    }
}

impl fmt::Display for ViolationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => write!(f, "{}: {cause}", self.invariant),
            None => f.write_str(&self.invariant),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::failure::tests::failed_outcome;

    fn asked(text: &str) -> Result<String, String> {
        let name: ViolationName = text.parse()?;
        match name.of(&"chaos@v9:0", &failed_outcome()) {
            Ok(expect) => Ok(expect.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_violation_is_found_by_its_invariant_or_with_its_cause() {
        let whole = "welcome-after-ready: the welcome without a machine";
        assert_eq!(asked("welcome-after-ready").as_deref(), Ok(whole));
        assert_eq!(asked(whole).as_deref(), Ok(whole));
        assert_eq!(asked(&whole.replace(": ", ":")).as_deref(), Ok(whole));
    }

    #[test]
    fn what_a_run_did_not_break_is_answered_with_what_it_broke() {
        let errors = [
            "welcome-after-redy",
            "welcome-after-ready:",
            "welcome-after-ready:the welcome without a machin",
            "ids-agree: machine id changes",
            "panic",
        ]
        .map(|text| asked(text).unwrap_err());
        insta::assert_snapshot!(errors.join("\n\n"));
    }
}
