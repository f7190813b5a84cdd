//! The root cause of a failing run, and its sentence.

use gatesim_sim::{scheduler::causes::StepName, trace::event::TraceEvent};
use serde::Serialize;

use super::{
    blame::{AnswerChange, Fixed},
    counterpart::Counterparts,
    graph::Graph,
    reduction::LeftOut,
    threshold::Threshold,
};

/// Why a run fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The numbers of the events that led to the violation, ascending. Those of faults and of other
    /// clients are among them only if the run does not fail in this way without them.
    pub slice: Vec<u64>,
    /// Clients, faults, messages and containers without which the run fails in the same way. The factors
    /// below were searched in the run that is left.
    pub left_out: LeftOut,
    /// The decisive factor; none if the run passed with none of the changes.
    pub decisive: Option<Decisive>,
    /// Further decisive factors, the best explanation first.
    pub also: Vec<Decisive>,
    /// The decisive factor, in one sentence.
    pub sentence: String,
    /// How often it fails with other timing.
    pub other_timing: OtherTiming,
    /// The number of re-executions.
    pub runs: u64,
    /// Whether everything was tried.
    pub search: Coverage,
}

/// How often the run fails in the same way with the same plan and faults and all of its timing
/// resampled: a race fails sometimes, a failure without a race always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OtherTiming {
    /// Runs that failed in the same way.
    pub failed: u64,
    /// The number of runs.
    pub samples: u64,
}

impl OtherTiming {
    /// Whether every run failed in the same way.
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

/// A decisive factor: with it the run fails, without it the run passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Decisive {
    /// The order of two steps: it fails because the first comes first.
    Race {
        /// The step that came first.
        first: StepWords,
        /// The step that came second; the run passes if it comes first.
        second: StepWords,
    },
    /// A fault of the plan.
    Fault {
        /// Its number.
        number: u32,
        /// What it does.
        what: String,
        /// The step relative to which its time decides, if it does.
        timing: Option<Timing>,
        /// The value of the fault that decides, if one does.
        threshold: Option<Threshold>,
    },
    /// A value of the environment: of a link, a service, the balancer, a container, a client.
    Value(Threshold),
    /// An input of a client.
    Input {
        /// What it is, to follow "passes without".
        what: String,
        /// The delay with which the run passes as well, if it does.
        later_ms: Option<u64>,
    },
    /// An answer of the design.
    Answer {
        /// The answers to change; together, if there are several.
        changes: Vec<AnswerChange>,
        /// The order of events that no timing changes; none if the run passes with some timing.
        order: Option<Fixed>,
    },
}

/// When a fault does no harm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Timing {
    /// The side of the step.
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

/// A step and its description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepWords {
    /// Its name, the same in every run that reaches it.
    pub name: StepName,
    /// Its number in the run; none if the run does not reach it.
    pub step: Option<u64>,
    /// Its most important event, or that of the step that it leads to.
    pub event: Option<u64>,
    /// The title of that event; the task that executes the step if there is none.
    pub title: String,
    /// Whether the event is the step's own.
    pub own: bool,
    /// The task that executes it.
    pub who: String,
}

impl StepWords {
    /// Two steps of this run, described by the events that relate them.
    pub fn of_pair(graph: &Graph<'_>, steps: [u64; 2]) -> [Self; 2] {
        match graph.meeting(steps) {
            Some([first, second]) => [
                Self::named(graph, steps[0], Some(first)),
                Self::named(graph, steps[1], Some(second)),
            ],
            None => steps.map(|step| Self::of(graph, step)),
        }
    }

    /// A step of this run.
    pub fn of(graph: &Graph<'_>, step: u64) -> Self {
        let speaking = graph.speaking(step);
        Self::named(graph, step, speaking.and_then(|step| graph.headline(step)))
    }

    fn named(graph: &Graph<'_>, step: u64, headline: Option<&TraceEvent>) -> Self {
        let who = graph.who(step);
        StepWords {
            name: graph.causes().name(step).expect("it was executed"),
            step: Some(step),
            event: headline.map(|entry| entry.number),
            title: headline.map_or_else(|| who.clone(), |event| event.fact.row().title()),
            own: headline.is_some_and(|entry| entry.step == step),
            who,
        }
    }

    /// For a sentence.
    fn words(&self) -> String {
        let lead = if self.own { "" } else { "what leads to " };
        let step = (self.step).map_or_else(String::new, |step| format!(", step {step}"));
        format!("{lead}*{}* ({}{step})", self.title, self.who)
    }

    /// The same step in the original of the run that it was found in.
    fn in_original(&mut self, counterparts: &Counterparts<'_>) {
        self.name.source = counterparts.named(&self.name.source);
        self.who = counterparts.named(&self.who);
        self.step = counterparts.step(&self.name);
        self.event = self.event.and_then(|event| counterparts.event(event));
    }
}

impl Decisive {
    /// As a further factor: without the order that no timing changes.
    pub fn in_short(self) -> Self {
        match self {
            Decisive::Answer { changes, .. } => Decisive::Answer {
                changes,
                order: None,
            },
            Decisive::Race { .. }
            | Decisive::Fault { .. }
            | Decisive::Value(_)
            | Decisive::Input { .. } => self,
        }
    }

    /// The steps that it names.
    pub fn steps(&mut self) -> Vec<&mut StepWords> {
        match self {
            Decisive::Race { first, second } => vec![first, second],
            Decisive::Fault {
                timing: Some(timing),
                ..
            } => vec![&mut timing.step],
            Decisive::Fault { .. }
            | Decisive::Value(_)
            | Decisive::Input { .. }
            | Decisive::Answer { .. } => Vec::new(),
        }
    }

    /// Found in the smaller run, told of the original.
    pub fn in_original(mut self, counterparts: &Counterparts<'_>) -> Self {
        for step in self.steps() {
            step.in_original(counterparts);
        }
        self
    }

    /// One sentence, which begins with "passes" and has no full stop.
    pub fn sentence(&self) -> String {
        match self {
            Decisive::Race { first, second } => {
                format!("passes if {} runs before {}", second.words(), first.words())
            }
            Decisive::Fault {
                number,
                what,
                timing,
                threshold,
            } => {
                let timing = timing.iter().map(|Timing { comes, step }| {
                    let side = match comes {
                        Comes::Before => "before",
                        Comes::After => "after",
                    };
                    format!(", and if it comes {side} {}", step.words())
                });
                let threshold = threshold.iter().map(|threshold| {
                    let field = threshold.name.field;
                    format!(", and if its `{field}` {}", threshold.words())
                });
                let fault = format!("passes without fault {number} ({what})");
                [fault].into_iter().chain(timing).chain(threshold).collect()
            }
            Decisive::Value(threshold) => {
                format!("passes if {} {}", threshold.value, threshold.words())
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
