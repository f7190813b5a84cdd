//! Events and steps of the smaller run in the run that is explained.

use std::collections::BTreeMap;

use gatesim_model::{
    core::ids::{MessageId, RunId, SocketId},
    event::Event,
};
use gatesim_sim::{
    run::outcome::Outcome,
    scheduler::causes::StepName,
    trace::{
        event::{Actor, Fact, TraceEvent},
        vocabulary::Touched,
    },
};

/// What an event is in every run that has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct CommonEvent {
    actor: Actor,
    title: String,
    sockets: Vec<SocketId>,
    /// Of the message, or of the run of the message.
    messages: Vec<MessageId>,
    /// The whole line, where it names neither a connection nor a message.
    line: Option<String>,
}

/// Finds what the smaller run has in the original.
pub struct Counterparts<'a> {
    original: &'a Outcome,
    /// The connection concerned in the original and in the smaller run.
    concerned: Option<(SocketId, SocketId)>,
    /// By event of the smaller run: its number in the original.
    events: Vec<Option<u64>>,
}

impl<'a> Counterparts<'a> {
    /// Events of the two runs with the same key are joined in order. `concerned` is the connection
    /// concerned in the original and in the smaller run: its client may have had others before.
    pub fn new(
        original: &'a Outcome,
        smaller: &Outcome,
        concerned: Option<(SocketId, SocketId)>,
    ) -> Self {
        let mut places = BTreeMap::<CommonEvent, Vec<u64>>::new();
        for (key, entry) in keyed(&original.trace, |socket| socket) {
            places.entry(key).or_default().push(entry.number);
        }
        let mut used = BTreeMap::<CommonEvent, usize>::new();
        let shifted = |socket: SocketId| match concerned {
            Some((to, from)) if socket.peer == from.peer && from.peer == to.peer => SocketId {
                attempt: (socket.attempt + to.attempt).saturating_sub(from.attempt),
                ..socket
            },
            _ => socket,
        };
        let events = keyed(&smaller.trace, shifted).map(|(key, _)| {
            let found = places.get(&key)?;
            let ordinal = used.entry(key).or_default();
            *ordinal += 1;
            found.get(*ordinal - 1).copied()
        });
        Counterparts {
            events: events.collect(),
            concerned,
            original,
        }
    }

    /// The same, if these two events are one.
    pub fn joined(mut self, smaller: u64, original: u64) -> Self {
        if let Some(event) = self.events.get_mut(smaller as usize) {
            *event = Some(original);
        }
        self
    }

    /// An event of the smaller run in the original, if it has it.
    pub fn event(&self, number: u64) -> Option<u64> {
        self.events.get(number as usize).copied().flatten()
    }

    /// A step of the smaller run in the original, if it has it.
    pub fn step(&self, name: &StepName) -> Option<u64> {
        self.original.causes.find(name)
    }

    /// The name of a step or of its task, with the connection that the original has in place of the
    /// one concerned.
    pub fn named(&self, text: &str) -> String {
        let Some((to, from)) = self.concerned.filter(|(to, from)| to != from) else {
            return text.to_owned();
        };
        let [to, from] = [to, from].map(|socket| socket.to_string());
        let goes_on =
            |rest: &str| rest.starts_with(|next: char| next.is_ascii_digit() || next == '\'');
        match text.split_once(&from) {
            Some((before, rest)) if !goes_on(rest) => format!("{before}{to}{rest}"),
            Some(_) | None => text.to_owned(),
        }
    }
}

fn keyed(
    trace: &[TraceEvent],
    named: impl Fn(SocketId) -> SocketId,
) -> impl Iterator<Item = (CommonEvent, &TraceEvent)> {
    let mut asked_by = BTreeMap::<(Actor, RunId), MessageId>::new();
    trace.iter().map(move |entry| {
        if let Fact::Protocol(Event::RunStarted { run, message, .. }) = &entry.fact {
            asked_by.insert((entry.actor, *run), message.clone());
        }
        let row = entry.fact.row();
        let messages: Vec<MessageId> = (row.touches().into_iter())
            .filter_map(|touched| match touched {
                Touched::Message(message) => Some(message.clone()),
                Touched::Run(run) => asked_by.get(&(entry.actor, run)).cloned(),
                _ => None,
            })
            .collect();
        let sockets: Vec<SocketId> = (entry.sockets().into_iter()).map(&named).collect();
        let is_named = !sockets.is_empty() || !messages.is_empty();
        let actor = match entry.actor {
            Actor::Socket(socket) => Actor::Socket(named(socket)),
            actor => actor,
        };
        let key = CommonEvent {
            actor,
            title: row.title(),
            sockets,
            messages,
            line: (!is_named).then(|| row.line()),
        };
        (key, entry)
    })
}
