//! The simulated ASGI socket: what the endpoint holds (`docs/protocol.md#transport-rules`).
//!
//! The rules are the model's [`Flags`]; here are the waiting, the receive buffer and the half of
//! accept that happens in another task. Breaking a rule is an event.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use gatesim_model::{
    core::{
        ids::SocketId,
        message::{Frame, ServerMessage},
    },
    event::EndpointEnd,
    port::{
        socket::{Flags, Received, Socket, SocketError, Upgrade},
        wait::first,
    },
};

use crate::{
    scheduler::choices::{Purpose, Stream},
    trace::event::{Actor, Fact, Operation, WorldEvent},
    world::{
        link::{Incoming, LinkEnd, Packet},
        process::Process,
    },
};

/// Frames in the receive buffer; when it is full the server stops reading from the link
/// (the usual bound of the websockets library).
pub const RECEIVE_BUFFER: usize = 32;

/// What the protocol task puts into the receive buffer.
pub enum Inbound {
    /// A text frame.
    Text(Arc<str>),
    /// The end, with its code.
    Disconnect(u16),
}

/// What the protocol task has to do next.
pub enum Work {
    /// UpgradeAnswer the upgrade with 101.
    Accept(Option<&'static str>),
    /// UpgradeAnswer it with an HTTP error.
    Reject(u16),
    /// The endpoint has sent a close frame with this code.
    CloseSent(u16),
    /// The endpoint is over, without a close.
    EndpointEnded(EndpointEnd),
    /// Something came from the link.
    Incoming(Incoming),
}

/// How far the answer to the upgrade has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UpgradeAnswer {
    /// Nothing was handed over.
    Pending,
    /// The accept was handed over; the 101 is still to be written.
    Accepted(Option<&'static str>),
    /// An HTTP error is still to be written.
    Rejected(u16),
    /// The 101 was written.
    Open,
    /// The transport is gone.
    Lost,
}

/// One connection as its endpoint sees it.
pub struct SimSocket {
    process: Rc<Process>,
    upgrade: Upgrade,
    end: Rc<LinkEnd>,
    flags: Cell<Flags>,
    answer: Cell<UpgradeAnswer>,
    /// Set between the close or the end of the endpoint and the protocol task's notice of it.
    news: RefCell<VecDeque<Work>>,
    buffer: RefCell<VecDeque<Inbound>>,
    receiving: Cell<bool>,
    accept_delay: RefCell<Stream>,
    receiver: RefCell<Option<Waker>>,
    protocol: RefCell<Option<Waker>>,
    waiting_for_answer: RefCell<Vec<Waker>>,
}

impl SimSocket {
    /// A socket whose upgrade has arrived over `end`.
    pub fn new(process: Rc<Process>, upgrade: Upgrade, end: Rc<LinkEnd>) -> Self {
        let entity = Actor::Socket(upgrade.socket);
        let accept_delay = RefCell::new(
            process
                .scheduler()
                .choices()
                .stream(entity, Purpose::Accept),
        );
        SimSocket {
            process,
            upgrade,
            end,
            flags: Cell::default(),
            answer: Cell::new(UpgradeAnswer::Pending),
            news: RefCell::default(),
            buffer: RefCell::default(),
            receiving: Cell::new(false),
            accept_delay,
            receiver: RefCell::default(),
            protocol: RefCell::default(),
            waiting_for_answer: RefCell::default(),
        }
    }

    // --- the protocol task's side -------------------------------------------------------------

    /// What to do next: what the endpoint did goes before what the link brought.
    pub async fn next_work(&self, end: &LinkEnd) -> Work {
        poll_fn(|cx| self.poll_work(end, cx)).await
    }

