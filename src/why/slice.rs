//! What led to a violation: its causal slice; if it is about a message, the history of that message, and
//! its causal slice as far as there is room, unless a deadline was missed.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_model::{
    core::ids::{MessageId, SocketId},
    event::Event,
};
use gatesim_sim::trace::{
    event::{Actor, Fact, TraceEvent, WorldEvent},
    vocabulary::{Prominence, Sign},
};

use super::{
    Noticed,
    graph::{Graph, SharedState, WEIGHTY, states, weight},
};

/// Most events of a slice.
pub const MAX_EVENTS: usize = 20;

/// Most events, if they are about a message and not all of them are of its history.
const MAX_BESIDE_HISTORY: usize = 14;

/// Most events with the same name: the last ones are kept.
const MAX_ALIKE: u8 = 3;

/// Events of less weight (calls, tasks, table entries, ids) are left out.
const MIN_WEIGHT: u8 = 5;

/// How closely an event is related to the violation; the first are kept if there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Concern {
    /// A fault is applied.
    Fault,
    /// It touches the state of the violation: the same machine, lock, message, run, breaker.
    Subject,
    /// A connection that carried the message ends, or a limit of it is reached.
    End,
    /// A container that served it, or a service, fails or comes back.
    Effect,
    /// A single event of the run of the message.
    Piece,
    /// It changes the state of the connection of the violation.
    Connection,
    /// It is about that connection.
    Around,
}

/// The numbers of the events of the slice, ascending. It always contains the events of the steps in
/// `decisive`.
pub fn slice(graph: &Graph<'_>, noticed: &Noticed, decisive: &[u64]) -> Vec<u64> {
    let mut kept = BTreeSet::from([noticed.event]);
    for step in decisive {
        let spoken = graph.speaking(*step).and_then(|step| graph.headline(step));
        kept.extend(spoken.map(|entry| entry.number));
    }
    let story = Story::of(graph, noticed, &kept);
    let mut events: Vec<(Concern, &TraceEvent)> = graph.trace()[..=story.until as usize]
        .iter()
        .rev()
        .filter_map(|entry| Some((story.concern(graph, entry)?, entry)))
        .collect();
    events.sort_by_key(|(concern, _)| *concern);
    let mut alike = BTreeMap::<String, u8>::new();
    for (concern, entry) in events {
        let most = match (story.kind, concern) {
            (StoryKind::Both, Concern::Connection | Concern::Around) => MAX_BESIDE_HISTORY,
            (_, _) => MAX_EVENTS,
        };
        if kept.len() >= most {
            break;
        }
        let alike = alike.entry(entry.fact.row().title()).or_default();
        if *alike < MAX_ALIKE || concern == Concern::Fault {
            *alike += u8::from(kept.insert(entry.number));
        }
    }
    kept.into_iter().collect()
}

/// What the violation is about.
struct Story {
    /// The steps that led to it.
    behind: BTreeSet<u64>,
    /// Its machine, lock, breaker, message, run.
    subject: BTreeSet<SharedState>,
    /// Its connections.
    connections: BTreeSet<SocketId>,
    /// The containers that served them.
    containers: BTreeSet<u32>,
    /// The last event that may belong to it.
    until: u64,
    /// The connection that the violation names.
    socket: Option<SocketId>,
    kind: StoryKind,
}

/// Which events belong to the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StoryKind {
    /// Those that led to the event at which the violation was detected.
    Slice,
    /// All that happened to a message.
    History,
    /// Both.
    Both,
}

impl Story {
    fn of(graph: &Graph<'_>, noticed: &Noticed, kept: &BTreeSet<u64>) -> Self {
        let trace = graph.trace();
        let seen = (kept.iter()).filter_map(|number| trace.get(*number as usize));
        let mut subject: BTreeSet<SharedState> = seen
            .clone()
            .flat_map(states)
            .filter(SharedState::is_particular)
            .collect();
        let mut connections: BTreeSet<SocketId> = seen
            .flat_map(TraceEvent::sockets)
            .chain(noticed.socket)
            .collect();
        let kind = match (&noticed.message, &noticed.mark) {
            (None, _) => StoryKind::Slice,
            (Some(_), None) => StoryKind::History,
            (Some(_), Some(_)) => StoryKind::Both,
        };
        if let Some(message) = &noticed.message {
            let history = of_message(trace, message);
            let carried = trace.iter().filter(|entry| touches(entry, &history));
            connections.extend(carried.flat_map(TraceEvent::sockets));
            subject.extend(history);
        }
        let served = trace.iter().filter_map(|entry| match entry.actor {
            Actor::Container(container)
                if entry.sockets().iter().any(|one| connections.contains(one)) =>
            {
                Some(container)
            }
            _ => None,
        });
        Story {
            behind: graph.behind(noticed.step),
            containers: served.collect(),
            subject,
            connections,
            until: match kind {
                StoryKind::Slice | StoryKind::Both => noticed.event,
                StoryKind::History => noticed.until,
            },
            socket: noticed.socket,
            kind,
        }
    }

