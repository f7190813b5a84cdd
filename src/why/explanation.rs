//! What is found out about a failing run, and how it is said.

use gatesim_sim::{scheduler::causes::StepName, trace::event::TraceEvent};
use serde::Serialize;

use super::{
    blame::{Change, Fixed},
    graph::Graph,
};

/// Why a run fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The numbers of the events that led to the violation, ascending.
    pub slice: Vec<u64>,
    /// What decides; none if nothing that was tried did.
    pub decisive: Option<Decisive>,
    /// What else does, in the order in which it is worth knowing.
    pub also: Vec<Decisive>,
    /// What decides, in one sentence.
    pub sentence: String,
    /// How it fares with other timing.
    pub other_timing: OtherTiming,
    /// How many runs it took.
    pub runs: u64,
    /// Whether everything was tried.
    pub search: Coverage,
}

/// How often the run fails in the same way with all of its timing made anew, and the same plan and
/// faults: what takes an order fails now and then, what takes none fails always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OtherTiming {
    /// Runs that failed so.
    pub failed: u64,
    /// Of how many.
    pub samples: u64,
}

impl OtherTiming {
    /// Whether there was no run that did not fail so.
    pub fn is_all(self) -> bool {
        self.samples > 0 && self.failed == self.samples
    }

    /// In one sentence, without a full stop; none if nothing was tried.
    pub fn sentence(self) -> Option<String> {
        let OtherTiming { failed, samples } = self;
        (samples > 0).then(|| format!("with other timing it fails in {failed} of {samples} runs"))
    }
}

/// Whether everything was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coverage {
    /// It was.
    Whole,
    /// The budget ended before.
    CutShort,
}

/// What decides whether a run fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Decisive {
    /// The order of two steps: it fails because the first comes first.
    Race {
        /// The step that came first.
        first: StepWords,
        /// The step that came second, and would have to come first.
        second: StepWords,
    },
    /// A fault of the plan.
    Fault {
        /// Its number.
        number: u32,
        /// What it does.
        what: String,
        /// The step that it would have to come after, or before, if it is its time that decides.
        timing: Option<Timing>,
    },
    /// What a client does.
    Input {
        /// What, as it stands behind "passes without".
        what: String,
        /// Whether it is enough that it comes so much later.
        later_ms: Option<u64>,
    },
    /// The design: no order, fault or input that was tried lets it pass.
    Answer {
        /// The answers that would have to be others; together, if there are several.
        changes: Vec<Change>,
        /// What other timing does not change; none if there is timing with which the run passes.
        order: Option<Fixed>,
    },
}

/// When a fault would do no harm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Timing {
    /// On which side of the step.
    pub comes: Comes,
    /// The step.
    pub step: StepWords,
}

/// On which side of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Comes {
    /// Earlier.
    Before,
    /// Later.
    After,
}

/// A step and what people call it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepWords {
    /// Its name, the same in every run that comes as far.
    pub name: StepName,
    /// Its number in this run.
    pub step: u64,
    /// The event that says most about it, in this step or in the one that it leads to.
    pub event: Option<u64>,
    /// What that event is called; who takes the step if there is none.
    pub title: String,
    /// Whether the event is the step's own.
    pub own: bool,
    /// Who takes it.
    pub who: String,
}

impl StepWords {
    /// Of two steps of this run, by what they have to do with each other.
    pub fn of_pair(graph: &Graph<'_>, steps: [u64; 2]) -> [Self; 2] {
        match graph.meeting(steps) {
            Some([first, second]) => [
                Self::named(graph, steps[0], Some(first)),
                Self::named(graph, steps[1], Some(second)),
            ],
            None => steps.map(|step| Self::of(graph, step)),
        }
    }

    /// Of a step of this run.
    pub fn of(graph: &Graph<'_>, step: u64) -> Self {
        let speaking = graph.speaking(step);
        Self::named(graph, step, speaking.and_then(|step| graph.headline(step)))
    }

    fn named(graph: &Graph<'_>, step: u64, headline: Option<&TraceEvent>) -> Self {
        let who = graph.who(step);
        StepWords {
            name: graph.causes().name(step).expect("it was taken"),
            step,
            event: headline.map(|entry| entry.number),
            title: headline.map_or_else(|| who.clone(), gatesim_sim::view::describe::title),
            own: headline.is_some_and(|entry| entry.step == step),
            who,
        }
    }

    /// For a sentence.
    fn words(&self) -> String {
        let lead = if self.own { "" } else { "what leads to " };
        format!("{lead}*{}* ({}, step {})", self.title, self.who, self.step)
    }
}

impl Decisive {
    /// Beside something else that decides: that an order never changes is then not the point.
    pub fn in_short(self) -> Self {
        match self {
            Decisive::Answer { changes, .. } => Decisive::Answer {
                changes,
                order: None,
            },
            Decisive::Race { .. } | Decisive::Fault { .. } | Decisive::Input { .. } => self,
        }
    }

    /// In one sentence, which begins with "passes" and has no full stop.
    pub fn sentence(&self) -> String {
        match self {
            Decisive::Race { first, second } => {
                format!("passes if {} runs before {}", second.words(), first.words())
            }
            Decisive::Fault {
                number,
                what,
                timing,
            } => {
                let fault = format!("passes without fault {number} ({what})");
                match timing {
                    None => fault,
                    Some(Timing { comes, step }) => {
                        let side = match comes {
                            Comes::Before => "before",
                            Comes::After => "after",
                        };
                        format!("{fault}, and if it comes {side} {}", step.words())
                    }
                }
            }
            Decisive::Input { what, later_ms } => match later_ms {
                None => format!("passes without {what}"),
                Some(later) => {
                    format!("passes without {what}, and if it comes {later} ms later")
                }
            },
            Decisive::Answer { changes, order } => {
                let answers: Vec<String> = changes
                    .iter()
                    .map(|change| format!("`{} = {}`", change.question, change.passes_with))
                    .collect();
                let passes = format!("passes with {}", answers.join(" and "));
                match order {
                    None => passes,
                    Some(Fixed::Before { event, other }) => {
                        format!("{passes}; until then *{event}* always comes before *{other}*")
                    }
                    Some(Fixed::Gone { event, time }) => {
                        let again = match time {
                            0 | 1 => String::new(),
                            2 => " a second time".to_owned(),
                            time => format!(" {time} times"),
                        };
                        format!("{passes}; until then *{event}* always happens{again}")
                    }
                }
            }
        }
    }
}
