//! `gatesim accept`: writes what a design is known to break, from a sweep.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    slice::from_ref,
};

use anyhow::{Context, bail};
use gatesim_sim::Options;
use serde::Serialize;

use crate::{
    accept::args::AcceptArgs,
    execution::interrupt,
    exit::Exit,
    output::{MessageFormat, Output, note, progress::ProgressDisplay},
    sweep::{
        acceptance,
        limits::{LimitResult, LimitVerdict},
        tally::PairTally,
        work::{Pair, SweepWork},
    },
    target::{
        accepted::{AcceptedCause, AcceptedList},
        expectation::Expectation,
    },
};

pub mod args;

/// The directory of the lists by default.
const LISTS: &str = "seeds/accepted";

/// Runs the command.
pub fn accept(args: &AcceptArgs, out: &mut Output) -> anyhow::Result<Exit> {
    let reason = args.reason.as_deref().map(str::trim);
    if reason == Some("") {
        bail!("--reason is empty; state why the causes are accepted");
    }
    let designs = from_ref(&args.design);
    let work = SweepWork::of(&args.runs, designs, Options::default())?.with_reference()?;
    let path = args.output.clone().unwrap_or_else(|| {
        let name = acceptance::file_name(&args.design);
        Path::new(LISTS).join(name)
    });
    let before = known(&path)?;
    interrupt::install()?;
    let progress = ProgressDisplay::new("runs", work.count(), args.runs.budget);
    let harvest = work.run(&progress);
    progress.clear();
    if let Some(unstable) = harvest.unstable.first() {
        let run = work.pairs[unstable.pair].run_name(unstable.seed);
        bail!("{run} did not repeat: nothing can be accepted before it does");
    }
    if harvest.tallies.iter().all(|tally| tally.runs == 0) {
        return Ok(Exit::NothingRan);
    }
    let all: Vec<(&Pair, &PairTally)> = work.pairs.iter().zip(&harvest.tallies).collect();
    let swept = all.iter().copied();
    let swept: Vec<(&Pair, &PairTally)> = swept
        .filter(|(pair, tally)| pair.design_reference == args.design && tally.runs > 0)
        .collect();
    let mut list = AcceptedList {
        design: args.design.clone(),
        ..before.clone()
    };
    count(&mut list, &swept);
    exceed(&mut list, &swept, &all);
    let seen = |cause: &AcceptedCause| !cause.seen.is_empty();
    if args.drop_gone {
        list.causes.retain(|_, cause| seen(cause));
    }
    let added = give_reasons(&mut list, reason)?;
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)
            .with_context(|| format!("failed to create the directory {}", parent.display()))?;
    }
    list.write(&path)?;
    let dropped = before
        .causes
        .keys()
        .filter(|cause| !list.causes.contains_key(*cause));
    let written = AcceptedJson {
        file: path,
        design: &args.design,
        causes: list.causes.len(),
        added: &added,
        dropped: dropped.collect(),
        not_seen: list.causes.values().filter(|cause| !seen(cause)).count(),
        seen_once: seen_once(&list),
    };
    write(&written, out)?;
    Ok(match interrupt::requested() {
        true => Exit::Interrupted,
        false => Exit::Held,
    })
}

/// What is in the list so far; nothing if there is none.
fn known(path: &Path) -> anyhow::Result<AcceptedList> {
    match path.exists() {
        true => AcceptedList::read(path),
        false => Ok(AcceptedList::default()),
    }
}

/// Replaces the counts of the scenarios that were swept. A cause that is not in the list gets an empty
/// reason.
fn count(list: &mut AcceptedList, swept: &[(&Pair, &PairTally)]) {
    for (pair, tally) in swept {
        let scenario = &pair.scenario_reference;
        list.runs.insert(scenario.clone(), tally.runs);
        for cause in list.causes.values_mut() {
            cause.seen.remove(scenario);
        }
        for (failure, group) in tally.groups.iter() {
            let cause = list.causes.entry(Expectation::from(failure));
            let cause = cause.or_insert_with(|| AcceptedCause {
                reason: String::new(),
                seen: Default::default(),
            });
            cause.seen.insert(scenario.clone(), group.count);
        }
    }
}

/// Replaces the exceeded limits of the scenarios that were swept, as [`count`] does.
fn exceed(list: &mut AcceptedList, swept: &[(&Pair, &PairTally)], all: &[(&Pair, &PairTally)]) {
    let before = std::mem::take(&mut list.limits);
    for (pair, tally) in swept {
        let limits = LimitResult::among(all.iter().copied(), pair, tally).into_iter();
        for limit in limits.filter(|limit| limit.verdict == LimitVerdict::Exceeded) {
            let key = (pair.scenario_reference.clone(), limit.name);
            let reason = before.get(&key).cloned();
            list.limits.insert(key, reason.unwrap_or_default());
        }
    }
    let swept = |scenario: &String| {
        swept
            .iter()
            .any(|(pair, _)| pair.scenario_reference == *scenario)
    };
    let others = before
        .into_iter()
        .filter(|((scenario, _), _)| !swept(scenario));
    list.limits.extend(others);
}

/// Gives what is new in the list its reason, and lists it.
fn give_reasons(list: &mut AcceptedList, reason: Option<&str>) -> anyhow::Result<BTreeSet<String>> {
    let mut added = BTreeSet::new();
    let causes = list.causes.iter_mut();
    let causes = causes.map(|(expect, cause)| (expect.to_string(), &mut cause.reason));
    let limits = list.limits.iter_mut();
    let limits = limits.map(|((scenario, name), reason)| (format!("{scenario}: {name}"), reason));
    for (name, stated) in causes.chain(limits).filter(|(_, stated)| stated.is_empty()) {
        stated.push_str(reason.unwrap_or_default());
        added.insert(name);
    }
    if reason.is_none() && !added.is_empty() {
        let added: Vec<String> = added.iter().map(|cause| format!("\n  {cause}")).collect();
        bail!(
            "nothing is written: --reason must say why these are accepted{}",
            added.concat()
        );
    }
    Ok(added)
}

/// Causes that were seen in one run only: about as many that were never seen would be new in another
/// sweep of this length (Good, Biometrika 40, 1953).
fn seen_once(list: &AcceptedList) -> usize {
    let sum = |cause: &AcceptedCause| cause.seen.values().sum::<u64>();
    list.causes.values().filter(|cause| sum(cause) == 1).count()
}

/// What was written, as a JSON line.
#[derive(Serialize)]
struct AcceptedJson<'a> {
    file: PathBuf,
    design: &'a str,
    causes: usize,
    added: &'a BTreeSet<String>,
    dropped: Vec<&'a Expectation>,
    not_seen: usize,
    seen_once: usize,
}

fn write(written: &AcceptedJson<'_>, out: &mut Output) -> anyhow::Result<()> {
    if out.format() == MessageFormat::Json {
        return out.json("accepted", written);
    }
    for cause in written.added {
        out.line(format!("  added    {cause}"))?;
    }
    for cause in &written.dropped {
        out.line(format!("  dropped  {cause}"))?;
    }
    out.line(format!(
        "{} causes of {} in {}, {} of them new in it, {} not seen in this sweep",
        written.causes,
        written.design,
        written.file.display(),
        written.added.len(),
        written.not_seen
    ))?;
    if written.seen_once > 0 {
        note(format_args!(
            "{} causes were seen only once: another sweep of this length may show about as many new ones; \
             more seeds make the list longer and quieter",
            written.seen_once
        ));
    }
    Ok(())
}
