//! The invariants.
use serde::{Deserialize, Serialize};
use std::fmt;

/// An invariant by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Invariant {
    /// The headline.
    NeverReadyWithoutMachine,
    /// I-01.
    NoInternalError,
    /// I-02.
    OneMachinePerConnection,
    /// I-03.
    IdsAgree,
    /// I-04.
    SetupNeverGoesBack,
    /// I-05.
    NoMessageBeforeReady,
    /// I-06.
    ServicesReadyIsTrue,
    /// I-07.
    WelcomeAfterReady,
    /// I-08.
    SetupEndsInTime,
    /// I-09.
    NothingLeftBehind,
    /// I-10.
    NoClientMessageLost,
    /// I-11.
    EventsInOrder,
    /// I-12.
    FiveEventsComplete,
    /// I-14.
    CloseTellsTheTruth,
    /// I-16.
    ViewsAgree,
    /// I-19.
    TransportDiscipline,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("todo")
    }
}
