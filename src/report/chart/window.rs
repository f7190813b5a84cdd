//! What is shown of a run that is too long, or has too many clients, to be shown whole: what
//! happened around a violation, to the clients nearest to it.

use std::collections::BTreeSet;

use gatesim_model::core::ids::SocketId;
use gatesim_sim::{
    run::outcome::Outcome,
    trace::event::{Actor, TraceEvent},
};
use serde::Serialize;

/// How much is shown at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Events.
    pub events: usize,
    /// Clients, each with a lane.
    pub clients: usize,
}

impl Window {
    /// What fits a page that a browser opens at once.
    pub const PAGE: Window = Window {
        events: 4_000,
        clients: 8,
    };
    /// Everything there is.
    pub const WHOLE: Window = Window {
        events: usize::MAX,
        clients: usize::MAX,
    };

    /// What of this run is shown: around the event `focus`, or from the beginning.
    pub fn choose(&self, outcome: &Outcome, focus: Option<u64>) -> Kept {
        let trace = &outcome.trace;
        let focus = focus.map_or(0, |focus| {
            trace.partition_point(|entry| entry.number < focus)
        });
        let clients = self.nearest_clients(trace, focus);
        let mut candidates: Vec<usize> = (0..trace.len())
            .filter(|at| peer(&trace[*at]).is_none_or(|peer| clients.contains(&peer)))
            .collect();
        if candidates.len() > self.events {
            let middle = candidates.partition_point(|at| *at < focus);
            // More of what led there than of what followed.
            let first = middle.saturating_sub(self.events / 4 * 3);
            let last = (first + self.events).min(candidates.len());
            candidates = candidates[last.saturating_sub(self.events)..last].to_vec();
        }
        let numbers = candidates.into_iter().map(|at| trace[at].number);
        Kept {
            numbers: numbers.collect(),
            clients,
        }
    }

    /// The clients with the events nearest to the focus.
    fn nearest_clients(&self, trace: &[TraceEvent], focus: usize) -> BTreeSet<u32> {
        let before = (0..focus).rev().map(Some).chain(std::iter::repeat(None));
        let after = (focus..trace.len())
            .map(Some)
            .chain(std::iter::repeat(None));
        let mut clients = BTreeSet::new();
        for pair in after.zip(before).take(trace.len()) {
            for at in [pair.0, pair.1].into_iter().flatten() {
                if clients.len() < self.clients {
                    clients.extend(peer(&trace[at]));
                }
            }
        }
        clients
    }
}

/// The events and clients that are shown.
pub struct Kept {
    numbers: BTreeSet<u64>,
    clients: BTreeSet<u32>,
}

impl Kept {
    /// Whether an event is shown.
    pub fn keeps(&self, entry: &TraceEvent) -> bool {
        self.has(entry.number)
    }

    /// Whether it is the first that is shown.
    pub fn starts_at(&self, entry: &TraceEvent) -> bool {
        self.numbers.first() == Some(&entry.number)
    }

    /// Whether it tells of a client that is shown, or of none.
    pub fn concerns(&self, entry: &TraceEvent) -> bool {
        peer(entry).is_none_or(|peer| self.clients.contains(&peer))
    }

    /// Whether the event with this number is shown.
    pub fn has(&self, number: u64) -> bool {
        self.numbers.contains(&number)
    }

    /// Whether the client of a connection is shown.
    pub fn keeps_peer(&self, socket: SocketId) -> bool {
        self.clients.contains(&socket.peer)
    }

    /// Whether something that lasts from one event to another, or to the end, can be seen.
    pub fn overlaps(&self, from: u64, until: Option<u64>) -> bool {
        let (Some(first), Some(last)) = (self.numbers.first(), self.numbers.last()) else {
            return false;
        };
        from <= *last && until.is_none_or(|until| until > *first)
    }

    /// What was left out, if anything was.
    pub fn cut(&self, outcome: &Outcome) -> Option<Cut> {
        let all: BTreeSet<u32> = outcome.trace.iter().filter_map(peer).collect();
        let cut = Cut {
            events: outcome.trace.len(),
            events_shown: self.numbers.len(),
            clients: all.len(),
            clients_shown: self.clients.len(),
        };
        (cut.events_shown < cut.events).then_some(cut)
    }
}

/// How much of a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// Of so many events.
    pub events: usize,
    /// So many.
    pub events_shown: usize,
    /// Of so many clients.
    pub clients: usize,
    /// So many.
    pub clients_shown: usize,
}

/// The client whose event this is, or whose connection it is about.
fn peer(entry: &TraceEvent) -> Option<u32> {
    match entry.actor {
        Actor::Client(client) => Some(client),
        Actor::World
        | Actor::Balancer
        | Actor::Container(_)
        | Actor::Service(_)
        | Actor::Socket(_) => entry.socket().map(|socket| socket.peer),
    }
}
