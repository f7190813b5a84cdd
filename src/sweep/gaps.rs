//! What a sweep in which everything held has not tested, so that it held for nothing.
//!
//! Judged only where all runs held: a sweep that found something was able to. What is to be expected
//! in fewer than [`JUDGED_FROM`] runs is not judged: by chance it may not occur.

use std::fmt;

use gatesim_sim::check::{
    invariants::Invariant,
    marks::{JUDGED_FROM, MissedFloor},
    premises::Occurs,
};
use serde::Serialize;

use crate::sweep::{happened::FaultCounts, tally::PairTally, work::Pair};

/// Something that was to be tested and was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Connections should have become ready, and none did.
    NothingReady {
        /// How many.
        expected: u64,
    },
    /// Clients send messages, and none was answered.
    NothingAnswered {
        /// Messages that were sent.
        sent: u64,
    },
    /// Runs ended by their limit of time or of steps: what was open then was not judged.
    CutOff {
        /// How many.
        runs: u64,
        /// Of how many.
        of: u64,
    },
    /// A fault that was to happen never did.
    FaultNever {
        /// What it is called.
        fault: String,
        /// What became of it.
        counts: FaultCounts,
    },
    /// What an invariant judges never occurred, although every scenario with messages has it.
    NeverJudged {
        /// Which one.
        invariant: Invariant,
    },
    /// A rare state was reached too rarely.
    Floor(MissedFloor),
}

impl Gap {
    /// The gaps of one design in one scenario.
    pub fn of(pair: &Pair, tally: &PairTally) -> Vec<Gap> {
        if tally.failed > 0 || tally.runs == 0 {
            return Vec::new();
        }
        let figures = &tally.figures;
        let messages_due = pair.scenario.has_messages() && tally.runs >= JUDGED_FROM;
        let answers_due = messages_due || figures.messages_sent >= JUDGED_FROM;
        let mut gaps = Vec::new();
        if figures.connections_expected > 0 && figures.connections_ready == 0 {
            gaps.push(Gap::NothingReady {
                expected: figures.connections_expected,
            });
        } else if answers_due && figures.agent_runs_delivered == 0 {
            gaps.push(Gap::NothingAnswered {
                sent: figures.messages_sent,
            });
        }
        if tally.cut_off() > 0 {
            gaps.push(Gap::CutOff {
                runs: tally.cut_off(),
                of: tally.runs,
            });
        }
        let faults = tally.happened.named(pair.scenario.fault_names());
        let never = faults
            .into_iter()
            .filter(|(_, counts)| counts.drawn >= JUDGED_FROM && counts.happened == 0);
        gaps.extend(never.map(|(fault, counts)| Gap::FaultNever { fault, counts }));
        if answers_due {
            let owed = tally
                .never_judged()
                .filter(|(_, occurs)| *occurs == Occurs::Always);
            gaps.extend(owed.map(|(invariant, _)| Gap::NeverJudged { invariant }));
        }
        gaps.extend(
            tally
                .missed(&pair.scenario.floors)
                .into_iter()
                .map(Gap::Floor),
        );
        gaps
    }

    /// What it is called in reports that programs read.
    pub fn name(&self) -> String {
        match self {
            Gap::NothingReady { .. } => "nothing-ready".to_owned(),
            Gap::NothingAnswered { .. } => "nothing-answered".to_owned(),
            Gap::CutOff { .. } => "cut-off".to_owned(),
            Gap::FaultNever { fault, .. } => format!("fault {fault}"),
            Gap::NeverJudged { invariant } => invariant.to_string(),
            Gap::Floor(floor) => format!("floor {}", floor.mark),
        }
    }

    /// For a program.
    pub fn json(&self) -> GapJson {
        GapJson {
            gap: self.name(),
            text: self.to_string(),
        }
    }
}

/// A gap in JSON.
#[derive(Serialize)]
pub struct GapJson {
    /// Its name.
    gap: String,
    /// What it is and what to change, in one sentence.
    text: String,
}

/// What was not tested, and what to change.
impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Gap::NothingReady { expected } => write!(
                f,
                "none of {expected} connections became ready, so that it held says nothing; \
                 `gatesim replay` of a seed shows what stops them"
            ),
            Gap::NothingAnswered { sent } => write!(
                f,
                "none of {sent} messages was answered in full, so that it held says nothing; give \
                 clients more patience, or services and links less latency"
            ),
            Gap::CutOff { runs, of } => write!(
                f,
                "{runs} of {of} runs were cut off, and what was open then was not judged; raise \
                 `time_limit_ms`"
            ),
            Gap::FaultNever { fault, counts } => write!(
                f,
                "the fault {fault} never happened in the {} runs that were to have it: {}; change its \
                 `at_ms`, or let clients stay longer",
                counts.drawn,
                counts.reasons().join(", ")
            ),
            Gap::NeverJudged { invariant } => write!(
                f,
                "{invariant} was never put to the test: {} in any run",
                invariant.premise().unmet()
            ),
            Gap::Floor(floor) => write!(
                f,
                "the floor of {} was missed: {} of {} runs reached it, and at least {} in 1000 must",
                floor.mark, floor.reached, floor.runs, floor.per_mille
            ),
        }
    }
}
