//! The end of a connection names its cause, and the client sees it (I-14).
//!
//! Knows from: what the server hands over (`CloseSent`, `UpgradeRefused`, `EndpointEnded`), what the
//! client sees (`ClientClosed`, `ClientRefused`), who is there (clients, links, containers), which tokens
//! the plan makes good and which stops it gives time. The cause that the gateway states is used
//! against it only: a code that does not name it is a lie by its own account, and one that the world
//! contradicts is a lie as well.

use std::collections::BTreeSet;

use gatesim_model::{
    core::{ids::SocketId, time::Time},
    event::{CloseCause, EndpointEnd, Event},
};

use super::{
    limits::{KnownOfPlan, Limits},
    rule::{Findings, Rule},
    view::{LiveConnection, LiveView, container_of},
};
use crate::{
    check::{facts::close_codes, per_client::PerClient},
    trace::{
        event::{Actor, Fact, TraceEvent, WorldEvent},
        vocabulary::Subject,
    },
};

/// The HTTP status of an upgrade that was accepted.
const SWITCHING_PROTOCOLS: u16 = 101;

/// Judges each end that the server gives a connection.
///
/// - A close after accept needs a code that may be sent and that names the cause.
/// - A close before accept reaches the client as HTTP 403, with any code
///   (`docs/protocol.md#transport-6`). That is true of a client that was not authenticated or
///   misbehaved, and of nothing else.
/// - An upgrade that is refused with an HTTP error of its own needs one that names the cause.
/// - An endpoint that returns without a close ends the session normally, or, before accept, as
///   HTTP 500, which names a server fault. One that raises drops the transport
///   (`docs/protocol.md#transport-7`): 1006 says that something went wrong, which is true of a
///   server fault, and hides every other cause.
/// - A peer that is said to be gone must not be there, a container that is said to go away must have
///   been asked to stop, and a token that is said to be bad must not be good for ever. A session of a
///   peer that is there never ends normally: only the peer knows when it has everything.
/// - A container that is asked to stop, with time to spare, closes each of its connections.
/// - The client must see the code that was handed over, unless it closed first or a fault (a link
///   partitioned or reset, a container gone) stood between.
/// - A 101 that leaves out the subprotocol that was offered is no acceptance: a browser has to drop
///   the connection (RFC 6455, 4.1) without a reason that a person sees.
pub(super) struct CloseTellsTheTruth {
    known: KnownOfPlan,
    /// The attempts that clients have open, and the close that the server sent.
    open: PerClient<SocketId, Option<SentClose>>,
    /// Links that are partitioned.
    partitioned: BTreeSet<(Actor, Actor)>,
    /// Accepted without the subprotocol that was offered.
    unselected: BTreeSet<SocketId>,
}

/// A close on its way to the client.
#[derive(Clone, Copy)]
struct SentClose {
    code: u16,
    container: u32,
}

impl Rule for CloseTellsTheTruth {
    fn subjects(&self) -> u32 {
        Subject::Life.bit() | Subject::Client.bit()
    }

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        match &entry.fact {
            Fact::World(event) => self.world(view, entry.time, event, found),
            Fact::Protocol(Event::CloseSent {
                socket,
                code,
                cause,
                ..
            }) => {
                let connection = view.connection(*socket);
                let Some(connection) = connection.filter(|one| !one.peer_gone()) else {
                    return;
                };
                self.contradicted(view, (*socket, connection), *cause, found);
                if connection.accepted.is_none() {
                    return refusal_hides(*socket, *cause, found);
                }
                let said = SentClose {
                    code: *code,
                    container: container_of(entry),
                };
                if !self.disturbed(*socket, said.container)
                    && let Some(open) = self.open.get_mut(socket)
                {
                    *open = Some(said);
                }
                code_hides(*socket, *code, *cause, found);
            }
            Fact::Protocol(Event::Accepted {
                socket,
                subprotocol: None,
                offered: true,
            }) => {
                self.unselected.insert(*socket);
            }
            Fact::Protocol(Event::UpgradeRefused {
                socket,
                status,
                cause,
            }) => status_hides(*socket, *status, *cause, found),
            Fact::Protocol(Event::EndpointEnded { socket, how, cause }) => {
                let connection = view.connection(*socket);
                let unexplained =
                    connection.filter(|one| one.close_code.is_none() && !one.peer_gone());
                if let Some(connection) = unexplained {
                    self.contradicted(view, (*socket, connection), *cause, found);
                    match how {
                        EndpointEnd::Returned => silent_return(*socket, connection, *cause, found),
                        EndpointEnd::Raised => drop_hides(*socket, *cause, found),
                    }
                }
            }
            Fact::Protocol(_) => {}
        }
    }
}

