//! I. Messages: which task receives them, and what happens to each (docs/protocol.md#stage-i).

use std::{rc::Rc, sync::Arc};

use crate::{
    core::{
        close::TRY_AGAIN_LATER,
        environment::{LOOP_ERROR_LIMIT, MAX_MESSAGE_BYTES, loop_backoff},
        ids::{ConnectionId, MessageId, UserId},
        message::{ClientMessage, ErrorCode},
        message_queue::{Failed, MAX_FRAME_AGE, Popped, Pushed},
    },
    design::{EarlyFrames, LoopCheck, MalformedFrame, OversizePolicy},
    event::{CloseCause, Event, IdHolder, Limit, ReadySource, Step},
    gateway::{
        connection::{Connection, ReceiveError, Transport},
        container::Container,
        dispatch::{self, RouteError},
        readiness::{Lookup, is_connection_ready_for_messages},
    },
    port::{
        env::Env,
        socket::{Received, SocketError},
        wait::{First, first, timeout},
    },
};

use super::{Endpoint, Leave};

/// What one turn of the loop finds.
enum NextFrame {
    /// A frame.
    Text(Arc<str>),
    /// Nothing came in time, or nothing worth handling; the loop looks around.
    Nothing,
    /// The transport refused, in a way that counts as an error.
    Refused,
    /// The end.
    End(LoopEnd),
}

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LoopEnd {
    /// The transport is over.
    TransportOver,
    /// The check before the receive said no, and the transport is not over.
    NotReady,
    /// [`LOOP_ERROR_LIMIT`] errors in a row.
    TooManyErrors,
}

/// How the loop has fared so far.
#[derive(Default)]
struct LoopTally {
    messages: u32,
    errors: u32,
    errors_in_a_row: u32,
}

impl<E: Env> Endpoint<E> {
    pub(super) async fn message_loop(&self) -> Leave {
        let socket = self.connection.socket_id();
        let connection = self.connection.id();
        self.connection.give_id(IdHolder::MessageLoop, &connection);
        self.connection.emit(Event::ReadyReported {
            socket,
            connection: connection.clone(),
            by: ReadySource::MessageLoop,
        });
        self.connection.emit(Event::LoopEntered {
            socket,
            connection: connection.clone(),
            user: user_of(&self.connection),
        });
        match self.container.design.early_frames {
            EarlyFrames::Queued => self.connection.inbox.open(&self.container.design),
            EarlyFrames::ReceiveBuffer
            | EarlyFrames::Dispatched
            | EarlyFrames::DispatchedOnceKnown => {}
        }
        let mut tally = LoopTally::default();
        let end = self.handle_messages(&mut tally).await;
        self.connection.emit(Event::LoopEnded {
            socket,
            connection,
            messages: tally.messages,
            errors: tally.errors,
        });
        match end {
            LoopEnd::TransportOver => Leave::because(CloseCause::PeerGone),
            LoopEnd::NotReady => {
                let reason = "Connection is not ready any more";
                self.give_up(reason, CloseCause::ServerFault).await
            }
            LoopEnd::TooManyErrors => {
                let reason = "Too many errors";
                self.give_up(reason, CloseCause::ServerFault).await
            }
        }
    }

    async fn handle_messages(&self, tally: &mut LoopTally) -> LoopEnd {
        loop {
            if let Err(end) = self.check().await {
                return end;
            }
            let handled = match self.next().await {
                NextFrame::Nothing => continue,
                NextFrame::End(end) => return end,
                NextFrame::Refused => false,
                NextFrame::Text(text) => {
                    tally.messages += 1;
                    match Box::pin(handle(&self.container, &self.connection, &text)).await {
                        Ok(()) => true,
                        Err(_) => {
                            self.put_back(&text);
                            false
                        }
                    }
                }
            };
            if handled {
                tally.errors_in_a_row = 0;
                continue;
            }
            tally.errors += 1;
            tally.errors_in_a_row += 1;
            let backoff = loop_backoff(tally.errors_in_a_row);
            self.container.env.sleep(backoff).await;
            if tally.errors_in_a_row >= LOOP_ERROR_LIMIT {
                self.connection.reached(Limit::LoopErrors, LOOP_ERROR_LIMIT);
                return LoopEnd::TooManyErrors;
            }
        }
    }

