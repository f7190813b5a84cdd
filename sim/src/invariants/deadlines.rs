//! What must happen before a point in virtual time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gatesim_model::time::Time;

/// Deadlines by key, at most one for each. Every operation is logarithmic in the number that is
/// armed; asking whether one has passed looks at the earliest only.
#[derive(Clone, Debug)]
pub(super) struct Deadlines<K> {
    by_key: BTreeMap<K, Time>,
    by_time: BTreeSet<(Time, K)>,
}

impl<K: Ord + Clone> Deadlines<K> {
    pub(super) fn new() -> Self {
        Deadlines {
            by_key: BTreeMap::new(),
            by_time: BTreeSet::new(),
        }
    }

    /// Arms the deadline of `key`, in place of one that it may have had.
    pub(super) fn arm(&mut self, key: K, at: Time) {
        if let Some(replaced) = self.by_key.insert(key.clone(), at) {
            self.by_time.remove(&(replaced, key.clone()));
        }
        self.by_time.insert((at, key));
    }

    /// Arms the deadline of `key` unless it has one.
    pub(super) fn arm_once(&mut self, key: K, at: Time) {
        if !self.by_key.contains_key(&key) {
            self.arm(key, at);
        }
    }

    /// What the deadline was for has happened, or does not matter any more.
    pub(super) fn disarm(&mut self, key: &K) -> bool {
        match self.by_key.remove(key) {
            Some(at) => self.by_time.remove(&(at, key.clone())),
            None => false,
        }
    }

    /// Takes the earliest deadline that has passed, as [`Self::passed`] does, but grants the whole
    /// bound again to one whose container stood still meanwhile: `stalled` says until when, given
    /// the key and when the deadline was armed.
    pub(super) fn missed(
        &mut self,
        now: Time,
        bound: impl Fn(&K) -> Duration,
        stalled: impl Fn(&K, Time) -> Option<Time>,
    ) -> Option<(Time, K)> {
        loop {
            let (at, key) = self.passed(now)?;
            let bound = bound(&key);
            let armed = Time(at.0.saturating_sub(bound.as_nanos() as u64));
            match stalled(&key, armed) {
                Some(until) if until + bound > at => self.arm(key, until + bound),
                Some(_) | None => return Some((at, key)),
            }
        }
    }

    /// Keeps the deadlines whose keys pass the test.
    pub(super) fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.by_key.retain(|key, _| keep(key));
        self.by_time.retain(|(_, key)| keep(key));
    }

    /// Takes the earliest deadline that has passed. One that falls on `now` still has a chance:
    /// another event may happen at the same time.
    pub(super) fn passed(&mut self, now: Time) -> Option<(Time, K)> {
        if self.by_time.first()?.0 >= now {
            return None;
        }
        let (at, key) = self.by_time.pop_first()?;
        self.by_key.remove(&key);
        Some((at, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_deadline_passes_first_and_once() {
        let mut deadlines = Deadlines::new();
        deadlines.arm("b", Time(20));
        deadlines.arm("a", Time(30));
        deadlines.arm("a", Time(10));
        deadlines.arm_once("a", Time(5));
        deadlines.arm("c", Time(1));
        assert!(deadlines.disarm(&"c"));
        assert_eq!(deadlines.passed(Time(10)), None);
        assert_eq!(deadlines.passed(Time(21)), Some((Time(10), "a")));
        assert_eq!(deadlines.passed(Time(21)), Some((Time(20), "b")));
        assert_eq!(deadlines.passed(Time(21)), None);
    }

    #[test]
    fn who_stood_still_has_the_whole_bound_again() {
        let mut deadlines = Deadlines::new();
        deadlines.arm("a", Time(30));
        let missed = |deadlines: &mut Deadlines<&'static str>, now, stalled_until| {
            deadlines.missed(
                Time(now),
                |_| Duration::from_nanos(20),
                |_, armed| Some(Time(stalled_until)).filter(|until| *until >= armed),
            )
        };
        assert_eq!(missed(&mut deadlines, 31, 25), None);
        assert_eq!(missed(&mut deadlines, 45, 25), None);
        // It was armed after that now.
        assert_eq!(missed(&mut deadlines, 46, 24), Some((Time(45), "a")));
    }
}
