//! Nothing of a connection outlives its transport for long (I-09).
//!
//! Knows from: the events that create and remove tasks, table entries and machines, and from
//! `TransportEnded`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use gatesim_model::{
    core::{
        ids::{ConnectionId, RunId, SocketId},
        time::Time,
    },
    event::{Event, Table, TaskName},
};

use super::{
    deadlines::Deadlines,
    limits::Limits,
    rule::{Findings, Rule},
    view::{LiveView, container_of},
};
use crate::{
    check::per_client::PerClient,
    trace::{
        event::{Fact, TraceEvent, WorldEvent},
        vocabulary::Subject,
    },
};

/// Counts what each connection owns, and judges the count when the bound has passed.
///
/// An agent run belongs to its user: its tasks may outlive the connection until the run has ended,
/// and have the bound from then on. Whether the run ends is judged by I-12.
pub(super) struct NothingLeftBehind {
    bound: Duration,
    ledgers: PerClient<SocketId, ConnectionLedger>,
    due: Deadlines<SocketId>,
}

/// What one connection owns.
struct ConnectionLedger {
    container: u32,
    endpoint: EndpointLife,
    transport: TransportLife,
    machines: BTreeSet<ConnectionId>,
    tasks: BTreeMap<TaskName, u32>,
    entries: BTreeMap<Table, u32>,
    runs: BTreeSet<RunId>,
}

/// A kind of thing that is left, and how many there are.
enum Leftover<'a> {
    Endpoint,
    Task(TaskName, u32),
    Machine(&'a ConnectionId),
    Entry(Table, u32),
}

impl Leftover<'_> {
    /// As part of a sentence.
    fn in_words(&self) -> String {
        match self {
            Leftover::Endpoint => "its endpoint".to_owned(),
            Leftover::Task(task, count) => counted(*count, "task", task.name()),
            Leftover::Machine(id) => format!("its machine {id}"),
            Leftover::Entry(table, count) => counted(*count, "entry of table", table.name()),
        }
    }
}

