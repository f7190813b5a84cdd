//! What a line of a snapshot says: data that the fold reads again, and a text for people.

use std::{fmt, sync::Arc};

use gatesim_model::{
    core::{
        ids::{MessageId, SocketId},
        state::ConnectionState,
        time::Time,
    },
    event::{BreakerState, CloseCause, CoordinatorState, EndpointEnd, Table},
};
use serde::{Serialize, Serializer};

use crate::trace::vocabulary::message_name;

/// Messages and waiting tasks that are named; of more there is only the number.
const NAMED: usize = 4;

/// What a line says. Prints as a short text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say no more than their names")]
pub enum StateValue {
    /// One of a few fixed words.
    Word(&'static str),
    /// Words with a name in them.
    Text(Arc<str>),
    /// A number of things.
    Count { number: u32, noun: &'static str },
    /// A point in time.
    Since { word: &'static str, time: Time },
    /// A socket as its client sees it.
    ClientSocket(ClientSocket),
    /// The messages of a client.
    Tally {
        sent: u32,
        answered: u32,
        refused: u32,
    },
    /// A message that waits for the end of its answer.
    Unanswered { on: SocketId, events: u32 },
    /// A process.
    Process {
        incarnation: u32,
        state: ProcessState,
    },
    /// A breaker.
    Breaker { state: BreakerState, failures: u32 },
    /// A lock: who has it, and who waits, by ticket.
    Lock {
        holder: Option<LockOwner>,
        waiting: Vec<(u32, LockOwner)>,
    },
    /// A machine, and the connections that have it.
    Machine {
        state: ConnectionState,
        moves: u32,
        refused: u32,
        owners: Vec<SocketId>,
    },
    /// An endpoint that runs.
    Running,
    /// An endpoint that has ended.
    Ended { how: EndpointEnd, cause: CloseCause },
    /// A transport as the server sees it.
    Transport(ServerTransport),
    /// The state coordinator, and what it was asked for and has not applied yet.
    Coordinator {
        state: CoordinatorState,
        asked: Option<CoordinatorState>,
    },
    /// A message loop that runs.
    Loop { dispatched: u32 },
    /// Messages that wait.
    Inbox(Vec<Option<MessageId>>),
    /// The tables in which there is an entry, in order.
    Tables(Vec<Table>),
    /// An agent run.
    AgentRun {
        message: MessageId,
        emitted: u32,
        delivery: DeliveryCounts,
    },
    /// What the journal of a message has.
    Journal { run: u32, events: u32 },
}

/// The connection whose task holds a lock; none for a task of the container itself.
pub type LockOwner = Option<SocketId>;

/// What became of the events of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say no more than their names")]
pub struct DeliveryCounts {
    pub sent: u32,
    pub stored: u32,
    pub failed: u32,
    pub lost: u32,
}

/// A socket as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say no more than their names")]
pub enum ClientSocket {
    /// The client waits for an answer to its upgrade.
    Connecting,
    /// The 101 has arrived.
    Open,
    /// The welcome has arrived.
    Ready,
    /// There was no 101; the status is 0 if there was no answer.
    Refused { status: u16 },
    /// `onclose` was called.
    Closed { code: u16, by_client: bool },
}

impl ClientSocket {
    /// Whether it is over.
    pub fn is_over(self) -> bool {
        match self {
            Self::Connecting | Self::Open | Self::Ready => false,
            Self::Refused { .. } | Self::Closed { .. } => true,
        }
    }
}

/// Where the process of a container stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessState {
    /// Started; the balancer does not route to it yet.
    Started,
    /// The balancer may route to it.
    InService,
    /// Asked to stop.
    Stopping,
    /// Stopped.
    Gone,
    /// Crashed or killed.
    Crashed,
}

/// A transport as the server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say no more than their names")]
pub enum ServerTransport {
    /// The upgrade has no answer yet.
    Upgrade,
    /// Accepted.
    Accepted { subprotocol: Option<&'static str> },
    /// A close was handed over.
    Closing { code: u16, reason: Arc<str> },
    /// A receive call returned the peer's disconnect.
    PeerGone { code: u16 },
    /// Ended.
    Ended,
}

impl fmt::Display for StateValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateValue::Word(word) => f.write_str(word),
            StateValue::Text(text) => f.write_str(text),
            StateValue::Count { number, noun } => counted(f, *number, noun),
            StateValue::Since { word, time } => write!(f, "{word} at {time} s"),
            StateValue::ClientSocket(socket) => write!(f, "{socket}"),
            StateValue::Tally {
                sent,
                answered,
                refused,
            } => {
                write!(f, "{sent} sent, {answered} answered")?;
                match refused {
                    0 => Ok(()),
                    refused => write!(f, ", {refused} refused"),
                }
            }
            StateValue::Unanswered { on, events } => {
                write!(f, "unanswered, sent on {on}, ")?;
                counted(f, *events, "event")
            }
            StateValue::Process { incarnation, state } => {
                write!(f, "{state} (incarnation {incarnation})")
            }
            StateValue::Breaker { state, failures } => {
                write!(f, "{state} (")?;
                counted(f, *failures, "failure")?;
                f.write_str(")")
            }
            StateValue::Lock { holder, waiting } => {
                match holder {
                    Some(holder) => write!(f, "held by {}", holder_name(holder))?,
                    None => f.write_str("free")?,
                }
                if waiting.is_empty() {
                    return Ok(());
                }
                f.write_str(", wanted by ")?;
                listed(f, waiting, |(_, holder)| holder_name(holder))
            }
            StateValue::Machine {
                state,
                moves,
                refused,
                owners,
            } => {
                write!(f, "{state} (")?;
                counted(f, *moves, "transition")?;
                if *refused > 0 {
                    write!(f, ", {refused} refused")?;
                }
                f.write_str("), of ")?;
                listed(f, owners, SocketId::to_string)
            }
            StateValue::Running => f.write_str("running"),
            StateValue::Ended { how, cause } => write!(f, "{how} (cause: {cause})"),
            StateValue::Transport(transport) => write!(f, "{transport}"),
            StateValue::Coordinator { state, asked } => match asked {
                Some(asked) => write!(f, "{state}, {asked} asked for"),
                None => write!(f, "{state}"),
            },
            StateValue::Loop { dispatched } => {
                f.write_str("running, ")?;
                counted(f, *dispatched, "message")?;
                f.write_str(" dispatched")
            }
            StateValue::Inbox(messages) => listed(f, messages, message_name),
            StateValue::Tables(tables) => {
                let names: Vec<&str> = tables.iter().copied().map(Table::name).collect();
                f.write_str(&names.join(", "))
            }
            StateValue::AgentRun {
                message,
                emitted,
                delivery,
            } => {
                write!(f, "for {message}, ")?;
                counted(f, *emitted, "event")?;
                write!(f, " ({delivery})")
            }
            StateValue::Journal { run, events } => {
                counted(f, *events, "event")?;
                write!(f, " of run{run}")
            }
        }
    }
}

