//! Lines for what happens around the protocol.

use super::message_name;
use crate::trace::event::{Actor, WorldEvent};

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
                kind
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
            format!("{socket} {header} {policy} on the way")
        }
        WorldEvent::UpgradeCopied { original, socket } => {
            format!("{original} upgrade delivered once more, as {socket}")
        }
        WorldEvent::ConnectionCut { socket, reason } => {
            format!("{socket} ended by the balancer: {}", reason)
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
            format!("{socket} {} refused by the transport: {error}", operation)
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
            format!("{} {}", Actor::Service(*service), how)
        }
        WorldEvent::ServiceRecovered { service, how } => {
            format!("{} no longer {how}", Actor::Service(*service))
        }
        WorldEvent::FaultsHealed => "every fault is over".to_owned(),
        WorldEvent::FaultApplied { fault } => format!("fault {fault} applied"),
        WorldEvent::Finished { reason } => format!("run over: {}", reason),
    }
}
