//! Trying candidates: several at a time, each once, for as long as there is time.
//!
//! What is found does not depend on the number of threads or on their speed: of the candidates
//! that are offered together, the first in their order counts.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use gatesim_model::design::Design;
use gatesim_sim::{Options, run::outcome::Outcome};
use xxhash_rust::xxh3::xxh3_128;

use super::{
    goal::{Goal, Hit},
    subject::Subject,
};
use crate::{
    execution::{clock::Stopwatch, interrupt, pool},
    output::progress::Progress,
};

/// Verdicts that are remembered; then the memory starts afresh.
const MAX_REMEMBERED: usize = 200_000;

/// Why a search ended before it was at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The time is up.
    Budget,
    /// The user asked for it.
    Interrupt,
}

/// What runs candidates.
pub struct Trials<'a> {
    design: &'a Design,
    goal: &'a Goal,
    jobs: NonZeroUsize,
    budget: Duration,
    watch: Stopwatch,
    progress: &'a Progress,
    /// By fingerprint of the candidate.
    remembered: Mutex<BTreeMap<u128, Option<Hit>>>,
}

impl<'a> Trials<'a> {
    /// Nothing tried yet; the time begins now.
    pub fn new(
        design: &'a Design,
        goal: &'a Goal,
        jobs: NonZeroUsize,
        budget: Duration,
        progress: &'a Progress,
    ) -> Self {
        Trials {
            design,
            goal,
            jobs,
            budget,
            watch: Stopwatch::start(),
            progress,
            remembered: Mutex::default(),
        }
    }

    /// Says what is being tried.
    pub fn tell(&self, what: String) {
        self.progress.tell(what);
    }

    /// Runs something whatever comes of it.
    pub fn run(&self, subject: &Subject, options: &Options) -> Outcome {
        self.progress.finished_one();
        subject.run(self.design, options)
    }

    /// The first of `count` candidates that fails as it must. One that cannot be run is none.
    pub fn first(
        &self,
        count: usize,
        candidate: impl Fn(usize) -> Option<Subject> + Sync,
    ) -> Result<Option<(usize, Hit)>, Stopped> {
        let next = AtomicUsize::new(0);
        let best = AtomicUsize::new(usize::MAX);
        let stopped = AtomicBool::new(false);
        let hits = Mutex::new(BTreeMap::new());
        let work = || {
            loop {
                let place = next.fetch_add(1, Ordering::SeqCst);
                if place >= count || place > best.load(Ordering::SeqCst) {
                    return;
                }
                if self.stopped().is_some() {
                    return stopped.store(true, Ordering::SeqCst);
                }
                let hit = candidate(place).and_then(|subject| self.hit(&subject));
                if let Some(hit) = hit {
                    best.fetch_min(place, Ordering::SeqCst);
                    lock(&hits).insert(place, hit);
                }
            }
        };
        match self.jobs.get().min(count) {
            0 | 1 => work(),
            jobs => {
                let jobs = NonZeroUsize::new(jobs).unwrap_or(NonZeroUsize::MIN);
                pool::in_parallel(jobs, work);
            }
        }
        if stopped.load(Ordering::SeqCst) {
            return Err(self.stopped().unwrap_or(Stopped::Interrupt));
        }
        let first = lock(&hits).pop_first();
        Ok(first)
    }

    /// Whether and how a candidate fails as it must.
    fn hit(&self, subject: &Subject) -> Option<Hit> {
        let key = fingerprint(subject);
        if let Some(known) = key.and_then(|key| lock(&self.remembered).get(&key).copied()) {
            return known;
        }
        let outcome = self.run(subject, &self.goal.options());
        let hit = self.goal.judge(&outcome);
        if let Some(key) = key {
            let mut remembered = lock(&self.remembered);
            if remembered.len() >= MAX_REMEMBERED {
                remembered.clear();
            }
            remembered.insert(key, hit);
        }
        hit
    }

    fn stopped(&self) -> Option<Stopped> {
        if interrupt::requested() {
            Some(Stopped::Interrupt)
        } else if self.watch.elapsed() >= self.budget {
            Some(Stopped::Budget)
        } else {
            None
        }
    }
}

/// None if it cannot be written, and so cannot be told from others.
fn fingerprint(subject: &Subject) -> Option<u128> {
    let text = serde_json::to_vec(subject).ok()?;
    Some(xxh3_128(&text))
}

/// What a panic leaves behind is whole: nothing is done under the lock but one insertion.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
