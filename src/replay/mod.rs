//! `gatesim replay`: executes one run twice and shows its events, states and result.

pub mod args;
mod gateway_log;

use std::{
    io::{IsTerminal, stdin},
    path::Path,
};

use anyhow::bail;
use gatesim_model::core::time::Time;
use gatesim_sim::{
    Options, Until,
    run::outcome::{Digest, Outcome},
    scheduler::choices::RecordDivergence,
    trace::event::TraceEvent,
    view::{describe::GatewayLog, snapshot::Snapshot},
};
use serde::Serialize;

use crate::{
    execution::determinism::run_checked,
    exit::Exit,
    output::{MessageFormat, Output, json_line, write_whole},
    replay::args::{Layout, ReplayArgs, ReplayFormat, ViewArgs},
    target::{
        Target,
        failure::finish_name,
        reproduction::{Reproduction, drift_in_words},
        run_name::RunName,
    },
    timeline::{
        TimelineView, TracedRun, lanes, list, only,
        prompt::{Echo, Prompt},
        state::{self, StateJson, StatePosition},
        when::{When, heading},
    },
};

/// The width of lanes if standard output is not a terminal and no width is given.
const DEFAULT_WIDTH: usize = 160;

/// Runs the command.
pub fn replay(args: &ReplayArgs, out: &mut Output) -> anyhow::Result<Exit> {
    if args.view.step && out.format() == MessageFormat::Json {
        bail!("--step is interactive and has no JSON output");
    }
    let target = args.run.load()?;
    for path in args.save_plan.iter().chain(&args.trace) {
        target.check_output(path)?;
    }
    if let Some(path) = &args.save_plan {
        let text = toml::to_string(&target.plan)?;
        write_whole(path, |file| Ok(file.write_all(text.as_bytes())?))?;
    }
    let options = Options {
        trace: true,
        stop_at_first: args.stop_at_first,
        until: until(&args.view),
        ..Options::default()
    };
    let Some(outcome) = run_checked(&target, &options, out)? else {
        return Ok(Exit::NonDeterministic);
    };
    target.expectation(&outcome)?;
    if let Some(path) = &args.trace {
        write_trace(path, &target.run, &outcome)?;
    }
    let run = TracedRun {
        outcome: &outcome,
        plan: &target.plan,
        headline: target.headline(&outcome),
    };
    for part in args.view.only.iter().chain(&args.view.show) {
        part.check(&outcome)?;
    }
    match Shown::of(args) {
        Shown::Verdict => write_verdict(&target, &options, &outcome, out)?,
        Shown::Events => {
            let view = TimelineView {
                run,
                parts: &args.view.only,
                range: range(&args.view, &run)?,
            };
            write_events(&args.view, &target, &view, &options, out)?;
        }
        Shown::State => write_state(&args.view, &run, out)?,
        Shown::Changes(from, to) => write_changes(&args.view, &run, from, to, out)?,
        Shown::Steps => {
            let start = match (&args.view.until, run.headline) {
                (Some(when), _) => run.position(when)?,
                (None, Some(_)) => run.position(&When::Violation)?,
                (None, None) => 0,
            };
            let echo = match stdin().is_terminal() {
                true => Echo::Nothing,
                false => Echo::Commands,
            };
            let mut prompt = Prompt::new(run, args.view.only.clone(), start);
            prompt.talk(&mut stdin().lock(), echo, out)?;
        }
    }
    let reproduction = reproduction(&target, &options, &outcome);
    Ok(match (outcome.held(), reproduction) {
        (true, None | Some(Reproduction::Exact)) => Exit::Held,
        (true | false, _) => Exit::Violated,
    })
}

/// Whether the capsule is reproduced, if the target is one. A run that was stopped early has another
/// digest, and may end before the violation.
fn reproduction(target: &Target, options: &Options, outcome: &Outcome) -> Option<Reproduction> {
    let whole = options.until.is_none() && !options.stop_at_first;
    let capsule = target.capsule.as_ref().filter(|_| whole);
    capsule.map(|capsule| Reproduction::of(capsule, outcome))
}

/// What is shown of a run.
enum Shown<'a> {
    /// Whether it held.
    Verdict,
    /// The events.
    Events,
    /// The state of actors at a point.
    State,
    /// What changed between two points.
    Changes(&'a When, &'a When),
    /// A prompt that steps through the run.
    Steps,
}

impl<'a> Shown<'a> {
    fn of(args: &'a ReplayArgs) -> Self {
        match &*args.view.diff {
            [from, to] => Shown::Changes(from, to),
            _ if !args.view.show.is_empty() => Shown::State,
            _ if args.view.step => Shown::Steps,
            _ if args.quiet => Shown::Verdict,
            _ => Shown::Events,
        }
    }
}

