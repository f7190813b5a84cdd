//! What led to what: the steps of a run, joined by wake-ups, timers and frames, by the order of the
//! steps of one task, and by the state that tasks of one container share.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_model::{
    core::ids::{ConnectionId, MessageId, RunId, SocketId},
    event::{Breaker, Component, Event, LockName},
    port::env::Service,
};
use gatesim_sim::{
    run::outcome::Outcome,
    scheduler::{
        causes::{Causes, Source},
        choices::Purpose,
    },
    trace::{
        event::{Actor, Fact, TraceEvent, WorldEvent},
        vocabulary::{Subject, Touched},
    },
};

/// A run that was traced with its causes, as a graph.
pub struct Graph<'a> {
    outcome: &'a Outcome,
    /// The event that everything is about.
    focus: u64,
    /// By step: the index of its first event; one more at the end.
    first_event: Vec<usize>,
    /// By step: the step before it of the same source, 0 if it is the first.
    previous: Vec<u64>,
    /// By event: the last events before it that touched the same state.
    shared: Vec<Vec<usize>>,
    /// By step: the container and the client that it belongs to.
    places: Vec<StepSite>,
}

/// A piece of state that several tasks may touch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SharedState {
    /// One connection, in a container or outside.
    Connection(SocketId),
    /// A machine under its id.
    Machine(u32, ConnectionId),
    /// A lock of a container.
    Lock(u32, LockName, u64),
    /// A breaker of a container.
    Breaker(u32, Breaker),
    /// A component of a container.
    Component(u32, Component),
    /// A container as a whole.
    Container(u32),
    /// A backing service.
    Service(Service),
    /// A client.
    Client(u32),
    /// A client's message.
    Message(MessageId),
    /// An agent run.
    Run(RunId),
}

impl SharedState {
    /// What an actor touched; none if it names state of its container without being one.
    fn of(actor: Actor, touched: Touched<'_>) -> Option<Self> {
        let own = || match actor {
            Actor::Container(container) => Some(container),
            _ => None,
        };
        Some(match touched {
            Touched::Machine(id) => SharedState::Machine(own()?, id.clone()),
            Touched::Lock(lock, instance) => SharedState::Lock(own()?, lock, instance),
            Touched::Breaker(breaker) => SharedState::Breaker(own()?, breaker),
            Touched::Component(component) => SharedState::Component(own()?, component),
            Touched::OwnContainer => SharedState::Container(own()?),
            Touched::Container(container) => SharedState::Container(container),
            Touched::Service(service) => SharedState::Service(service),
            Touched::Client(client) => SharedState::Client(client),
            Touched::Message(message) => SharedState::Message(message.clone()),
            Touched::Run(run) => SharedState::Run(run),
        })
    }

    /// Whether two steps that touch it always affect each other. Steps of one connection, or in one
    /// container, need not.
    pub fn is_particular(&self) -> bool {
        match self {
            SharedState::Machine(..)
            | SharedState::Lock(..)
            | SharedState::Breaker(..)
            | SharedState::Message(_)
            | SharedState::Run(_) => true,
            SharedState::Connection(_)
            | SharedState::Component(..)
            | SharedState::Container(_)
            | SharedState::Service(_)
            | SharedState::Client(_) => false,
        }
    }
}

/// The container and the client that a step belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepSite {
    /// The container in whose memory it works.
    pub container: Option<u32>,
    /// The client whose connections it serves.
    pub peer: Option<u32>,
}

impl StepSite {
    /// Whether a step at one place can affect a step at the other.
    pub fn meets(self, other: StepSite) -> bool {
        let same = |a: Option<u32>, b: Option<u32>| a.is_some() && a == b;
        same(self.container, other.container) || same(self.peer, other.peer)
    }
}

impl<'a> Graph<'a> {
    /// Of an outcome with trace and causes, in which the event with this number is to be explained.
    pub fn new(outcome: &'a Outcome, focus: u64) -> Self {
        let steps = outcome.causes.len();
        let mut graph = Graph {
            outcome,
            focus,
            first_event: Vec::with_capacity(steps as usize + 2),
            previous: vec![0],
            shared: Vec::with_capacity(outcome.trace.len()),
            places: Vec::new(),
        };
        let mut last = vec![0; outcome.causes.sources().len()];
        for (number, step) in outcome.causes.steps() {
            graph.previous.push(last[step.source as usize]);
            last[step.source as usize] = number;
        }
        let mut next = 0;
        for step in 0..=steps + 1 {
            next += outcome.trace[next..]
                .iter()
                .take_while(|entry| entry.step < step)
                .count();
            graph.first_event.push(next);
        }
        let mut touched = BTreeMap::new();
        let mut served_by = BTreeMap::new();
        for (index, entry) in outcome.trace.iter().enumerate() {
            let mut before = BTreeSet::new();
            for state in states(entry) {
                before.extend(touched.insert(state, index));
            }
            graph.shared.push(before.into_iter().collect());
            if let (Actor::Container(container), Fact::Protocol(_)) = (entry.actor, &entry.fact)
                && let Some(socket) = entry.socket()
            {
                served_by.insert(socket, container);
            }
        }
        graph.places = (0..=steps)
            .map(|step| graph.find_place(step, &served_by))
            .collect();
        graph
    }

