//! What two samples of a neighbourhood say about a change.

use serde::Serialize;

use super::neighbourhood::{Neighbourhood, Own, Ring};

/// Failures in the outermost ring before the change without which nothing can be said. If a change did nothing, each of
/// them would have been as likely to be found afterwards: that all of them stand on one side
/// happens once in 2^10 times.
pub const ENOUGH_FAILURES: u64 = 10;

/// The square of the distance between two rates, in standard deviations, from which on a
/// difference is no accident: about once in a thousand times it is.
const CERTAIN: u128 = 10;

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Enough failures before, none afterwards, and nothing else broke that had not before.
    Fixed,
    /// The run does not fail so, its neighbourhood fails as before: what decides has been moved, not removed.
    TimingOnly,
    /// Fewer failures, but still some.
    LessOften,
    /// As before, the run included.
    StillFails,
    /// Something broke that had never broken before.
    OtherFailure {
        /// Its signature.
        signature: String,
        /// In how many runs.
        count: u64,
    },
    /// Too few failures before the change to tell.
    NotEnoughEvidence,
}

impl Verdict {
    /// Compares two samples of the same size.
    pub fn of(before: &Neighbourhood, after: &Neighbourhood) -> Self {
        let fresh = after
            .others
            .iter()
            .filter(|(other, _)| !before.others.contains_key(*other));
        if let Some((signature, count)) = fresh.max_by_key(|(_, count)| **count) {
            return Verdict::OtherFailure {
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
                Verdict::NotEnoughEvidence
            }
            (Own::Holds | Own::FailsOtherwise, 0) => Verdict::Fixed,
            (_, _) if rate.before >= ENOUGH_FAILURES && rate.has_certainly_fallen() => {
                Verdict::LessOften
            }
            (Own::Holds | Own::FailsOtherwise, _) => Verdict::TimingOnly,
            (Own::Fails, _) => Verdict::StillFails,
        }
    }

    /// The verdict in a word or two.
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Fixed => "fixed",
            Verdict::TimingOnly => "timing only",
            Verdict::LessOften => "less often",
            Verdict::StillFails => "still fails",
            Verdict::OtherFailure { .. } => "other failure",
            Verdict::NotEnoughEvidence => "not enough evidence",
        }
    }

    /// What it means, in one sentence.
    pub fn sentence(&self, before: &Neighbourhood, after: &Neighbourhood) -> String {
        let Ring {
            samples, failed, ..
        } = before.outermost();
        let fails = after.outermost().failed;
        match self {
            Verdict::Fixed => format!(
                "of {samples} runs with other timing {failed} failed before, and neither these nor \
                 nearer ones do now; if the change did nothing, that would happen less than once in \
                 a thousand times"
            ),
            Verdict::TimingOnly => format!(
                "the run no longer fails so, but of {samples} runs with other timing {fails} fail, {failed} \
                 before: the change moves the timing and leaves the cause"
            ),
            Verdict::LessOften => format!(
                "of {samples} runs with other timing {fails} fail, {failed} before: rarer, not gone"
            ),
            Verdict::StillFails => format!(
                "the run fails, and so do {fails} of {samples} runs with other timing, {failed} \
                 before"
            ),
            Verdict::OtherFailure { signature, count } => format!(
                "{signature}: now in {count} of the runs, before in none; a change that breaks something \
                 else is no fix"
            ),
            Verdict::NotEnoughEvidence => format!(
                "of {samples} runs with other timing {failed} failed before, and {ENOUGH_FAILURES} \
                 are needed to tell; more --samples, or a run that fails in more ways"
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
    /// Whether the difference of the two rates is more than chance makes of one rate: the square of
    /// the difference over its variance, in whole numbers. With `s` samples on each side, `b`
    /// failures before and `a` after: `(b - a)^2 * 2s >= 10 * (b + a) * (2s - b - a)`.
    fn has_certainly_fallen(&self) -> bool {
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
    fn what_two_samples_say() {
        use Own::*;
        let verdict = |before: [u64; 3], own, after: [u64; 3]| {
            let [before, after] = [(Fails, before), (own, after)]
                .map(|(own, failed)| sampled(own, failed, &[("x: y", 3)]));
            Verdict::of(&before, &after).name()
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
        // Near to the run there are as many failures as the run's own timing makes: that there
        // are fewer after a change, or none, says nothing.
        assert_eq!(verdict(many, Holds, [10, 20, 30]), "timing only");
        assert_eq!(
            verdict([90, 60, 9], Holds, [0, 0, 0]),
            "not enough evidence"
        );
        assert_eq!(verdict([90, 60, 9], Holds, [1, 0, 0]), "timing only");
        // A run that still fails is not fixed, however its neighbours do.
        assert_eq!(verdict([9; 3], Fails, [0, 0, 0]), "still fails");
        assert_eq!(verdict(many, Fails, [0, 0, 0]), "less often");
        // From certain failure to nearly certain failure is a difference as well.
        assert_eq!(verdict([100; 3], Fails, [100, 100, 80]), "less often");
    }

    #[test]
    fn what_had_never_broken_before_is_no_fix() {
        let before = sampled(Own::Fails, [90, 60, 30], &[("x: y", 3)]);
        let after = sampled(Own::Holds, [0, 0, 0], &[("x: y", 9), ("z: y", 1)]);
        let verdict = Verdict::of(&before, &after);
        assert_eq!(verdict.name(), "other failure");
        insta::assert_snapshot!("other failure", verdict.sentence(&before, &after));
    }

    #[test]
    fn a_difference_that_chance_makes_is_none() {
        let fallen = |samples, before, after| {
            let rate = Rate {
                samples,
                before,
                after,
            };
            rate.has_certainly_fallen()
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
