//! A candidate for a smaller run: a plan and a record of choices, and how large they are.

use gatesim_model::design::Design;
use gatesim_sim::{
    Options,
    plan::Plan,
    run::outcome::Outcome,
    scheduler::choices::{Base, Record},
    trace::event::Fact,
};
use serde::Serialize;

use super::goal::Goal;
use crate::target::shrunk::Size;

/// A run without its design: the plan, and the choices if they do not all come from the seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The world.
    pub plan: Plan,
    /// The choices to replay.
    pub choices: Option<Record>,
}

impl Candidate {
    /// Executes it.
    pub fn run(&self, design: &Design, options: &Options) -> Outcome {
        let options = Options {
            replay: self.choices.clone(),
            ..options.clone()
        };
        gatesim_sim::run(design, &self.plan, &options)
    }

    /// Its size in one line.
    pub fn in_words(&self) -> String {
        let plan = &self.plan;
        let choices = match &self.choices {
            Some(listed) if self.has_default_choices() => format!("choices {}", listed.len()),
            Some(_) | None => "choices of the seed".to_owned(),
        };
        format!(
            "clients {}, faults {}, containers {}, {choices}",
            plan.clients.len(),
            plan.faults.len(),
            plan.containers.len(),
        )
    }

    /// Whether the choices that it does not list have their defaults.
    pub fn has_default_choices(&self) -> bool {
        let base = self.choices.as_ref().map(Record::base);
        base == Some(Base::Default)
    }

    /// The same plan, with these choices and defaults for all others.
    pub fn with_only(&self, choices: Record) -> Candidate {
        Candidate {
            plan: self.plan.clone(),
            choices: Some(choices.rebased(Base::Default)),
        }
    }
}

/// The size of a run that was traced, and recorded unless its choices have their defaults.
pub fn size_of(candidate: &Candidate, outcome: &Outcome, goal: &Goal) -> Size {
    let plan = &candidate.plan;
    let violation = goal.violation(outcome);
    let last = violation.map_or(u64::MAX, |violation| violation.event);
    let time = violation.map_or(outcome.time, |violation| violation.time);
    let until = || outcome.trace.iter().filter(|entry| entry.number <= last);
    let choices = match &candidate.choices {
        Some(listed) if candidate.has_default_choices() => listed.len(),
        Some(_) | None => outcome.choices.len(),
    };
    let sum = |counts: &mut dyn Iterator<Item = usize>| counts.sum::<usize>() as u64;
    Size {
        clients: plan.clients.len() as u64,
        messages: sum(&mut plan.clients.iter().map(|client| client.messages.len())),
        noise: sum(&mut plan.clients.iter().map(|client| client.noise.len())),
        containers: plan.containers.len() as u64,
        faults: plan.faults.len() as u64,
        choices: choices as u64,
        protocol_events: until()
            .filter(|entry| match entry.fact {
                Fact::Protocol(_) => true,
                Fact::World(_) => false,
            })
            .count() as u64,
        connection_events: until()
            .filter(|entry| match &entry.fact {
                Fact::Protocol(_) => entry.socket().is_some(),
                Fact::World(_) => false,
            })
            .count() as u64,
        events: until().count() as u64,
        time_ms: time.0 / 1_000_000,
    }
}
