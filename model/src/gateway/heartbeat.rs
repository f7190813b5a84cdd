//! The heartbeat of one connection (docs/protocol.md#heartbeat).
//!
//! A task of its own sends an application-level ping every interval and expects a sign of the peer.
//! Signs are seen only by the task that receives: where that is the message loop, a long agent run
//! starves the heartbeat. Which frames are signs is a question of the design: behind a backlog a ping
//! leaves late, and its answer says nothing about the peer that the frames before it did not say.

use std::{rc::Rc, time::Duration};

use crate::{
    core::{
        close::{NORMAL, honest_code},
        message::ServerMessage,
    },
    design::HeartbeatFailure,
    event::{CloseCause, Event},
    gateway::{connection::Connection, container::Container},
    port::{
        env::Env,
        wait::{First, first},
    },
};

/// How long a process that was stalled takes to read what had arrived, and how late a timer is in a
/// process that was.
const READING: Duration = Duration::from_secs(1);

/// Body of the heartbeat task. Ends when the connection is not connected any more, when a ping
/// cannot be handed over, or when the peer has been silent for interval + time-out; what the
/// last means to the connection is the design's decision.
pub async fn beat<E: Env>(connection: Rc<Connection<E>>) {
    connection.note_sign();
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
        HeartbeatFailure::Close | HeartbeatFailure::CloseNormally => {
            let pinging = Box::pin(ping_while(&connection, || true));
            match first(silent(&connection), pinging).await {
                First::Left(()) => close_silent(&connection).await,
                First::Right(()) => {}
            }
        }
    }
}

/// Body of the one heartbeat task of a container, where there is one: pings the connections in turn,
/// sleeps an interval, and so on. It waits for each, and the first that fails ends it.
pub async fn beat_for_all<E: Env>(container: Rc<Container<E>>) {
    loop {
        for connection in container.live_connections() {
            if !connection.is_ready() {
                continue;
            }
            if silence(&connection) > patience(&connection) {
                close_silent(&connection).await;
            } else if connection.send(&ServerMessage::Ping).await.is_err() {
                return;
            }
        }
        let interval = container.environment.heartbeat_interval();
        container.env.sleep(interval).await;
    }
}

/// Ends a connection whose peer is silent.
async fn close_silent<E: Env>(connection: &Connection<E>) {
    report(connection);
    let cause = CloseCause::PeerSilent;
    let code = match connection.design.heartbeat_failure {
        HeartbeatFailure::Leave | HeartbeatFailure::Close => honest_code(cause),
        HeartbeatFailure::CloseNormally => NORMAL,
    };
    connection.close(code, "heartbeat timeout", cause).await;
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

/// Completes as soon as the peer has been silent for too long. A process that has been stalled
/// first reads what has arrived meanwhile.
async fn silent<E: Env>(connection: &Connection<E>) {
    let env = &connection.env;
    let mut was_stalled = false;
    loop {
        let left = patience(connection).saturating_sub(silence(connection));
        let pause = match was_stalled {
            true => left.max(READING),
            false if left.is_zero() => return,
            false => left,
        };
        let due = env.now() + pause;
        env.sleep(pause).await;
        was_stalled = env.now().since(due) >= READING;
    }
}

fn silence<E: Env>(connection: &Connection<E>) -> Duration {
    connection.env.now().since(connection.last_sign())
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
        core::{environment::Environment, message::ClientMessage},
        event::TaskName,
        testing::{self, Peer, TestEnv, TestSocket, connect},
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

    /// When the heartbeat ended, in seconds, of a peer that answers no ping and is told how the rest
    /// goes by `life`.
    fn ended<F: Future<Output = ()> + 'static>(
        design: &str,
        life: impl FnOnce(TestEnv, Rc<TestSocket>) -> F,
    ) -> u64 {
        let env = TestEnv::idle();
        let container = testing::container(&env, design, Environment::Staging);
        let (connection, socket) = connect(&container, 0, "a.b.c");
        let reader = connection.clone();
        let read = async move { while reader.receive().await.is_ok() {} };
        env.spawn(TaskName::Reader, None, read);
        env.spawn(TaskName::Reader, None, life(env.clone(), socket));
        env.block_on(beat(connection));
        env.now().as_secs()
    }

    #[test]
    fn a_peer_that_sends_is_there() {
        let sends_for_five_minutes = |env: TestEnv, socket: Rc<TestSocket>| async move {
            for _ in 0..10 {
                env.sleep(Duration::from_secs(30)).await;
                socket.say(&ClientMessage::Ping);
            }
        };
        let table = [("reference", 410), ("reference+heartbeat-sign=pong", 110)];
        for (design, secs) in table {
            assert_eq!(ended(design, sends_for_five_minutes), secs, "{design}");
        }
    }

    #[test]
    fn what_arrived_during_a_stall_is_read_before_the_peer_is_judged() {
        let stalled = |env: TestEnv, socket: Rc<TestSocket>| async move {
            env.sleep(Duration::from_secs(100)).await;
            env.stall(Duration::from_secs(60));
            // The server hands it on as soon as the process executes again.
            env.sleep(Duration::from_millis(1)).await;
            socket.say(&ClientMessage::Pong);
        };
        assert_eq!(ended("reference", stalled), 270);
    }

    #[test]
    fn a_ping_that_cannot_be_sent_ends_the_heartbeat() {
        for design in ["v9", "reference"] {
            assert_eq!(silent_peer(design, Peer::Gone), (0, 0, None), "{design}");
        }
    }
}
