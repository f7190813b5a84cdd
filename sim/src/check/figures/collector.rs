//! Shows each event to the collectors of figures, and counts what needs no memory.

use gatesim_model::event::Event;

use super::{
    accounts::Accounts, attempts::Attempts, deliveries::Deliveries, owed::OwedConnections,
    population::PopulationCollector,
};
use crate::{
    plan::{Plan, figure::Figures},
    trace::event::{Actor, Fact, TraceEvent, WorldEvent},
};

/// Watches a run and counts. Holds what is live; the durations of ready connections are kept, one
/// of each kind per connection, because the outcome reports them.
#[derive(Debug, Default)]
pub struct FiguresCollector {
    figures: Figures,
    attempts: Attempts,
    owed: OwedConnections,
    deliveries: Deliveries,
    accounts: Accounts,
    population: PopulationCollector,
}

impl FiguresCollector {
    /// A collector for a run of this plan.
    pub fn of(plan: &Plan) -> Self {
        FiguresCollector {
            owed: OwedConnections::of(plan),
            population: PopulationCollector::new(plan),
            ..Self::default()
        }
    }

    /// Counts an event.
    pub fn observe(&mut self, entry: &TraceEvent) {
        let (now, figures) = (entry.time, &mut self.figures);
        self.population.observe(figures, entry);
        match (&entry.fact, entry.actor) {
            (Fact::Protocol(event), Actor::Container(container)) => {
                count_protocol(figures, event);
                self.accounts.protocol(figures, container, event);
                self.attempts.protocol(now, container, event);
                self.owed.protocol(figures, container, event);
            }
            (Fact::World(event), _) => {
                count_world(figures, event);
                self.accounts.world(figures, now, event);
                self.deliveries.world(figures, event);
                self.attempts.world(figures, now, event);
                self.owed.world(figures, now, event);
            }
            // Only containers speak for the protocol; the checker insists on it.
            (Fact::Protocol(_), _) => {}
        }
    }

    /// The figures of the run.
    pub fn finish(mut self) -> Figures {
        self.figures.left_behind = self.accounts.left_behind();
        self.figures
    }
}

fn count_protocol(figures: &mut Figures, event: &Event) {
    if let Event::RunStarted { .. } = event {
        figures.agent_runs_started += 1;
    }
}

fn count_world(figures: &mut Figures, event: &WorldEvent) {
    match event {
        WorldEvent::ClientConnecting { socket, .. } if socket.attempt > 1 => {
            figures.reconnects += 1;
        }
        WorldEvent::ClientClosed { code, .. } => {
            *figures.close_codes.entry(*code).or_default() += 1;
        }
        WorldEvent::ClientGotEvent { .. } => {
            figures.events_delivered += 1;
            figures.frames += 1;
        }
        WorldEvent::ClientReady { .. }
        | WorldEvent::ClientGotError { .. }
        | WorldEvent::MessageArrived { .. } => figures.frames += 1,
        _ => {}
    }
}
