//! Failures of one client do not keep another client out (I-18).
//!
//! Knows from: `BreakerFed`, `BreakerMoved`, `BreakerRefused` and `AdmissionRefused`; whose client it is
//! comes from `ClientConnecting`.

use std::collections::{BTreeMap, VecDeque};

use gatesim_model::{
    core::ids::SocketId,
    event::{AdmissionLimit, Blame, Breaker, BreakerState, Event},
};

use super::{
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

/// Failures that are remembered for one breaker at most; none opens after more.
const MAX_FAILURES: usize = 64;

/// Knows which failures each breaker counts and which client caused them, and judges at each refusal
/// whether the refused client, or another of its user, had a part in them.
///
/// - A breaker that is open may refuse every client when the server's side has failed. One that
///   was opened by failures of clients alone may refuse only clients of their users.
/// - A limit on connections from one address may be reached by the address's own user. If
///   connections of another user were counted, the address is shared.
#[derive(Default)]
pub(super) struct FailuresStayLocal {
    /// By client.
    users: PerClient<u32, u32>,
    ledgers: BTreeMap<(u32, Breaker), FailureLedger>,
}

/// The failures that one breaker was fed.
#[derive(Default)]
struct FailureLedger {
    /// The failures that count now.
    counted: VecDeque<(SocketId, Blame)>,
    /// Those that counted when it opened.
    opened_by: Vec<(SocketId, Blame)>,
}

impl FailuresStayLocal {
    fn same_user(&self, one: SocketId, other: SocketId) -> bool {
        one.peer == other.peer || self.users.get(&one.peer) == self.users.get(&other.peer)
    }

    fn fed(&mut self, at: (u32, Breaker), socket: SocketId, blame: Blame, failures: u32) {
        let ledger = self.ledgers.entry(at).or_default();
        ledger.counted.push_back((socket, blame));
        let count = (failures as usize).clamp(1, MAX_FAILURES);
        let forgotten = ledger.counted.len().saturating_sub(count);
        ledger.counted.drain(..forgotten);
    }

    fn moved(&mut self, at: (u32, Breaker), to: BreakerState) {
        let ledger = self.ledgers.entry(at).or_default();
        match to {
            BreakerState::Open => ledger.opened_by = ledger.counted.iter().copied().collect(),
            BreakerState::HalfOpen => ledger.opened_by.clear(),
            BreakerState::Closed => *ledger = FailureLedger::default(),
        }
    }

    fn refused(&self, at: (u32, Breaker), socket: SocketId, found: &mut Findings) {
        let Some(FailureLedger { opened_by, .. }) = self.ledgers.get(&at) else {
            return;
        };
        let of_clients = opened_by.iter().all(|(_, blame)| match blame {
            Blame::Client => true,
            Blame::Server => false,
        });
        let of_others = opened_by
            .iter()
            .any(|(failed, _)| !self.same_user(*failed, socket));
        if !of_clients || !of_others {
            return;
        }
        let (container, breaker) = at;
        let cause = format_args!("breaker {breaker} opened by other clients");
        found.add(socket, cause, || {
            let failed: Vec<String> = opened_by
                .iter()
                .map(|(failed, _)| failed.to_string())
                .collect();
            format!(
                "{socket} was refused by the breaker {breaker} of container{container}, which was \
                 opened by failures that were the clients' own fault, and not this one's: {}.",
                failed.join(", ")
            )
        });
    }

    fn exceeded(
        &self,
        socket: SocketId,
        limit: AdmissionLimit,
        counted: &[SocketId],
        found: &mut Findings,
    ) {
        let others: Vec<String> = counted
            .iter()
            .filter(|counted| !self.same_user(**counted, socket))
            .map(ToString::to_string)
            .collect();
        if others.is_empty() {
            return;
        }
        let (cause, what) = match limit {
            AdmissionLimit::Pool => ("pool shared with other clients", "has too many connections"),
            AdmissionLimit::Rate => ("rate shared with other clients", "connects too fast"),
        };
        found.add(socket, cause, || {
            format!(
                "{socket} was refused because its address {what}, but of the {} that were counted \
                 {} belong to other users: {}.",
                counted.len(),
                others.len(),
                others.join(", ")
            )
        });
    }
}

impl Rule for FailuresStayLocal {
    fn subjects(&self) -> u32 {
        Subject::Containment.bit() | Subject::Client.bit() | Subject::Life.bit()
    }

    fn observe(&mut self, _: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        let at = |breaker: &Breaker| (container_of(entry), *breaker);
        match &entry.fact {
            Fact::World(WorldEvent::ClientConnecting { socket, user }) => {
                self.users.insert(socket.peer, *user);
            }
            Fact::World(WorldEvent::ContainerGone { container, .. }) => {
                self.ledgers.retain(|(of, _), _| of != container);
            }
            Fact::Protocol(Event::BreakerFed {
                socket,
                breaker,
                blame,
                failures,
            }) => self.fed(at(breaker), *socket, *blame, *failures),
            Fact::Protocol(Event::BreakerMoved { breaker, to }) => self.moved(at(breaker), *to),
            Fact::Protocol(Event::BreakerRefused { socket, breaker }) => {
                self.refused(at(breaker), *socket, found);
            }
            Fact::Protocol(Event::AdmissionRefused {
                socket,
                limit,
                counted,
            }) => self.exceeded(*socket, *limit, counted, found),
            Fact::Protocol(_) | Fact::World(_) => {}
        }
    }
}
