//! How sure one may be of a count: the interval of a proportion, and whether one proportion is less than another.

use std::fmt;

use statrs::{
    distribution::{Beta, ContinuousCDF},
    stats_tests::{Alternative, fishers_exact},
};

/// So many of so many runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proportion {
    hits: u64,
    runs: u64,
}

impl Proportion {
    /// `hits` of `runs`; not more hits than runs.
    pub fn new(hits: u64, runs: u64) -> Self {
        debug_assert!(hits <= runs, "{hits} of {runs}");
        Proportion { hits, runs }
    }

    /// How many were counted.
    pub fn hits(self) -> u64 {
        self.hits
    }

    /// Of how many.
    pub fn runs(self) -> u64 {
        self.runs
    }

    /// The rate that was seen, from 0 to 1; 0 without runs.
    pub fn rate(self) -> f64 {
        self.hits as f64 / self.runs.max(1) as f64
    }

    /// The smallest rate that explains the count with this confidence, as [`Self::upper_bound`]. 0 without
    /// hits.
    pub fn lower_bound(self, confidence: f64) -> f64 {
        beta(self.hits, self.runs - self.hits + 1)
            .map_or(0.0, |beta| beta.inverse_cdf(1.0 - confidence))
    }

    /// The largest rate, from 0 to 1, that explains the count with this confidence: the bound of Clopper and
    /// Pearson (Biometrika 26, 1934), which holds for any rate and any number of runs. 1 without runs.
    pub fn upper_bound(self, confidence: f64) -> f64 {
        beta(self.hits + 1, self.runs - self.hits).map_or(1.0, |beta| beta.inverse_cdf(confidence))
    }
}

impl fmt::Display for Proportion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.hits, self.runs)
    }
}

/// None if a parameter is 0, where the bound is the end of the scale.
fn beta(a: u64, b: u64) -> Option<Beta> {
    Beta::new(a as f64, b as f64).ok()
}

/// Whether `less` is less than `more` with at most this probability of being so by chance: the exact test of
/// Fisher, one-sided.
pub fn is_less(less: Proportion, more: Proportion, by_chance: f64) -> bool {
    let table = [
        less.hits,
        less.runs - less.hits,
        more.hits,
        more.runs - more.hits,
    ];
    fishers_exact(&table, Alternative::Less).is_ok_and(|chance| chance <= by_chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_tables() {
        let upper = |hits, runs| (Proportion::new(hits, runs).upper_bound(0.95) * 1e4).round();
        assert_eq!(upper(0, 300), 99.0, "the rule of three: 3 in 300");
        assert_eq!(upper(1, 10), 3942.0);
        assert_eq!(upper(10, 10), 10_000.0);
        assert_eq!(upper(0, 0), 10_000.0);
        let lower = |hits, runs| (Proportion::new(hits, runs).lower_bound(0.95) * 1e4).round();
        assert_eq!(lower(300, 300), 9901.0);
        assert_eq!(lower(9, 10), 6058.0);
        assert_eq!(lower(0, 10), 0.0);
        assert_eq!(lower(0, 0), 0.0);
    }

    #[test]
    fn a_random_difference_is_not_significant() {
        let fallen = |runs, before, after| {
            let [before, after] = [before, after].map(|hits| Proportion::new(hits, runs));
            is_less(after, before, 0.001)
        };
        assert!(!fallen(300, 0, 0));
        assert!(!fallen(300, 20, 15));
        assert!(!fallen(300, 10, 20));
        assert!(fallen(300, 40, 10));
        assert!(!fallen(300, 9, 0));
        assert!(fallen(300, 12, 0));
        assert!(!fallen(300, 300, 300));
    }
}