/// As a cause. Each kind is one of its own: what is repaired hides nothing.
impl fmt::Display for Leftover<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Leftover::Endpoint => f.write_str("endpoint still running"),
            Leftover::Task(task, _) => write!(f, "{task} task left"),
            Leftover::Machine(_) => f.write_str("machine left"),
            Leftover::Entry(table, _) => write!(f, "{table} entry left"),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum EndpointLife {
    Runs,
    Ended,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TransportLife {
    Up,
    Ended(Time),
    /// It had ended and nothing was left, and then something of the connection was created.
    EndedLongAgo,
}

impl TransportLife {
    /// As a clause.
    fn in_words(self, socket: SocketId) -> String {
        match self {
            TransportLife::Up => format!("The transport of {socket} is up"),
            TransportLife::Ended(at) => format!("The transport of {socket} ended at {at}"),
            TransportLife::EndedLongAgo => {
                format!("{socket} was over and nothing was left of it")
            }
        }
    }
}

impl ConnectionLedger {
    fn new(container: u32, endpoint: EndpointLife, transport: TransportLife) -> Self {
        ConnectionLedger {
            container,
            endpoint,
            transport,
            machines: BTreeSet::new(),
            tasks: BTreeMap::new(),
            entries: BTreeMap::new(),
            runs: BTreeSet::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.endpoint == EndpointLife::Ended
            && self.machines.is_empty()
            && self.tasks.is_empty()
            && self.entries.is_empty()
    }

    /// What is left and may not be, the likeliest cause of the others first.
    fn leftovers(&self) -> impl Iterator<Item = Leftover<'_>> {
        let endpoint = (self.endpoint == EndpointLife::Runs).then_some(Leftover::Endpoint);
        let tasks = self.tasks.iter();
        let tasks = tasks.filter(|(task, _)| !(self.runs_on() && serves_a_run(**task)));
        let machines = self.machines.iter().map(Leftover::Machine);
        let entries = self.entries.iter();
        (endpoint.into_iter())
            .chain(tasks.map(|(task, count)| Leftover::Task(*task, *count)))
            .chain(machines)
            .chain(entries.map(|(table, count)| Leftover::Entry(*table, *count)))
    }

    /// Whether one of its agent runs has not ended.
    fn runs_on(&self) -> bool {
        !self.runs.is_empty()
    }
}

/// Tasks that work for an agent run and not for the connection.
fn serves_a_run(task: TaskName) -> bool {
    match task {
        TaskName::AgentRun | TaskName::EventDelivery => true,
        TaskName::Heartbeat
        | TaskName::Reader
        | TaskName::Answer
        | TaskName::Notice
        | TaskName::Accept
        | TaskName::CoordinatorPoller
        | TaskName::Startup
        | TaskName::RedisHealth
        | TaskName::ManagerReaper
        | TaskName::Shutdown => false,
    }
}

impl NothingLeftBehind {
    pub(super) fn new(limits: &Limits) -> Self {
        NothingLeftBehind {
            bound: limits.cleanup,
            ledgers: PerClient::new(),
            due: Deadlines::new(),
        }
    }

    /// Something of the connection was created. A connection that was over and forgotten is
    /// followed again and has the bound once more.
    fn add(
        &mut self,
        entry: &TraceEvent,
        socket: SocketId,
        change: impl FnOnce(&mut ConnectionLedger),
    ) {
        let ledger = self.ledgers.entry(socket).or_insert_with(|| {
            ConnectionLedger::new(
                container_of(entry),
                EndpointLife::Ended,
                TransportLife::EndedLongAgo,
            )
        });
        change(ledger);
        if ledger.transport != TransportLife::Up {
            self.due.arm_once(socket, entry.time + self.bound);
        }
    }

    /// Something of the connection ended.
    fn remove(&mut self, socket: SocketId, change: impl FnOnce(&mut ConnectionLedger)) {
        if let Some(ledger) = self.ledgers.get_mut(&socket) {
            change(ledger);
            if ledger.transport != TransportLife::Up && ledger.is_empty() {
                self.ledgers.remove(&socket);
                self.due.disarm(&socket);
            }
        }
    }

    fn protocol(&mut self, view: &LiveView, entry: &TraceEvent, event: &Event) {
        match event {
            Event::EndpointStarted { socket } => {
                let ledger = ConnectionLedger::new(
                    container_of(entry),
                    EndpointLife::Runs,
                    TransportLife::Up,
                );
                self.ledgers.insert(*socket, ledger);
            }
            Event::EndpointEnded { socket, .. } => {
                self.remove(*socket, |ledger| ledger.endpoint = EndpointLife::Ended);
            }
            Event::MachineRegistered {
                socket, connection, ..
            } => {
                self.add(entry, *socket, |ledger| {
                    ledger.machines.insert(connection.clone());
                });
            }
            Event::MachineUnregistered { connection, .. } => {
                if let Some(machine) = view.machine(container_of(entry), connection) {
                    self.remove(machine.owner, |ledger| {
                        ledger.machines.remove(connection);
                    });
                }
            }
            Event::TaskStarted { socket, name } => {
                self.add(entry, *socket, |ledger| {
                    *ledger.tasks.entry(*name).or_default() += 1
                });
            }
            Event::TaskEnded { socket, name } => {
                self.remove(*socket, |ledger| decrement(&mut ledger.tasks, name));
            }
            Event::EntryAdded { socket, table } => {
                self.add(entry, *socket, |ledger| {
                    *ledger.entries.entry(*table).or_default() += 1
                });
            }
            Event::EntryRemoved { socket, table } => {
                self.remove(*socket, |ledger| decrement(&mut ledger.entries, table));
            }
            Event::RunStarted { socket, run, .. } => {
                if let Some(ledger) = self.ledgers.get_mut(socket) {
                    ledger.runs.insert(*run);
                }
            }
            Event::RunEnded { socket, run, .. } => {
                if let Some(ledger) = self.ledgers.get_mut(socket) {
                    ledger.runs.remove(run);
                    if ledger.transport != TransportLife::Up {
                        self.due.arm_once(*socket, entry.time + self.bound);
                    }
                }
            }
            _ => {}
        }
    }
}

fn counted(count: u32, noun: &str, name: &str) -> String {
    match count {
        1 => format!("its {noun} {name}"),
        _ => format!("its {noun} {name} ({count} times)"),
    }
}

fn decrement<K: Ord>(counts: &mut BTreeMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl Rule for NothingLeftBehind {
    fn subjects(&self) -> u32 {
        Subject::Life.bit() | Subject::Machine.bit() | Subject::Holding.bit() | Subject::Run.bit()
    }

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent, _: &mut Findings) {
        match &entry.fact {
            Fact::Protocol(event) => self.protocol(view, entry, event),
            Fact::World(WorldEvent::TransportEnded { socket }) => {
                if self.ledgers.contains_key(socket) {
                    self.due.arm_once(*socket, entry.time + self.bound);
                }
                self.remove(*socket, |ledger| {
                    ledger.transport = TransportLife::Ended(entry.time)
                });
            }
            Fact::World(WorldEvent::ContainerGone { container, .. }) => {
                self.ledgers
                    .retain(|_, ledger| ledger.container != *container);
                let ledgers = &self.ledgers;
                self.due.retain(|socket| ledgers.contains_key(socket));
            }
            Fact::World(_) => {}
        }
    }

    fn has_deadlines(&self) -> bool {
        true
    }

    fn deadline(&mut self, view: &LiveView, now: Time, found: &mut Findings) {
        let (bound, ledgers) = (self.bound, &self.ledgers);
        let stalled =
            |socket: &SocketId, since| view.stalled(ledgers.get(socket)?.container, since, now);
        while let Some((time, socket)) = self.due.missed(now, |_| bound, stalled) {
            let Some(ledger) = self.ledgers.get(&socket) else {
                continue;
            };
            for left in ledger.leftovers() {
                found.at(time).add(socket, &left, || {
                    let (since, container) = (ledger.transport, ledger.container);
                    let others: Vec<String> = ledger
                        .leftovers()
                        .map(|other| other.in_words())
                        .filter(|other| *other != left.in_words())
                        .collect();
                    let others = match others.is_empty() {
                        true => String::new(),
                        false => format!("; also {}", others.join(", ")),
                    };
                    let left = left.in_words();
                    format!(
                        "{}; at {time} container{container} still holds {left}{others}.",
                        since.in_words(socket)
                    )
                });
            }
        }
    }
}
