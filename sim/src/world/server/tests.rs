//! The rules of the ASGI transport (`docs/protocol.md#transport-rules`), each with an endpoint of a
//! few lines: what it is told, and what its client sees.

use std::sync::mpsc::{self, Sender};

use gatesim_model::{
    core::{ids::SocketId, message::ServerMessage},
    design::ClockSource,
    port::socket::{Received, Socket, SocketError, Upgrade},
};

use super::*;
use crate::{
    plan::scenario::Scenario,
    scheduler::ProcessId,
    testing::{Bench, Log, ms, note},
    trace::{
        event::{Actor, FinishReason, Operation},
        sink::EventSink,
    },
    world::{
        context::Context,
        link::{Broken, connection},
        service::BackingServices,
    },
};

const CLIENT: Actor = Actor::Client(0);

/// What the client saw, what the endpoint noted, and which rules it broke.
#[derive(Debug, PartialEq)]
struct Served {
    log: Vec<String>,
    misused: Vec<(Operation, SocketError)>,
}

/// Passes on which rules are broken.
struct Misuses(Sender<(Operation, SocketError)>);

impl EventSink for Misuses {
    fn emit(&self, _: Actor, fact: Fact) {
        match fact {
            Fact::World(WorldEvent::TransportMisused {
                operation, error, ..
            }) => self.0.send((operation, error)).unwrap(),
            Fact::World(_) | Fact::Protocol(_) => {}
        }
    }
}

/// Serves one connection with `endpoint`; `client` has the other end after the upgrade was sent.
fn serve_one<E, C>(
    endpoint: impl FnOnce(Rc<SimSocket>, Log) -> E + Send + 'static,
    client: impl FnOnce(LinkEnd, Log, Rc<Process>) -> C + Send + 'static,
) -> Served
where
    E: Future<Output = EndpointEnd> + 'static,
    C: Future<Output = ()> + 'static,
{
    let text = include_str!("../../../../seeds/scenarios/golden-path.toml");
    let scenario = Scenario::parse("golden-path", "golden-path.toml", text).unwrap();
    let plan = scenario.plan(1);
    let (sender, misused) = mpsc::channel();
    let ran = Bench::default().run(move |scheduler, log| {
        let link = plan.backend_link;
        let events = Rc::new(Misuses(sender));
        let context = Context::new(Rc::clone(scheduler), Rc::new(plan), events);
        let services = BackingServices::new(Rc::clone(&context));
        let clock = (ClockSource::Monotonic, Rc::default());
        let process = Rc::new(Process::new(context, services, clock, 0, 1));
        let socket = SocketId::first(0);
        let (near, far) = connection(scheduler, socket, (CLIENT, Actor::Container(0)), link);
        let noted = Rc::clone(log);
        let serving = serve(Rc::clone(&process), far, |socket| endpoint(socket, noted));
        process.spawn(Some(socket), "connection", serving);
        let (log, ending) = (Rc::clone(log), Rc::clone(scheduler));
        let client = async move {
            near.send(upgrade(socket)).await.unwrap();
            client(near, log, process).await;
            ending.sleep(Duration::from_secs(30)).await;
            ending.finish(FinishReason::Done);
        };
        scheduler.spawn(ProcessId(CLIENT), CLIENT, "client", client);
    });
    Served {
        log: ran.log,
        misused: misused.try_iter().collect(),
    }
}

fn upgrade(socket: SocketId) -> Packet {
    let upgrade = Upgrade {
        socket,
        peer_address: "10.0.0.1:40001".to_owned(),
        authorization: None,
        subprotocols: Vec::new(),
        query_token: None,
        headers: Vec::new(),
    };
    Packet::Upgrade {
        upgrade: Box::new(upgrade),
        affinity: None,
    }
}

/// A client that notes what comes, answers a close as browsers do, and leaves at the end.
async fn watch(end: LinkEnd, log: Log, _: Rc<Process>) {
    loop {
        let incoming = end.receive().await;
        match incoming {
            Incoming::Packet(Packet::Response { status, .. }) => note(&log, status.to_string()),
            Incoming::Packet(Packet::Frame { frame, .. }) => match frame {
                Frame::Close { code, .. } => {
                    note(&log, format!("close {code:?}"));
                    let answer = Packet::frame(Frame::Close {
                        code,
                        reason: "".into(),
                    });
                    let _: Result<(), Broken> = end.send(answer).await;
                }
                Frame::Text(_) => note(&log, "text"),
                Frame::Ping => note(&log, "ping"),
                Frame::Pong => note(&log, "pong"),
            },
            Incoming::Packet(packet @ Packet::Upgrade { .. }) => note(&log, format!("{packet:?}")),
            Incoming::Fin => return note(&log, "FIN"),
            Incoming::Reset => return note(&log, "RST"),
        }
    }
}

