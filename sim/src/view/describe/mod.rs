//! Events in words: one line for the timeline, and the line the production service would log.
//!
//! - [`describe`] says what happened, without time and actor, which a timeline prints beside it;
//! - [`title`] names the kind of thing that happened, the same in every run;
//! - [`describe_fault`] says what a fault of the plan does, which its event only numbers;
//! - [`GatewayLog`] gives the shapes of protocol.md, section 9, for those events that had one.

use gatesim_model::core::ids::MessageId;

use crate::{
    plan::Plan,
    trace::event::{Fact, TraceEvent, WorldEvent},
};

mod fault;
mod log;
mod protocol;
#[cfg(test)]
pub(crate) mod samples;
mod title;
mod world;

pub use fault::describe_fault;
pub use log::{GatewayLog, Level, LogLine};
pub use title::title;

/// What happened, in one line without a line end.
pub fn describe(entry: &TraceEvent) -> String {
    match &entry.fact {
        Fact::Protocol(event) => protocol::describe(event),
        Fact::World(event) => world::describe(event),
    }
}

/// The same, with what a fault does, which stands in the plan alone.
pub fn describe_in(entry: &TraceEvent, plan: &Plan) -> String {
    let planned = match &entry.fact {
        Fact::World(WorldEvent::FaultApplied { fault }) => plan.fault(*fault).zip(Some(fault)),
        Fact::World(_) | Fact::Protocol(_) => None,
    };
    match planned {
        Some((planned, number)) => format!("fault {number}: {}", describe_fault(&planned.kind)),
        None => describe(entry),
    }
}

/// The message, or what a frame is called whose message cannot be named.
pub(crate) fn message_name(message: &Option<MessageId>) -> String {
    match message {
        Some(message) => format!("message {message}"),
        None => "a frame without a message id".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use gatesim_model::{core::environment::Environment, design::Design};

    use super::*;

    #[test]
    fn every_event_has_a_line() {
        let lines: Vec<String> = samples::entries()
            .iter()
            .map(|entry| format!("{:<11} {}", entry.actor, describe(entry)))
            .collect();
        assert!(lines.iter().all(|line| !line.contains('\n')));
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn every_event_has_a_title() {
        let titles: Vec<String> = samples::entries().iter().map(title).collect();
        // Connections are written with a `#`; handshakes have a number of their own.
        let is_general = |title: &String| !title.contains('#') || title.starts_with("handshake #");
        assert!(titles.iter().all(is_general), "{titles:?}");
        assert!(
            titles
                .iter()
                .all(|title| !title.is_empty() && !title.contains('\n'))
        );
    }

    #[test]
    fn events_that_production_logged_have_its_line() {
        for design in ["v2", "v5", "v9"] {
            let known = Design::builtin(design).unwrap();
            let mut log = GatewayLog::new(&known, Environment::Staging);
            let lines: Vec<String> = samples::entries()
                .iter()
                .flat_map(|entry| log.lines(entry))
                .map(|line| format!("{:<8} {}", line.level, line.message))
                .collect();
            insta::assert_snapshot!(format!("log of {design}"), lines.join("\n"));
        }
    }
}