    /// The recorded causes of its steps.
    pub fn causes(&self) -> &'a Causes {
        &self.outcome.causes
    }

    /// The whole trace.
    pub fn trace(&self) -> &'a [TraceEvent] {
        &self.outcome.trace
    }

    /// The events of a step.
    pub fn events(&self, step: u64) -> &'a [TraceEvent] {
        let step = step as usize;
        match (self.first_event.get(step), self.first_event.get(step + 1)) {
            (Some(&from), Some(&to)) => &self.outcome.trace[from..to],
            (_, _) => &[],
        }
    }

    /// The step before it of the same task, 0 if there is none.
    pub fn previous(&self, step: u64) -> u64 {
        self.previous.get(step as usize).copied().unwrap_or(0)
    }

    /// The container and the client that a step belongs to.
    pub fn place(&self, step: u64) -> StepSite {
        self.places.get(step as usize).copied().unwrap_or_default()
    }

    fn find_place(&self, step: u64, served_by: &BTreeMap<SocketId, u32>) -> StepSite {
        let mut place = StepSite::default();
        match self.causes().source_of(step).map(|source| source.entity) {
            Some(Actor::Socket(socket)) => {
                place.peer = Some(socket.peer);
                place.container = served_by.get(&socket).copied();
            }
            Some(Actor::Client(peer)) => place.peer = Some(peer),
            Some(Actor::Container(container)) => place.container = Some(container),
            Some(Actor::World | Actor::Balancer | Actor::Service(_)) | None => {}
        }
        for entry in self.events(step) {
            match entry.actor {
                Actor::Container(container) => place.container = Some(container),
                Actor::Client(peer) => place.peer = Some(peer),
                Actor::World | Actor::Balancer | Actor::Service(_) | Actor::Socket(_) => {}
            }
            if let Fact::World(
                WorldEvent::ContainerGone { container, .. }
                | WorldEvent::ContainerStalled { container }
                | WorldEvent::ContainerResumed { container }
                | WorldEvent::ContainerTerminating { container }
                | WorldEvent::ContainerStarted { container, .. },
            ) = entry.fact
            {
                place.container = Some(container);
            }
        }
        place
    }

    /// Whether a step belongs to a fault of the plan.
    pub fn is_fault(&self, step: u64) -> bool {
        let source = self.causes().source_of(step);
        source.is_some_and(|source| source.purpose == Purpose::Turn("fault"))
    }

    /// The number of the fault that a step belongs to.
    pub fn fault_of(&self, step: u64) -> Option<u32> {
        let source = self
            .causes()
            .source_of(step)
            .filter(|_| self.is_fault(step))?;
        Some(source.instance)
    }

    /// What leads to a step directly.
    fn leads_to(&self, step: u64) -> impl Iterator<Item = u64> {
        let by = self.causes().step(step).map_or(0, |step| step.by.into());
        let events = self.events(step);
        let from = events.first().map_or(0, |entry| entry.number as usize);
        let shared = (from..from + events.len()).flat_map(|index| &self.shared[index]);
        let shared = shared.map(|index| self.outcome.trace[*index].step);
        [by, self.previous(step)]
            .into_iter()
            .chain(shared)
            .filter(move |before| *before > 0 && *before < step)
    }

    /// Every step that led to this one, and itself.
    pub fn behind(&self, step: u64) -> BTreeSet<u64> {
        let mut behind = BTreeSet::from([step]);
        let mut open = vec![step];
        while let Some(step) = open.pop() {
            for before in self.leads_to(step) {
                if behind.insert(before) {
                    open.push(before);
                }
            }
        }
        behind
    }

    /// Every step up to `last` that cannot happen before this one has: what it made ready, the
    /// later steps of the same task, and so on. Shared state does not count: it is what an
    /// order decides about.
    pub fn ahead(&self, step: u64, last: u64) -> Ahead {
        let mut ahead = Ahead {
            from: step,
            reached: vec![true],
        };
        for later in step + 1..=last {
            let by = self
                .causes()
                .step(later)
                .map_or(0, |record| record.by.into());
            let reached = ahead.has(by) || ahead.has(self.previous(later));
            ahead.reached.push(reached);
        }
        ahead
    }

    /// The event of a step that says most about it; of several that say as much, the last, since
    /// that is what the step leaves behind.
    pub fn headline(&self, step: u64) -> Option<&'a TraceEvent> {
        let events = self.events(step).iter();
        events.max_by_key(|entry| (entry.number == self.focus, weight(entry)))
    }

    /// An event of each step, both about the same piece of state; those that say most of it.
    pub fn meeting(&self, steps: [u64; 2]) -> Option<[&'a TraceEvent; 2]> {
        let [first, second] = steps.map(|step| self.events(step));
        let pairs = first
            .iter()
            .flat_map(|a| second.iter().map(move |b| [a, b]));
        pairs
            .filter(|[a, b]| {
                let touched = states(b);
                let mut particular = states(a).into_iter().filter(SharedState::is_particular);
                particular.any(|state| touched.contains(&state))
            })
            .max_by_key(|pair| {
                let in_focus = pair.iter().any(|entry| entry.number == self.focus);
                (
                    in_focus,
                    pair.map(|entry| u32::from(weight(entry)))
                        .iter()
                        .sum::<u32>(),
                )
            })
    }

    /// The first step with events that this one leads to by waking, if it has none itself.
    pub fn speaking(&self, step: u64) -> Option<u64> {
        const FAR: u64 = 64;
        if !self.events(step).is_empty() {
            return Some(step);
        }
        let last = (step + FAR).min(self.causes().len());
        let ahead = self.ahead(step, last);
        (step..=last).find(|later| ahead.has(*later) && !self.events(*later).is_empty())
    }

    /// The task that took a step, for people: `endpoint of c0#1`.
    pub fn who(&self, step: u64) -> String {
        let who = self
            .causes()
            .source_of(step)
            .map_or("start".to_owned(), name_of);
        match self.place(step).container {
            Some(container) => format!("{who}, container{container}"),
            None => who,
        }
    }
}

