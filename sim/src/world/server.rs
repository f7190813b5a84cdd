//! The server below the endpoint: one protocol task for each connection, as an ASGI server has.
//!
//! It reads frames into the receive buffer, answers pings, keeps the close handshake, and writes
//! the answer to the upgrade *after* `accept` has returned (`docs/protocol.md#transport-5`). What the
//! endpoint may do and when is in [`crate::world::socket`].

use std::{rc::Rc, time::Duration};

use gatesim_model::{
    core::message::{ClientMessage, Frame},
    event::EndpointEnd,
    port::wait::{First, first},
};

use crate::{
    trace::event::{Fact, WorldEvent},
    world::{
        link::{Incoming, LinkEnd, Packet},
        process::Process,
        socket::{Inbound, SimSocket, Work},
    },
};

/// How long the server waits for the client's half of the close handshake before it aborts.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves one connection from its upgrade to the end of its transport, with `endpoint` as its
/// application.
pub async fn serve<F>(process: Rc<Process>, end: LinkEnd, endpoint: impl FnOnce(Rc<SimSocket>) -> F)
where
    F: Future<Output = EndpointEnd> + 'static,
{
    let Incoming::Packet(Packet::Upgrade { upgrade, .. }) = end.receive().await else {
        end.reset();
        return;
    };
    let end = Rc::new(end);
    let id = upgrade.socket;
    let socket = Rc::new(SimSocket::new(
        Rc::clone(&process),
        *upgrade,
        Rc::clone(&end),
    ));
    let endpoint = {
        let socket = Rc::clone(&socket);
        let running = endpoint(Rc::clone(&socket));
        async move { socket.endpoint_ended(running.await) }
    };
    process.spawn(Some(id), "endpoint", endpoint);
    let code = converse(&process, &socket, &end).await;
    socket.transport_lost(code);
    process.emit(Fact::World(WorldEvent::TransportEnded { socket: id }));
}

/// Everything between upgrade and end; gives the code of the disconnect event.
async fn converse(process: &Rc<Process>, socket: &Rc<SimSocket>, end: &LinkEnd) -> u16 {
    let id = end.socket();
    // Set once a close frame was sent: its code, and until when the answer is waited for.
    let mut closing = None;
    loop {
        let work = match closing {
            None => socket.next_work(end).await,
            Some((code, deadline)) => {
                let wait = process.scheduler().sleep_until(deadline);
                match first(end.receive(), wait).await {
                    First::Left(incoming) => Work::Incoming(incoming),
                    First::Right(()) => {
                        end.reset();
                        return code;
                    }
                }
            }
        };
        let broken = match work {
            Work::Accept(subprotocol) => {
                let response = Packet::Response {
                    status: 101,
                    subprotocol,
                    affinity: None,
                    by: id,
                };
                let sent = end.send(response).await;
                socket.opened();
                sent.is_err()
            }
            Work::Reject(status) => {
                let response = Packet::Response {
                    status,
                    subprotocol: None,
                    affinity: None,
                    by: id,
                };
                // A client that is gone already needs no answer.
                let _ = end.send(response).await;
                end.close();
                return 1006;
            }
            Work::CloseSent(code) => {
                closing = Some((code, process.scheduler().now() + CLOSE_TIMEOUT));
                false
            }
            Work::EndpointEnded(EndpointEnd::Returned) => {
                closing = Some((1000, process.scheduler().now() + CLOSE_TIMEOUT));
                end.send(close_frame(1000)).await.is_err()
            }
            Work::EndpointEnded(EndpointEnd::Raised) => {
                end.reset();
                return 1006;
            }
            Work::Incoming(Incoming::Packet(Packet::Frame { frame, message })) => match frame {
                // What follows a close that was sent is read and dropped.
                Frame::Text(_) if closing.is_some() => false,
                Frame::Text(text) => {
                    process.emit(Fact::World(match message {
                        None if is_pong(&text) => WorldEvent::PongArrived { socket: id },
                        message => WorldEvent::MessageArrived {
                            socket: id,
                            message,
                        },
                    }));
                    socket.push(Inbound::Text(text));
                    false
                }
                Frame::Ping => end.send(Packet::frame(Frame::Pong)).await.is_err(),
                Frame::Pong => false,
                Frame::Close { code, .. } => {
                    if closing.is_none() {
                        // The client began; it may be gone before it reads the answer.
                        let _ = end.send(close_frame(code.unwrap_or(1000))).await;
                    }
                    end.close();
                    return closing.map_or(code.unwrap_or(1005), |(code, _)| code);
                }
            },
            // Only a balancer could send these, and it does not.
            Work::Incoming(Incoming::Packet(Packet::Upgrade { .. } | Packet::Response { .. })) => {
                false
            }
            Work::Incoming(Incoming::Fin) => {
                end.close();
                return 1006;
            }
            Work::Incoming(Incoming::Reset) => return 1006,
        };
        if broken {
            return 1006;
        }
    }
}

fn close_frame(code: u16) -> Packet {
    Packet::frame(Frame::Close {
        code: Some(code),
        reason: "".into(),
    })
}

/// Only frames that carry no message for the observer are looked into.
fn is_pong(text: &str) -> bool {
    matches!(serde_json::from_str(text), Ok(ClientMessage::Pong))
}

#[cfg(test)]
mod tests;
