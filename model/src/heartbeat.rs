//! The heartbeat of one connection (protocol.md 7.5).
//!
//! A task of its own sends an application-level ping every interval and expects a pong. Pongs
//! are seen only by whoever receives: where that is the message loop, a long agent run starves
//! the heartbeat.

use std::{rc::Rc, time::Duration};

use crate::{
    close::honest_code,
    connection::Connection,
    design::HeartbeatFailure,
    env::Env,
    event::{CloseCause, Event},
    message::ServerMessage,
    wait::{First, first},
};

/// Body of the heartbeat task. Ends when the connection is not connected any more, when a ping
/// cannot be handed over, or when the peer has been silent for interval + time-out; what the
/// last means to the connection is the design's decision.
pub async fn beat<E: Env>(connection: Rc<Connection<E>>) {
    connection.note_pong();
    match connection.design.heartbeat_failure {
        // Looks at the clock between pings only, so a ping that waits for ever hides the
        // silence; and neither the loop nor the peer learns that nobody is watching any more.
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
            match first(silent(&connection), ping_while(&connection, || true)).await {
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
