//! The end of a connection names its cause, and the client sees it (I-14).

use std::collections::BTreeSet;

use gatesim_model::{
    core::{
        close::{is_truthful, may_server_send, truthful_codes, truthful_statuses},
        ids::SocketId,
    },
    event::{CloseCause, EndpointEnd, Event},
};

use super::{
    rule::{Finding, Rule},
    view::{Connection, View, container_of},
};
use crate::{
    check::per_client::PerClient,
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
/// - A close before accept reaches the client as HTTP 403, whatever its code (protocol.md 1.2,
///   item 6). That says "you may not", which is true of a client that was not authenticated or
///   misbehaved, and of nothing else.
/// - An upgrade that is refused with an HTTP error of its own needs one that names the cause.
/// - An endpoint that returns without a close ends the session as if all were well, or, before
///   accept, as HTTP 500: an admission of a server fault. One that raises drops the transport;
///   1006 says that something went wrong, which is no lie about a server fault, and hides
///   everything else.
/// - The client must see the code that was handed over, unless it closed first or a fault of the
///   world (a link cut or reset, a container gone) stood between.
/// - A 101 that leaves out the subprotocol that was offered is no acceptance: a browser has to drop
///   the connection (RFC 6455, 4.1), and nobody is told why.
#[derive(Default)]
pub(super) struct CloseTellsTheTruth {
    /// The attempts that clients have open, and what the server said at their end.
    open: PerClient<SocketId, Option<Said>>,
    cut: BTreeSet<(Actor, Actor)>,
    /// Accepted without the subprotocol that was offered.
    unselected: BTreeSet<SocketId>,
}

/// A close on its way to the client.
#[derive(Clone, Copy)]
struct Said {
    code: u16,
    container: u32,
}

impl Rule for CloseTellsTheTruth {
    fn subjects(&self) -> u32 {
        Subject::Life.bit() | Subject::Client.bit()
    }

    fn observe(&mut self, view: &View, entry: &TraceEvent) -> Option<Finding> {
        match &entry.fact {
            Fact::World(event) => self.world(view, event),
            Fact::Protocol(Event::CloseSent {
                socket,
                code,
                cause,
                ..
            }) => {
                let connection = view.connection(*socket)?;
                if connection.peer_gone() {
                    return None;
                }
                if connection.accepted.is_none() {
                    return refusal_hides(*socket, *cause);
                }
                let said = Said {
                    code: *code,
                    container: container_of(entry),
                };
                if !self.disturbed(*socket, said.container)
                    && let Some(open) = self.open.get_mut(socket)
                {
                    *open = Some(said);
                }
                code_lies(*socket, *code, *cause)
            }
            Fact::Protocol(Event::Accepted {
                socket,
                subprotocol: None,
                offered: true,
            }) => {
                self.unselected.insert(*socket);
                None
            }
            Fact::Protocol(Event::UpgradeRefused {
                socket,
                status,
                cause,
            }) => status_lies(*socket, *status, *cause),
            Fact::Protocol(Event::EndpointEnded { socket, how, cause }) => match how {
                EndpointEnd::Returned => silent_return(*socket, view.connection(*socket)?, *cause),
                EndpointEnd::Raised => drop_hides(*socket, view.connection(*socket)?, *cause),
            },
            Fact::Protocol(_) => None,
        }
    }
}

/// A close before accept.
fn refusal_hides(socket: SocketId, cause: CloseCause) -> Option<Finding> {
    match cause {
        CloseCause::NotAuthenticated | CloseCause::ClientMisbehaved | CloseCause::PeerGone => None,
        CloseCause::Finished
        | CloseCause::Overload
        | CloseCause::NotReady
        | CloseCause::AuthUnavailable
        | CloseCause::ServerFault
        | CloseCause::GoingAway
        | CloseCause::PeerSilent => Some(Finding::new(
            socket,
            format!("close before accept hides {cause}"),
            format!(
                "{socket} was closed before accept because of {cause}; the client sees HTTP 403, \
                 which blames it."
            ),
        )),
    }
}

/// An HTTP error in the place of an accept.
fn status_lies(socket: SocketId, status: u16, cause: CloseCause) -> Option<Finding> {
    let expected = truthful_statuses(cause);
    if expected.is_empty() || expected.contains(&status) {
        return None;
    }
    let expected: Vec<String> = expected.iter().map(u16::to_string).collect();
    Some(Finding::new(
        socket,
        format!("HTTP status does not say {cause}"),
        format!(
            "The upgrade of {socket} was refused with HTTP {status}, but the cause was {cause}, \
             which is {}.",
            expected.join(" or ")
        ),
    ))
}

/// A close after accept.
fn code_lies(socket: SocketId, code: u16, cause: CloseCause) -> Option<Finding> {
    if !may_server_send(code) {
        return Some(Finding::new(
            socket,
            "illegal close code",
            format!(
                "{socket} was closed with {code}, which a server may not put on the wire ({cause})."
            ),
        ));
    }
    if is_truthful(cause, code) {
        return None;
    }
    let expected: Vec<String> = truthful_codes(cause).iter().map(u16::to_string).collect();
    Some(Finding::new(
        socket,
        format!("close code does not say {cause}"),
        format!(
            "{socket} was closed with {code}, but the cause was {cause}, which is {} on the wire.",
            expected.join(" or ")
        ),
    ))
}

/// An endpoint that returned, with or without a close before.
fn silent_return(socket: SocketId, connection: &Connection, cause: CloseCause) -> Option<Finding> {
    if connection.close_code.is_some() || connection.peer_gone() {
        return None;
    }
    let tells_the_truth = match cause {
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
    if tells_the_truth {
        return None;
    }
    let seen = match connection.accepted {
        Some(_) => "a normal end of the session",
        None => "HTTP 500",
    };
    Some(Finding::new(
        socket,
        format!("return without a close hides {cause}"),
        format!(
            "The endpoint of {socket} returned without a close although the cause was {cause}; \
             the client sees {seen}."
        ),
    ))
}

/// An endpoint that raised.
fn drop_hides(socket: SocketId, connection: &Connection, cause: CloseCause) -> Option<Finding> {
    if connection.close_code.is_some() || connection.peer_gone() {
        return None;
    }
    match cause {
        CloseCause::PeerGone | CloseCause::ServerFault => None,
        CloseCause::Finished
        | CloseCause::NotAuthenticated
        | CloseCause::ClientMisbehaved
        | CloseCause::Overload
        | CloseCause::NotReady
        | CloseCause::AuthUnavailable
        | CloseCause::GoingAway
        | CloseCause::PeerSilent => Some(Finding::new(
            socket,
            format!("dropped transport hides {cause}"),
            format!(
                "The endpoint of {socket} raised and nobody handled it, although the cause was \
                 {cause}; the client sees its connection break."
            ),
        )),
    }
}

impl CloseTellsTheTruth {
    fn world(&mut self, view: &View, event: &WorldEvent) -> Option<Finding> {
        if let WorldEvent::ClientConnecting { socket, .. } = event {
            self.open.insert(*socket, None);
        } else if let WorldEvent::ClientRefused { socket, status } = event {
            self.open.remove(socket);
            if self.unselected.remove(socket) && *status == SWITCHING_PROTOCOLS {
                return Some(Finding::new(
                    *socket,
                    "accept selects none of the subprotocols",
                    format!(
                        "{socket} offered the subprotocol that the server speaks, was answered \
                         101 without one, and had to give up."
                    ),
                ));
            }
        } else if let WorldEvent::ClientOpened { socket } = event {
            // Of several copies of its upgrade, the client is connected to this one.
            if let Some(said) = self.open.remove(&socket.original()) {
                self.open.insert(*socket, said);
            }
        } else if let WorldEvent::ConnectionCut { socket, .. } = event {
            if let Some(said) = self.open.get_mut(socket) {
                *said = None;
            }
        } else if let WorldEvent::TransportEnded { socket } = event {
            self.unselected.remove(socket);
        } else if let WorldEvent::ClientClosed {
            socket,
            code,
            by_client,
            ..
        } = event
        {
            self.unselected.remove(socket);
            let said = self.open.remove(socket)??;
            if *by_client || said.code == *code {
                return None;
            }
            return Some(Finding::new(
                *socket,
                "client sees another code",
                format!(
                    "{socket} was closed with {} by the server, but the client saw {code}, and no \
                     fault stood between.",
                    said.code
                ),
            ));
        } else if let WorldEvent::ContainerGone { container, .. } = event {
            self.forget(|_, said| said.container == *container);
        } else if let WorldEvent::LinkPartitioned { from, to } = event {
            self.cut.insert((*from, *to));
            self.forget_on_way(*from, *to);
        } else if let WorldEvent::LinkReset { from, to } = event {
            // What the server says from now on has no way to the client any more.
            self.open.retain(|socket, _| {
                let container = view.connection(*socket).map(|known| known.container);
                !(from.is_on_way(*socket, container) || to.is_on_way(*socket, container))
            });
        } else if let WorldEvent::LinkRepaired { from, to } = event {
            self.cut.remove(&(*from, *to));
        }
        None
    }

    fn forget_on_way(&mut self, from: Actor, to: Actor) {
        self.forget(|socket, said| {
            let container = Some(said.container);
            from.is_on_way(socket, container) || to.is_on_way(socket, container)
        });
    }

    fn forget(&mut self, disturbed: impl Fn(SocketId, Said) -> bool) {
        for (socket, open) in self.open.iter_mut() {
            if open.is_some_and(|said| disturbed(socket, said)) {
                *open = None;
            }
        }
    }

    /// Whether a link on the connection's way is cut.
    fn disturbed(&self, socket: SocketId, container: u32) -> bool {
        let container = Some(container);
        self.cut
            .iter()
            .any(|(from, to)| from.is_on_way(socket, container) || to.is_on_way(socket, container))
    }
}
