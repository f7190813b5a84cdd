//! One connection as the tasks of its container see it: the transport and the task that owns it,
//! the ids it was given, its tasks, and the frames that wait for the loop.
//!
//! Implements docs/protocol.md#connection-sequence.

mod transport;

pub use transport::{CLOSE_LIMIT, ReceiveError, SendError, Transport};

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::BTreeSet,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::{
    core::{
        environment::Environment,
        ids::{ConnectionId, MessageId, SocketId, UserId},
        time::Time,
    },
    design::{Design, TaskStop},
    event::{CloseCause, Event, IdHolder, Limit, LimitValue, TaskName},
    gateway::inbox::Inbox,
    port::{
        env::{Env, Task},
        limits,
        socket::Socket,
        wait::Signal,
    },
};

/// A connection between its upgrade and its end. Shared by the tasks that serve it.
pub struct Connection<E: Env> {
    /// The surroundings.
    pub env: E,
    /// The answers.
    pub design: Rc<Design>,
    /// Where the container runs.
    pub environment: Environment,
    socket_id: SocketId,
    socket: Rc<E::Socket>,
    transport: Cell<Transport>,
    standing: Cell<EndpointProgress>,
    closing: Signal,
    over: Signal,
    closed_for: Cell<Option<CloseCause>>,
    ids: RefCell<Ids>,
    user: OnceCell<UserId>,
    client_id: OnceCell<ConnectionId>,
    last_sign: Cell<Time>,
    tasks: RefCell<Vec<E::Task>>,
    /// Messages whose answers it is being given from a journal.
    answers: RefCell<BTreeSet<MessageId>>,
    /// Frames that were received and not yet handled, where a reader task receives.
    pub inbox: Inbox<E>,
}

/// How far the endpoint has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndpointProgress {
    /// Set-up is going on.
    SettingUp,
    /// The client was told that it may start.
    Ready,
    /// Clean-up is going on.
    Ending,
}

/// The ids of one connection. The protocol may make several; that they agree is invariant I-03.
#[derive(Clone, Debug, Default)]
struct Ids {
    /// The first one.
    preliminary: Option<ConnectionId>,
    /// Given to the manager, the monitor, the heartbeat and the loop.
    current: Option<ConnectionId>,
}

impl<E: Env> Connection<E> {
    /// A connection whose upgrade has not been answered, and for which at most `queue_capacity`
    /// frames may wait.
    pub fn new(
        env: E,
        design: Rc<Design>,
        environment: Environment,
        socket: Rc<E::Socket>,
        queue_capacity: usize,
    ) -> Rc<Self> {
        let socket_id = socket.upgrade().socket;
        Rc::new(Connection {
            socket_id,
            inbox: Inbox::new(env.clone(), socket_id, queue_capacity),
            last_sign: Cell::new(env.now()),
            env,
            design,
            environment,
            socket,
            transport: Cell::new(Transport::Upgrading),
            standing: Cell::new(EndpointProgress::SettingUp),
            closing: Signal::default(),
            over: Signal::default(),
            closed_for: Cell::new(None),
            ids: RefCell::default(),
            user: OnceCell::new(),
            client_id: OnceCell::new(),
            tasks: RefCell::default(),
            answers: RefCell::default(),
        })
    }

    /// Reports an observable fact.
    pub fn emit(&self, event: Event) {
        self.env.emit(event);
    }

    /// Reports that a limit was reached that concerns this connection.
    pub fn reached(&self, limit: Limit, value: impl Into<LimitValue>) {
        limits::reached(&self.env, self.socket_id, limit, value);
    }

    /// For the observer; the protocol never branches on it.
    pub fn socket_id(&self) -> SocketId {
        self.socket_id
    }

    // --- standing -----------------------------------------------------------------------------

    /// The client was told that it may start.
    pub fn set_ready(&self) {
        if self.standing.get() == EndpointProgress::SettingUp {
            self.standing.set(EndpointProgress::Ready);
        }
    }

    /// Clean-up begins.
    pub fn set_ending(&self) {
        self.standing.set(EndpointProgress::Ending);
    }

    /// Whether agent events may be sent to it: the client was told that it may start, clean-up
    /// has not begun, and the transport is open as far as this container knows.
    pub fn is_ready(&self) -> bool {
        self.standing.get() == EndpointProgress::Ready && self.transport.get() == Transport::Open
    }

    // --- identity -----------------------------------------------------------------------------

    /// The id that the manager, the monitor, the heartbeat and the loop are given.
    ///
    /// # Panics Before the state was initialised (docs/protocol.md#step-7), which is a mistake in
    /// the endpoint.
    pub fn id(&self) -> ConnectionId {
        let ids = self.ids.borrow();
        ids.current
            .clone()
            .expect("step 7 gives every connection an id")
    }

    /// The first id it was given, if docs/protocol.md#step-7 was reached. What was entered under it
    /// is looked for under it, even if the connection is renamed later.
    pub fn preliminary_id(&self) -> Option<ConnectionId> {
        self.ids.borrow().preliminary.clone()
    }

