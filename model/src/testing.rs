//! Surroundings for tests of the async shell: virtual time, tasks in the order of their
//! wake-ups, services that answer as a closure says, sockets that remember what they were sent.
//!
//! No schedule is explored here; that is the simulator's business.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    future::{Future, pending, poll_fn},
    pin::{Pin, pin},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use tokio::sync::Notify;

use crate::{
    core::{
        environment::Environment,
        ids::{ConnectionId, SocketId, UserId},
        ledger::Book,
        message::{ClientMessage, Frame, ServerMessage},
        message_queue::MAX_WAITING_FRAMES,
        time::Time,
    },
    design::Design,
    event::{Event, TaskName},
    gateway::{
        connection::Connection,
        container::{Container, Settings},
        managers::MANAGERS_PER_USER,
    },
    port::{
        env::{CallError, Env, Reply, Request, Task},
        socket::{Flags, Received, Socket, SocketError, Upgrade},
    },
};

type ServiceAnswer = (Duration, Result<Reply, CallError>);
type TestServices = Box<dyn Fn(&Request) -> ServiceAnswer>;
type Job = Pin<Box<dyn Future<Output = ()>>>;

/// A service that never answers.
pub(crate) const NEVER: Duration = Duration::from_secs(1_000_000);

/// See the module.
#[derive(Clone)]
pub(crate) struct TestEnv(Rc<TestWorld>);

struct TestWorld {
    now: Cell<Time>,
    timers: RefCell<BTreeMap<(Time, u64), Waker>>,
    tasks: RefCell<Vec<Rc<TestTask>>>,
    events: RefCell<Vec<(Time, Event)>>,
    services: TestServices,
    ledger: RefCell<Book>,
    fresh: Cell<u64>,
    processes: Cell<u32>,
}

/// A task of a [`TestEnv`].
pub(crate) struct TestTask {
    job: RefCell<Option<Job>>,
    woken: Arc<Woken>,
    ended: Cell<bool>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Woken {
    fn new() -> Arc<Self> {
        Arc::new(Woken(AtomicBool::new(true)))
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl TestEnv {
    /// At time zero, with services that answer as `services` says; what they answer for the ledger
    /// of messages is taken from a ledger, unless it is a failure.
    pub(crate) fn new(services: impl Fn(&Request) -> ServiceAnswer + 'static) -> Self {
        TestEnv(Rc::new(TestWorld {
            now: Cell::default(),
            timers: RefCell::default(),
            tasks: RefCell::default(),
            events: RefCell::default(),
            services: Box::new(services),
            ledger: RefCell::default(),
            fresh: Cell::new(0),
            processes: Cell::new(0),
        }))
    }

    /// The same, with services that answer at once and are not expected to be asked.
    pub(crate) fn idle() -> Self {
        TestEnv::new(|_| (Duration::ZERO, Ok(Reply::Alive)))
    }

    /// Runs `future` and all tasks until `future` is done. Time advances when no task is ready.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let woken = Woken::new();
        let waker = Waker::from(woken.clone());
        loop {
            if woken.take()
                && let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker))
            {
                return value;
            }
            let tasks = self.0.tasks.borrow().clone();
            let polled = tasks.iter().filter(|task| task.poll()).count();
            if polled == 0 && !woken.0.load(Ordering::Relaxed) {
                self.advance();
            }
        }
    }

    /// The process is stalled: time goes by, and nothing is done.
    pub(crate) fn stall(&self, duration: Duration) {
        self.0.now.set(self.0.now.get() + duration);
    }

    fn advance(&self) {
        let mut timers = self.0.timers.borrow_mut();
        let ((time, _), waker) = timers.pop_first().expect("every task waits for ever");
        self.0.now.set(time.max(self.0.now.get()));
        waker.wake();
    }

    /// What was observed, in order.
    pub(crate) fn events(&self) -> Vec<Event> {
        let events = self.timed_events();
        events.into_iter().map(|(_, event)| event).collect()
    }