/// Where the run may be stopped, because nothing later is shown; none if all of it is needed.
fn until(view: &ViewArgs) -> Option<Until> {
    match (&*view.diff, &view.until) {
        ([from, to], _) => match (from.until()?, to.until()?) {
            (Until::Time(from), Until::Time(to)) => Some(Until::Time(from.max(to))),
            (Until::Event(from), Until::Event(to)) => Some(Until::Event(from.max(to))),
            (Until::Step(from), Until::Step(to)) => Some(Until::Step(from.max(to))),
            (Until::Time(_) | Until::Event(_) | Until::Step(_), _) => None,
        },
        (_, Some(until)) => match view.from.as_ref().map(When::until) {
            Some(None) => None,
            Some(Some(_)) | None if view.step => None,
            Some(Some(_)) | None => until.until(),
        },
        (_, None) => None,
    }
}

/// The events that are shown.
fn range(view: &ViewArgs, run: &TracedRun<'_>) -> anyhow::Result<std::ops::Range<u64>> {
    if let Some(around) = &view.around {
        return run.around(around, &view.only);
    }
    let from = match &view.from {
        Some(when) => run.first_at(when)?,
        None => 0,
    };
    let until = match &view.until {
        Some(when) => run.position(when)?,
        None => run.outcome.trace.len() as u64,
    };
    if let (Some(first), Some(last)) = (&view.from, &view.until)
        && from > until
    {
        bail!("--from {first} lies behind --until {last}");
    }
    Ok(from..until)
}

fn write_events(
    args: &ViewArgs,
    target: &Target,
    view: &TimelineView<'_>,
    options: &Options,
    out: &mut Output,
) -> anyhow::Result<()> {
    let outcome = view.run.outcome;
    let style = out.style();
    let shown =
        |entry: &TraceEvent| view.range.contains(&entry.number) && only::shows(view.parts, entry);
    match (args.format, out.format()) {
        (ReplayFormat::GatewayLog, format) => {
            let log = GatewayLog::new(&target.design, target.plan.environment);
            let mut lines = gateway_log::lines(&outcome.trace, log, shown);
            return lines.try_for_each(|line| match format {
                MessageFormat::Human => out.line(line.to_string()),
                MessageFormat::Json => out.json("log", &line),
            });
        }
        (ReplayFormat::Timeline, MessageFormat::Json) => {
            let mut entries = outcome.trace.iter().filter(|entry| shown(entry));
            entries.try_for_each(|entry| out.json("event", entry))?;
            return write_verdict(target, options, outcome, out);
        }
        (ReplayFormat::Timeline, MessageFormat::Human) => {}
    }
    let width = args.width.map(usize::from).or_else(|| out.columns());
    let lanes = match (args.layout, width) {
        (Layout::List, _) | (Layout::Auto, None) => None,
        (Layout::Auto, Some(width)) => lanes::lines(view, width, style),
        (Layout::Lanes, width) => {
            let width = width.unwrap_or(DEFAULT_WIDTH);
            let Some(lines) = lanes::lines(view, width, style) else {
                bail!(
                    "{width} columns are too few for lanes; set a larger --width, or show fewer parts with --only"
                );
            };
            Some(lines)
        }
    };
    out.lines(lanes.unwrap_or_else(|| list::lines(view, style)))?;
    out.line("")?;
    if let Some(share) = view.share() {
        out.line(format!("  shown      {share}"))?;
    }
    write_verdict(target, options, outcome, out)
}

fn write_state(args: &ViewArgs, run: &TracedRun<'_>, out: &mut Output) -> anyhow::Result<()> {
    let when = args.until.as_ref().unwrap_or(&When::End);
    let position = run.position(when)?;
    let snapshot = Snapshot::after(&run.outcome.trace[..position as usize]);
    let states = state::of_parts(&snapshot, &args.show);
    match out.format() {
        MessageFormat::Human => {
            out.line(format!("at {}", heading(when, run.outcome, position)))?;
            if states.is_empty() {
                out.line("  no state at this point")?;
            }
            out.lines(state::lines(&states, out.style()))
        }
        MessageFormat::Json => {
            let place = StatePosition::of(run, position);
            states.iter().try_for_each(|(actor, state)| {
                let actor = *actor;
                out.json(
                    "state",
                    &StateJson {
                        place,
                        actor,
                        state,
                    },
                )
            })
        }
    }
}

