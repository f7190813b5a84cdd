//! What is to be known of each event, declared once: one row per event.
//!
//! - [`protocol`] and [`world`] are the tables, [`columns`] says what a column may hold;
//! - the macro in [`table`] makes one exhaustive match of each column, so that a missing row, a
//!   missing column and a missing sample are errors of the compiler;
//! - [`Fact::row`] looks up the row of an event.
//!
//! What needs more than the event itself (the state of a run, figures, marks, lines of the
//! production log) is not here: those folds take the events that they need.

mod columns;
mod protocol;
#[cfg(test)]
pub(crate) mod samples;
mod table;
mod text;
mod world;

pub use columns::{Parties, Prominence, Sign, Subject, Touched};
use gatesim_model::core::ids::SocketId;
pub(crate) use text::message_name;

use super::{
    actor::Actor,
    event::{Fact, TraceEvent},
};

/// The row of an event.
pub trait EventRow {
    /// What it is about, for the rules.
    fn subject(&self) -> Subject;
    /// What kind of event it is, at a glance.
    fn sign(&self) -> Sign;
    /// How much it matters to a reader.
    fn prominence(&self) -> Prominence;
    /// What it concerns besides the actor that emits it.
    fn parties(&self) -> Parties;
    /// The shared state that it touches, besides its connections.
    fn touches(&self) -> Vec<Touched<'_>>;
    /// What happened in a few words without ids, times and numbers, the same in every run.
    fn title(&self) -> String;
    /// What happened, in one line without a line end, time and actor.
    fn line(&self) -> String;
    /// What happened, in words that stand in capsules; none for what is no part of a witness.
    fn witness(&self) -> Option<String>;
    /// At least one event of each kind, in the order of the enum.
    #[cfg(test)]
    fn samples() -> Vec<Self>
    where
        Self: Sized;
}

impl Fact {
    /// What is to be known of it.
    pub fn row(&self) -> &dyn EventRow {
        match self {
            Fact::Protocol(event) => event,
            Fact::World(event) => event,
        }
    }

    /// What it is about. The checker asks this of every event of a run.
    pub fn subject(&self) -> Subject {
        match self {
            Fact::Protocol(event) => event.subject(),
            Fact::World(event) => event.subject(),
        }
    }

    /// What it concerns besides the actor that emits it.
    pub fn parties(&self) -> Parties {
        match self {
            Fact::Protocol(event) => event.parties(),
            Fact::World(event) => event.parties(),
        }
    }

    /// The connection that it belongs to, if any.
    pub fn socket(&self) -> Option<SocketId> {
        self.parties().connection()
    }
}

impl TraceEvent {
    /// The connection that it belongs to, if any.
    pub fn socket(&self) -> Option<SocketId> {
        self.fact.socket()
    }

    /// Every connection that it is about.
    pub fn sockets(&self) -> Vec<SocketId> {
        self.fact.parties().connections()
    }

    /// The actor that it is about: the one that emits it, or the target of what the world does.
    pub fn lane(&self) -> Actor {
        self.fact.parties().target().unwrap_or(self.actor)
    }

    /// The service that it asks or hears of.
    pub fn asked(&self) -> Option<Actor> {
        match self.fact.parties() {
            Parties::Call(_, service) => Some(Actor::Service(service)),
            _ => None,
        }
    }

    /// The end of a link that it is about: not the balancer, which is at one end of each.
    pub fn link_end(&self) -> Option<Actor> {
        match self.fact.parties() {
            Parties::Link(Actor::Balancer, end) | Parties::Link(end, _) => Some(end),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_line() {
        let lines: Vec<String> = samples::trace()
            .iter()
            .map(|event| format!("{:<11} {}", event.actor, event.fact.row().line()))
            .collect();
        assert!(lines.iter().all(|line| !line.contains('\n')));
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn every_event_has_a_title_that_is_the_same_in_every_run() {
        for event in samples::trace() {
            let title = event.fact.row().title();
            assert!(!title.is_empty() && !title.contains('\n'), "{title}");
            // Connections are written with a `#`; handshakes have a number of their own.
            let is_general = !title.contains('#') || title.starts_with("handshake #");
            assert!(is_general, "{title}");
        }
    }

    #[test]
    fn words_of_witnesses_stand_in_capsules_and_do_not_change() {
        let witnesses: Vec<String> = samples::trace()
            .iter()
            .filter_map(|event| event.fact.row().witness())
            .collect();
        insta::assert_snapshot!(witnesses.join("\n"));
    }
}
