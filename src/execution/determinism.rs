//! The self-check: the same run, executed twice, must give the same trace. If it does not, the first
//! event that differs is reported.

use std::thread;

use gatesim_sim::{
    Options,
    run::outcome::{Digest, Outcome},
    trace::{
        divergence::{Difference, first_difference},
        event::TraceEvent,
    },
};
use serde::Serialize;

use crate::{
    output::{MessageFormat, Output},
    target::{Target, origin::Origin, run_name::RunName},
    timeline::list,
};

/// A run that gave two different traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonDeterminism {
    /// Which run.
    pub run: RunName,
    /// Where it came from.
    pub origin: Origin,
    /// The two digests.
    pub digests: [Digest; 2],
    /// The first difference; none if two further, traced executions agreed.
    pub first_difference: Option<Difference>,
}

/// The outcome of a run that was executed twice in parallel; none if the two executions differ, which
/// is reported.
pub fn run_checked(
    target: &Target,
    options: &Options,
    out: &mut Output,
) -> anyhow::Result<Option<Outcome>> {
    let plain = Options {
        trace: false,
        record: false,
        causes: false,
        ..options.clone()
    };
    let (outcome, again) = thread::scope(|scope| {
        let again = scope.spawn(|| target.execute(&plain).digest);
        let outcome = target.execute(options);
        let again = again
            .join()
            .expect("a panic in a run is part of its outcome");
        (outcome, again)
    });
    if outcome.digest == again {
        return Ok(Some(outcome));
    }
    let divergence = trace_twice(
        target.run.clone(),
        target.origin.clone(),
        [outcome.digest, again],
        |options| target.execute(options),
        options,
    );
    match out.format() {
        MessageFormat::Human => out.line(divergence.human())?,
        MessageFormat::Json => out.json("non-determinism", &divergence.json())?,
    }
    Ok(None)
}

/// Executes the run twice more, with traces, and finds the first difference.
pub fn trace_twice(
    run: RunName,
    origin: Origin,
    digests: [Digest; 2],
    execute: impl Fn(&Options) -> Outcome,
    options: &Options,
) -> NonDeterminism {
    let traced = Options {
        trace: true,
        ..options.clone()
    };
    let first = execute(&traced);
    let second = execute(&traced);
    NonDeterminism {
        run,
        origin,
        digests,
        first_difference: first_difference(&first.trace, &second.trace),
    }
}

/// Non-determinism as a JSON line.
#[derive(Serialize)]
pub struct NonDeterminismJson<'a> {
    run: String,
    digests: [Digest; 2],
    event: Option<u64>,
    step: Option<u64>,
    first: Option<&'a TraceEvent>,
    second: Option<&'a TraceEvent>,
    replay: String,
}

impl NonDeterminism {
    /// For a person.
    pub fn human(&self) -> String {
        let [first, second] = self.digests;
        let mut text = format!(
            "NON-DETERMINISM {}\n  digests    {first} and {second}\n",
            self.run
        );
        match &self.first_difference {
            None => text.push_str(
                "  differs    not in two further executions: the difference is intermittent\n",
            ),
            Some(difference) => {
                let (event, step) = (difference.event, difference.step());
                text.push_str(&format!("  differs    at event {event}, step {step}\n"));
                for (which, entry) in ["first ", "second"].iter().zip(&difference.entries) {
                    let line = match entry {
                        Some(entry) => list::line(entry),
                        None => "(end of the trace)".to_owned(),
                    };
                    text.push_str(&format!("  {which}     {line}\n"));
                }
            }
        }
        text.push_str(&format!(
            "  execute it again with\n    {}",
            self.replay_command()
        ));
        text
    }

    /// For a program.
    pub fn json(&self) -> NonDeterminismJson<'_> {
        let entry = |i: usize| {
            self.first_difference
                .as_ref()
                .and_then(|difference| difference.entries[i].as_ref())
        };
        NonDeterminismJson {
            run: self.run.to_string(),
            digests: self.digests,
            event: self.first_difference.as_ref().map(|d| d.event),
            step: self.first_difference.as_ref().map(Difference::step),
            first: entry(0),
            second: entry(1),
            replay: self.replay_command(),
        }
    }

    fn replay_command(&self) -> String {
        self.origin.replay_command(&self.run)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use gatesim_sim::trace::event::{Fact, WorldEvent};

    use super::*;
    use crate::target::failure::tests::failed_outcome;

    #[test]
    fn a_run_that_does_not_repeat_is_shown_where_it_differs() {
        let executions = Cell::new(0);
        let execute = |options: &Options| {
            assert!(options.trace);
            executions.set(executions.get() + 1);
            let fault = WorldEvent::FaultApplied {
                fault: executions.get(),
            };
            let mut outcome = failed_outcome();
            outcome.trace[1].fact = Fact::World(fault);
            outcome
        };
        let run: RunName = "chaos@reference:7".parse().unwrap();
        let digests = [Digest(1), Digest(2)];
        let divergence = trace_twice(run, Origin::Name, digests, execute, &Options::default());
        insta::assert_snapshot!("divergence", divergence.human());
    }
}
