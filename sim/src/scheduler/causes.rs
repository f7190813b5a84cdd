//! What made each step happen: what took it, when, and which earlier step made it ready.
//!
//! A step is ready because a step before it called its waker (a message in a channel, a lock
//! handed over, a task started or cancelled), or because a timer fired that a step before it had
//! armed, or because a frame arrived that a step before it had sent. Together with the order of
//! the steps of one task that is everything that leads from step to step, except what tasks of
//! one process leave for each other in shared state.
//!
//! Noting it changes nothing in a run, and costs nothing unless
//! [`Options::causes`](crate::Options) asks for it.

use std::fmt;

use gatesim_model::core::time::Time;
use serde::Serialize;

use crate::{scheduler::choices::Purpose, trace::event::Actor};

/// What takes steps: a task, or one direction of a connection, which delivers frames. Prints as
/// the key of its tie-breaks, `c0#1/turn/endpoint/0` for example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The entity.
    pub entity: Actor,
    /// What its turns are for: the name of the task, or the receiver of what is delivered.
    pub purpose: Purpose,
    /// Which of several with the same entity and purpose, in the order of creation.
    pub instance: u32,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.entity, self.purpose, self.instance)
    }
}

/// The name of a step, the same in every run in which its task or connection comes as far:
/// `c0#1/turn/endpoint/0@12` is the endpoint's turn number 12, counted from 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct StepName {
    /// The key of its source.
    pub source: String,
    /// Which of its turns.
    pub turn: u32,
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.source, self.turn)
    }
}

impl From<StepName> for String {
    fn from(name: StepName) -> String {
        name.to_string()
    }
}

/// In what way a step was made ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ready {
    /// The waker of its task was called.
    Woken,
    /// A timer fired, or a frame arrived.
    Due,
}

/// What is known of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepCause {
    /// When it was taken.
    pub time: Time,
    /// By which source: an index into [`Causes::sources`].
    pub source: u32,
    /// Which of the source's turns it is.
    pub turn: u32,
    /// The step during which the waker was called, the timer armed or the frame sent; 0 is what
    /// happened before the first step.
    pub by: u32,
    /// In what way it was made ready.
    pub how: Ready,
}

/// What is known of every step of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Causes {
    sources: Vec<Source>,
    /// The first is step 1.
    steps: Vec<StepCause>,
}

impl Causes {
    /// Whether nothing was noted.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many steps there are; the last one has this number.
    pub fn len(&self) -> u64 {
        self.steps.len() as u64
    }

    /// Every source of steps, in the order of creation.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// A step by its number, which counts from 1.
    pub fn step(&self, number: u64) -> Option<&StepCause> {
        self.steps
            .get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// Every step with its number.
    pub fn steps(&self) -> impl Iterator<Item = (u64, &StepCause)> {
        (1..).zip(&self.steps)
    }

    /// What took a step.
    pub fn source_of(&self, number: u64) -> Option<&Source> {
        self.sources.get(self.step(number)?.source as usize)
    }

    /// The name of a step.
    pub fn name(&self, number: u64) -> Option<StepName> {
        Some(StepName {
            source: self.source_of(number)?.to_string(),
            turn: self.step(number)?.turn,
        })
    }

    /// The number of the step with this name, if it was taken.
    pub fn find(&self, name: &StepName) -> Option<u64> {
        let is_it = |source: &Source| source.to_string() == name.source;
        let source = self.sources.iter().position(is_it)?;
        self.steps()
            .find(|(_, step)| step.source as usize == source && step.turn == name.turn)
            .map(|(number, _)| number)
    }

    pub(crate) fn add_source(&mut self, source: Source) -> u32 {
        self.sources.push(source);
        u32::try_from(self.sources.len() - 1).expect("fewer than 2^32 sources")
    }

    pub(crate) fn add_step(&mut self, step: StepCause) {
        self.steps.push(step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_takes_little_room() {
        assert!(size_of::<StepCause>() <= 40);
    }
}
