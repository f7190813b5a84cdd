//! Durations added up in memory that does not grow with their number.

use std::time::Duration;

use gatesim_sim::{check::figures::Accumulate, plan::figure::FigureReading};
use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

/// Durations added up: quantiles to three digits, the maximum exactly.
#[derive(Clone, Debug)]
pub struct Durations {
    histogram: Histogram<u64>,
    max: Duration,
}

impl Default for Durations {
    fn default() -> Self {
        Durations {
            histogram: Histogram::new(3).expect("three significant digits are supported"),
            max: Duration::ZERO,
        }
    }
}

impl Durations {
    /// The value that `percent` of all values do not exceed; none if there are no values.
    pub fn percentile(&self, percent: u8) -> Option<Duration> {
        if self.histogram.is_empty() {
            return None;
        }
        let micros = self.histogram.value_at_percentile(f64::from(percent));
        Some(Duration::from_micros(micros).min(self.max))
    }

    /// The largest value; none if there are no values.
    pub fn max(&self) -> Option<Duration> {
        (!self.histogram.is_empty()).then_some(self.max)
    }

    fn add(&mut self, value: Duration) {
        self.histogram
            .record(micros(value))
            .expect("the histogram grows as needed");
        self.max = self.max.max(value);
    }
}

impl FigureReading for Durations {
    fn quantile(&self, percent: u8) -> Option<Duration> {
        match percent {
            100 => self.max(),
            percent => self.percentile(percent),
        }
    }
}

impl Accumulate<Vec<Duration>> for Durations {
    fn accumulate(&mut self, values: &Vec<Duration>) {
        values.iter().for_each(|value| self.add(*value));
    }
}

impl Accumulate<Durations> for Durations {
    fn accumulate(&mut self, other: &Durations) {
        self.histogram
            .add(&other.histogram)
            .expect("the histogram grows as needed");
        self.max = self.max.max(other.max);
    }
}

/// As quantiles in microseconds.
impl Serialize for Durations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Quantiles {
            p50: Option<u64>,
            p99: Option<u64>,
            max: Option<u64>,
        }
        Quantiles {
            p50: self.percentile(50).map(micros),
            p99: self.percentile(99).map(micros),
            max: self.max().map(micros),
        }
        .serialize(serializer)
    }
}

fn micros(value: Duration) -> u64 {
    u64::try_from(value.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_never_exceed_the_maximum() {
        let mut durations = Durations::default();
        assert_eq!(durations.percentile(99), None);
        durations.accumulate(&vec![Duration::from_micros(123_457_000)]);
        assert_eq!(durations.percentile(99), durations.max());
    }
}