/// Steps that cannot happen before another.
pub struct Ahead {
    from: u64,
    reached: Vec<bool>,
}

impl Ahead {
    /// Whether this step is one of them.
    pub fn has(&self, step: u64) -> bool {
        let place = step.checked_sub(self.from).map(|place| place as usize);
        place.is_some_and(|place| self.reached.get(place) == Some(&true))
    }
}

fn name_of(source: &Source) -> String {
    match source.purpose {
        Purpose::Turn("client") => source.entity.to_string(),
        Purpose::Turn("fault") => format!("fault {}", source.instance),
        Purpose::Turn(task) => format!("{task} of {}", source.entity),
        Purpose::Delivery(to) => format!("a frame of {} to {to}", source.entity),
        Purpose::GiveUp(to) => format!("the patience of {} towards {to}", source.entity),
        _ => source.to_string(),
    }
}

/// An event of this weight changes what a connection is.
pub const WEIGHTY: u8 = 7;

/// How much an event says about the step in which it happens.
pub fn weight(entry: &TraceEvent) -> u8 {
    match entry.fact {
        // Every few seconds, or beside an event that says more.
        Fact::Protocol(Event::IdGiven { .. }) | Fact::World(WorldEvent::PongArrived { .. }) => {
            return 4;
        }
        // A number decided.
        Fact::Protocol(Event::LimitReached { .. })
        | Fact::World(WorldEvent::MessageForgotten { .. }) => return WEIGHTY,
        _ => {}
    }
    match entry.fact.subject() {
        Subject::Error => 10,
        Subject::Machine => 9,
        Subject::Ready => 8,
        Subject::Life | Subject::Containment | Subject::Heartbeat => 7,
        Subject::Message | Subject::Run | Subject::View => 6,
        Subject::Client | Subject::World => 5,
        Subject::Other => 4,
        Subject::Waiting => 3,
        Subject::Holding => 2,
        Subject::Call => 1,
    }
}

/// The state that an event touches.
pub fn states(event: &TraceEvent) -> Vec<SharedState> {
    let connections = event.sockets().into_iter().map(SharedState::Connection);
    let touched = event.fact.row().touches().into_iter();
    connections
        .chain(touched.filter_map(|touched| SharedState::of(event.actor, touched)))
        .collect()
}
