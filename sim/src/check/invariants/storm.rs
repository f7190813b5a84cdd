//! A client that is turned away comes back more and more slowly (I-17).

use std::{collections::VecDeque, time::Duration};

use gatesim_model::core::{ids::SocketId, time::Time};

use super::{
    limits::Limits,
    rule::{Finding, Rule},
    view::View,
};
use crate::{
    check::per_client::PerClient,
    trace::{
        event::{Fact, TraceEvent, WorldEvent},
        vocabulary::Subject,
    },
};

/// Counts each client's attempts within a sliding window. A connection that held for a while
/// after its welcome clears the count: what follows it is a new story. One that was welcomed and
/// ended at once does not, or a gateway that says yes before no would hide every storm.
pub(super) struct ClientsDoNotStorm {
    window: Duration,
    most: usize,
    settled: Duration,
    clients: PerClient<u32, Attempts>,
}

/// One client's attempts since the last connection that held.
#[derive(Default)]
struct Attempts {
    /// In the window, at most one more than allowed.
    times: VecDeque<Time>,
    /// The connection that was welcomed, and when.
    welcomed: Option<(SocketId, Time)>,
    /// How the last one ended.
    last_end: Option<End>,
}

#[derive(Clone, Copy)]
enum End {
    Refused(u16),
    Closed(u16),
}

impl End {
    fn in_words(self) -> String {
        match self {
            End::Refused(0) => "no connection came about".to_owned(),
            End::Refused(status) => format!("it was answered with HTTP {status}"),
            End::Closed(code) => format!("it was closed with {code}"),
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

    fn attempt(&mut self, now: Time, socket: SocketId) -> Option<Finding> {
        let attempts = self.clients.entry(socket.peer).or_default();
        while let Some(first) = attempts.times.front() {
            if now.since(*first) < self.window {
                break;
            }
            attempts.times.pop_front();
        }
        attempts.times.push_back(now);
        if attempts.times.len() <= self.most {
            return None;
        }
        let first = attempts.times.pop_front()?;
        let how = attempts
            .last_end
            .map_or_else(|| "it has not ended".to_owned(), End::in_words);
        Some(Finding::new(
            socket,
            "attempts without back-off",
            format!(
                "client{} made its attempt number {} within {} s; a sound back-off makes {} in \
                 {} s at most. The attempt before: {how}.",
                socket.peer,
                self.most + 1,
                now.since(first).as_secs(),
                self.most,
                self.window.as_secs(),
            ),
        ))
    }

    fn ended(&mut self, now: Time, socket: SocketId, end: End) {
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

    fn observe(&mut self, _: &View, entry: &TraceEvent) -> Option<Finding> {
        let now = entry.time;
        if let Fact::World(event) = &entry.fact {
            if let WorldEvent::ClientConnecting { socket, .. } = event {
                return self.attempt(now, *socket);
            } else if let WorldEvent::ClientReady { socket } = event {
                if let Some(attempts) = self.clients.get_mut(&socket.peer) {
                    attempts.welcomed = Some((*socket, now));
                }
            } else if let WorldEvent::ClientRefused { socket, status } = event {
                self.ended(now, *socket, End::Refused(*status));
            } else if let WorldEvent::ClientClosed { socket, code, .. } = event {
                self.ended(now, *socket, End::Closed(*code));
            } else if let WorldEvent::ClientDone { client }
            | WorldEvent::ClientGaveUp { client, .. } = event
            {
                self.clients.remove(client);
            }
        }
        None
    }
}
