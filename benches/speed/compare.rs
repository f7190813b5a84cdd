//! Fixed amounts of work, timed side by side.
//!
//! What is compared is interleaved (A B A B ...), so that what else the machine does affects both
//! alike. A ratio is taken within each round, and its median over the rounds is reported: figures
//! differ from machine to machine, ratios hardly do.

use std::time::{Duration, Instant};

/// One subject's part of a comparison.
pub struct Measured {
    /// Units of work in each round; what a unit is, only the subject knows.
    units: u64,
    rounds: Vec<Duration>,
}

impl Measured {
    /// Units of work per second, in the median round.
    pub fn rate(&self) -> f64 {
        self.units as f64 / self.median().as_secs_f64()
    }

    /// Time of the median round.
    pub fn median(&self) -> Duration {
        median(self.rounds.clone(), Duration::cmp)
    }

    /// How many times as long as `other` this took: the median over the rounds.
    pub fn time_over(&self, other: &Measured) -> f64 {
        let ratios = self.rounds.iter().zip(&other.rounds);
        let ratios = ratios.map(|(ours, theirs)| ours.as_secs_f64() / theirs.as_secs_f64());
        median(ratios.collect(), f64::total_cmp)
    }

    /// How many times the rate of `other`, whose units are of the same kind, this had: the median
    /// over the rounds.
    pub fn rate_over(&self, other: &Measured) -> f64 {
        self.units as f64 / other.units as f64 / self.time_over(other)
    }
}

/// Does the work of every subject once per round, after one round that does not count. Subjects
/// return how many units they did, the same number each time.
pub fn interleave<const N: usize>(
    rounds: usize,
    mut subjects: [&mut dyn FnMut() -> u64; N],
) -> [Measured; N] {
    let mut measured = subjects.each_mut().map(|subject| Measured {
        units: subject(),
        rounds: Vec::with_capacity(rounds),
    });
    for _ in 0..rounds {
        for (subject, measured) in subjects.iter_mut().zip(&mut measured) {
            let (units, time) = timed(subject);
            assert_eq!(units, measured.units, "the amount of work is fixed");
            measured.rounds.push(time);
        }
    }
    measured
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the wall clock; it does so outside any run"
)]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}

fn median<T: Copy>(mut values: Vec<T>, order: impl FnMut(&T, &T) -> std::cmp::Ordering) -> T {
    values.sort_by(order);
    values[values.len() / 2]
}