    /// The same, and when.
    pub(crate) fn timed_events(&self) -> Vec<(Time, Event)> {
        self.0.events.borrow().clone()
    }
}

impl TestTask {
    fn poll(&self) -> bool {
        if self.ended.get() || !self.woken.take() {
            return false;
        }
        // Taken out, because a task may cancel itself while it is polled.
        let Some(mut job) = self.job.borrow_mut().take() else {
            return false;
        };
        let waker = Waker::from(self.woken.clone());
        match job.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(()) => self.ended.set(true),
            Poll::Pending if self.ended.get() => {}
            Poll::Pending => *self.job.borrow_mut() = Some(job),
        }
        true
    }
}

impl Task for Rc<TestTask> {
    fn cancel(&self) {
        self.ended.set(true);
        let job = self.job.borrow_mut().take();
        drop(job);
    }

    fn is_finished(&self) -> bool {
        self.ended.get()
    }

    async fn finished(&self) {
        poll_fn(|context| {
            if self.ended.get() {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

impl Env for TestEnv {
    type Socket = TestSocket;
    type Task = Rc<TestTask>;

    fn now(&self) -> Time {
        self.0.now.get()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + 'static {
        let world = self.0.clone();
        let deadline = world.now.get() + duration;
        poll_fn(move |context| {
            if world.now.get() >= deadline {
                return Poll::Ready(());
            }
            world.fresh.set(world.fresh.get() + 1);
            let mut timers = world.timers.borrow_mut();
            timers.insert((deadline, world.fresh.get()), context.waker().clone());
            Poll::Pending
        })
    }

    fn block(&self, duration: Duration) -> impl Future<Output = ()> + 'static {
        self.sleep(duration)
    }

    fn spawn(
        &self,
        _name: TaskName,
        _socket: Option<SocketId>,
        future: impl Future<Output = ()> + 'static,
    ) -> Self::Task {
        let task = Rc::new(TestTask {
            job: RefCell::new(Some(Box::pin(future))),
            woken: Woken::new(),
            ended: Cell::new(false),
        });
        self.0.tasks.borrow_mut().push(task.clone());
        task
    }

    fn call(
        &self,
        _socket: Option<SocketId>,
        request: Request,
    ) -> impl Future<Output = Result<Reply, CallError>> + 'static {
        let (after, mut reply) = (self.0.services)(&request);
        if let (Request::Ledger { key, command }, Ok(_)) = (&request, &reply) {
            let mut ledger = self.0.ledger.borrow_mut();
            reply = Ok(Reply::Ledger(ledger.execute(self.now(), key, *command)));
        }
        let answered = self.sleep(after);
        async move {
            answered.await;
            reply
        }
    }

    fn emit(&self, event: Event) {
        self.0.events.borrow_mut().push((self.now(), event));
    }

    fn process(&self) -> u32 {
        let next = self.0.processes.get();
        self.0.processes.set(next + 1);
        next
    }

    fn fresh(&self, _socket: SocketId) -> u64 {
        self.0.fresh.set(self.0.fresh.get() + 1);
        self.0.fresh.get()
    }
}

/// How a [`TestSocket`] takes what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// It reads.
    Reading,
    /// It does not read, and sends wait.
    Stuck,
    /// It is gone.
    Gone,
}

/// A socket whose peer sends what a test says.
pub(crate) struct TestSocket {
    upgrade: Upgrade,
    flags: Cell<Flags>,
    unread: RefCell<VecDeque<Arc<str>>>,
    arrived: Notify,
    pub(crate) peer: Cell<Peer>,
    pub(crate) sent: RefCell<Vec<ServerMessage>>,
    pub(crate) closed: Cell<Option<u16>>,
}

impl TestSocket {
    /// A frame of the peer arrives.
    pub(crate) fn say(&self, message: &ClientMessage) {
        let Frame::Text(text) = message.to_frame() else {
            panic!("a client's message is text")
        };
        self.unread.borrow_mut().push_back(text);
        self.arrived.notify_one();
    }
}

impl Socket for TestSocket {
    fn upgrade(&self) -> &Upgrade {
        &self.upgrade
    }

    fn flags(&self) -> Flags {
        self.flags.get()
    }

    async fn accept(&self, _subprotocol: Option<&'static str>) -> Result<(), SocketError> {
        let mut flags = self.flags.get();
        flags.connect_taken();
        let accepted = flags.hand_over_accept();
        self.flags.set(flags);
        accepted
    }

    async fn receive(&self) -> Result<Received, SocketError> {
        loop {
            if let Some(text) = self.unread.borrow_mut().pop_front() {
                return Ok(Received::Text(text));
            }
            self.arrived.notified().await;
        }
    }

    async fn send(&self, message: &ServerMessage) -> Result<(), SocketError> {
        self.flags.get().check_send()?;
        match self.peer.get() {
            Peer::Reading => {
                self.sent.borrow_mut().push(message.clone());
                Ok(())
            }
            Peer::Stuck => pending().await,
            Peer::Gone => Err(SocketError::PeerGone),
        }
    }

    async fn refuse(&self, status: u16) -> Result<(), SocketError> {
        let mut flags = self.flags.get();
        flags.hand_over_refusal()?;
        self.flags.set(flags);
        self.closed.set(Some(status));
        Ok(())
    }

    async fn close(&self, code: u16, _reason: &str) -> Result<(), SocketError> {
        let mut flags = self.flags.get();
        flags.hand_over_close()?;
        self.flags.set(flags);
        self.closed.set(Some(code));
        Ok(())
    }
}

/// A container with this design, in `environment`, whose start-up takes a second per phase.
pub(crate) fn container(
    env: &TestEnv,
    design: &str,
    environment: Environment,
) -> Rc<Container<TestEnv>> {
    container_with(env, design, environment, |_| {})
}

/// The same, with other settings.
pub(crate) fn container_with(
    env: &TestEnv,
    design: &str,
    environment: Environment,
    change: impl FnOnce(&mut Settings),
) -> Rc<Container<TestEnv>> {
    let mut settings = Settings {
        phase_durations: [Duration::from_secs(1); 7],
        registry_capacity: 100,
        managers_per_user: MANAGERS_PER_USER,
        queue_capacity: MAX_WAITING_FRAMES,
        never_ready: Vec::new(),
        for_tests: false,
    };
    change(&mut settings);
    let design = Rc::new(Design::resolve(design).unwrap());
    Container::new(env.clone(), design, environment, settings)
}

/// An upgrade of peer `peer`, not yet accepted, with a token in its `Authorization` header.
pub(crate) fn arrive(peer: u32, token: &str) -> Rc<TestSocket> {
    Rc::new(TestSocket {
        upgrade: Upgrade {
            socket: SocketId::first(peer),
            peer_address: format!("10.0.0.{peer}:4000"),
            authorization: Some(format!("Bearer {token}")),
            subprotocols: Vec::new(),
            query_token: None,
            headers: Vec::new(),
        },
        flags: Cell::default(),
        unread: RefCell::default(),
        arrived: Notify::new(),
        peer: Cell::new(Peer::Reading),
        sent: RefCell::default(),
        closed: Cell::new(None),
    })
}

/// An accepted connection of peer `peer`, with a token in its `Authorization` header.
pub(crate) fn connect(
    container: &Rc<Container<TestEnv>>,
    peer: u32,
    token: &str,
) -> (Rc<Connection<TestEnv>>, Rc<TestSocket>) {
    let socket = arrive(peer, token);
    let connection = Connection::new(
        container.env.clone(),
        container.design.clone(),
        container.environment,
        socket.clone(),
        container.settings.queue_capacity,
    );
    container.env.block_on(socket.accept(None)).unwrap();
    connection.accepted(None);
    let id = ConnectionId::from(format!("ws_{peer}"));
    connection.attach_id(&id);
    let (owner, now) = (connection.socket_id(), container.env.now());
    let mut registry = container.registry.borrow_mut();
    let _new = registry.register(&id, &UserId::from("no-user-yet"), owner, now);
    drop(registry);
    (connection, socket)
}
