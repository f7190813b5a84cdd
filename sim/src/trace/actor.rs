//! The actors of a run.

use std::fmt;

use gatesim_model::{core::ids::SocketId, port::env::Service};
use serde::{Deserialize, Serialize};

/// What emits an event. Also the name of an entity in keyed choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Actor {
    /// The run itself: faults, healing.
    World,
    /// A browser client, counted from 0.
    Client(u32),
    /// The load balancer.
    Balancer,
    /// A container, counted from 0; the same name across restarts.
    Container(u32),
    /// A backing service.
    Service(Service),
    /// One transport connection.
    Socket(SocketId),
}

impl Actor {
    /// The actor in a few bytes, for digests and keys of choices.
    pub(crate) fn to_bytes(self) -> [u8; 9] {
        let (kind, number): (u8, u64) = match self {
            Actor::World => (0, 0),
            Actor::Client(n) => (1, n.into()),
            Actor::Balancer => (2, 0),
            Actor::Container(n) => (3, n.into()),
            Actor::Service(service) => (4, service as u64),
            Actor::Socket(SocketId {
                peer,
                attempt,
                copy,
            }) => (
                5,
                u64::from(peer) << 32 | u64::from(attempt) << 16 | u64::from(copy),
            ),
        };
        let mut bytes = [kind; 9];
        bytes[1..].copy_from_slice(&number.to_le_bytes());
        bytes
    }

    /// Whether a link with this end may be on the path of a connection, which may have reached no
    /// container yet. The balancer is on every path, and the other end of its links is named beside
    /// it, so it does not count by itself.
    pub(crate) fn is_on_way(self, socket: SocketId, container: Option<u32>) -> bool {
        match self {
            Actor::Client(client) => client == socket.peer,
            Actor::Container(at) => container == Some(at),
            Actor::Socket(one) => one == socket,
            Actor::World | Actor::Balancer | Actor::Service(_) => false,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::World => f.pad("world"),
            Actor::Client(n) => pad(f, format_args!("client{n}")),
            Actor::Balancer => f.pad("balancer"),
            Actor::Container(n) => pad(f, format_args!("container{n}")),
            Actor::Service(service) => service.fmt(f),
            Actor::Socket(socket) => pad(f, format_args!("{socket}")),
        }
    }
}

/// Pads like [`fmt::Formatter::pad`]; without a width, which is how keys of choices are written,
/// nothing is allocated.
fn pad(f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>) -> fmt::Result {
    match f.width() {
        None => f.write_fmt(text),
        Some(_) => f.pad(&text.to_string()),
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> String {
        actor.to_string()
    }
}

impl TryFrom<String> for Actor {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = |prefix: &str| {
            text.strip_prefix(prefix)
                .and_then(|n| n.parse::<u32>().ok())
        };
        let fixed = match text.as_str() {
            "world" => Some(Actor::World),
            "balancer" => Some(Actor::Balancer),
            "auth" => Some(Actor::Service(Service::Auth)),
            "redis" => Some(Actor::Service(Service::Redis)),
            "database" => Some(Actor::Service(Service::Database)),
            "supervisor" => Some(Actor::Service(Service::Supervisor)),
            _ => None,
        };
        fixed
            .or_else(|| number("client").map(Actor::Client))
            .or_else(|| number("container").map(Actor::Container))
            .or_else(|| parse_socket(&text).map(Actor::Socket))
            .ok_or_else(|| {
                format!(
                    "unknown actor `{text}`; actors are world, client<n>, balancer, container<n>, \
                     auth, redis, database, supervisor and c<client>#<attempt>"
                )
            })
    }
}

fn parse_socket(text: &str) -> Option<SocketId> {
    let (peer, rest) = text.strip_prefix('c')?.split_once('#')?;
    let (attempt, copy) = match rest.split_once('\'') {
        Some((attempt, copy)) => (attempt, copy.parse().ok()?),
        None => (rest, 0),
    };
    Some(SocketId {
        peer: peer.parse().ok()?,
        attempt: attempt.parse().ok()?,
        copy,
    })
}
