//! The heartbeat of one connection (docs/protocol.md#heartbeat).
//!
//! A task of its own sends an application-level ping every interval and expects a pong. Pongs are
//! seen only by the task that receives: where that is the message loop, a long agent run starves
//! the heartbeat.

use std::{rc::Rc, time::Duration};

use crate::{
    core::{close::honest_code, message::ServerMessage},
    design::HeartbeatFailure,
    event::{CloseCause, Event},
    gateway::connection::Connection,
    port::{
        env::Env,
        wait::{First, first},
    },
};

/// Body of the heartbeat task. Ends when the connection is not connected any more, when a ping
/// cannot be handed over, or when the peer has been silent for interval + time-out; what the
/// last means to the connection is the design's decision.
pub async fn beat<E: Env>(connection: Rc<Connection<E>>) {
    connection.note_pong();
    match connection.design.heartbeat_failure {
        // Looks at the clock between pings only, so a ping that waits for ever hides the silence;
        // and neither the loop nor the peer is informed that the heartbeat has ended.
        HeartbeatFailure::Leave => {
            ping_while(&connection, || {
                silence(&connection) <= patience(&connection)
            })
            .await;
            if silence(&connection) > patience(&connection) {
                report(&connection);
            }
        }
        HeartbeatFailure::Close => {
            let pinging = Box::pin(ping_while(&connection, || true));
            match first(silent(&connection), pinging).await {
                First::Left(()) => {
                    report(&connection);
                    let cause = CloseCause::PeerSilent;
                    let code = honest_code(cause);
                    connection.close(code, "heartbeat timeout", cause).await;
                }
                First::Right(()) => {}
            }
        }
    }
}

/// Sends a ping, sleeps an interval, and so on.
async fn ping_while<E: Env>(connection: &Connection<E>, go_on: impl Fn() -> bool) {
    while connection.client_is_connected() && go_on() {
        if connection.send(&ServerMessage::Ping).await.is_err() {
            return;
        }
        let interval = connection.environment.heartbeat_interval();
        connection.env.sleep(interval).await;
    }
}

/// Completes as soon as the peer has been silent for too long.
async fn silent<E: Env>(connection: &Connection<E>) {
    loop {
        let left = patience(connection).saturating_sub(silence(connection));
        if left.is_zero() {
            return;
        }
        connection.env.sleep(left).await;
    }
}

fn silence<E: Env>(connection: &Connection<E>) -> Duration {
    connection.env.now().since(connection.last_pong())
}

fn patience<E: Env>(connection: &Connection<E>) -> Duration {
    let environment = connection.environment;
    environment.heartbeat_interval() + environment.heartbeat_timeout()
}

fn report<E: Env>(connection: &Connection<E>) {
    connection.emit(Event::HeartbeatTimedOut {
        socket: connection.socket_id(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        core::environment::Environment,
        testing::{self, Peer, TestEnv, connect},
    };

    /// When the heartbeat of a silent peer ended in staging, how many pings it had sent, and the
    /// close code that the peer was sent.
    fn silent_peer(design: &str, peer: Peer) -> (u64, usize, Option<u16>) {
        let env = TestEnv::idle();
        let container = testing::container(&env, design, Environment::Staging);
        let (connection, socket) = connect(&container, 0, "a.b.c");
        socket.peer.set(peer);
        env.block_on(beat(connection));
        let pings = socket.sent.borrow().len();
        (env.now().as_secs(), pings, socket.closed.get())
    }

    #[test]
    fn silence_ends_the_heartbeat_and_perhaps_the_connection() {
        // 20 s + 90 s; the one looks between pings only.
        assert_eq!(silent_peer("v9", Peer::Reading), (120, 6, None));
        assert_eq!(
            silent_peer("reference", Peer::Reading),
            (110, 6, Some(1001))
        );
    }

    #[test]
    fn a_peer_that_does_not_read_is_noticed_as_well() {
        assert_eq!(silent_peer("reference", Peer::Stuck), (110, 0, Some(1001)));
    }

    #[test]
    fn a_ping_that_cannot_be_sent_ends_the_heartbeat() {
        for design in ["v9", "reference"] {
            assert_eq!(silent_peer(design, Peer::Gone), (0, 0, None), "{design}");
        }
    }
}
