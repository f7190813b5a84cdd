//! `gatesim power`: mutation testing of the simulator. Every defect of the catalogue is switched on in
//! the reference and searched for until an expected invariant breaks.
//!
//! - `hunt`: the search for one defect from one first seed;
//! - `finding`: the results for one defect, and for the whole catalogue;
//! - `report`: the output; `matrix`: the kill matrix as a file;
//! - `steps`: the table of steps by kinds in it.

use std::{
    num::NonZeroUsize,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use anyhow::bail;
use gatesim_sim::{Options, plan::scenario::MAX_SEED};

use crate::{
    execution::{
        clock::Stopwatch,
        determinism::{self, NonDeterminism},
        interrupt, pool,
    },
    exit::Exit,
    output::{Output, check_writable, progress::ProgressDisplay, write_whole},
    target::{
        defects::{Catalogue, PreparedDefect},
        origin::Origin,
    },
};

use args::PowerArgs;
use finding::DefectFinding;
use hunt::Hunt;

pub mod args;
mod finding;
mod hunt;
mod matrix;
mod report;
mod steps;

/// The results for all defects.
pub struct Power {
    /// One per defect, in the catalogue's order.
    pub findings: Vec<DefectFinding>,
    /// The effort of the search.
    pub effort: Effort,
    /// Whether the whole catalogue was searched for.
    pub whole: bool,
    /// Finds that did not repeat. If there are any, no other result can be trusted.
    pub divergences: Vec<NonDeterminism>,
    /// Whether it was interrupted.
    pub interrupted: bool,
}

/// The effort of the search for each defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// The number of first seeds, so that the number of runs up to a find is a median.
    pub starts: u64,
    /// Most runs from each, until the find.
    pub seeds: u64,
    /// The first of the first seeds.
    pub first_seed: u64,
}

impl Effort {
    /// The first seed of a start. The ranges of two starts share no seed before a find.
    fn first_seed_of(self, start: u64) -> u64 {
        self.first_seed + start * self.seeds
    }
}

/// Runs the command.
pub fn power(args: &PowerArgs, out: &mut Output) -> anyhow::Result<Exit> {
    let catalogue = Catalogue::load()?;
    let subjects = catalogue.subjects(&args.defects)?;
    let effort = effort_of(args)?;
    if let Some(path) = &args.matrix {
        check_writable(path)?;
    }
    let jobs = args.jobs.count();
    interrupt::install()?;
    let watch = Stopwatch::start();
    let progress = ProgressDisplay::new(
        "searches",
        Some(subjects.len() as u64 * effort.starts),
        None,
    );
    let hunts = look(&subjects, effort, jobs, &progress);
    let findings: Vec<DefectFinding> = subjects
        .iter()
        .zip(hunts)
        .map(|(subject, hunts)| DefectFinding::new(subject.defect.clone(), hunts, effort.starts))
        .collect();
    let divergences = confirm(&subjects, &findings);
    let power = Power {
        findings,
        effort,
        whole: args.defects.is_empty(),
        divergences,
        interrupted: interrupt::requested(),
    };
    progress.clear();

    report::write(&power, out)?;
    out.flush()?;
    if let Some(path) = &args.matrix {
        let text = matrix::markdown(&power, &catalogue);
        write_whole(path, |file| Ok(file.write_all(text.as_bytes())?))?;
    }
    report::speed(&power, watch.elapsed());
    Ok(exit_of(&power))
}

fn effort_of(args: &PowerArgs) -> anyhow::Result<Effort> {
    let effort = Effort {
        starts: args.starts,
        seeds: args.seeds,
        first_seed: args.first_seed,
    };
    let last = effort
        .starts
        .checked_mul(effort.seeds)
        .and_then(|runs| runs.checked_add(hunt::RUNS_AFTER_FIND))
        .and_then(|runs| effort.first_seed.checked_add(runs));
    if last.is_none_or(|last| last > MAX_SEED) {
        bail!(
            "{} times {} seeds from {} on exceed the largest seed, {MAX_SEED}",
            effort.starts,
            effort.seeds,
            effort.first_seed
        );
    }
    Ok(effort)
}

