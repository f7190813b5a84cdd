//! Parts of a run as a person names them: clients, connections, containers, services.

use std::{collections::BTreeSet, str::FromStr};

use anyhow::bail;
use gatesim_model::core::ids::SocketId;
use gatesim_sim::{
    run::outcome::Outcome,
    trace::{
        event::{Actor, Fact, TraceEvent, WorldEvent},
        vocabulary::Parties,
    },
    view::snapshot::{StatePath, StateValue},
};

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunPart {
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
    /// All actors.
    All,
}

/// How parts are written, for errors and help.
pub const WAYS: &str = "c<n> (a client and its connections), c<n>#<attempt> (one connection), \
                        client<n>, balancer, container<n>, auth, redis, database, supervisor, \
                        world, clients, containers, services or all";

impl FromStr for RunPart {
    type Err = String;

    /// `conn 3`, `container-1` and the like are understood as well.
    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |c: char| !matches!(c, ' ' | '-' | '_' | '=');
        let name: String = text.to_lowercase().chars().filter(|c| plain(*c)).collect();
        match name.as_str() {
            "clients" => return Ok(RunPart::Clients),
            "containers" => return Ok(RunPart::Containers),
            "services" => return Ok(RunPart::Services),
            "all" => return Ok(RunPart::All),
            _ => {}
        }
        let peer = ["connection", "conn", "c"]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix)?.parse().ok());
        if let Some(peer) = peer {
            return Ok(RunPart::Peer(peer));
        }
        match Actor::try_from(name) {
            Ok(Actor::Socket(socket)) => Ok(RunPart::Connection(socket)),
            Ok(actor) => Ok(RunPart::Actor(actor)),
            Err(_) => Err(format!("`{text}` is no part of a run; parts are {WAYS}")),
        }
    }
}

impl RunPart {
    /// Whether an event belongs to it: the actor that emits it, the target, and the service of a
    /// call.
    pub fn has(self, entry: &TraceEvent) -> bool {
        let socket = entry.socket();
        match self {
            RunPart::Peer(peer) => {
                entry.lane() == Actor::Client(peer) || socket.is_some_and(|s| s.peer == peer)
            }
            RunPart::Connection(wanted) => socket.is_some_and(|socket| same(wanted, socket)),
            RunPart::Actor(actor) => entry.lane() == actor || other_end(entry) == Some(actor),
            RunPart::Clients => matches!(entry.lane(), Actor::Client(_)),
            RunPart::Containers => matches!(entry.lane(), Actor::Container(_)),
            RunPart::Services => {
                let service = |actor: Actor| matches!(actor, Actor::Service(_));
                service(entry.lane()) || other_end(entry).is_some_and(service)
            }
            RunPart::All => true,
        }
    }

    /// Whether a line of an actor's state belongs to it.
    pub fn has_line(self, actor: Actor, path: &StatePath, value: &StateValue) -> bool {
        let of = |mine: &dyn Fn(SocketId) -> bool| {
            path.socket().is_some_and(mine) || owners(value).iter().copied().any(mine)
        };
        match self {
            RunPart::Peer(peer) => {
                actor == Actor::Client(peer) || of(&|socket| socket.peer == peer)
            }
            RunPart::Connection(wanted) => of(&|socket| same(wanted, socket)),
            RunPart::Actor(wanted) => actor == wanted,
            RunPart::Clients => matches!(actor, Actor::Client(_)),
            RunPart::Containers => matches!(actor, Actor::Container(_)),
            RunPart::Services => matches!(actor, Actor::Service(_)),
            RunPart::All => true,
        }
    }

    /// Fails if the run has no such part, and says which parts it has.
    pub fn check(self, outcome: &Outcome) -> anyhow::Result<()> {
        let always = match self {
            RunPart::Actor(Actor::World | Actor::Balancer | Actor::Service(_)) => true,
            RunPart::Actor(Actor::Client(_) | Actor::Container(_) | Actor::Socket(_))
            | RunPart::Peer(_)
            | RunPart::Connection(_) => false,
            RunPart::Clients | RunPart::Containers | RunPart::Services | RunPart::All => true,
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
            RunPart::Peer(peer) => format!("c{peer}"),
            RunPart::Connection(socket) => socket.to_string(),
            RunPart::Actor(actor) => actor.to_string(),
            RunPart::Clients => "clients".to_owned(),
            RunPart::Containers => "containers".to_owned(),
            RunPart::Services => "services".to_owned(),
            RunPart::All => "all".to_owned(),
        }
    }
}

/// Connections that an error names.
const MAX_NAMED: usize = 12;

/// Whether an event is to be shown if these parts are asked for: theirs, and what concerns the
/// whole run.
pub fn shows(parts: &[RunPart], entry: &TraceEvent) -> bool {
    parts.is_empty() || concerns_whole_run(entry) || parts.iter().any(|part| part.has(entry))
}

fn concerns_whole_run(entry: &TraceEvent) -> bool {
    matches!(&entry.fact, Fact::World(_) if entry.fact.parties() == Parties::General)
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
fn owners(value: &StateValue) -> Vec<SocketId> {
    match value {
        StateValue::Machine { owners, .. } => owners.clone(),
        StateValue::Lock { holder, waiting } => {
            let waiting = waiting.iter().map(|(_, holder)| *holder);
            holder.iter().copied().chain(waiting).flatten().collect()
        }
        StateValue::Word(_)
        | StateValue::Text(_)
        | StateValue::Count { .. }
        | StateValue::Since { .. }
        | StateValue::ClientSocket(_)
        | StateValue::Tally { .. }
        | StateValue::Unanswered { .. }
        | StateValue::Process { .. }
        | StateValue::Breaker { .. }
        | StateValue::Running
        | StateValue::Ended { .. }
        | StateValue::Transport(_)
        | StateValue::Coordinator { .. }
        | StateValue::Loop { .. }
        | StateValue::Inbox(_)
        | StateValue::Tables(_)
        | StateValue::AgentRun { .. }
        | StateValue::Journal { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use gatesim_model::port::env::Service;

    use super::*;

    #[test]
    fn parts_have_several_names() {
        let parse = |text: &str| text.parse::<RunPart>();
        for text in ["c3", "conn 3", "conn3", "connection-3", "Conn 3"] {
            assert_eq!(parse(text), Ok(RunPart::Peer(3)), "{text}");
        }
        for text in ["container1", "container-1", "container 1"] {
            assert_eq!(
                parse(text),
                Ok(RunPart::Actor(Actor::Container(1))),
                "{text}"
            );
        }
        let second = SocketId {
            attempt: 2,
            ..SocketId::first(3)
        };
        assert_eq!(parse("c3#2"), Ok(RunPart::Connection(second)));
        assert_eq!(parse("client-0"), Ok(RunPart::Actor(Actor::Client(0))));
        assert_eq!(
            parse("auth"),
            Ok(RunPart::Actor(Actor::Service(Service::Auth)))
        );
        for text in ["", "c", "conn", "pod1", "c3#"] {
            let complaint = parse(text).unwrap_err();
            assert!(complaint.contains("container<n>"), "{complaint}");
        }
    }
}
