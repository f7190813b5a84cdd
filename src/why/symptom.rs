//! What is to be explained, and whether another run shows it as well.

use gatesim_model::core::ids::{MessageId, SocketId};
use gatesim_sim::{
    check::Violation,
    run::outcome::Outcome,
    trace::{
        event::{Fact, TraceEvent, WorldEvent},
        vocabulary::Touched,
    },
};

use crate::target::expectation::Expectation;

/// How a run failed, what that concerns, and the event at which it was detected, unless it was a
/// deadline.
#[derive(Clone, Debug)]
pub struct Symptom {
    /// Invariant and cause.
    pub expect: Expectation,
    /// The client concerned, if it is one.
    pub client: Option<u32>,
    /// Its message, if it is about one.
    pub message: Option<MessageId>,
    /// What must come in this order for a run to be about the same: the faults, the connection of the client, or
    /// its message.
    milestones: Vec<Milestone>,
    /// Other causes with which the run broke the same invariant.
    pub others: Vec<String>,
    /// The event at which it was detected.
    pub mark: Option<EventIdentity>,
    /// The number of events with this identity up to that one.
    pub count: usize,
}

/// An event of the world that a value of the environment must not move past another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Milestone {
    /// The fault with this number was applied.
    Fault(u32),
    /// The client got its first connection.
    Opened,
    /// The message was sent for the first time.
    Sent,
    /// It reached a server for the first time.
    Arrived,
}

/// What identifies an event in other runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventIdentity {
    /// Its name.
    pub title: String,
    /// Its connections.
    pub sockets: Vec<SocketId>,
}

impl EventIdentity {
    /// Of this event.
    pub fn of(entry: &TraceEvent) -> Self {
        EventIdentity {
            title: entry.fact.row().title(),
            sockets: entry.sockets(),
        }
    }

    /// Whether it happens in a trace.
    pub fn is_in(&self, trace: &[TraceEvent]) -> bool {
        trace.iter().any(|entry| EventIdentity::of(entry) == *self)
    }
}

impl Symptom {
    /// Of a run that failed like this; `seen` is the event at which it was detected.
    pub fn of(expect: Expectation, outcome: &Outcome, seen: Option<&TraceEvent>) -> Self {
        let violation = violation_of(&expect, outcome);
        let mark = seen.map(EventIdentity::of);
        let until = seen.map_or(&outcome.trace[..0], |seen| {
            &outcome.trace[..=seen.number as usize]
        });
        let like = |entry: &&TraceEvent| Some(EventIdentity::of(entry)) == mark;
        let of_invariant = outcome
            .violations
            .iter()
            .filter(|one| one.invariant.name() == expect.invariant && one.cause != expect.cause);
        let mut symptom = Symptom {
            client: violation
                .and_then(|one| one.socket)
                .map(|socket| socket.peer),
            message: violation.and_then(|one| one.message.clone()),
            milestones: Vec::new(),
            others: of_invariant.map(|one| one.cause.clone()).collect(),
            count: until.iter().filter(like).count(),
            mark,
            expect,
        };
        let last = violation.map_or(u64::MAX, |one| one.event);
        symptom.milestones = symptom.milestones_until(outcome, last);
        symptom
    }

    /// The violation in a run that shows it.
    pub fn violation<'a>(&self, outcome: &'a Outcome) -> Option<&'a Violation> {
        violation_of(&self.expect, outcome)
    }

    /// Whether a run shows it, with the same client and message.
    pub fn persists(&self, outcome: &Outcome) -> bool {
        let client = |one: &Violation| one.socket.map(|socket| socket.peer);
        self.expect.is_met_by(outcome)
            && self.violation(outcome).is_none_or(|one| {
                (self.client.is_none() || client(one) == self.client)
                    && (self.message.is_none() || one.message == self.message)
            })
    }

    /// Whether a run does not show it. That the invariant is broken with a cause that the failing
    /// run did not have is the same failure under another name.
    pub fn is_gone(&self, outcome: &Outcome) -> bool {
        let renamed = |one: &Violation| {
            one.invariant.name() == self.expect.invariant && !self.others.contains(&one.cause)
        };
        outcome.panic.is_none()
            && !self.expect.is_met_by(outcome)
            && !outcome.violations.iter().any(renamed)
    }

    /// Whether a missed deadline is now missed for another reason.
    pub fn is_another(&self, outcome: &Outcome) -> bool {
        self.mark.is_none() && outcome.panic.is_none() && !self.expect.is_met_by(outcome)
    }

    /// Whether a run passes although it did not avoid what failed: the same faults and the same input of the
    /// client came in the same order.
    pub fn is_cured_in(&self, outcome: &Outcome) -> bool {
        let mut reached = self.milestones_until(outcome, u64::MAX);
        reached.retain(|milestone| self.milestones.contains(milestone));
        self.is_gone(outcome) && reached == self.milestones
    }

    /// Whether an event may be about the client or message that failed: no other is named.
    pub fn concerns(&self, entry: &TraceEvent) -> bool {
        let touched = entry.fact.row().touches();
        let other_message = touched.iter().any(|touched| match touched {
            Touched::Message(message) => Some(*message) != self.message.as_ref(),
            _ => false,
        });
        let is_own = |socket: &SocketId| Some(socket.peer) == self.client;
        let sockets = entry.sockets();
        let names_another = match sockets.is_empty() {
            true => self.client.is_some() && touched.is_empty(),
            false => !sockets.iter().any(is_own) && self.client.is_some(),
        };
        !other_message && !names_another
    }

    fn milestones_until(&self, outcome: &Outcome, last: u64) -> Vec<Milestone> {
        let mut reached = Vec::new();
        for entry in outcome.trace.iter().filter(|entry| entry.number <= last) {
            if let Some(milestone) = self.milestone(entry)
                && !reached.contains(&milestone)
            {
                reached.push(milestone);
            }
        }
        reached
    }

    fn milestone(&self, entry: &TraceEvent) -> Option<Milestone> {
        let Fact::World(event) = &entry.fact else {
            return None;
        };
        let is_about =
            |message: Option<&MessageId>| message.is_some() && message == self.message.as_ref();
        match event {
            WorldEvent::FaultApplied { fault } => Some(Milestone::Fault(*fault)),
            WorldEvent::ClientOpened { socket } => {
                (Some(socket.peer) == self.client).then_some(Milestone::Opened)
            }
            WorldEvent::ClientSent { message, .. } => {
                is_about(Some(message)).then_some(Milestone::Sent)
            }
            WorldEvent::MessageArrived { message, .. } => {
                is_about(message.as_ref()).then_some(Milestone::Arrived)
            }
            _ => None,
        }
    }
}

fn violation_of<'a>(expect: &Expectation, outcome: &'a Outcome) -> Option<&'a Violation> {
    outcome.violations.iter().find(|one| expect.is_of(one))
}
