//! What a seed leaves out of a scenario, and why.

use std::fmt;

use serde::Serialize;

use crate::plan::Plan;

/// What one seed makes of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawnPlan {
    /// The plan.
    pub plan: Plan,
    /// For each fault of the plan, in its order, the place of its table among those of the scenario.
    pub tables: Vec<usize>,
    /// Faults that ought to happen in this seed and cannot.
    pub dropped: Vec<DroppedFault>,
}

/// A fault that ought to happen in a seed and cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DroppedFault {
    /// The place of its table among those of the scenario.
    pub table: usize,
    /// Why it cannot happen.
    pub reason: DropReason,
}

/// Why a fault does not happen in a seed in which it ought to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// It would begin when every fault is over.
    AfterHealing,
    /// It needs a container besides the first.
    OneContainer,
    /// One of its amounts was drawn as zero.
    NoExtent,
    /// The plan has as many faults as a plan may have.
    PlanFull,
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            DropReason::AfterHealing => "it would have begun after the healing",
            DropReason::OneContainer => "there was only one container",
            DropReason::NoExtent => "its length or share was drawn as zero",
            DropReason::PlanFull => "the plan had no room for more faults",
        })
    }
}
