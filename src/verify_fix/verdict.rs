//! The comparison of two samples, before and after a change.

use serde::Serialize;

use super::sample::{Own, Sample};
use crate::statistics::{Proportion, is_less};

/// The least number of failures in fair populations before the change. If the change had no effect, each
/// failure would be as likely after it: that all of them are on one side has a probability of 2^-10.
pub const ENOUGH_FAILURES: u64 = 10;

/// The probability with which a difference that a verdict rests on may be due to chance.
const BY_CHANCE: f64 = 0.001;

/// The same for a failure that is new: rather a false alarm than a regression that is missed.
const NEW_BY_CHANCE: f64 = 0.01;

/// The runs of all fair populations.
const OTHERS: &str = "runs with other timing, other plans and other seeds";

/// The effect of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum FixVerdict {
    /// Enough failures before, none after in any population, and nothing new that chance does not explain.
    Fixed,
    /// The run no longer fails like this, but others do as before: the cause remains.
    TimingOnly,
    /// Fewer failures, but still some.
    LessOften,
    /// The run and the populations fail as before.
    StillFails,
    /// A signature that occurred never before, and more often after than chance explains.
    OtherFailure {
        /// Its signature.
        signature: String,
        /// The number of runs.
        count: u64,
    },
    /// Too few failures before the change to tell.
    NotEnoughEvidence,
}

impl FixVerdict {
    /// Compares two samples of the same sizes.
    pub fn of(before: &Sample, after: &Sample) -> Self {
        if let Some((signature, count)) = certainly_new(before, after) {
            return FixVerdict::OtherFailure { signature, count };
        }
        let failed_before: u64 = before.fair().map(|one| one.failed).sum();
        let fewer = before.fair().zip(after.fair()).any(|(before, after)| {
            let [before, after] = [before, after].map(|one| Proportion::new(one.failed, one.runs));
            is_less(after, before, BY_CHANCE)
        });
        match (after.own, after.failed()) {
            (Own::Holds | Own::FailsOtherwise, 0) if failed_before < ENOUGH_FAILURES => {
                FixVerdict::NotEnoughEvidence
            }
            (Own::Holds | Own::FailsOtherwise, 0) => FixVerdict::Fixed,
            (_, _) if fewer => FixVerdict::LessOften,
            (Own::Holds | Own::FailsOtherwise, _) => FixVerdict::TimingOnly,
            (Own::Fails, _) => FixVerdict::StillFails,
        }
    }

    /// The name of the verdict.
    pub fn name(&self) -> &'static str {
        match self {
            FixVerdict::Fixed => "fixed",
            FixVerdict::TimingOnly => "timing only",
            FixVerdict::LessOften => "less often",
            FixVerdict::StillFails => "still fails",
            FixVerdict::OtherFailure { .. } => "other failure",
            FixVerdict::NotEnoughEvidence => "not enough evidence",
        }
    }

    /// The meaning of the verdict, in one sentence. The populations and their counts stand in the table above it.
    pub fn sentence(&self, before: &Sample, after: &Sample) -> String {
        let sum = |sample: &Sample| -> (u64, u64) {
            let fair = sample.fair();
            fair.fold((0, 0), |(failed, runs), one| {
                (failed + one.failed, runs + one.runs)
            })
        };
        let ((failed, runs), (fails, _)) = (sum(before), sum(after));
        match self {
            FixVerdict::Fixed => format!(
                "of {runs} {OTHERS} {failed} failed before, and none does now; at most {:.1} in 1,000 such runs still fail (95 % confidence)",
                Proportion::new(0, runs).upper_bound(0.95) * 1_000.0
            ),
            FixVerdict::TimingOnly => format!(
                "the run no longer fails like this, but of {runs} {OTHERS} {fails} fail, {failed} before: the \
                 change alters the timing and leaves the cause"
            ),
            FixVerdict::LessOften => {
                format!("of {runs} {OTHERS} {fails} fail, {failed} before: less often, but still")
            }
            FixVerdict::StillFails => {
                format!("the run fails, and so do {fails} of {runs} {OTHERS}, {failed} before")
            }
            FixVerdict::OtherFailure { signature, count } => format!(
                "{signature}: in {count} runs after the change, in none before; a change that breaks \
                 something else is not a fix"
            ),
            FixVerdict::NotEnoughEvidence => format!(
                "of {runs} {OTHERS} {failed} failed before, and {ENOUGH_FAILURES} are needed; use more --samples or --seeds, or a run whose failure \
                 depends less on timing"
            ),
        }
    }
}