    /// A frame from the queue could not be handled: the queue may have ideas of its own.
    fn put_back(&self, text: &str) {
        match self.container.design.early_frames {
            EarlyFrames::ReceiveBuffer
            | EarlyFrames::Dispatched
            | EarlyFrames::DispatchedOnceKnown => return,
            EarlyFrames::Queued => {}
        }
        match self.connection.inbox.fail() {
            Failed::Reported | Failed::PutBack => {}
            Failed::Lost => drop_silently(&self.connection, id_of(text)),
        }
    }

    /// Before each receive (docs/protocol.md#step-35, docs/protocol.md#step-35a).
    async fn check(&self) -> Result<(), LoopEnd> {
        let connected = |yes: bool| yes.then_some(()).ok_or(LoopEnd::TransportOver);
        match self.container.design.loop_check {
            LoopCheck::TransportOnly => connected(self.connection.client_is_connected()),
            LoopCheck::ApplicationState => {
                connected(self.connection.client_is_connected())?;
                if let Some(sleep) = self.container.environment.in_loop_recheck() {
                    connected(self.connection.application_is_connected())?;
                    self.container.env.sleep(sleep).await;
                    connected(self.connection.application_is_connected())?;
                }
                Ok(())
            }
            LoopCheck::Machine => self.is_ready_under(&self.connection.id()),
            LoopCheck::MachineOfTheUser => {
                let user = user_of(&self.connection);
                self.is_ready_under(&ConnectionId::from(user.as_str()))
            }
        }
    }

    fn is_ready_under(&self, id: &ConnectionId) -> Result<(), LoopEnd> {
        let machine = self.look_up(id, Step::MessageLoop);
        let lookup = machine.map_or(Lookup::Missing, |m| Lookup::found(&m.borrow()));
        let missing = self.container.design.missing_machine;
        is_connection_ready_for_messages(lookup, missing)
            .then_some(())
            .ok_or(LoopEnd::NotReady)
    }

    /// The next frame, from the transport or from the reader (docs/protocol.md#step-35b).
    async fn next(&self) -> NextFrame {
        let env = &self.container.env;
        let limit = self.container.environment.receive_timeout();
        let over = NextFrame::End(LoopEnd::TransportOver);
        match self.container.design.early_frames {
            EarlyFrames::ReceiveBuffer => {
                match timeout(env, limit, self.connection.receive()).await {
                    None => NextFrame::Nothing,
                    Some(Ok(Received::Text(text))) => NextFrame::Text(text),
                    Some(Ok(Received::Disconnect { .. })) => over,
                    Some(Err(error)) => refused(error),
                }
            }
            EarlyFrames::Queued => {
                match self.connection.transport() {
                    // What a peer sent before it left is handled; what it sent before we closed
                    // is answered by the close.
                    Transport::Upgrading | Transport::Open | Transport::PeerGone => {}
                    Transport::Closed => return over,
                }
                let next = first(
                    self.connection.inbox.pop(&self.container.design),
                    self.connection.over(),
                );
                match timeout(env, limit, next).await {
                    None => NextFrame::Nothing,
                    Some(First::Left(Popped::Frame(frame))) => NextFrame::Text(frame.text),
                    Some(First::Left(Popped::Expired(frame))) => {
                        self.connection.reached(Limit::QueueTime, MAX_FRAME_AGE);
                        drop_silently(&self.connection, id_of(&frame.text));
                        NextFrame::Nothing
                    }
                    Some(First::Right(())) => over,
                }
            }
            // The reader has dispatched everything already.
            EarlyFrames::Dispatched | EarlyFrames::DispatchedOnceKnown => {
                match timeout(env, limit, self.connection.over()).await {
                    None => NextFrame::Nothing,
                    Some(()) => over,
                }
            }
        }
    }
}

/// The errors whose texts mention accept or a connection end the loop; the others count as errors
/// (docs/protocol.md#step-35g).
fn refused(error: ReceiveError) -> NextFrame {
    match error {
        ReceiveError::NotOpen
        | ReceiveError::Transport(SocketError::AcceptFirst | SocketError::PeerGone) => {
            NextFrame::End(LoopEnd::TransportOver)
        }
        ReceiveError::Transport(
            SocketError::ReceiveAfterDisconnect
            | SocketError::TwoReceivers
            | SocketError::AcceptTwice
            | SocketError::SendBeforeAccept
            | SocketError::SendAfterClose,
        ) => NextFrame::Refused,
    }
}