/// A client that is reset as soon as it is connected.
async fn leave_when_open(end: LinkEnd, log: Log, _: Rc<Process>) {
    if let Incoming::Packet(Packet::Response { status, .. }) = end.receive().await {
        note(&log, status.to_string());
    }
    end.reset();
}

fn frame() -> ServerMessage {
    ServerMessage::Ping
}

#[test]
fn a_close_before_accept_is_http_403_and_the_code_is_lost() {
    let seen = serve_one(
        |socket, _| async move {
            socket.close(1008, "no token").await.unwrap();
            EndpointEnd::Returned
        },
        watch,
    );
    assert_eq!(seen.log, ["403", "FIN"]);
    assert_eq!(seen.misused, []);
}

#[test]
fn an_end_before_accept_is_http_500() {
    for end in [EndpointEnd::Returned, EndpointEnd::Raised] {
        let seen = serve_one(move |_, _| async move { end }, watch);
        assert_eq!(seen.log, ["500", "FIN"], "{end:?}");
    }
}

#[test]
fn a_return_after_accept_is_a_normal_end() {
    let seen = serve_one(
        |socket, _| async move {
            socket.accept(None).await.unwrap();
            EndpointEnd::Returned
        },
        watch,
    );
    assert_eq!(seen.log, ["101", "close Some(1000)", "FIN"]);
}

/// No close frame: a browser reports 1006.
#[test]
fn an_exception_after_accept_drops_the_transport() {
    let seen = serve_one(
        |socket, _| async move {
            socket.accept(None).await.unwrap();
            // Waits for the 101: an abort at once would take it away.
            socket.send(&frame()).await.unwrap();
            EndpointEnd::Raised
        },
        watch,
    );
    assert!(seen.log.ends_with(&["RST".to_owned()]), "{:?}", seen.log);
    assert!(!seen.log.iter().any(|line| line.starts_with("close")));
}

#[test]
fn a_close_after_accept_keeps_its_code() {
    let seen = serve_one(
        |socket, _| async move {
            socket.accept(None).await.unwrap();
            socket.close(1013, "try again later").await.unwrap();
            EndpointEnd::Returned
        },
        watch,
    );
    assert_eq!(seen.log, ["101", "close Some(1013)", "FIN"]);
    assert_eq!(seen.misused, []);
}

/// The peer has gone, a send noticed it, and the receive loop is told something else
/// (`docs/protocol.md#transport-4`).
#[test]
fn after_a_failed_send_receive_asks_for_accept() {
    let seen = serve_one(
        |socket, log| async move {
            socket.accept(None).await.unwrap();
            while socket.send(&frame()).await.is_ok() {}
            note(&log, format!("{:?}", socket.receive().await));
            EndpointEnd::Returned
        },
        leave_when_open,
    );
    assert_eq!(seen.log, ["101", "Err(AcceptFirst)"]);
    assert_eq!(
        seen.misused,
        [(Operation::Receive, SocketError::AcceptFirst)]
    );
}

#[test]
fn a_second_receiver_is_refused_and_the_first_goes_on() {
    let seen = serve_one(
        |socket, log| async move {
            socket.accept(None).await.unwrap();
            let both = first(socket.receive(), async {
                note(&log, format!("{:?}", socket.receive().await));
                std::future::pending::<()>().await;
            });
            match both.await {
                First::Left(received) => note(&log, format!("{received:?}")),
                First::Right(()) => note(&log, "not reached"),
            }
            EndpointEnd::Returned
        },
        leave_when_open,
    );
    let disconnect = Received::Disconnect { code: 1006 };
    let expected = [
        "Err(TwoReceivers)".to_owned(),
        "101".to_owned(),
        format!("{:?}", Ok::<_, SocketError>(disconnect)),
    ];
    assert_eq!(seen.log, expected);
    assert_eq!(
        seen.misused,
        [(Operation::Receive, SocketError::TwoReceivers)]
    );
}