    fn concern(&self, graph: &Graph<'_>, entry: &TraceEvent) -> Option<Concern> {
        if let Some(concern) = self.of_world(graph, entry) {
            return concern;
        }
        let weight = weight(entry);
        if weight < MIN_WEIGHT {
            return None;
        }
        let on_connection = || {
            let mut sockets = entry.sockets().into_iter();
            sockets.any(|socket| self.connections.contains(&socket))
        };
        let history = match self.kind {
            StoryKind::Slice => None,
            StoryKind::History | StoryKind::Both if touches(entry, &self.subject) => {
                piece_or_subject(entry)
            }
            StoryKind::History | StoryKind::Both => {
                let belongs = self.is_ready(entry) || is_end(entry) && on_connection();
                belongs.then_some(Concern::End)
            }
        };
        let slice = || match self.kind {
            StoryKind::History => None,
            StoryKind::Slice | StoryKind::Both => {
                let concern = if touches(entry, &self.subject) {
                    Concern::Subject
                } else if !on_connection() {
                    return None;
                } else if weight >= WEIGHTY {
                    Concern::Connection
                } else {
                    Concern::Around
                };
                self.behind.contains(&entry.step).then_some(concern)
            }
        };
        history.or_else(slice)
    }

    /// Whether the client is told that the connection that the violation names is ready.
    fn is_ready(&self, entry: &TraceEvent) -> bool {
        match &entry.fact {
            Fact::World(WorldEvent::ClientReady { socket }) => Some(*socket) == self.socket,
            _ => false,
        }
    }

    /// The concern of a fault or of what follows from it at once; none for any other event.
    fn of_world(&self, graph: &Graph<'_>, entry: &TraceEvent) -> Option<Option<Concern>> {
        let Fact::World(event) = &entry.fact else {
            return None;
        };
        let serves = |container: &u32| self.containers.contains(container);
        let is_close = self.behind.contains(&entry.step) || graph.is_fault(entry.step);
        match event {
            // Those that are left are needed.
            WorldEvent::FaultApplied { .. } => Some(Some(Concern::Fault)),
            WorldEvent::FaultsHealed | WorldEvent::Finished { .. } => Some(None),
            WorldEvent::ContainerGone { container, .. }
            | WorldEvent::ContainerTerminating { container }
            | WorldEvent::ContainerStalled { container }
            | WorldEvent::ContainerResumed { container }
            | WorldEvent::ClockSet { container, .. } => {
                Some(serves(container).then_some(Concern::Effect))
            }
            _ if entry.fact.row().sign() == Sign::Fault => {
                Some(is_close.then_some(Concern::Effect))
            }
            _ => None,
        }
    }
}

/// The last event until this one that touches a message or one of its runs.
pub fn last_of_message<'a>(
    trace: &'a [TraceEvent],
    message: &MessageId,
    until: u64,
) -> Option<&'a TraceEvent> {
    let subject = of_message(trace, message);
    let until = trace[..=until as usize].iter();
    until.rev().find(|entry| touches(entry, &subject))
}

/// A message and its runs.
fn of_message(trace: &[TraceEvent], message: &MessageId) -> BTreeSet<SharedState> {
    let runs = trace.iter().filter_map(|entry| match &entry.fact {
        Fact::Protocol(Event::RunStarted {
            run, message: of, ..
        }) if of == message => Some(SharedState::Run(*run)),
        _ => None,
    });
    runs.chain([SharedState::Message(message.clone())])
        .collect()
}

fn touches(entry: &TraceEvent, subject: &BTreeSet<SharedState>) -> bool {
    states(entry).iter().any(|state| subject.contains(state))
}

/// That a run produces an event says no more than what becomes of the event.
fn piece_or_subject(entry: &TraceEvent) -> Option<Concern> {
    let row = entry.fact.row();
    match (&entry.fact, row.prominence()) {
        (Fact::Protocol(Event::AgentEventEmitted { .. }), _) => None,
        (_, Prominence::Routine) => Some(Concern::Piece),
        (_, Prominence::Notable) => Some(Concern::Subject),
    }
}

/// Whether a connection ends here, or a number decides about it.
fn is_end(entry: &TraceEvent) -> bool {
    match &entry.fact {
        Fact::World(event) => matches!(
            event,
            WorldEvent::ConnectionCut { .. }
                | WorldEvent::ClientClosed { .. }
                | WorldEvent::TransportEnded { .. }
                | WorldEvent::ClientRefused { .. }
        ),
        Fact::Protocol(event) => matches!(
            event,
            Event::CloseSent { .. }
                | Event::HeartbeatTimedOut { .. }
                | Event::LimitReached { .. }
                | Event::LoopEnded { .. }
        ),
    }
}
