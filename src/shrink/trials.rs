//! Executes candidates: several in parallel, each once, within the budget.
//!
//! The result does not depend on the number of threads or on their speed: of the candidates that are
//! offered together, the first in their order counts.

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
    candidate::Candidate,
    goal::{Goal, Hit},
};
use crate::{
    execution::{clock::Stopwatch, interrupt, pool},
    output::progress::ProgressDisplay,
};

/// Results that are remembered; then the memory is cleared.
const MAX_REMEMBERED: usize = 200_000;

/// Why a search ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The budget is spent.
    Budget,
    /// It was interrupted.
    Interrupt,
}

/// Executes candidates.
pub struct CandidateTrials<'a> {
    design: &'a Design,
    goal: &'a Goal,
    jobs: NonZeroUsize,
    budget: Duration,
    watch: Stopwatch,
    progress: &'a ProgressDisplay,
    /// By fingerprint of the candidate.
    remembered: Mutex<BTreeMap<u128, Option<Hit>>>,
}

impl<'a> CandidateTrials<'a> {
    /// The budget starts now.
    pub fn new(
        design: &'a Design,
        goal: &'a Goal,
        jobs: NonZeroUsize,
        budget: Duration,
        progress: &'a ProgressDisplay,
    ) -> Self {
        CandidateTrials {
            design,
            goal,
            jobs,
            budget,
            watch: Stopwatch::start(),
            progress,
            remembered: Mutex::default(),
        }
    }

    /// Shows the size of the smallest run beside the progress.
    pub fn set_message(&self, what: String) {
        self.progress.set_message(what);
    }

    /// Executes a candidate.
    pub fn run(&self, candidate: &Candidate, options: &Options) -> Outcome {
        self.progress.finished_one();
        candidate.run(self.design, options)
    }

    /// The first of `count` candidates that fails as required. Those that cannot be run are skipped.
    pub fn first(
        &self,
        count: usize,
        candidate: impl Fn(usize) -> Option<Candidate> + Sync,
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
                let hit = candidate(place).and_then(|candidate| self.hit(&candidate));
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
    fn hit(&self, candidate: &Candidate) -> Option<Hit> {
        let key = fingerprint(candidate);
        if let Some(known) = key.and_then(|key| lock(&self.remembered).get(&key).copied()) {
            return known;
        }
        let outcome = self.run(candidate, &self.goal.options());
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

/// None if it cannot be serialised.
fn fingerprint(candidate: &Candidate) -> Option<u128> {
    let text = serde_json::to_vec(candidate).ok()?;
    Some(xxh3_128(&text))
}

/// A poisoned lock is harmless: only single insertions are made under it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
