//! What must happen before a point in virtual time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gatesim_model::core::time::Time;

/// Deadlines by key, at most one for each. Every operation is logarithmic in the number that is
/// armed; asking whether one has passed looks at the earliest only.
///
/// Most deadlines are put off or disarmed long before they pass, so neither changes the queue. It
/// holds, for each key that is armed, at least one time that is not later than its deadline, and
/// what comes to the front is compared with what is armed by then.
#[derive(Clone, Debug)]
pub(super) struct Deadlines<K> {
    by_key: BTreeMap<K, Time>,
    queue: BTreeSet<(Time, K)>,
}

impl<K: Ord + Clone> Deadlines<K> {
    pub(super) fn new() -> Self {
        Deadlines {
            by_key: BTreeMap::new(),
            queue: BTreeSet::new(),
        }
    }

    /// Arms the deadline of `key`, in place of one that it may have had.
    pub(super) fn arm(&mut self, key: K, at: Time) {
        let is_queued = match self.by_key.get_mut(&key) {
            Some(armed) => std::mem::replace(armed, at) <= at,
            None => {
                self.by_key.insert(key.clone(), at);
                false
            }
        };
        if !is_queued {
            self.queue.insert((at, key));
        }
    }

    /// Arms the deadline of `key` unless it has one.
    pub(super) fn arm_once(&mut self, key: K, at: Time) {
        if !self.by_key.contains_key(&key) {
            self.arm(key, at);
        }
    }

    /// What the deadline was for has happened, or does not matter any more.
    pub(super) fn disarm(&mut self, key: &K) -> bool {
        self.by_key.remove(key).is_some()
    }

    /// Takes the earliest deadline that has passed, as [`Self::passed`] does, but grants the whole
    /// bound again to one whose container was stalled meanwhile: `stalled` says until when, given
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
        self.queue.retain(|(_, key)| keep(key));
    }

    /// Takes the earliest deadline that has passed. One that falls on `now` still has a chance:
    /// another event may happen at the same time.
    pub(super) fn passed(&mut self, now: Time) -> Option<(Time, K)> {
        while self.queue.first()?.0 < now {
            let (queued, key) = self.queue.pop_first()?;
            match self.by_key.get(&key).copied() {
                Some(at) if at > queued => drop(self.queue.insert((at, key))),
                Some(at) if at == queued => {
                    self.by_key.remove(&key);
                    return Some((at, key));
                }
                // Disarmed meanwhile, or armed again for an earlier time.
                Some(_) | None => {}
            }
        }
        None
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
    fn what_was_put_off_or_disarmed_does_not_pass_before_its_time() {
        let mut deadlines = Deadlines::new();
        for key in ["put off", "disarmed", "armed again", "brought forward"] {
            deadlines.arm(key, Time(10));
        }
        deadlines.arm("put off", Time(30));
        assert!(deadlines.disarm(&"disarmed"));
        assert!(deadlines.disarm(&"armed again"));
        assert!(!deadlines.disarm(&"armed again"));
        deadlines.arm("armed again", Time(30));
        deadlines.arm("brought forward", Time(30));
        deadlines.arm("brought forward", Time(20));
        let mut passed =
            |now| std::iter::from_fn(|| deadlines.passed(Time(now))).collect::<Vec<_>>();
        assert_eq!(passed(20), []);
        assert_eq!(passed(30), [(Time(20), "brought forward")]);
        // By time, then by key, as if they had never been armed otherwise.
        assert_eq!(
            passed(40),
            [(Time(30), "armed again"), (Time(30), "put off")]
        );
        assert_eq!(passed(50), []);
    }

    #[test]
    fn after_a_stall_the_whole_bound_starts_again() {
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