/// Signatures that occurred only after the change, with their numbers of runs.
pub fn new_signatures<'a>(
    before: &'a Sample,
    after: &'a Sample,
) -> impl Iterator<Item = (&'a String, u64)> {
    let others = after.others.iter().map(|(other, count)| (other, *count));
    others.filter(|(other, _)| !before.others.contains_key(*other))
}

/// The most frequent new signature, if it is too frequent to have been missed before by chance. Each new
/// signature is a comparison of its own, and they share the chance of error.
fn certainly_new(before: &Sample, after: &Sample) -> Option<(String, u64)> {
    let new: Vec<_> = new_signatures(before, after).collect();
    let by_chance = NEW_BY_CHANCE / new.len().max(1) as f64;
    let (signature, count) = new.into_iter().max_by_key(|(_, count)| *count)?;
    // The run itself is one more.
    let runs = after.runs() + 1;
    let [never, now] = [0, count].map(|count| Proportion::new(count, runs));
    is_less(never, now, by_chance).then(|| (signature.clone(), count))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        target::expectation::Expectation,
        verify_fix::{population::Population, sample::Counted},
    };

    fn sampled(own: Own, failed: [u64; 4], others: &[(&str, u64)]) -> Sample {
        let populations = Population::ALL.into_iter().zip(failed);
        let populations = populations.map(|(population, failed)| Counted {
            population,
            runs: 100,
            failed,
        });
        let others = others
            .iter()
            .map(|(other, count)| ((*other).to_owned(), *count));
        Sample {
            design: "v2".to_owned(),
            expect: Expectation {
                invariant: "welcome-after-ready".to_owned(),
                cause: "too early".to_owned(),
            },
            own,
            populations: populations.collect(),
            others: others.collect::<BTreeMap<_, _>>(),
            nearest: None,
        }
    }

    #[test]
    fn two_samples_give_a_verdict() {
        use Own::*;
        let verdict = |before: [u64; 4], own, after: [u64; 4]| {
            let [before, after] = [(Fails, before), (own, after)]
                .map(|(own, failed)| sampled(own, failed, &[("x: y", 3)]));
            FixVerdict::of(&before, &after).name()
        };
        let many = [90, 60, 30, 10];
        let none = [0; 4];
        assert_eq!(verdict(many, Holds, none), "fixed");
        assert_eq!(verdict(many, FailsOtherwise, none), "fixed");
        assert_eq!(verdict([0, 0, 0, 10], Holds, none), "fixed");
        assert_eq!(verdict([0, 3, 3, 4], Holds, none), "fixed");
        assert_eq!(verdict(many, Holds, many), "timing only");
        assert_eq!(verdict(many, Holds, [100, 90, 70, 50]), "timing only");
        assert_eq!(verdict(many, Fails, many), "still fails");
        assert_eq!(verdict(many, Holds, [5, 0, 1, 1]), "less often");
        // What is left of a cause shows in any population.
        assert_eq!(verdict(many, Holds, [0, 0, 0, 1]), "less often");
        assert_eq!(verdict(many, Holds, [0, 0, 1, 0]), "less often");
        // Failures nearby depend on the timing of the run itself: fewer of them after a change show nothing.
        assert_eq!(verdict(many, Holds, [10, 60, 30, 10]), "timing only");
        assert_eq!(verdict([90, 3, 3, 3], Holds, none), "not enough evidence");
        assert_eq!(verdict([90, 3, 3, 3], Holds, [1, 0, 0, 0]), "timing only");
        // A run that still fails is not fixed, even if no other fails.
        assert_eq!(verdict([9; 4], Fails, none), "still fails");
        assert_eq!(verdict(many, Fails, none), "less often");
        // The fall from every run to most runs is significant as well.
        assert_eq!(verdict([100; 4], Fails, [100, 80, 80, 100]), "less often");
    }

    #[test]
    fn a_new_signature_is_not_a_fix_unless_chance_explains_it() {
        let before = sampled(Own::Fails, [90, 60, 30, 10], &[("x: y", 3)]);
        let with = |count| {
            let after = sampled(Own::Holds, [0; 4], &[("x: y", 9), ("z: y", count)]);
            (FixVerdict::of(&before, &after), after)
        };
        assert_eq!(with(1).0.name(), "fixed");
        let (verdict, after) = with(9);
        assert_eq!(verdict.name(), "other failure");
        insta::assert_snapshot!("other failure", verdict.sentence(&before, &after));
    }
}
