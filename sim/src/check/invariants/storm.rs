//! A client that is refused retries more and more slowly (I-17).
//!
//! Knows from: `ClientConnecting`, `ClientReady`, `ClientRefused` and `ClientClosed`.

use std::{collections::VecDeque, time::Duration};

use gatesim_model::core::{ids::SocketId, time::Time};

use super::{
    limits::Limits,
    rule::{Findings, Rule},
    view::LiveView,
};
use crate::{
    check::per_client::PerClient,
    trace::{
        event::{Fact, TraceEvent, WorldEvent},
        vocabulary::Subject,
    },
};

/// Counts each client's attempts within a sliding window. A connection that lasted for a while
/// after its welcome clears the count. One that was welcomed and ended at once does not, or a
/// gateway that welcomes each client before it refuses it would hide every storm.
pub(super) struct ClientsDoNotStorm {
    window: Duration,
    most: usize,
    settled: Duration,
    clients: PerClient<u32, RecentAttempts>,
}

/// One client's attempts since the last connection that held.
#[derive(Default)]
struct RecentAttempts {
    /// In the window, at most one more than allowed.
    times: VecDeque<Time>,
    /// The connection that was welcomed, and when.
    welcomed: Option<(SocketId, Time)>,
    /// How the last one ended.
    last_end: Option<AttemptEnd>,
}

#[derive(Clone, Copy)]
enum AttemptEnd {
    Refused(u16),
    Closed(u16),
}

impl AttemptEnd {
    fn in_words(self) -> String {
        match self {
            AttemptEnd::Refused(0) => "no connection came about".to_owned(),
            AttemptEnd::Refused(status) => format!("it was answered with HTTP {status}"),
            AttemptEnd::Closed(code) => format!("it was closed with {code}"),
        }
    }
}

impl ClientsDoNotStorm {
    pub(super) fn new(limits: &Limits) -> Self {
        ClientsDoNotStorm {
            window: limits.attempts_window,
            most: limits.attempts,
            settled: limits.settled,
            clients: PerClient::new(),
        }
    }

    fn attempt(&mut self, now: Time, socket: SocketId, found: &mut Findings) {
        let attempts = self.clients.entry(socket.peer).or_default();
        while let Some(first) = attempts.times.front() {
            if now.since(*first) < self.window {
                break;
            }
            attempts.times.pop_front();
        }
        attempts.times.push_back(now);
        if attempts.times.len() <= self.most {
            return;
        }
        if let Some(first) = attempts.times.pop_front() {
            found.add(socket, "attempts without back-off", || {
                let how = attempts
                    .last_end
                    .map_or_else(|| "it has not ended".to_owned(), AttemptEnd::in_words);
                format!(
                    "client{} made its attempt number {} within {} s; a sound back-off makes {} in \
                     {} s at most. The attempt before: {how}.",
                    socket.peer,
                    self.most + 1,
                    now.since(first).as_secs(),
                    self.most,
                    self.window.as_secs(),
                )
            });
        }
    }

    fn ended(&mut self, now: Time, socket: SocketId, end: AttemptEnd) {
        let Some(attempts) = self.clients.get_mut(&socket.peer) else {
            return;
        };
        attempts.last_end = Some(end);
        if let Some((welcomed, since)) = attempts.welcomed
            && welcomed == socket
        {
            attempts.welcomed = None;
            if now.since(since) >= self.settled {
                attempts.times.clear();
            }
        }
    }
}

impl Rule for ClientsDoNotStorm {
    fn subjects(&self) -> u32 {
        Subject::Client.bit()
    }

    fn observe(&mut self, _: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        let now = entry.time;
        if let Fact::World(event) = &entry.fact {
            match event {
                WorldEvent::ClientConnecting { socket, .. } => {
                    self.attempt(now, *socket, found);
                }
                WorldEvent::ClientReady { socket } => {
                    if let Some(attempts) = self.clients.get_mut(&socket.peer) {
                        attempts.welcomed = Some((*socket, now));
                    }
                }
                WorldEvent::ClientRefused { socket, status } => {
                    self.ended(now, *socket, AttemptEnd::Refused(*status));
                }
                WorldEvent::ClientClosed { socket, code, .. } => {
                    self.ended(now, *socket, AttemptEnd::Closed(*code));
                }
                WorldEvent::ClientDone { client } | WorldEvent::ClientGaveUp { client, .. } => {
                    self.clients.remove(client);
                }
                _ => {}
            }
        }
    }
}
