//! Delta debugging: removes items from a list while the rest still passes a test, in halves, then in
//! smaller parts, then one by one.
//!
//! After Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input" (2002), with
//! two differences: parts are removed from the first to the last and are never restored, and all
//! parts of one size are offered together, so that they can be tested in parallel. Which one is
//! removed depends on their order alone.

use std::ops::Range;

/// A minimal subset of `count` items, by their indices: none of them can be removed.
///
/// `first_that_does` receives the rest so far and several parts of it, and returns the first part
/// without which the rest still passes. Its error ends the search; it has seen every rest so far.
pub fn minimise<E>(
    count: usize,
    mut first_that_does: impl FnMut(&[usize], &[Range<usize>]) -> Result<Option<usize>, E>,
) -> Result<Vec<usize>, E> {
    let mut kept: Vec<usize> = (0..count).collect();
    let mut size = count;
    while size > 0 {
        let mut at = 0;
        let mut taken = false;
        while at < kept.len() {
            let parts = parts(at, kept.len(), size);
            let Some(found) = first_that_does(&kept, &parts)? else {
                break;
            };
            taken = true;
            at = parts[found].start;
            kept.drain(parts[found].clone());
        }
        size = match (size, taken) {
            // An item may be removable now that others are gone.
            (1, true) => 1,
            (1, false) => 0,
            (size, _) => size.min(kept.len().max(1)).div_ceil(2),
        };
    }
    Ok(kept)
}

/// Consecutive parts of this size from `from` to `to`; the last may be smaller.
fn parts(from: usize, to: usize, size: usize) -> Vec<Range<usize>> {
    let starts = (from..to).step_by(size);
    starts.map(|start| start..to.min(start + size)).collect()
}

/// The rest without a part.
pub fn without(kept: &[usize], part: &Range<usize>) -> Vec<usize> {
    let (before, after) = (&kept[..part.start], &kept[part.end..]);
    [before, after].concat()
}

/// The least value from `least` to `known` that passes, if the test is monotonic; otherwise some value
/// that passes. `known` passes. Several values are offered at a time, in ascending order.
pub fn least<E>(
    least: u64,
    known: u64,
    mut first_that_does: impl FnMut(&[u64]) -> Result<Option<usize>, E>,
) -> Result<u64, E> {
    let (mut low, mut high) = (least, known);
    // The least value passes in most cases.
    if low < high && first_that_does(&[low])?.is_some() {
        return Ok(low);
    }
    low += 1;
    while low < high {
        let third = (high - low).div_ceil(3);
        let mut probes = vec![low + third - 1, low + 2 * third - 1];
        probes.retain(|probe| *probe < high);
        match first_that_does(&probes)? {
            Some(found) => {
                high = probes[found];
                low = found
                    .checked_sub(1)
                    .map_or(low, |before| probes[before] + 1);
            }
            None => low = probes.last().map_or(high, |last| last + 1),
        }
    }
    Ok(high)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// What is left if `does` says what must be left over, and how many lists were offered.
    fn left(count: usize, does: impl Fn(&[usize]) -> bool) -> (Vec<usize>, usize) {
        let mut offered = 0;
        let kept = minimise(count, |kept, parts| {
            offered += parts.len();
            let found = parts.iter().position(|part| does(&without(kept, part)));
            Ok::<_, Infallible>(found)
        });
        let Ok(kept) = kept;
        (kept, offered)
    }

    #[test]
    fn what_matters_stays() {
        let all = |needed: &'static [usize]| {
            move |list: &[usize]| needed.iter().all(|n| list.contains(n))
        };
        assert_eq!(left(0, all(&[])).0, [0; 0]);
        assert_eq!(left(1, all(&[])).0, [0; 0]);
        assert_eq!(left(1, all(&[0])).0, [0]);
        assert_eq!(left(1_000, all(&[])).1, 1, "all at once first");
        assert_eq!(left(100, all(&[0, 99])).0, [0, 99]);
        assert_eq!(left(101, all(&[17, 18, 73])).0, [17, 18, 73]);
        let (kept, offered) = left(10_000, all(&[4_711]));
        assert_eq!(kept, [4_711]);
        assert!(offered < 100, "{offered} offered");
    }

    #[test]
    fn nothing_that_is_left_can_go() {
        // Either both of a pair or none, and three of the first ten.
        let does = |list: &[usize]| {
            let pairs = (20..30).all(|n| list.contains(&n) == list.contains(&(n + 10)));
            pairs && list.iter().filter(|n| **n < 10).count() >= 3
        };
        let (kept, _) = left(50, does);
        assert!(does(&kept));
        for gone in 0..kept.len() {
            assert!(!does(&without(&kept, &(gone..gone + 1))), "{kept:?}");
        }
    }

    #[test]
    fn the_first_part_that_passes_is_removed() {
        // Any one of them passes: the last remains when all before it are removed.
        assert_eq!(left(64, |list| !list.is_empty()).0, [63]);
    }

    #[test]
    fn the_least_value_is_found_in_few_steps() {
        for (from, known, wanted) in [(0, 1_000_000, 0), (0, 1_000_000, 777), (5, 5, 5), (1, 9, 8)]
        {
            let mut rounds = 0;
            let found = least(from, known, |probes| {
                rounds += 1;
                assert!(probes.is_sorted() && probes.iter().all(|probe| *probe < known));
                Ok::<_, Infallible>(probes.iter().position(|probe| *probe >= wanted))
            });
            let Ok(found) = found;
            assert_eq!(found, wanted);
            assert!(rounds < 16, "{rounds} rounds");
        }
    }
}