    fn poll_work(&self, end: &LinkEnd, cx: &mut Context<'_>) -> Poll<Work> {
        match self.answer.get() {
            UpgradeAnswer::Accepted(subprotocol) => return Poll::Ready(Work::Accept(subprotocol)),
            UpgradeAnswer::Rejected(status) => return Poll::Ready(Work::Reject(status)),
            UpgradeAnswer::Pending | UpgradeAnswer::Open | UpgradeAnswer::Lost => {}
        }
        if let Some(work) = self.news.borrow_mut().pop_front() {
            return Poll::Ready(work);
        }
        *self.protocol.borrow_mut() = Some(cx.waker().clone());
        match self.buffer.borrow().len() < RECEIVE_BUFFER {
            true => end.poll_receive(cx).map(Work::Incoming),
            false => Poll::Pending,
        }
    }

    /// The 101 was written.
    pub fn opened(&self) {
        self.set_answer(UpgradeAnswer::Open);
    }

    /// The transport is gone; the next receive tells.
    pub fn transport_lost(&self, code: u16) {
        self.set_answer(UpgradeAnswer::Lost);
        self.push(Inbound::Disconnect(code));
    }

    /// Puts something into the receive buffer.
    pub fn push(&self, inbound: Inbound) {
        self.buffer.borrow_mut().push_back(inbound);
        if let Some(waker) = self.receiver.take() {
            waker.wake();
        }
    }

    /// The endpoint is over.
    pub fn endpoint_ended(&self, how: EndpointEnd) {
        use gatesim_model::port::socket::TransportState::{Connected, Connecting, Disconnected};
        match (self.flags.get().application, self.answer.get()) {
            (_, UpgradeAnswer::Lost) => {}
            // Returned or raised without an answer: the server makes one (`docs/protocol.md#transport-6`).
            (Connecting, _) => self.set_answer(UpgradeAnswer::Rejected(500)),
            (Connected, _) => self.tell(Work::EndpointEnded(how)),
            // Closed by the endpoint itself; the handshake is under way.
            (Disconnected, _) => {}
        }
        self.wake_protocol();
    }

    fn set_answer(&self, answer: UpgradeAnswer) {
        self.answer.set(answer);
        self.waiting_for_answer
            .take()
            .into_iter()
            .for_each(Waker::wake);
        self.wake_protocol();
    }

    fn tell(&self, work: Work) {
        self.news.borrow_mut().push_back(work);
        self.wake_protocol();
    }

    fn wake_protocol(&self) {
        if let Some(waker) = self.protocol.take() {
            waker.wake();
        }
    }

    // --- the endpoint's side ------------------------------------------------------------------

    fn id(&self) -> SocketId {
        self.upgrade.socket
    }

    /// Applies a rule to the flags; a broken rule is an event.
    fn rule<T>(
        &self,
        operation: Operation,
        apply: impl FnOnce(&mut Flags) -> Result<T, SocketError>,
    ) -> Result<T, SocketError> {
        let mut flags = self.flags.get();
        let outcome = apply(&mut flags);
        self.flags.set(flags);
        outcome.inspect_err(|&error| self.misused(operation, error))
    }

    fn misused(&self, operation: Operation, error: SocketError) {
        if error.is_misuse() {
            let socket = self.id();
            let event = WorldEvent::TransportMisused {
                socket,
                operation,
                error,
            };
            self.process.emit(Fact::World(event));
        }
    }

    /// The upgrade is answered with an HTTP error, unless its reader is gone.
    fn reject(&self, status: u16) {
        self.set_answer(match self.answer.get() {
            UpgradeAnswer::Lost => UpgradeAnswer::Lost,
            UpgradeAnswer::Pending
            | UpgradeAnswer::Accepted(_)
            | UpgradeAnswer::Rejected(_)
            | UpgradeAnswer::Open => UpgradeAnswer::Rejected(status),
        });
    }

    /// Waits until the upgrade has been answered; false if the transport is gone.
    async fn answered(&self) -> bool {
        poll_fn(|cx| match self.answer.get() {
            UpgradeAnswer::Open => Poll::Ready(true),
            UpgradeAnswer::Lost => Poll::Ready(false),
            UpgradeAnswer::Pending | UpgradeAnswer::Accepted(_) | UpgradeAnswer::Rejected(_) => {
                self.waiting_for_answer
                    .borrow_mut()
                    .push(cx.waker().clone());
                Poll::Pending
            }
        })
        .await
    }

