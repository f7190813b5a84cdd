//! `gatesim replay`: one run, twice, and what happened in it.

use std::path::Path;

use gatesim_model::time::Time;
use gatesim_sim::{
    Options,
    choices::Drift,
    describe::GatewayLog,
    event::Entry,
    outcome::{Digest, Outcome},
    parting::first_difference,
};
use serde::Serialize;

use crate::{
    capsule::{Capsule, Expectation},
    cli::ReplayArgs,
    determinism::Parting,
    exit::Exit,
    output::{MessageFormat, Output, json_line, write_whole},
    run_name::RunName,
    tally::finish_name,
    target::Target,
    timeline,
};

/// Runs the command.
pub fn replay(args: &ReplayArgs, out: &mut Output) -> anyhow::Result<Exit> {
    let target = Target::load(&args.target, args.design.as_deref())?;
    if let Some(path) = &args.save_plan {
        let text = toml::to_string(&target.plan)?;
        write_whole(path, |file| Ok(file.write_all(text.as_bytes())?))?;
    }
    let options = Options {
        trace: true,
        stop_at_first: args.stop_at_first,
        ..Options::default()
    };
    let outcome = target.execute(&options);
    let again = target.execute(&options);
    if outcome.digest != again.digest {
        let parting = Parting {
            run: target.run.clone(),
            origin: target.origin.clone(),
            digests: [outcome.digest, again.digest],
            first_difference: first_difference(&outcome.trace, &again.trace),
        };
        match out.format() {
            MessageFormat::Human => out.line(parting.human())?,
            MessageFormat::Json => out.json("non-determinism", &parting.json())?,
        }
        return Ok(Exit::NonDeterministic);
    }
    if let Some(path) = &args.trace {
        write_trace(path, &target.run, &outcome)?;
    }
    match out.format() {
        MessageFormat::Human => write_human(args, &target, &outcome, out)?,
        MessageFormat::Json => write_json(args, &target, &outcome, out)?,
    }
    let reproduced = match &target.capsule {
        None => Reproduction::Exact,
        Some(capsule) => Reproduction::of(capsule, &outcome),
    };
    Ok(match (outcome.held(), reproduced) {
        (true, Reproduction::Exact) => Exit::Held,
        (true | false, _) => Exit::Violated,
    })
}

fn write_human(
    args: &ReplayArgs,
    target: &Target,
    outcome: &Outcome,
    out: &mut Output,
) -> anyhow::Result<()> {
    if args.log {
        let log = GatewayLog::new(&target.design, target.plan.environment);
        return out.lines(timeline::log_lines(outcome, log));
    }
    let style = out.style();
    if !args.quiet {
        out.lines(timeline::lines(outcome, style))?;
        out.line("")?;
    }
    match target.failure(outcome) {
        Some(failure) => out.line(failure.human(style))?,
        None => out.line(format!("{} {}", style.good("HELD"), target.run))?,
    }
    out.line(format!(
        "  run        {}: {} s of virtual time, {} steps, {} events",
        finish_name(outcome),
        outcome.time,
        outcome.steps,
        outcome.events
    ))?;
    out.line(format!("  digest     {}, the same twice", outcome.digest))?;
    if let Some(capsule) = &target.capsule {
        let reproduction = Reproduction::of(capsule, outcome);
        out.line(format!("  capsule    {}", reproduction.human(capsule)))?;
        out.line(format!("  why        {}", capsule.why))?;
        if outcome.drift != Drift::default() {
            out.line(format!(
                "  drift      {} choices were not in the record and came from the seed",
                outcome.drift.missing
            ))?;
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
}

fn write_json(
    args: &ReplayArgs,
    target: &Target,
    outcome: &Outcome,
    out: &mut Output,
) -> anyhow::Result<()> {
    if !args.quiet {
        for entry in &outcome.trace {
            out.json("event", entry)?;
        }
    }
    if let Some(failure) = target.failure(outcome) {
        out.json("failure", &failure.json())?;
    }
    let capsule = target.capsule.as_ref();
    let verdict = VerdictJson {
        capsule: capsule.map(|capsule| Reproduction::of(capsule, outcome)),
        ..verdict(&target.run, outcome)
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
            writeln!(file, "{}", json_line::<Entry>("event", entry)?)?;
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
    }
}

/// How a run compares with the capsule it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reproduction", rename_all = "snake_case")]
pub enum Reproduction {
    /// Signature and digest are as expected.
    Exact,
    /// The signature is, the digest is not: a change of the code altered what the plan does.
    SeedBreaking {
        /// The digest now.
        digest: Digest,
    },
    /// Something else broke.
    OtherViolation {
        /// What.
        found: Expectation,
    },
    /// Nothing broke.
    Held,
}

impl Reproduction {
    /// Compares.
    pub fn of(capsule: &Capsule, outcome: &Outcome) -> Self {
        match Expectation::of(outcome) {
            None => Self::Held,
            Some(found) if !capsule.expect.is_met_by(outcome) => Self::OtherViolation { found },
            Some(_) if outcome.digest != capsule.digest => Self::SeedBreaking {
                digest: outcome.digest,
            },
            Some(_) => Self::Exact,
        }
    }

    /// For a person.
    pub fn human(&self, capsule: &Capsule) -> String {
        match self {
            Self::Exact => "reproduced exactly".to_owned(),
            Self::SeedBreaking { digest } => format!(
                "drift: {}, as expected, but the trace changed (seed-breaking): digest {digest}, \
                 was {}",
                capsule.expect, capsule.digest
            ),
            Self::OtherViolation { found } => {
                format!("broke {found}; expected {}", capsule.expect)
            }
            Self::Held => format!("held; expected {}", capsule.expect),
        }
    }
}