/// All searches, by defect and start: every defect from the first start, then from the second, and so
/// on. A defect that survived one start is not searched for again, so later starts may be missing.
fn look(
    subjects: &[PreparedDefect],
    effort: Effort,
    jobs: NonZeroUsize,
    progress: &ProgressDisplay,
) -> Vec<Vec<Hunt>> {
    let next = AtomicU64::new(0);
    let survived: Vec<AtomicBool> = subjects.iter().map(|_| AtomicBool::new(false)).collect();
    let done: Mutex<Vec<(usize, u64, Hunt)>> = Mutex::new(Vec::new());
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let defect = (number % subjects.len().max(1) as u64) as usize;
            let start = number / subjects.len().max(1) as u64;
            if start >= effort.starts || subjects.is_empty() || interrupt::requested() {
                break;
            }
            if !survived[defect].load(Ordering::Relaxed) {
                let seed = effort.first_seed_of(start);
                let Some(hunt) = hunt::hunt(&subjects[defect], seed, effort.seeds) else {
                    break;
                };
                if hunt.find.is_none() {
                    survived[defect].store(true, Ordering::Relaxed);
                }
                let mut done = done
                    .lock()
                    .expect("no search panics while it holds the lock");
                done.push((defect, start, hunt));
            }
            progress.finished_one();
        }
    };
    pool::in_parallel(jobs, work);
    let mut done = done
        .into_inner()
        .expect("no search panics while it holds the lock");
    done.sort_by_key(|(defect, start, _)| (*defect, *start));
    let mut hunts = vec![Vec::new(); subjects.len()];
    for (defect, _, hunt) in done {
        hunts[defect].push(hunt);
    }
    for hunts in &mut hunts {
        up_to_the_first_survival(hunts);
    }
    hunts
}

/// Which searches began after a survival depends on the speed of the workers; results must not.
fn up_to_the_first_survival(hunts: &mut Vec<Hunt>) {
    if let Some(place) = hunts.iter().position(|hunt| hunt.find.is_none()) {
        hunts.truncate(place + 1);
    }
}

/// Repeats every find alone.
fn confirm(subjects: &[PreparedDefect], findings: &[DefectFinding]) -> Vec<NonDeterminism> {
    let mut divergences = Vec::new();
    for (subject, finding) in subjects.iter().zip(findings) {
        for find in finding.hunts.iter().filter_map(|hunt| hunt.find.as_ref()) {
            let alone = hunt::repeat(subject, find, &Options::default());
            if alone.digest != find.digest {
                divergences.push(determinism::trace_twice(
                    find.run.clone(),
                    Origin::Name,
                    [find.digest, alone.digest],
                    |options| hunt::repeat(subject, find, options),
                    &Options::default(),
                ));
            }
        }
    }
    divergences
}

/// The exit code, the most severe finding first. A violation is the aim, and never a failure.
fn exit_of(power: &Power) -> Exit {
    if !power.divergences.is_empty() {
        Exit::NonDeterministic
    } else if power.interrupted {
        Exit::Interrupted
    } else if power.findings.is_empty() {
        Exit::NothingRan
    } else if power.findings.iter().any(DefectFinding::is_a_gap)
        || !power.idle_invariants().is_empty()
    {
        Exit::FloorMissed
    } else {
        Exit::Held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_of_two_starts_share_no_seed() {
        let effort = Effort {
            starts: 3,
            seeds: 100,
            first_seed: 7,
        };
        assert_eq!(
            [0, 1, 2].map(|start| effort.first_seed_of(start)),
            [7, 107, 207]
        );
    }

    #[test]
    fn searches_after_a_survival_do_not_count() {
        let survived = Hunt {
            runs: 100,
            find: None,
            broken: Default::default(),
            panic: None,
        };
        let mut hunts = vec![survived.clone(), survived];
        up_to_the_first_survival(&mut hunts);
        assert_eq!(hunts.len(), 1);
    }
}
