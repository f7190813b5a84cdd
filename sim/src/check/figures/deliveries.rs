//! Answers as clients receive them: agent runs of which a client has every event.
//!
//! Knows from: what clients send and receive.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_model::core::{
    ids::{MessageId, RunId},
    message::AgentEventKind,
};

use crate::plan::figure::Figures;
use crate::trace::event::WorldEvent;

/// Follows each run at the client that asked for it.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    /// Messages that a client has sent and whose runs it has not received in full: what another
    /// tab of its user receives of them does not count.
    asked: BTreeSet<(u32, MessageId)>,
    streams: BTreeMap<RunAtClient, ReceivedEvents>,
}

/// One run as one client sees it: runs are numbered per container, messages are not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RunAtClient {
    client: u32,
    message: MessageId,
    run: RunId,
}

/// The sequence numbers received, and the last one if it is known.
#[derive(Debug, Default)]
struct ReceivedEvents {
    seqs: BTreeSet<u32>,
    last: Option<u32>,
}

impl Deliveries {
    pub(super) fn world(&mut self, figures: &mut Figures, event: &WorldEvent) {
        match event {
            WorldEvent::ClientSent { socket, message } => {
                self.asked.insert((socket.peer, message.clone()));
            }
            WorldEvent::ClientGotEvent {
                socket,
                run,
                message,
                seq,
                kind,
                ..
            } => {
                let stream = RunAtClient {
                    client: socket.peer,
                    message: message.clone(),
                    run: *run,
                };
                if self.received(stream, *seq, *kind) {
                    figures.agent_runs_delivered += 1;
                }
            }
            WorldEvent::ClientDone { client } | WorldEvent::ClientGaveUp { client, .. } => {
                self.forget_client(*client);
            }
            _ => {}
        }
    }

    /// An event has arrived; whether the client now has every event of the run.
    fn received(&mut self, stream: RunAtClient, seq: u32, kind: AgentEventKind) -> bool {
        let asked = (stream.client, stream.message.clone());
        if !self.asked.contains(&asked) {
            return false;
        }
        let received = self.streams.entry(stream.clone()).or_default();
        received.seqs.insert(seq);
        if kind == AgentEventKind::AgentCompleted {
            received.last = Some(seq);
        }
        let complete = received
            .last
            .is_some_and(|last| received.seqs.range(..=last).count() as u64 == u64::from(last) + 1);
        if complete {
            self.streams.remove(&stream);
            self.asked.remove(&asked);
        }
        complete
    }

    fn forget_client(&mut self, client: u32) {
        let first_of = |client| RunAtClient {
            client,
            message: MessageId::from(""),
            run: RunId(0),
        };
        let next = client + 1;
        self.streams
            .extract_if(first_of(client)..first_of(next), |_, _| true)
            .for_each(drop);
        let asked = (client, MessageId::from(""))..(next, MessageId::from(""));
        self.asked.extract_if(asked, |_| true).for_each(drop);
    }
}
