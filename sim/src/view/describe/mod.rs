//! A run in words, beyond what the row of each event says.
//!
//! - [`describe_in`] is the line of an event with what a fault does, which the plan alone knows;
//! - [`GatewayLog`] gives the lines that the production service would log
//!   (`docs/protocol.md#log-lines`).

use crate::{
    plan::Plan,
    trace::event::{Fact, TraceEvent, WorldEvent},
};

mod log;

pub use log::{GatewayLog, Level, LogLine};

/// What happened, in one line without a line end. A fault is described, not only numbered.
pub fn describe_in(entry: &TraceEvent, plan: &Plan) -> String {
    let planned = match &entry.fact {
        Fact::World(WorldEvent::FaultApplied { fault }) => plan.fault(*fault).zip(Some(fault)),
        Fact::World(_) | Fact::Protocol(_) => None,
    };
    match planned {
        Some((planned, number)) => format!("fault {number}: {}", planned.kind),
        None => entry.fact.row().line(),
    }
}

#[cfg(test)]
mod tests {
    use gatesim_model::{core::environment::Environment, design::Design};

    use super::*;
    use crate::trace::vocabulary::samples;

    #[test]
    fn events_that_production_logged_have_its_line() {
        for design in ["v2", "v5", "v9"] {
            let known = Design::builtin(design).unwrap();
            let mut log = GatewayLog::new(&known, Environment::Staging);
            let lines: Vec<String> = samples::trace()
                .iter()
                .flat_map(|entry| log.lines(entry))
                .map(|line| format!("{:<8} {}", line.level, line.message))
                .collect();
            insta::assert_snapshot!(format!("log of {design}"), lines.join("\n"));
        }
    }
}