/// A close before accept.
fn refusal_hides(socket: SocketId, cause: CloseCause, found: &mut Findings) {
    match cause {
        CloseCause::NotAuthenticated | CloseCause::ClientMisbehaved | CloseCause::PeerGone => {}
        CloseCause::Finished
        | CloseCause::Overload
        | CloseCause::NotReady
        | CloseCause::AuthUnavailable
        | CloseCause::ServerFault
        | CloseCause::GoingAway
        | CloseCause::PeerSilent => {
            let words = format_args!("close before accept hides {cause}");
            found.add(socket, words, || {
                format!(
                    "{socket} was closed before accept because of {cause}; the client sees \
                         HTTP 403, which blames it."
                )
            });
        }
    }
}

/// An HTTP error in the place of an accept.
fn status_hides(socket: SocketId, status: u16, cause: CloseCause, found: &mut Findings) {
    let expected = close_codes::statuses_that_name(cause);
    if expected.is_empty() || expected.contains(&status) {
        return;
    }
    let words = format_args!("HTTP status does not say {cause}");
    found.add(socket, words, || {
        format!(
            "The upgrade of {socket} was refused with HTTP {status}, but the cause was \
                 {cause}, which is {}.",
            close_codes::in_words(expected)
        )
    });
}

/// A close after accept.
fn code_hides(socket: SocketId, code: u16, cause: CloseCause, found: &mut Findings) {
    if !close_codes::is_legal(code) {
        return found.add(socket, "illegal close code", || {
            format!(
                "{socket} was closed with {code}, which a server may not put on the wire ({cause})."
            )
        });
    }
    let expected = close_codes::codes_that_name(cause);
    if expected.is_empty() || expected.contains(&code) {
        return;
    }
    let words = format_args!("close code does not say {cause}");
    found.add(socket, words, || {
        format!(
            "{socket} was closed with {code}, but the cause was {cause}, which is {} on the \
                 wire.",
            close_codes::in_words(expected)
        )
    });
}

/// An endpoint that returned without a close.
fn silent_return(
    socket: SocketId,
    connection: &LiveConnection,
    cause: CloseCause,
    found: &mut Findings,
) {
    let is_true = match cause {
        CloseCause::PeerGone | CloseCause::Finished => true,
        CloseCause::ServerFault => connection.accepted.is_none(),
        CloseCause::NotAuthenticated
        | CloseCause::ClientMisbehaved
        | CloseCause::Overload
        | CloseCause::NotReady
        | CloseCause::AuthUnavailable
        | CloseCause::GoingAway
        | CloseCause::PeerSilent => false,
    };
    if is_true {
        return;
    }
    let seen = match connection.accepted {
        Some(_) => "a normal end of the session",
        None => "HTTP 500",
    };
    let words = format_args!("return without a close hides {cause}");
    found.add(socket, words, || {
        format!(
            "The endpoint of {socket} returned without a close although the cause was \
                 {cause}; the client sees {seen}."
        )
    });
}

/// An endpoint that raised without a close.
fn drop_hides(socket: SocketId, cause: CloseCause, found: &mut Findings) {
    match cause {
        CloseCause::PeerGone | CloseCause::ServerFault => {}
        CloseCause::Finished
        | CloseCause::NotAuthenticated
        | CloseCause::ClientMisbehaved
        | CloseCause::Overload
        | CloseCause::NotReady
        | CloseCause::AuthUnavailable
        | CloseCause::GoingAway
        | CloseCause::PeerSilent => {
            let words = format_args!("dropped transport hides {cause}");
            found.add(socket, words, || {
                format!(
                    "The endpoint of {socket} raised an unhandled exception, although the \
                         cause was {cause}; the client sees its connection break."
                )
            });
        }
    }
}

impl CloseTellsTheTruth {
    pub(super) fn new(limits: &Limits) -> Self {
        CloseTellsTheTruth {
            known: limits.known.clone(),
            open: PerClient::new(),
            partitioned: BTreeSet::new(),
            unselected: BTreeSet::new(),
        }
    }

