//! The comparison of two samples of a neighbourhood, before and after a change.

use serde::Serialize;

use super::neighbourhood::{Neighbourhood, Own, Ring};

/// The least number of failures in the outermost ring before the change. If the change had no effect,
/// each failure would be as likely after it: that all of them are on one side has a probability of
/// 2^-10.
pub const ENOUGH_FAILURES: u64 = 10;

/// The square of the least significant distance between two rates, in standard deviations: p is about
/// 0.001.
const CERTAIN: u128 = 10;

/// The effect of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum FixVerdict {
    /// Enough failures before, none after, and no new signature.
    Fixed,
    /// The run no longer fails like this, but its neighbourhood does as before: the cause remains.
    TimingOnly,
    /// Fewer failures, but still some.
    LessOften,
    /// The run and its neighbourhood fail as before.
    StillFails,
    /// A signature that never occurred before.
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
    /// Compares two samples of the same size.
    pub fn of(before: &Neighbourhood, after: &Neighbourhood) -> Self {
        let fresh = after
            .others
            .iter()
            .filter(|(other, _)| !before.others.contains_key(*other));
        if let Some((signature, count)) = fresh.max_by_key(|(_, count)| **count) {
            return FixVerdict::OtherFailure {
                signature: signature.clone(),
                count: *count,
            };
        }
        let (fair, now) = (before.outermost(), after.outermost());
        let rate = Rate {
            samples: fair.samples,
            before: fair.failed,
            after: now.failed,
        };
        match (after.own, after.failed()) {
            (Own::Holds | Own::FailsOtherwise, 0) if rate.before < ENOUGH_FAILURES => {
                FixVerdict::NotEnoughEvidence
            }
            (Own::Holds | Own::FailsOtherwise, 0) => FixVerdict::Fixed,
            (_, _) if rate.before >= ENOUGH_FAILURES && rate.has_fallen_significantly() => {
                FixVerdict::LessOften
            }
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

    /// The meaning of the verdict, in one sentence.
    pub fn sentence(&self, before: &Neighbourhood, after: &Neighbourhood) -> String {
        let Ring {
            samples, failed, ..
        } = before.outermost();
        let fails = after.outermost().failed;
        match self {
            FixVerdict::Fixed => format!(
                "of {samples} runs with resampled timing {failed} failed before, and neither these nor \
                 runs with more similar timing fail now; without an effect of the change this has a \
                 probability of less than 0.001"
            ),
            FixVerdict::TimingOnly => format!(
                "the run no longer fails like this, but of {samples} runs with resampled timing {fails} \
                 fail, {failed} before: the change alters the timing and leaves the cause"
            ),
            FixVerdict::LessOften => format!(
                "of {samples} runs with resampled timing {fails} fail, {failed} before: less often, but \
                 still"
            ),
            FixVerdict::StillFails => format!(
                "the run fails, and so do {fails} of {samples} runs with resampled timing, {failed} \
                 before"
            ),
            FixVerdict::OtherFailure { signature, count } => format!(
                "{signature}: in {count} runs after the change, in none before; a change that breaks \
                 something else is not a fix"
            ),
            FixVerdict::NotEnoughEvidence => format!(
                "of {samples} runs with resampled timing {failed} failed before, and {ENOUGH_FAILURES} \
                 are needed; use more --samples, or a run whose failure depends less on timing"
            ),
        }
    }
}

/// Failures among as many samples before as after.
struct Rate {
    samples: u64,
    before: u64,
    after: u64,
}

impl Rate {
    /// Whether the difference of the two rates is significant: the square of the difference over its
    /// variance, in whole numbers. With `s` samples on each side, `b`
    /// failures before and `a` after: `(b - a)^2 * 2s >= 10 * (b + a) * (2s - b - a)`.
    fn has_fallen_significantly(&self) -> bool {
        let [samples, before, after] = [self.samples, self.before, self.after].map(u128::from);
        let Some(fallen) = before.checked_sub(after) else {
            return false;
        };
        let (all, failed) = (2 * samples, before + after);
        fallen > 0 && fallen * fallen * all >= CERTAIN * failed * (all - failed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::target::expectation::Expectation;

    fn sampled(own: Own, failed: [u64; 3], others: &[(&str, u64)]) -> Neighbourhood {
        let rings = [50, 250, 1_000].iter().zip(failed);
        let rings = rings.map(|(&per_mille, failed)| Ring {
            per_mille,
            samples: 100,
            failed,
            held: 100 - failed,
        });
        let others = others
            .iter()
            .map(|(other, count)| ((*other).to_owned(), *count));
        Neighbourhood {
            design: "v2".to_owned(),
            expect: Expectation {
                invariant: "welcome-after-ready".to_owned(),
                cause: "too early".to_owned(),
            },
            own,
            rings: rings.collect(),
            others: others.collect::<BTreeMap<_, _>>(),
            nearest: None,
        }
    }

    #[test]
    fn two_samples_give_a_verdict() {
        use Own::*;
        let verdict = |before: [u64; 3], own, after: [u64; 3]| {
            let [before, after] = [(Fails, before), (own, after)]
                .map(|(own, failed)| sampled(own, failed, &[("x: y", 3)]));
            FixVerdict::of(&before, &after).name()
        };
        let many = [90, 60, 30];
        assert_eq!(verdict(many, Holds, [0, 0, 0]), "fixed");
        assert_eq!(verdict(many, FailsOtherwise, [0, 0, 0]), "fixed");
        assert_eq!(verdict([0, 0, 10], Holds, [0, 0, 0]), "fixed");
        assert_eq!(verdict(many, Holds, many), "timing only");
        assert_eq!(verdict(many, Holds, [100, 90, 70]), "timing only");
        assert_eq!(verdict(many, Fails, many), "still fails");
        assert_eq!(verdict(many, Holds, [5, 0, 1]), "less often");
        assert_eq!(verdict(many, Fails, [90, 20, 10]), "less often");
        // Failures in the inner rings depend on the timing of the run itself: fewer of them after a
        // change show nothing.
        assert_eq!(verdict(many, Holds, [10, 20, 30]), "timing only");
        assert_eq!(
            verdict([90, 60, 9], Holds, [0, 0, 0]),
            "not enough evidence"
        );
        assert_eq!(verdict([90, 60, 9], Holds, [1, 0, 0]), "timing only");
        // A run that still fails is not fixed, even if no neighbour fails.
        assert_eq!(verdict([9; 3], Fails, [0, 0, 0]), "still fails");
        assert_eq!(verdict(many, Fails, [0, 0, 0]), "less often");
        // The fall from every run to most runs is significant as well.
        assert_eq!(verdict([100; 3], Fails, [100, 100, 80]), "less often");
    }

    #[test]
    fn a_new_signature_is_not_a_fix() {
        let before = sampled(Own::Fails, [90, 60, 30], &[("x: y", 3)]);
        let after = sampled(Own::Holds, [0, 0, 0], &[("x: y", 9), ("z: y", 1)]);
        let verdict = FixVerdict::of(&before, &after);
        assert_eq!(verdict.name(), "other failure");
        insta::assert_snapshot!("other failure", verdict.sentence(&before, &after));
    }

    #[test]
    fn a_random_difference_is_not_significant() {
        let fallen = |samples, before, after| {
            let rate = Rate {
                samples,
                before,
                after,
            };
            rate.has_fallen_significantly()
        };
        assert!(!fallen(300, 0, 0));
        assert!(!fallen(300, 20, 15));
        assert!(!fallen(300, 10, 20));
        assert!(fallen(300, 40, 15));
        assert!(!fallen(300, 9, 0));
        assert!(fallen(300, 10, 0));
        assert!(!fallen(300, 300, 300));
    }
}
