//! Partitions: shares of the seeds, so that machines can split a sweep.

use std::{fmt, str::FromStr};

/// One of several equal shares of the seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// From 0.
    index: u64,
    /// At least 1.
    count: u64,
}

impl Partition {
    /// Offset from the first seed of the `n`-th seed of this share; none if it overflows.
    pub fn nth_offset(self, n: u64) -> Option<u64> {
        n.checked_mul(self.count)?.checked_add(self.index)
    }

    /// How many of the first `seeds` seeds belong to this share.
    pub fn share_of(self, seeds: u64) -> u64 {
        seeds.saturating_sub(self.index).div_ceil(self.count)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

impl FromStr for Partition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text
            .split_once('/')
            .and_then(|(i, n)| Some((i.parse::<u64>().ok()?, n.parse::<u64>().ok()?)));
        match parts {
            Some((i, n)) if (1..=n).contains(&i) => Ok(Partition {
                index: i - 1,
                count: n,
            }),
            Some(_) | None => Err(format!(
                "`{text}` is not a partition; the first of eight shares is 1/8, the last 8/8"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_cover_every_seed_once() {
        for seeds in [0, 1, 7, 8, 9, 100] {
            let mut seen = Vec::new();
            for i in 1..=8 {
                let share: Partition = format!("{i}/8").parse().unwrap();
                let offsets: Vec<u64> = (0..)
                    .map(|n| share.nth_offset(n).unwrap())
                    .take_while(|offset| *offset < seeds)
                    .collect();
                assert_eq!(offsets.len() as u64, share.share_of(seeds));
                seen.extend(offsets);
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..seeds).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_partition_is_one_of_its_count() {
        for bad in ["", "1", "0/8", "9/8", "1/0", "a/b", "-1/2"] {
            assert!(bad.parse::<Partition>().is_err(), "{bad}");
        }
    }
}