    /// Compares the cause that the server gives for an end with what the world knows.
    fn contradicted(
        &self,
        view: &LiveView,
        (socket, connection): (SocketId, &LiveConnection),
        cause: CloseCause,
        found: &mut Findings,
    ) {
        let stays = view.stopping(connection.container).is_none();
        let is_good = self.known.tokens_arrive && self.known.good_tokens.contains(&socket.peer);
        let (words, truth) = match cause {
            CloseCause::PeerGone if !connection.peer_may_be_gone() => {
                ("peer said to be gone is there", "its peer is there")
            }
            CloseCause::Finished if !connection.peer_may_be_gone() => (
                "session ended as finished",
                "its peer is there and had not ended it",
            ),
            CloseCause::GoingAway if stays => (
                "container said to go away stays",
                "its container was not asked to stop",
            ),
            CloseCause::NotAuthenticated if is_good => (
                "good token said to be bad",
                "the token of its client is good",
            ),
            CloseCause::PeerGone
            | CloseCause::Finished
            | CloseCause::GoingAway
            | CloseCause::NotAuthenticated
            | CloseCause::ClientMisbehaved
            | CloseCause::Overload
            | CloseCause::NotReady
            | CloseCause::AuthUnavailable
            | CloseCause::ServerFault
            | CloseCause::PeerSilent => return,
        };
        found.add(socket, words, || {
            format!("The server ended {socket} because of {cause}, but {truth}.")
        });
    }

    /// A container that was asked to stop is gone.
    fn stopped(&self, view: &LiveView, now: Time, container: u32, found: &mut Findings) {
        let Some(since) = view
            .stopping(container)
            .filter(|_| self.known.stops_have_time)
        else {
            return;
        };
        if view.stalled(container, since, now).is_some() {
            return;
        }
        let left = view.served_by(container).find(|(_, connection)| {
            connection.accepted.is_some_and(|at| at < since)
                && connection.lives()
                && !connection.peer_may_be_gone()
        });
        if let Some((socket, _)) = left {
            found.add(socket, "stopped without a close", || {
                format!(
                    "container{container} was asked to stop, with time to spare, and is gone without a \
                     close of {socket}: its client sees 1006."
                )
            });
        }
    }

    fn world(&mut self, view: &LiveView, now: Time, event: &WorldEvent, found: &mut Findings) {
        match event {
            WorldEvent::ClientConnecting { socket, .. } => {
                self.open.insert(*socket, None);
            }
            WorldEvent::ClientRefused { socket, status } => {
                self.open.remove(socket);
                if self.unselected.remove(socket) && *status == SWITCHING_PROTOCOLS {
                    found.add(*socket, "accept selects none of the subprotocols", || {
                        format!(
                            "{socket} offered the subprotocol that the server speaks, was \
                             answered 101 without one, and the client gave up."
                        )
                    });
                }
            }
            WorldEvent::ClientOpened { socket } => {
                // Of several copies of its upgrade, the client is connected to this one.
                if let Some(said) = self.open.remove(&socket.original()) {
                    self.open.insert(*socket, said);
                }
            }
            WorldEvent::ConnectionCut { socket, .. } => {
                if let Some(said) = self.open.get_mut(socket) {
                    *said = None;
                }
            }
            WorldEvent::TransportEnded { socket } => {
                self.unselected.remove(socket);
            }
            WorldEvent::ClientClosed {
                socket,
                code,
                by_client,
                ..
            } => {
                self.unselected.remove(socket);
                if let Some(Some(said)) = self.open.remove(socket)
                    && !*by_client
                    && said.code != *code
                {
                    found.add(*socket, "client sees another code", || {
                        format!(
                            "{socket} was closed with {} by the server, but the client saw {code}, \
                             and no fault stood between.",
                            said.code
                        )
                    });
                }
            }
            WorldEvent::ContainerGone { container, crashed } => {
                if !crashed {
                    self.stopped(view, now, *container, found);
                }
                self.forget(|_, said| said.container == *container);
            }
            WorldEvent::LinkPartitioned { from, to } => {
                self.partitioned.insert((*from, *to));
                self.forget_on_way(*from, *to);
            }
            WorldEvent::LinkReset { from, to } => {
                // A later close has no way to the client any more.
                self.open.retain(|socket, _| {
                    let container = view.connection(*socket).map(|known| known.container);
                    !(from.is_on_way(*socket, container) || to.is_on_way(*socket, container))
                });
            }
            WorldEvent::LinkRepaired { from, to } => {
                self.partitioned.remove(&(*from, *to));
            }
            _ => {}
        }
    }

    fn forget_on_way(&mut self, from: Actor, to: Actor) {
        self.forget(|socket, said| {
            let container = Some(said.container);
            from.is_on_way(socket, container) || to.is_on_way(socket, container)
        });
    }

    fn forget(&mut self, disturbed: impl Fn(SocketId, SentClose) -> bool) {
        for (socket, open) in self.open.iter_mut() {
            if open.is_some_and(|said| disturbed(socket, said)) {
                *open = None;
            }
        }
    }

    /// Whether a link on the connection's way is partitioned.
    fn disturbed(&self, socket: SocketId, container: u32) -> bool {
        let container = Some(container);
        self.partitioned
            .iter()
            .any(|(from, to)| from.is_on_way(socket, container) || to.is_on_way(socket, container))
    }
}