impl fmt::Display for ClientSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientSocket::Connecting => f.write_str("CONNECTING"),
            ClientSocket::Open => f.write_str("open"),
            ClientSocket::Ready => f.write_str("ready"),
            ClientSocket::Refused { status: 0 } => f.write_str("refused, no connection"),
            ClientSocket::Refused { status } => write!(f, "refused with HTTP {status}"),
            ClientSocket::Closed { code, by_client } => match by_client {
                true => write!(f, "closed with {code} by itself"),
                false => write!(f, "closed with {code}"),
            },
        }
    }
}

impl fmt::Display for ProcessState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProcessState::Started => "started",
            ProcessState::InService => "in service",
            ProcessState::Stopping => "stopping",
            ProcessState::Gone => "gone",
            ProcessState::Crashed => "crashed",
        })
    }
}

impl fmt::Display for ServerTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerTransport::Upgrade => f.write_str("upgrade"),
            ServerTransport::Accepted { subprotocol } => match subprotocol {
                Some(subprotocol) => write!(f, "accepted with {subprotocol}"),
                None => f.write_str("accepted"),
            },
            ServerTransport::Closing { code, reason } => {
                write!(f, "close {code} \"{reason}\" handed over")
            }
            ServerTransport::PeerGone { code } => write!(f, "peer's disconnect seen, code {code}"),
            ServerTransport::Ended => f.write_str("ended"),
        }
    }
}

impl fmt::Display for DeliveryCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sent", self.sent)?;
        for (number, word) in [
            (self.stored, "stored"),
            (self.failed, "failed"),
            (self.lost, "lost"),
        ] {
            if number > 0 {
                write!(f, ", {number} {word}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for StateValue {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

fn counted(f: &mut fmt::Formatter<'_>, number: u32, noun: &str) -> fmt::Result {
    match (number, noun.strip_suffix('y')) {
        (1, _) => write!(f, "1 {noun}"),
        (number, Some(stem)) => write!(f, "{number} {stem}ies"),
        (number, None) => write!(f, "{number} {noun}s"),
    }
}

fn holder_name(holder: &LockOwner) -> String {
    match holder {
        Some(socket) => socket.to_string(),
        None => "the container".to_owned(),
    }
}

fn listed<T>(f: &mut fmt::Formatter<'_>, items: &[T], name: impl Fn(&T) -> String) -> fmt::Result {
    let names: Vec<String> = items.iter().take(NAMED).map(name).collect();
    f.write_str(&names.join(", "))?;
    match items.len().saturating_sub(NAMED) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}