    /// Completes when the transport is gone.
    async fn lost(&self) {
        poll_fn(|cx| match self.answer.get() {
            UpgradeAnswer::Lost => Poll::Ready(()),
            UpgradeAnswer::Pending
            | UpgradeAnswer::Accepted(_)
            | UpgradeAnswer::Rejected(_)
            | UpgradeAnswer::Open => {
                self.waiting_for_answer
                    .borrow_mut()
                    .push(cx.waker().clone());
                Poll::Pending
            }
        })
        .await;
    }

    fn peer_gone(&self) -> SocketError {
        let mut flags = self.flags.get();
        flags.send_failed();
        self.flags.set(flags);
        SocketError::PeerGone
    }
}

impl Socket for SimSocket {
    fn upgrade(&self) -> &Upgrade {
        &self.upgrade
    }

    fn flags(&self) -> Flags {
        self.flags.get()
    }

    async fn accept(&self, subprotocol: Option<&'static str>) -> Result<(), SocketError> {
        if self.flags.get().needs_connect_event() {
            self.process.scheduler().sleep(Duration::ZERO).await;
            self.rule(Operation::Accept, |flags| {
                flags.connect_taken();
                Ok(())
            })?;
        }
        let delay = self
            .accept_delay
            .borrow_mut()
            .draw(self.process.plan().accept_us.inclusive());
        // An answer that has no reader is not waited for (`docs/protocol.md#transport-5`).
        let taking_its_time = self.process.scheduler().sleep(Duration::from_micros(delay));
        first(taking_its_time, self.lost()).await;
        self.rule(Operation::Accept, Flags::hand_over_accept)?;
        if self.answer.get() == UpgradeAnswer::Pending {
            self.set_answer(UpgradeAnswer::Accepted(subprotocol));
        }
        Ok(())
    }

    async fn receive(&self) -> Result<Received, SocketError> {
        self.rule(Operation::Receive, |flags| flags.check_receive())?;
        if self.receiving.replace(true) {
            self.misused(Operation::Receive, SocketError::TwoReceivers);
            return Err(SocketError::TwoReceivers);
        }
        let _receiving = Receiving(&self.receiving);
        let inbound = poll_fn(|cx| match self.buffer.borrow_mut().pop_front() {
            Some(inbound) => Poll::Ready(inbound),
            None => {
                *self.receiver.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        })
        .await;
        self.wake_protocol();
        Ok(match inbound {
            Inbound::Text(text) => Received::Text(text),
            Inbound::Disconnect(code) => {
                self.rule(Operation::Receive, |flags| {
                    flags.disconnect_taken();
                    Ok(())
                })?;
                Received::Disconnect { code }
            }
        })
    }

    async fn send(&self, message: &ServerMessage) -> Result<(), SocketError> {
        self.rule(Operation::Send, |flags| flags.check_send())?;
        if !self.answered().await {
            return Err(self.peer_gone());
        }
        // Another task may have closed while this one waited.
        self.rule(Operation::Send, |flags| flags.check_send())?;
        let sent = self.end.send(Packet::frame(message.to_frame())).await;
        sent.map_err(|_| self.peer_gone())
    }

    async fn refuse(&self, status: u16) -> Result<(), SocketError> {
        self.rule(Operation::Accept, Flags::hand_over_refusal)?;
        self.reject(status);
        Ok(())
    }

    async fn close(&self, code: u16, reason: &str) -> Result<(), SocketError> {
        if self.rule(Operation::Close, Flags::hand_over_close)? {
            self.reject(403);
            return Ok(());
        }
        if !self.answered().await {
            return Ok(());
        }
        let frame = Frame::Close {
            code: Some(code),
            reason: reason.into(),
        };
        // A peer that is gone needs no close.
        if self.end.send(Packet::frame(frame)).await.is_ok() {
            self.tell(Work::CloseSent(code));
        }
        Ok(())
    }
}

/// Lets the next receiver in, also when this one is cancelled.
struct Receiving<'a>(&'a Cell<bool>);

impl Drop for Receiving<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
