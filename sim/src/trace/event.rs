//! What the observer sees: the protocol's events and the world's, with time, step and actor.

use std::ops::RangeInclusive;

use gatesim_model::{
    core::{
        ids::{MessageId, RunId, SocketId},
        message::AgentEventKind,
        time::Time,
    },
    event::Event,
    port::{env::Service, socket::SocketError},
};
use serde::Serialize;

use super::request::{HeaderPolicy, Token};
pub use super::{actor::Actor, names::*};

/// One observable fact of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Fact {
    /// Of the protocol, in a container.
    Protocol(Event),
    /// Of the world around it.
    World(WorldEvent),
}

/// A fact with its place in the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TraceEvent {
    /// Position in the trace, from 0.
    pub number: u64,
    /// Virtual time.
    pub time: Time,
    /// The scheduler step during which it happened.
    pub step: u64,
    /// What did it.
    pub actor: Actor,
    /// What.
    #[serde(flatten)]
    pub fact: Fact,
}

/// What happens outside the protocol. The order of the variants is part of the digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields say no more than their names")]
pub enum WorldEvent {
    // --- client -------------------------------------------------------------------------------
    /// The client of a user began to open a connection (state CONNECTING); two clients of one user
    /// are two tabs.
    ClientConnecting { socket: SocketId, user: u32 },
    /// The 101 arrived: `onopen`.
    ClientOpened { socket: SocketId },
    /// No connection, or an HTTP answer other than 101; `status` is 0 if there was none.
    ClientRefused { socket: SocketId, status: u16 },
    /// The welcome with `connection_ready: true` arrived.
    ClientReady { socket: SocketId },
    /// The client handed a message to its socket; it is no longer in its queue.
    ClientSent {
        socket: SocketId,
        message: MessageId,
    },
    /// An agent event arrived.
    ClientGotEvent {
        socket: SocketId,
        run: RunId,
        message: MessageId,
        seq: u32,
        kind: AgentEventKind,
        recovered: bool,
    },
    /// An error message arrived.
    ClientGotError {
        socket: SocketId,
        message: Option<MessageId>,
    },
    /// The client's socket closed: `onclose` with this code. `clean` if there was a close
    /// handshake; `by_client` if the client asked for it.
    ClientClosed {
        socket: SocketId,
        code: u16,
        clean: bool,
        by_client: bool,
    },
    /// The client leaves and does not come back: it has everything it waited for, or its time is over.
    ClientDone { client: u32 },
    /// The client will not try again, although it waits for something. `token` is what its user could
    /// have shown.
    ClientGaveUp {
        client: u32,
        attempts: u32,
        token: Token,
    },
    /// The client handed a message to its socket that it had handed to an earlier one; `after` is
    /// the last event of the message's run that it has.
    ClientResent {
        socket: SocketId,
        message: MessageId,
        after: Option<u32>,
    },
    /// The client got a new token in place of one that ends.
    ClientTokenRenewed { client: u32 },

    // --- balancer and links -------------------------------------------------------------------
    /// An upgrade was passed to a container.
    UpgradeRouted { socket: SocketId, container: u32 },
    /// An upgrade was answered by the balancer itself.
    UpgradeRejected { socket: SocketId, status: u16 },
    /// An upgrade overtook an earlier one while both waited in the balancer.
    UpgradeOvertook {
        socket: SocketId,
        overtaken: SocketId,
    },
    /// A header of an upgrade did not pass as the client had sent it.
    HeaderChanged {
        socket: SocketId,
        header: Header,
        policy: HeaderPolicy,
    },
    /// An upgrade was delivered once more, to the same container or to another.
    UpgradeCopied {
        original: SocketId,
        socket: SocketId,
    },
    /// The balancer ended a connection.
    ConnectionCut { socket: SocketId, reason: CutReason },
    /// A frame overtook so many that the balancer held.
    FrameOvertook { socket: SocketId, overtaken: u32 },
    /// A link was partitioned.
    LinkPartitioned { from: Actor, to: Actor },
    /// A link was repaired.
    LinkRepaired { from: Actor, to: Actor },
    /// Every connection over a link was reset, in both directions.
    LinkReset { from: Actor, to: Actor },

    // --- server side, below the endpoint ------------------------------------------------------
    /// A client message reached the receive buffer of the server.
    MessageArrived {
        socket: SocketId,
        message: Option<MessageId>,
    },
    /// The client's answer to a ping reached the receive buffer of the server.
    PongArrived { socket: SocketId },
    /// The transport ended at the server: connection lost, or the close handshake is complete.
    TransportEnded { socket: SocketId },
    /// The application broke a rule of the transport.
    TransportMisused {
        socket: SocketId,
        operation: Operation,
        error: SocketError,
    },

    // --- containers and services --------------------------------------------------------------
    /// A container process was started, for the `incarnation`-th time.
    ContainerStarted { container: u32, incarnation: u32 },
    /// The balancer may route to it.
    ContainerInService { container: u32 },
    /// It was asked to stop.
    ContainerTerminating { container: u32 },
    /// It is gone, with all its memory.
    ContainerGone { container: u32, crashed: bool },
    /// A service stopped answering.
    ServiceDown { service: Service },
    /// It answers again.
    ServiceUp { service: Service },
    /// It gets no processor: none of its tasks runs.
    ContainerStalled { container: u32 },
    /// It goes on.
    ContainerResumed { container: u32 },
    /// Its wall clock was set; it is this far ahead of true time.
    ClockSet { container: u32, ahead_ms: i64 },
    /// A service answers, but not correctly or not in time.
    ServiceImpaired { service: Service, how: Impairment },
    /// This impairment is over.
    ServiceRecovered { service: Service, how: Impairment },
    /// The ledger in Redis no longer knows a message that was claimed this long ago.
    MessageForgotten { message: MessageId, after_ms: u64 },

    // --- the run ------------------------------------------------------------------------------
    /// The plan's fault with this number was applied.
    FaultApplied { fault: u32 },
    /// Every fault is over and every container is there: from here on the world must converge.
    FaultsHealed,
    /// The run is over.
    Finished { reason: FinishReason },
}

/// Whether there may still be faults, by [`WorldEvent::FaultsHealed`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Era {
    /// There may be.
    #[default]
    Faulty,
    /// Every fault is over.
    Healed,
}

/// The runs of one container, in maps that are ordered by container and run.
pub(crate) fn runs_of(container: u32) -> RangeInclusive<(u32, RunId)> {
    (container, RunId(0))..=(container, RunId(u32::MAX))
}