#[test]
fn the_disconnect_is_told_once() {
    let seen = serve_one(
        |socket, log| async move {
            socket.accept(None).await.unwrap();
            note(&log, format!("{:?}", socket.receive().await));
            note(&log, format!("{:?}", socket.receive().await));
            EndpointEnd::Returned
        },
        leave_when_open,
    );
    assert_eq!(seen.log[2], "Err(ReceiveAfterDisconnect)");
    assert_eq!(
        seen.misused,
        [(Operation::Receive, SocketError::ReceiveAfterDisconnect)]
    );
}

#[test]
fn a_second_accept_and_a_second_close_are_refused() {
    let seen = serve_one(
        |socket, _| async move {
            socket.accept(None).await.unwrap();
            assert_eq!(socket.accept(None).await, Err(SocketError::AcceptTwice));
            socket.close(1000, "").await.unwrap();
            let again = socket.close(1011, "").await;
            assert_eq!(again, Err(SocketError::SendAfterClose));
            let late = socket.send(&frame()).await;
            assert_eq!(late, Err(SocketError::SendAfterClose));
            EndpointEnd::Returned
        },
        watch,
    );
    assert_eq!(seen.log, ["101", "close Some(1000)", "FIN"]);
    let expected = [
        (Operation::Accept, SocketError::AcceptTwice),
        (Operation::Close, SocketError::SendAfterClose),
        (Operation::Send, SocketError::SendAfterClose),
    ];
    assert_eq!(seen.misused, expected);
}

#[test]
fn a_send_before_accept_is_refused() {
    let seen = serve_one(
        |socket, _| async move {
            let early = socket.send(&frame()).await;
            assert_eq!(early, Err(SocketError::SendBeforeAccept));
            EndpointEnd::Returned
        },
        watch,
    );
    assert_eq!(seen.log, ["500", "FIN"]);
    assert_eq!(
        seen.misused,
        [(Operation::Send, SocketError::SendBeforeAccept)]
    );
}

/// Accept returns before the 101 is written, and what is sent meanwhile waits for it
/// (`docs/protocol.md#transport-5`).
#[test]
fn a_send_right_after_accept_comes_after_the_answer() {
    let seen = serve_one(
        |socket, _| async move {
            socket.accept(None).await.unwrap();
            socket.send(&frame()).await.unwrap();
            socket.close(1000, "").await.unwrap();
            EndpointEnd::Returned
        },
        watch,
    );
    assert_eq!(seen.log, ["101", "text", "close Some(1000)", "FIN"]);
}

/// The client never answers the close; the server gives it its time and aborts.
#[test]
fn a_close_that_is_not_answered_ends_in_an_abort() {
    let seen = serve_one(
        |socket, _| async move {
            socket.accept(None).await.unwrap();
            socket.close(1000, "").await.unwrap();
            EndpointEnd::Returned
        },
        |end, log, process| async move {
            process.scheduler().sleep(CLOSE_TIMEOUT - ms(100)).await;
            assert!(matches!(end.receive().await, Incoming::Packet(_)));
            assert!(matches!(end.receive().await, Incoming::Packet(_)));
            let end = end.receive().await;
            assert!(matches!(end, Incoming::Reset), "{end:?}");
            let at = process.scheduler().now().as_secs();
            note(&log, format!("aborted after {at} s"));
        },
    );
    assert_eq!(seen.log, ["aborted after 10 s"]);
}

/// What a client sends before it has an answer is not lost: it waits in the receive buffer.
#[test]
fn a_frame_that_comes_before_the_answer_is_received_after_accept() {
    let seen = serve_one(
        |socket, log| async move {
            socket.accept(None).await.unwrap();
            note(&log, format!("{:?}", socket.receive().await));
            EndpointEnd::Returned
        },
        |end, log, process| async move {
            let early = Packet::frame(Frame::Text("early".into()));
            end.send(early).await.unwrap();
            watch(end, log, process).await;
        },
    );
    let received = format!("{:?}", Ok::<_, SocketError>(Received::Text("early".into())));
    assert!(seen.log.contains(&received), "{:?}", seen.log);
    assert_eq!(seen.misused, []);
}
