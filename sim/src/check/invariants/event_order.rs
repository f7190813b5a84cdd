//! The events of a run reach the client in the order of emission, and messages are executed in the
//! order of arrival (I-11).
//!
//! Knows from: what runs emit, what clients receive, what arrives at servers, and what is executed.

use std::{cmp::Ordering, collections::BTreeMap};

use gatesim_model::core::ids::RunId;

use super::{
    message_order::MessageOrder,
    rule::{Findings, Rule},
    view::LiveView,
};
use crate::trace::{
    event::{Fact, TraceEvent, WorldEvent},
    vocabulary::Subject,
};

/// The sequence numbers that a client receives for one run (`ClientGotEvent`) only ever grow, over
/// all connections and containers. Missing ones are judged by I-10 and I-12.
#[derive(Default)]
pub(super) struct EventsInOrder {
    /// The last event that each client received, by run.
    latest: BTreeMap<u32, BTreeMap<RunId, u32>>,
    messages: MessageOrder,
}

impl Rule for EventsInOrder {
    fn subjects(&self) -> u32 {
        Subject::Client.bit() | Subject::Message.bit() | Subject::Life.bit()
    }

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        match &entry.fact {
            Fact::World(
                WorldEvent::ClientDone { client } | WorldEvent::ClientGaveUp { client, .. },
            ) => {
                self.latest.remove(client);
            }
            Fact::World(WorldEvent::ClientGotEvent {
                socket,
                run,
                message,
                seq,
                kind,
                ..
            }) => {
                let runs = self.latest.entry(socket.peer).or_default();
                let Some(latest) = runs.insert(*run, *seq) else {
                    return;
                };
                let cause = match seq.cmp(&latest) {
                    Ordering::Greater => return,
                    Ordering::Equal => "event received twice",
                    Ordering::Less => "event received after a later one",
                };
                found.add((*socket, message), cause, || {
                    format!(
                        "{socket} received event {seq} ({kind}) of {run} for message {message} \
                         after event {latest} of the same run."
                    )
                });
            }
            Fact::Protocol(_) | Fact::World(_) => self.messages.observe(view, entry, found),
        }
    }
}
