//! What is to be known of each event of the world: one row per event, in the order of the enum.
//!
//! The column `witness` stands in capsules: rewording a text makes every witness that has it look
//! like another run. It is `-` for what follows from what the gateway did; for pongs, of which a
//! client owes as many as there were pings; and for the balancer's refusals, which follow from
//! what is in service.

use gatesim_model::core::message::AgentEventKind;

#[cfg(test)]
use super::samples::*;
use super::{
    columns::{Parties, Prominence, Sign, Subject, Touched},
    table::world_vocabulary,
    text::message_name,
};
use crate::trace::event::{Impairment, WorldEvent};

world_vocabulary! {
    // --- client -------------------------------------------------------------------------------

    ClientConnecting { socket, user } =>
        subject: Client, sign: Sent, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "client connecting",
        line: "{socket} connecting for user{user}",
        witness: "{socket} connecting",
        samples: { socket: SOCKET, user: 0 };

    ClientOpened { socket } =>
        subject: Client, sign: Arrived, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "connection open at the client",
        line: "{socket} open at the client",
        witness: -,
        samples: { socket: SOCKET };

    ClientRefused { socket, status } =>
        subject: Client, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: (match status {
            0 => "client without a connection".to_owned(),
            status => format!("client refused with HTTP {status}"),
        }),
        line: (match status {
            0 => format!("{socket} refused: no connection"),
            status => format!("{socket} refused with HTTP {status}"),
        }),
        witness: -,
        samples: { socket: SOCKET, status: 0 } { socket: SOCKET, status: 403 };

    ClientReady { socket } =>
        subject: Client, sign: Arrived, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "welcome at the client",
        line: "{socket} welcome arrived: client ready",
        witness: -,
        samples: { socket: SOCKET };

    ClientSent { socket, message } =>
        subject: Client, sign: Sent, prominence: Notable,
        parties: Connection(*socket), touches: [Message(message)],
        title: "message sent by the client",
        line: "{socket} sent message {message}",
        witness: "{socket} sent {message}",
        samples: { socket: SOCKET, message: message() };

    ClientGotEvent { socket, run, message, seq, kind, recovered } =>
        subject: Client, sign: Arrived,
        prominence: match kind {
            AgentEventKind::AgentStarted | AgentEventKind::AgentCompleted => Notable,
            _ => Routine,
        },
        parties: Connection(*socket), touches: [Run(*run)],
        title: "{kind} at the client",
        line: (format!(
            "{socket} got event {seq} of {run} for message {message}: {kind}{}",
            if *recovered { ", recovered" } else { "" }
        )),
        witness: -,
        samples: {
            socket: SOCKET,
            run: RUN,
            message: message(),
            seq: 4,
            kind: AgentEventKind::AgentCompleted,
            recovered: true,
        };

    ClientGotError { socket, message } =>
        subject: Client, sign: Arrived, prominence: Notable,
        parties: Connection(*socket), touches: message.as_ref().map(Message),
        title: "error at the client",
        line: (format!("{socket} got an error for {}", message_name(message))),
        witness: -,
        samples: { socket: SOCKET, message: Some(message()) };

    ClientClosed { socket, code, clean, by_client } =>
        subject: Client, sign: Arrived, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "connection closed at the client, {code}",
        line: (format!(
            "{socket} closed {} {}, code {code}",
            if *clean { "cleanly" } else { "without a close handshake" },
            if *by_client { "after the client closed it" } else { "by the server or the network" }
        )),
        witness: (by_client.then(|| format!("{socket} closed"))),
        samples: { socket: SOCKET, code: 1006, clean: false, by_client: false };

    ClientDone { client } =>
        subject: Client, sign: Other, prominence: Notable,
        parties: Client(*client), touches: [Client(*client)],
        title: "client leaves",
        line: "leaves and does not come back",
        witness: -,
        samples: { client: 2 };

    ClientGaveUp { client, attempts } =>
        subject: Client, sign: Refused, prominence: Notable,
        parties: Client(*client), touches: [Client(*client)],
        title: "client gave up",
        line: "gave up after {attempts} attempts",
        witness: -,
        samples: { client: 2, attempts: 10, token: Token::Valid };

    ClientResent { socket, message, after } =>
        subject: Client, sign: Sent, prominence: Notable,
        parties: Connection(*socket), touches: [Message(message)],
        title: "message sent again by the client",
        line: (match after {
            Some(seq) => format!("{socket} sent message {message} again, has events up to {seq}"),
            None => format!("{socket} sent message {message} again, has no event of it"),
        }),
        witness: "{socket} sent {message} again",
        samples:
            { socket: SOCKET, message: message(), after: None }
            { socket: SOCKET, message: message(), after: Some(3) };

    ClientTokenRenewed { client } =>
        subject: Client, sign: Other, prominence: Notable,
        parties: Client(*client), touches: [Client(*client)],
        title: "token renewed",
        line: "has a new token",
        witness: "token renewed",
        samples: { client: 2 };

    // --- balancer and links -------------------------------------------------------------------

    UpgradeRouted { socket, container } =>
        subject: Client, sign: Sent, prominence: Notable,
        parties: Connection(*socket), touches: [Container(*container)],
        title: "upgrade routed",
        line: "{socket} upgrade routed to container{container}",
        witness: "{socket} routed to container{container}",
        samples: { socket: SOCKET, container: 1 };

    UpgradeRejected { socket, status } =>
        subject: Other, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "upgrade rejected with HTTP {status}",
        line: "{socket} upgrade rejected with HTTP {status}",
        witness: -,
        samples: { socket: SOCKET, status: 503 };

    UpgradeOvertook { socket, overtaken } =>
        subject: Other, sign: Fault, prominence: Notable,
        parties: Connections(*socket, *overtaken), touches: [],
        title: "upgrade overtook another",
        line: "{socket} upgrade overtook that of {overtaken}",
        witness: "{socket} overtook {overtaken}",
        samples: { socket: SUCCESSOR, overtaken: SOCKET };

    HeaderChanged { socket, header, policy } =>
        subject: Client, sign: Fault, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "header changed on the way",
        line: "{socket} {header} {policy} on the way",
        witness: "{socket} header changed",
        samples: { socket: SOCKET, header: Header::Subprotocols, policy: HeaderPolicy::Mangle };

    UpgradeCopied { original, socket } =>
        subject: Other, sign: Sent, prominence: Notable,
        parties: Connections(*socket, *original), touches: [],
        title: "upgrade delivered once more",
        line: "{original} upgrade delivered once more, as {socket}",
        witness: "{original} copied as {socket}",
        samples: { original: SUCCESSOR.original(), socket: SUCCESSOR };

    ConnectionCut { socket, reason } =>
        subject: Client, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "connection cut, {reason}",
        line: "{socket} ended by the balancer: {reason}",
        witness: "{socket} ended by the balancer",
        samples: { socket: SOCKET, reason: CutReason::Idle };

    FrameOvertook { socket, overtaken } =>
        subject: Other, sign: Fault, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "frame overtook another",
        line: "{socket} a frame overtook {overtaken} that the balancer held back",
        witness: "{socket} frame overtook {overtaken}",
        samples: { socket: SOCKET, overtaken: 2 };

    LinkPartitioned { from, to } =>
        subject: Client, sign: Fault, prominence: Notable,
        parties: Link(*from, *to), touches: Touched::end_of_link(*from, *to),
        title: "link partitioned",
        line: "link {from} -> {to} partitioned",
        witness: "link {from} to {to} partitioned",
        samples: { from: Actor::Client(2), to: Actor::Balancer };

    LinkRepaired { from, to } =>
        subject: Client, sign: Fault, prominence: Notable,
        parties: Link(*from, *to), touches: Touched::end_of_link(*from, *to),
        title: "link repaired",
        line: "link {from} -> {to} repaired",
        witness: "link {from} to {to} repaired",
        samples: { from: Actor::Client(2), to: Actor::Balancer };

    LinkReset { from, to } =>
        subject: Client, sign: Fault, prominence: Notable,
        parties: Link(*from, *to), touches: Touched::end_of_link(*from, *to),
        title: "connections reset",
        line: "connections between {from} and {to} reset",
        witness: "link {from} to {to} reset",
        samples: { from: Actor::Client(2), to: Actor::Balancer };

    // --- server side, below the endpoint ------------------------------------------------------

    MessageArrived { socket, message } =>
        subject: Message, sign: Arrived, prominence: Notable,
        parties: Connection(*socket), touches: message.as_ref().map(Message),
        title: "message arrived",
        line: (format!("{socket} {} arrived at the server", message_name(message))),
        witness: (Some(match message {
            Some(message) => format!("{socket} {message} arrived"),
            None => format!("{socket} frame arrived"),
        })),
        samples: { socket: SOCKET, message: Some(message()) };

    PongArrived { socket } =>
        subject: Heartbeat, sign: Arrived, prominence: Routine,
        parties: Connection(*socket), touches: [],
        title: "pong arrived",
        line: "{socket} answer to a ping arrived at the server",
        witness: -,
        samples: { socket: SOCKET };

    TransportEnded { socket } =>
        subject: Life, sign: Other, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "transport ended",
        line: "{socket} transport ended",
        witness: -,
        samples: { socket: SOCKET };

    TransportMisused { socket, operation, error } =>
        subject: Error, sign: Refused, prominence: Notable,
        parties: Connection(*socket), touches: [],
        title: "{operation} refused by the transport",
        line: "{socket} {operation} refused by the transport: {error}",
        witness: -,
        samples: {
            socket: SOCKET,
            operation: Operation::Send,
            error: SocketError::SendAfterClose,
        };

    // --- containers and services --------------------------------------------------------------

    ContainerStarted { container, incarnation } =>
        subject: Other, sign: State, prominence: Notable,
        parties: Container(*container), touches: [Container(*container)],
        title: "container started",
        line: "container{container} started, incarnation {incarnation}",
        witness: "container{container} started {incarnation}",
        samples: { container: 1, incarnation: 2 };

    ContainerInService { container } =>
        subject: Other, sign: State, prominence: Notable,
        parties: Container(*container), touches: [Container(*container)],
        title: "container in service",
        line: "container{container} in service",
        witness: "container{container} in service",
        samples: { container: 1 };

    ContainerTerminating { container } =>
        subject: Other, sign: Fault, prominence: Notable,
        parties: Container(*container), touches: [Container(*container)],
        title: "container asked to stop",
        line: "container{container} asked to stop",
        witness: "container{container} asked to stop",
        samples: { container: 1 };

    ContainerGone { container, crashed } =>
        subject: Life, sign: Fault, prominence: Notable,
        parties: Container(*container), touches: [Container(*container)],
        title: (if *crashed { "container crashed" } else { "container gone" }),
        line: (match crashed {
            true => format!("container{container} crashed"),
            false => format!("container{container} gone"),
        }),
        witness: (Some(match crashed {
            true => format!("container{container} crashed"),
            false => format!("container{container} gone"),
        })),
        samples: { container: 1, crashed: true };

    ServiceDown { service } =>
        subject: Other, sign: Fault, prominence: Notable,
        parties: Service(*service), touches: [Service(*service)],
        title: "{service} down",
        line: "{service} down",
        witness: "{service} down",
        samples: { service: Service::Auth };

    ServiceUp { service } =>
        subject: Other, sign: Fault, prominence: Notable,
        parties: Service(*service), touches: [Service(*service)],
        title: "{service} up",
        line: "{service} up",
        witness: "{service} up",
        samples: { service: Service::Auth };

    ContainerStalled { container } =>
        subject: Other, sign: Fault, prominence: Notable,
        parties: Container(*container), touches: [Container(*container)],
        title: "container without a processor",
        line: "container{container} gets no processor",
        witness: "container{container} stalled",
        samples: { container: 1 };

    ContainerResumed { container } =>
        subject: Other, sign: Fault, prominence: Notable,
        parties: Container(*container), touches: [Container(*container)],
        title: "container going on",
        line: "container{container} goes on",
        witness: "container{container} resumed",
        samples: { container: 1 };

    ClockSet { container, ahead_ms } =>
        subject: Other, sign: Fault, prominence: Notable,
        parties: Container(*container), touches: [Container(*container)],
        title: "clock set",
        line: (match ahead_ms {
            0 => format!("clock of container{container} right again"),
            1.. => format!("clock of container{container} {ahead_ms} ms fast"),
            _ => format!("clock of container{container} {} ms slow", ahead_ms.unsigned_abs()),
        }),
        witness: "container{container} clock set",
        samples: { container: 1, ahead_ms: -1_500 };

    ServiceImpaired { service, how } =>
        subject: World, sign: Fault, prominence: Notable,
        parties: Service(*service), touches: [Service(*service)],
        title: (format!("{service} {}", impaired(*how))),
        line: "{service} {how}",
        witness: "{service} impaired",
        samples: { service: Service::Auth, how: Impairment::Slow { factor: 20 } };

    ServiceRecovered { service, how } =>
        subject: World, sign: Fault, prominence: Notable,
        parties: Service(*service), touches: [Service(*service)],
        title: (format!("{service} no longer {}", impaired(*how))),
        line: "{service} no longer {how}",
        witness: "{service} recovered",
        samples: { service: Service::Supervisor, how: Impairment::Wrong { per_mille: 100 } };

    MessageForgotten { message, after_ms } =>
        subject: Other, sign: Refused, prominence: Notable,
        parties: General, touches: [Message(message)],
        title: "message forgotten by the ledger",
        line: (format!("the ledger forgets message {message} after {} s", after_ms / 1_000)),
        witness: -,
        samples: { message: message(), after_ms: 900_000 };

    // --- the run ------------------------------------------------------------------------------

    FaultApplied { fault } =>
        subject: Other, sign: Fault, prominence: Notable,
        parties: General, touches: [],
        title: "fault applied",
        line: "fault {fault} applied",
        witness: "fault {fault} applied",
        samples: { fault: 5 };

    FaultsHealed {} =>
        subject: World, sign: Fault, prominence: Notable,
        parties: General, touches: [],
        title: "every fault over",
        line: "every fault is over",
        witness: "faults healed",
        samples: {};

    Finished { reason } =>
        subject: World, sign: Other, prominence: Notable,
        parties: General, touches: [],
        title: "run over",
        line: "run over: {reason}",
        witness: -,
        samples: { reason: FinishReason::Done };
}

fn impaired(how: Impairment) -> &'static str {
    match how {
        Impairment::Slow { .. } => "slow",
        Impairment::Erring { .. } => "failing",
        Impairment::Wrong { .. } => "giving wrong answers",
    }
}