/// Body of the reader task: receives from accept to the end, so that the peer's disconnect and
/// its pongs are noticed while the connection is busy.
pub(super) async fn read<E: Env>(container: Rc<Container<E>>, connection: Rc<Connection<E>>) {
    while let Ok(Received::Text(text)) = connection.receive().await {
        match container.design.early_frames {
            EarlyFrames::Queued => {
                match serde_json::from_str(&text) {
                    Ok(ClientMessage::Pong) => connection.note_sign(),
                    Ok(_) => {}
                    Err(_) => match container.design.malformed_frame {
                        MalformedFrame::ErrorAnswer => {}
                        MalformedFrame::EndsTheReader => return,
                    },
                }
                if enqueue(&container, &connection, text).await.is_err() {
                    return;
                }
            }
            EarlyFrames::Dispatched
            | EarlyFrames::DispatchedOnceKnown
            | EarlyFrames::ReceiveBuffer => {
                // The outcome is not awaited, so errors are not counted.
                let _ = Box::pin(handle(&container, &connection, &text)).await;
            }
        }
    }
}

/// There was no room for a frame, and the connection was closed for it.
struct Overflowed;

/// Puts a frame into the queue; one that finds no room ends the connection.
async fn enqueue<E: Env>(
    container: &Container<E>,
    connection: &Connection<E>,
    text: Arc<str>,
) -> Result<(), Overflowed> {
    let message = id_of(&text);
    let most = container.settings.queue_capacity;
    match connection.inbox.push(&container.design, text).await {
        Pushed::Kept => Ok(()),
        Pushed::InsteadOf(frame) => {
            connection.reached(Limit::QueuedFrames, most);
            drop_silently(connection, id_of(&frame.text));
            Ok(())
        }
        Pushed::NoRoom => {
            connection.reached(Limit::QueuedFrames, most);
            refuse(connection, message, ErrorCode::NotReady).await;
            let reason = "Too many messages at once";
            let cause = CloseCause::Overload;
            connection.close(TRY_AGAIN_LATER, reason, cause).await;
            Err(Overflowed)
        }
    }
}

/// A frame is dropped without a report to the client.
fn drop_silently<E: Env>(connection: &Connection<E>, message: Option<MessageId>) {
    let socket = connection.socket_id();
    connection.emit(Event::MessageDropped { socket, message });
}

/// One frame (docs/protocol.md#step-35c, docs/protocol.md#step-35d, docs/protocol.md#step-35e).
async fn handle<E: Env>(
    container: &Rc<Container<E>>,
    connection: &Rc<Connection<E>>,
    text: &str,
) -> Result<(), RouteError> {
    let socket = connection.socket_id();
    if text.len() > MAX_MESSAGE_BYTES {
        let message = id_of(text);
        match container.design.oversize {
            OversizePolicy::SilentDrop => {
                drop_silently(connection, message);
            }
            OversizePolicy::ErrorAnswer => {
                refuse(connection, message, ErrorCode::MessageTooLarge).await;
            }
        }
        return Ok(());
    }
    let Ok(message) = serde_json::from_str::<ClientMessage>(text) else {
        refuse(connection, id_of(text), ErrorCode::FormatError).await;
        return Ok(());
    };
    if message == ClientMessage::Pong {
        connection.note_sign();
    }
    let id = message.request().map(|request| request.id.clone());
    if id.is_some() && container.is_draining() {
        refuse(connection, id, ErrorCode::ServiceUnavailable).await;
        return Ok(());
    }
    connection.emit(Event::Dispatched {
        socket,
        connection: connection.id(),
        user: user_of(connection),
        message: id,
    });
    dispatch::route(container, connection, message).await
}

/// Answers a message by an error instead of executing it.
async fn refuse<E: Env>(connection: &Connection<E>, message: Option<MessageId>, error: ErrorCode) {
    connection.emit(Event::MessageRefused {
        socket: connection.socket_id(),
        message: message.clone(),
        error,
    });
    connection.send_error(error, message).await;
}

/// The message's id, if the frame is JSON and has one.
fn id_of(text: &str) -> Option<MessageId> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    value.get("id")?.as_str().map(MessageId::from)
}

/// The user of the message; a name that no user has, if it was dispatched before authentication.
fn user_of<E: Env>(connection: &Connection<E>) -> UserId {
    let unknown = || UserId::from("unauthenticated");
    connection.user().cloned().unwrap_or_else(unknown)
}
