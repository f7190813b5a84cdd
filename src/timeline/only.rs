//! Parts of a run as a person names them: clients, connections, containers, services.

use std::{collections::BTreeSet, str::FromStr};

use anyhow::bail;
use gatesim_model::core::ids::SocketId;
use gatesim_sim::{
    run::outcome::Outcome,
    trace::event::{Actor, Fact, TraceEvent, WorldEvent},
    view::snapshot::{Path, Value},
};

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A client and all its connections, wherever they are.
    Peer(u32),
    /// One connection and its copies, wherever it is.
    Connection(SocketId),
    /// An actor.
    Actor(Actor),
    /// All clients.
    Clients,
    /// All containers.
    Containers,
    /// All services.
    Services,
    /// Everybody.
    All,
}

/// How parts are written, for errors and help.
pub const WAYS: &str = "c<n> (a client and its connections), c<n>#<attempt> (one connection), \
                        client<n>, balancer, container<n>, auth, redis, database, supervisor, \
                        world, clients, containers, services or all";

impl FromStr for Part {
    type Err = String;

    /// `conn 3`, `container-1` and the like are understood as well.
    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |c: char| !matches!(c, ' ' | '-' | '_' | '=');
        let name: String = text.to_lowercase().chars().filter(|c| plain(*c)).collect();
        match name.as_str() {
            "clients" => return Ok(Part::Clients),
            "containers" => return Ok(Part::Containers),
            "services" => return Ok(Part::Services),
            "all" => return Ok(Part::All),
            _ => {}
        }
        let peer = ["connection", "conn", "c"]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix)?.parse().ok());
        if let Some(peer) = peer {
            return Ok(Part::Peer(peer));
        }
        match Actor::try_from(name) {
            Ok(Actor::Socket(socket)) => Ok(Part::Connection(socket)),
            Ok(actor) => Ok(Part::Actor(actor)),
            Err(_) => Err(format!("`{text}` is no part of a run; parts are {WAYS}")),
        }
    }
}

impl Part {
    /// Whether an event belongs to it: whoever did it, whomever it was done to, and calls for the
    /// service that was asked.
    pub fn has(self, entry: &TraceEvent) -> bool {
        let socket = entry.socket();
        match self {
            Part::Peer(peer) => {
                entry.lane() == Actor::Client(peer) || socket.is_some_and(|s| s.peer == peer)
            }
            Part::Connection(wanted) => socket.is_some_and(|socket| same(wanted, socket)),
            Part::Actor(actor) => entry.lane() == actor || other_end(entry) == Some(actor),
            Part::Clients => matches!(entry.lane(), Actor::Client(_)),
            Part::Containers => matches!(entry.lane(), Actor::Container(_)),
            Part::Services => {
                let service = |actor: Actor| matches!(actor, Actor::Service(_));
                service(entry.lane()) || other_end(entry).is_some_and(service)
            }
            Part::All => true,
        }
    }

    /// Whether a line of an actor's state belongs to it.
    pub fn has_line(self, actor: Actor, path: &Path, value: &Value) -> bool {
        let of = |mine: &dyn Fn(SocketId) -> bool| {
            path.socket().is_some_and(mine) || owners(value).iter().copied().any(mine)
        };
        match self {
            Part::Peer(peer) => actor == Actor::Client(peer) || of(&|socket| socket.peer == peer),
            Part::Connection(wanted) => of(&|socket| same(wanted, socket)),
            Part::Actor(wanted) => actor == wanted,
            Part::Clients => matches!(actor, Actor::Client(_)),
            Part::Containers => matches!(actor, Actor::Container(_)),
            Part::Services => matches!(actor, Actor::Service(_)),
            Part::All => true,
        }
    }

    /// Fails if the run has no such part, and says which parts it has.
    pub fn check(self, outcome: &Outcome) -> anyhow::Result<()> {
        let always = match self {
            Part::Actor(Actor::World | Actor::Balancer | Actor::Service(_)) => true,
            Part::Actor(Actor::Client(_) | Actor::Container(_) | Actor::Socket(_))
            | Part::Peer(_)
            | Part::Connection(_) => false,
            Part::Clients | Part::Containers | Part::Services | Part::All => true,
        };
        if always || outcome.trace.iter().any(|entry| self.has(entry)) {
            return Ok(());
        }
        let known: BTreeSet<Actor> = outcome.trace.iter().map(TraceEvent::lane).collect();
        let mut names: Vec<String> = known.iter().map(Actor::to_string).collect();
        let connections: BTreeSet<SocketId> = outcome
            .trace
            .iter()
            .filter_map(TraceEvent::socket)
            .collect();
        let shown = connections.iter().take(MAX_NAMED);
        names.extend(shown.map(SocketId::to_string));
        if connections.len() > MAX_NAMED {
            names.push("...".to_owned());
        }
        bail!(
            "{} does not occur in the run up to there; what occurs is {}",
            self.name(),
            names.join(", ")
        );
    }

