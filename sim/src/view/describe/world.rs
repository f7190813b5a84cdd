//! Lines for what happens around the protocol.

use super::{kind_name, message_name};
use crate::{
    plan::HeaderPolicy,
    trace::event::{Actor, CutReason, FinishReason, Header, Impairment, Operation, WorldEvent},
};

/// One arm for each event, in the order of their declaration.
pub(super) fn describe(event: &WorldEvent) -> String {
    match event {
        WorldEvent::ClientConnecting { socket, user } => {
            format!("{socket} connecting for user{user}")
        }
        WorldEvent::ClientOpened { socket } => format!("{socket} open at the client"),
        WorldEvent::ClientRefused { socket, status } => match status {
            0 => format!("{socket} refused: no connection"),
            status => format!("{socket} refused with HTTP {status}"),
        },
        WorldEvent::ClientReady { socket } => format!("{socket} welcome arrived: client ready"),
        WorldEvent::ClientSent { socket, message } => format!("{socket} sent message {message}"),
        WorldEvent::ClientGotEvent {
            socket,
            run,
            message,
            seq,
            kind,
            recovered,
        } => {
            let again = if *recovered { ", recovered" } else { "" };
            format!(
                "{socket} got event {seq} of {run} for message {message}: {}{again}",
                kind_name(*kind)
            )
        }
        WorldEvent::ClientGotError { socket, message } => {
            format!("{socket} got an error for {}", message_name(message))
        }
        WorldEvent::ClientClosed {
            socket,
            code,
            clean,
            by_client,
        } => {
            let manner = if *clean {
                "cleanly"
            } else {
                "without a close handshake"
            };
            let side = if *by_client {
                "by the client"
            } else {
                "by the server or the network"
            };
            format!("{socket} closed {manner} {side}, code {code}")
        }
        WorldEvent::ClientResent {
            socket,
            message,
            after,
        } => match after {
            Some(seq) => format!("{socket} sent message {message} again, has events up to {seq}"),
            None => format!("{socket} sent message {message} again, has no event of it"),
        },
        WorldEvent::ClientTokenRenewed { .. } => "has a new token".to_owned(),
        WorldEvent::ClientDone { .. } => "leaves for good".to_owned(),
        WorldEvent::ClientGaveUp { attempts, .. } => format!("gave up after {attempts} attempts"),
        WorldEvent::UpgradeRouted { socket, container } => {
            format!("{socket} upgrade routed to container{container}")
        }
        WorldEvent::UpgradeRejected { socket, status } => {
            format!("{socket} upgrade rejected with HTTP {status}")
        }
        WorldEvent::UpgradeOvertook { socket, overtaken } => {
            format!("{socket} upgrade overtook that of {overtaken}")
        }
        WorldEvent::HeaderChanged {
            socket,
            header,
            policy,
        } => {
            let what = match policy {
                HeaderPolicy::Keep => "kept",
                HeaderPolicy::Strip => "stripped",
                HeaderPolicy::Mangle => "mangled",
            };
            format!("{socket} {} {what} on the way", header_name(*header))
        }
        WorldEvent::UpgradeCopied { original, socket } => {
            format!("{original} upgrade delivered once more, as {socket}")
        }
        WorldEvent::ConnectionCut { socket, reason } => {
            format!("{socket} ended by the balancer: {}", cut_name(*reason))
        }
        WorldEvent::FrameOvertook { socket, overtaken } => {
            format!("{socket} a frame overtook {overtaken} that the balancer holds")
        }
        WorldEvent::LinkPartitioned { from, to } => format!("link {from} -> {to} cut"),
        WorldEvent::LinkRepaired { from, to } => format!("link {from} -> {to} mended"),
        WorldEvent::LinkReset { from, to } => {
            format!("connections between {from} and {to} reset")
        }
        WorldEvent::MessageArrived { socket, message } => {
            format!("{socket} {} arrived at the server", message_name(message))
        }
        WorldEvent::PongArrived { socket } => {
            format!("{socket} answer to a ping arrived at the server")
        }
        WorldEvent::TransportEnded { socket } => format!("{socket} transport ended"),
        WorldEvent::TransportMisused {
            socket,
            operation,
            error,
        } => {
            format!(
                "{socket} {} refused by the transport: {error}",
                operation_name(*operation)
            )
        }
        WorldEvent::ContainerStarted {
            container,
            incarnation,
        } => {
            format!("container{container} started, incarnation {incarnation}")
        }
        WorldEvent::ContainerInService { container } => {
            format!("container{container} in service")
        }
        WorldEvent::ContainerTerminating { container } => {
            format!("container{container} asked to stop")
        }
        WorldEvent::ContainerGone { container, crashed } => match crashed {
            true => format!("container{container} crashed"),
            false => format!("container{container} gone"),
        },
        WorldEvent::ServiceDown { service } => format!("{} down", Actor::Service(*service)),
        WorldEvent::ServiceUp { service } => format!("{} up", Actor::Service(*service)),
        WorldEvent::ContainerStalled { container } => {
            format!("container{container} gets no processor")
        }
        WorldEvent::ContainerResumed { container } => format!("container{container} goes on"),
        WorldEvent::ClockSet {
            container,
            ahead_ms,
        } => match ahead_ms {
            0 => format!("clock of container{container} right again"),
            ahead @ 1.. => format!("clock of container{container} {ahead} ms fast"),
            behind => format!(
                "clock of container{container} {} ms slow",
                behind.unsigned_abs()
            ),
        },
        WorldEvent::ServiceImpaired { service, how } => {
            format!("{} {}", Actor::Service(*service), impairment(*how))
        }
        WorldEvent::ServiceRecovered { service, how } => {
            let impaired = impairment(*how);
            format!("{} no longer {impaired}", Actor::Service(*service))
        }
        WorldEvent::FaultsHealed => "every fault is over".to_owned(),
        WorldEvent::FaultApplied { fault } => format!("fault {fault} applied"),
        WorldEvent::Finished { reason } => format!("run over: {}", reason_name(*reason)),
    }
}

fn header_name(header: Header) -> &'static str {
    match header {
        Header::Authorization => "header Authorization",
        Header::Subprotocols => "header Sec-WebSocket-Protocol",
        Header::Others => "other headers",
    }
}

pub(super) fn cut_name(reason: CutReason) -> &'static str {
    match reason {
        CutReason::Idle => "nothing passed for too long",
        CutReason::Drained => "the container has left service",
        CutReason::NotWanted => "nobody waits for its answer any more",
    }
}

fn impairment(how: Impairment) -> String {
    match how {
        Impairment::Slow { factor } => format!("taking {factor} times as long"),
        Impairment::Erring { per_mille } => {
            format!("failing {per_mille} calls in a thousand")
        }
        Impairment::Wrong { per_mille } => {
            format!("giving {per_mille} wrong answers in a thousand")
        }
    }
}

/// The operation as the protocol calls it.
pub(crate) fn operation_name(operation: Operation) -> &'static str {
    match operation {
        Operation::Accept => "accept",
        Operation::Receive => "receive",
        Operation::Send => "send",
        Operation::Close => "close",
    }
}

/// Why a run ended.
pub(crate) fn reason_name(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Done => "every client is done",
        FinishReason::TimeLimit => "virtual time ran out",
        FinishReason::StepLimit => "the number of steps ran out",
        FinishReason::Stuck => "nothing can happen any more",
        FinishReason::StoppedAtFirst => "the first violation was enough",
        FinishReason::StoppedAtMoment => "asked for up to here",
    }
}