    /// Attaches an id to the socket (docs/protocol.md#step-7, docs/protocol.md#step-9). The first
    /// one is also the current one.
    pub fn attach_id(&self, id: &ConnectionId) {
        let mut ids = self.ids.borrow_mut();
        ids.preliminary.get_or_insert_with(|| id.clone());
        ids.current.get_or_insert_with(|| id.clone());
        drop(ids);
        self.give_id(IdHolder::Socket, id);
    }

    /// From here on the connection goes by another id; the socket still carries the old one
    /// (docs/protocol.md#step-25; docs/protocol.md#step-26 before pass-through).
    pub fn rename(&self, id: ConnectionId) {
        self.ids.borrow_mut().current = Some(id);
    }

    /// Reports that some part was told an id.
    pub fn give_id(&self, holder: IdHolder, id: &ConnectionId) {
        self.emit(Event::IdGiven {
            socket: self.socket_id,
            holder,
            connection: id.clone(),
        });
    }

    /// The user, once authenticated.
    pub fn user(&self) -> Option<&UserId> {
        self.user.get()
    }

    /// Binds the user. Only the first call counts.
    pub fn bind_user(&self, user: &UserId) {
        self.user.get_or_init(|| user.clone());
    }

    /// The id that the context of the user has, where authentication made one
    /// (docs/protocol.md#ids-v1-v2).
    pub fn client_id(&self) -> Option<&ConnectionId> {
        self.client_id.get()
    }

    /// Authentication has made an id, or found one in a result that was made for another
    /// connection. Only the first call counts.
    pub fn bind_client_id(&self, make: impl FnOnce() -> ConnectionId) {
        self.client_id.get_or_init(make);
    }

    // --- heartbeat ----------------------------------------------------------------------------

    /// When the heartbeat last counted a sign of the peer.
    pub fn last_sign(&self) -> Time {
        self.last_sign.get()
    }

    /// The heartbeat counts a sign of the peer, or begins.
    pub fn note_sign(&self) {
        self.last_sign.set(self.env.now());
    }

    // --- answers ------------------------------------------------------------------------------

    /// Begins to give it the answer to a message; false if that is going on already.
    pub(crate) fn begin_answer(&self, message: &MessageId) -> bool {
        self.answers.borrow_mut().insert(message.clone())
    }

    /// The answer was given, or will not be.
    pub(crate) fn end_answer(&self, message: &MessageId) {
        self.answers.borrow_mut().remove(message);
    }

    /// How many answers it is being given.
    pub(crate) fn answers(&self) -> usize {
        self.answers.borrow().len()
    }

    // --- tasks --------------------------------------------------------------------------------

    /// Starts a task of this connection and reports its start and its end. Dropping the handle
    /// detaches it: it may outlive the connection.
    pub fn spawn(&self, name: TaskName, future: impl Future<Output = ()> + 'static) -> E::Task {
        let socket = self.socket_id;
        self.emit(Event::TaskStarted { socket, name });
        let ended = TaskEnded {
            env: self.env.clone(),
            socket,
            name,
        };
        let ended = Some(ended);
        (self.env).spawn(name, Some(socket), Reported { future, ended })
    }

    /// The same, and the connection stops it in [`Self::stop_tasks`].
    pub fn spawn_owned(&self, name: TaskName, future: impl Future<Output = ()> + 'static) {
        let task = self.spawn(name, future);
        self.own(task);
    }

    /// Takes over a task.
    pub fn own(&self, task: E::Task) {
        let mut tasks = self.tasks.borrow_mut();
        tasks.retain(|task| !task.is_finished());
        tasks.push(task);
    }

    /// Cancels every owned task and waits until they have ended, or as the design has it otherwise.
    pub async fn stop_tasks(&self) {
        let tasks = self.tasks.take();
        match self.design.task_stop {
            TaskStop::Cancelled => tasks.iter().for_each(Task::cancel),
            TaskStop::Awaited => {}
            TaskStop::Forgotten => return,
        }
        for task in &tasks {
            task.finished().await;
        }
    }
}

pin_project! {
    /// A task whose end is reported, also if it is cancelled before its first poll. (Not an async
    /// block, which would have room for the future twice.)
    struct Reported<F, E: Env> {
        #[pin]
        future: F,
        ended: Option<TaskEnded<E>>,
    }
}

impl<F: Future<Output = ()>, E: Env> Future for Reported<F, E> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let task = self.project();
        let ended = task.future.poll(context);
        if ended.is_ready() {
            *task.ended = None;
        }
        ended
    }
}

/// Reports the end of a task when it is dropped, done or cancelled.
struct TaskEnded<E: Env> {
    env: E,
    socket: SocketId,
    name: TaskName,
}

impl<E: Env> Drop for TaskEnded<E> {
    fn drop(&mut self) {
        self.env.emit(Event::TaskEnded {
            socket: self.socket,
            name: self.name,
        });
    }
}
