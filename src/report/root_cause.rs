//! The root cause of a failure: the part of an explanation that reports show.

use crate::why::{Decisive, Explanation};

/// How many further decisive factors are named.
const MAX_ALSO: usize = 3;

/// What led to a violation, and what decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootCause {
    /// One sentence; words between asterisks are the names of steps, between backquotes answers.
    pub sentence: String,
    /// Further decisive factors, in sentences of the same kind.
    pub also: Vec<String>,
    /// How often the run fails with other timing, in a sentence.
    pub other_timing: Option<String>,
    /// The events that led to the violation.
    pub slice: Vec<u64>,
    /// The two events whose order decides: the one that came first, and the other.
    pub race: Option<[u64; 2]>,
}

impl RootCause {
    /// The part of an explanation that reports show.
    pub fn of(explanation: &Explanation) -> Self {
        let race = match &explanation.decisive {
            Some(Decisive::Race { first, second }) => first.event.zip(second.event),
            Some(
                Decisive::Fault { .. }
                | Decisive::Value(_)
                | Decisive::Input { .. }
                | Decisive::Answer { .. },
            )
            | None => None,
        };
        let also = explanation.also.iter().take(MAX_ALSO);
        RootCause {
            sentence: explanation.sentence.clone(),
            also: also.map(Decisive::sentence).collect(),
            other_timing: explanation.other_timing.sentence(),
            slice: explanation.slice.clone(),
            race: race.map(|(first, second)| [first, second]),
        }
    }
}