fn write_changes(
    args: &ViewArgs,
    run: &TracedRun<'_>,
    from: &When,
    to: &When,
    out: &mut Output,
) -> anyhow::Result<()> {
    let (begin, end) = (run.position(from)?, run.position(to)?);
    let trace = &run.outcome.trace;
    let then = Snapshot::after(&trace[..begin as usize]);
    let mut changes = then.difference(&Snapshot::after(&trace[..end as usize]));
    changes.retain(|change| state::concerns(&args.only, change));
    match out.format() {
        MessageFormat::Human => {
            out.line(format!(
                "from {}\n  to {}",
                heading(from, run.outcome, begin),
                heading(to, run.outcome, end)
            ))?;
            if changes.is_empty() {
                out.line("  nothing changed")?;
            }
            out.lines(state::change_lines(&changes, out.style()))
        }
        MessageFormat::Json => changes
            .iter()
            .try_for_each(|change| out.json("change", change)),
    }
}

fn write_verdict(
    target: &Target,
    options: &Options,
    outcome: &Outcome,
    out: &mut Output,
) -> anyhow::Result<()> {
    match out.format() {
        MessageFormat::Human => write_human(target, options, outcome, out),
        MessageFormat::Json => write_json(target, options, outcome, out),
    }
}

fn write_human(
    target: &Target,
    options: &Options,
    outcome: &Outcome,
    out: &mut Output,
) -> anyhow::Result<()> {
    let style = out.style();
    if let Some(failure) = target.failure(outcome) {
        out.line(failure.human(style))?;
    } else {
        let held = match options.until {
            None => "HELD",
            Some(_) => "HELD SO FAR",
        };
        out.line(format!("{} {}", style.good(held), target.title))?;
        let made_from = target.title.made_from();
        out.lines(made_from.map(|name| format!("  made from  {name}")))?;
        out.line(format!("  digest     {}, the same twice", outcome.digest))?;
    }
    out.line(format!(
        "  run        {}: {} s of virtual time, {} steps, {} events",
        finish_name(outcome),
        outcome.time,
        outcome.steps,
        outcome.events
    ))?;
    let reproduction = reproduction(target, options, outcome);
    if let (Some(capsule), Some(reproduction)) = (&target.capsule, reproduction) {
        out.line(format!("  capsule    {}", reproduction.human(capsule)))?;
        out.line(format!("  why        {}", capsule.why))?;
        if let Some(drift) = drift_in_words(outcome.divergence) {
            out.line(format!("  drift      {drift}"))?;
        }
    }
    Ok(())
}

/// The head of a trace.
#[derive(Serialize)]
struct RunJson<'a> {
    run: String,
    scenario: &'a str,
    design: &'a str,
    seed: u64,
}

/// The end of a trace.
#[derive(Serialize)]
struct VerdictJson {
    run: String,
    held: bool,
    finish: String,
    time_ns: Time,
    steps: u64,
    events: u64,
    digest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    capsule: Option<Reproduction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<RecordDivergence>,
}

fn write_json(
    target: &Target,
    options: &Options,
    outcome: &Outcome,
    out: &mut Output,
) -> anyhow::Result<()> {
    if let Some(failure) = target.failure(outcome) {
        out.json("failure", &failure.json())?;
    }
    let reproduction = reproduction(target, options, outcome);
    let whole = verdict(&target.run, outcome);
    let verdict = VerdictJson {
        drift: whole.drift.filter(|_| reproduction.is_some()),
        capsule: reproduction,
        ..whole
    };
    out.json("verdict", &verdict)
}

/// Head, one line per event, verdict. A trace without a verdict is not whole.
fn write_trace(path: &Path, run: &RunName, outcome: &Outcome) -> anyhow::Result<()> {
    write_whole(path, |file| {
        let head = RunJson {
            run: run.to_string(),
            scenario: &run.scenario,
            design: &run.design,
            seed: run.seed,
        };
        writeln!(file, "{}", json_line("run", &head)?)?;
        for entry in &outcome.trace {
            writeln!(file, "{}", json_line::<TraceEvent>("event", entry)?)?;
        }
        for violation in &outcome.violations {
            writeln!(file, "{}", json_line("violation", violation)?)?;
        }
        writeln!(file, "{}", json_line("verdict", &verdict(run, outcome))?)?;
        Ok(())
    })
}

fn verdict(run: &RunName, outcome: &Outcome) -> VerdictJson {
    VerdictJson {
        run: run.to_string(),
        held: outcome.held(),
        finish: finish_name(outcome),
        time_ns: outcome.time,
        steps: outcome.steps,
        events: outcome.events,
        digest: outcome.digest,
        capsule: None,
        drift: Some(outcome.divergence).filter(|drift| !drift.is_none()),
    }
}