    /// The name that the tool gives it.
    pub fn name(self) -> String {
        match self {
            Part::Peer(peer) => format!("c{peer}"),
            Part::Connection(socket) => socket.to_string(),
            Part::Actor(actor) => actor.to_string(),
            Part::Clients => "clients".to_owned(),
            Part::Containers => "containers".to_owned(),
            Part::Services => "services".to_owned(),
            Part::All => "all".to_owned(),
        }
    }
}

/// Connections that an error names.
const MAX_NAMED: usize = 12;

/// Whether an event is to be shown if these parts are asked for: theirs, and what concerns
/// everybody.
pub fn shows(parts: &[Part], entry: &TraceEvent) -> bool {
    parts.is_empty() || concerns_everybody(entry) || parts.iter().any(|part| part.has(entry))
}

fn concerns_everybody(entry: &TraceEvent) -> bool {
    match &entry.fact {
        Fact::World(
            WorldEvent::FaultApplied { .. }
            | WorldEvent::FaultsHealed
            | WorldEvent::Finished { .. },
        ) => true,
        Fact::World(_) | Fact::Protocol(_) => false,
    }
}

/// A connection is named with its copies, unless a copy is named.
fn same(wanted: SocketId, socket: SocketId) -> bool {
    match wanted.copy {
        0 => socket.original() == wanted,
        _ => socket == wanted,
    }
}

/// The service that is asked, the container that an upgrade goes to, or one end of a link.
fn other_end(entry: &TraceEvent) -> Option<Actor> {
    let routed = match entry.fact {
        Fact::World(WorldEvent::UpgradeRouted { container, .. }) => {
            Some(Actor::Container(container))
        }
        Fact::World(_) | Fact::Protocol(_) => None,
    };
    routed.or(entry.asked()).or(entry.link_end())
}

/// The connections that a line names beside the one that it is about.
fn owners(value: &Value) -> Vec<SocketId> {
    match value {
        Value::Machine { owners, .. } => owners.clone(),
        Value::Lock { holder, waiting } => {
            let waiting = waiting.iter().map(|(_, holder)| *holder);
            holder.iter().copied().chain(waiting).flatten().collect()
        }
        Value::Word(_)
        | Value::Text(_)
        | Value::Count { .. }
        | Value::Since { .. }
        | Value::ClientSocket(_)
        | Value::Tally { .. }
        | Value::Unanswered { .. }
        | Value::Process { .. }
        | Value::Breaker { .. }
        | Value::Running
        | Value::Ended { .. }
        | Value::Transport(_)
        | Value::Coordinator { .. }
        | Value::Loop { .. }
        | Value::Inbox(_)
        | Value::Tables(_)
        | Value::AgentRun { .. }
        | Value::Journal { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use gatesim_model::port::env::Service;

    use super::*;

    #[test]
    fn parts_have_several_names() {
        let parse = |text: &str| text.parse::<Part>();
        for text in ["c3", "conn 3", "conn3", "connection-3", "Conn 3"] {
            assert_eq!(parse(text), Ok(Part::Peer(3)), "{text}");
        }
        for text in ["container1", "container-1", "container 1"] {
            assert_eq!(parse(text), Ok(Part::Actor(Actor::Container(1))), "{text}");
        }
        let second = SocketId {
            attempt: 2,
            ..SocketId::first(3)
        };
        assert_eq!(parse("c3#2"), Ok(Part::Connection(second)));
        assert_eq!(parse("client-0"), Ok(Part::Actor(Actor::Client(0))));
        assert_eq!(
            parse("auth"),
            Ok(Part::Actor(Actor::Service(Service::Auth)))
        );
        for text in ["", "c", "conn", "pod1", "c3#"] {
            let complaint = parse(text).unwrap_err();
            assert!(complaint.contains("container<n>"), "{complaint}");
        }
    }
}
