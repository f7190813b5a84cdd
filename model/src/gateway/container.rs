//! One container: what all its connections share.
//!
//! Single-threaded, as an asyncio process is: between two awaits of one task nothing else of the
//! container runs. Nothing here is shared between containers (protocol.md 1.3).

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    rc::{Rc, Weak},
    time::Duration,
};

use crate::{
    core::{
        admission::Admission,
        breaker::{CircuitBreaker, Policy},
        close::TRY_AGAIN_LATER,
        coordinator::StateCoordinator,
        environment::Environment,
        identity::IdManager,
        ids::{ConnectionId, SocketId},
        ledger::Book,
        message::Notice,
        registry::Registry,
    },
    design::{Design, ShutdownPolicy, StopInSetup},
    event::{Breaker, CloseCause, Component, EndpointEnd, TaskName},
    gateway::{
        agent::Runs,
        app_state::AppState,
        auth::Authenticator,
        calls::Guard,
        connection::{Connection, Transport},
        delivery::{self, Outboxes},
        endpoint,
        initializer::Initializer,
        journal::Journals,
        managers::Managers,
        middleware::{self, Passed},
        readiness_guard::ReadinessGuard,
        router::Router,
        sleep_patch::SleepPatch,
        startup,
    },
    port::{
        env::{Env, Task},
        wait::timeout,
    },
};

/// How long agent runs may go on after the container was asked to stop.
pub const DRAIN_GRACE: Duration = Duration::from_secs(3);
/// How long runs may take to fail, and endpoints to clean up once their connections are closed.
pub const DRAIN_CLEAN_UP: Duration = Duration::from_secs(2);
/// Agent runs of one container that go on at the same time, where they have tasks of their own.
pub const MAX_RUNS: usize = 1_000;

/// What a deployment chooses, beside the design.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long each start-up phase takes, INIT to FINALIZE (protocol.md 1.1, SMD).
    pub phase_durations: [Duration; 7],
    /// Machines that the registry holds at most.
    pub registry_capacity: usize,
    /// Connection managers that one user may have (7.2).
    pub managers_per_user: usize,
    /// Frames that wait for one connection at most (7.1).
    pub queue_capacity: usize,
    /// Components that this container never gets.
    pub never_ready: Vec<Component>,
    /// Whether the deployment carries the variable of end-to-end tests (protocol.md 5.3).
    pub for_tests: bool,
}

/// One container process.
pub struct Container<E: Env> {
    /// The surroundings.
    pub env: E,
    /// The answers.
    pub design: Rc<Design>,
    /// Where it runs.
    pub environment: Environment,
    /// What the deployment chose.
    pub settings: Settings,
    /// Start-up phase and components.
    pub app: AppState,
    /// The machines.
    pub registry: RefCell<Registry>,
    /// The state coordinator; unused where the design has none.
    pub coordinator: RefCell<StateCoordinator>,
    /// The connection-id manager; unused where the design has none.
    pub identities: RefCell<IdManager>,
    /// The breaker around accept; unused where accept is direct.
    pub accept_breaker: RefCell<CircuitBreaker>,
    /// The breaker for the endpoint as a whole; unused where the design has none.
    pub(crate) module_breaker: Guard,
    /// The guard before the endpoint; unused where the design has none.
    pub(crate) readiness_guard: ReadinessGuard,
    /// Whose wrapper the process sleeps with; unused where the design has none.
    pub(crate) sleep_patch: SleepPatch,
    /// Who was admitted from where.
    pub admission: RefCell<Admission>,
    /// Connections whose set-up was completed.
    pub monitor: RefCell<BTreeMap<SocketId, ConnectionId>>,
    /// Authentication: breakers and token cache.
    pub auth: Authenticator,
    /// Who is connected, per user and thread.
    pub managers: Managers<E>,
    /// Handlers of client messages.
    pub router: Router<E>,
    /// What builds missing services, once for all.
    pub initializer: Initializer<E>,
    /// What agent runs share.
    pub agent_runs: Runs,
    /// Events of agent runs on their way.
    pub outboxes: Outboxes<E>,
    /// What the runs that go on here have said, where events are journaled.
    pub journals: Journals,
    /// Which messages were claimed here, where each container knows of its own only.
    pub claims: RefCell<Book>,
    lifecycle: Cell<Lifecycle>,
    live: RefCell<BTreeMap<SocketId, Weak<Connection<E>>>>,
    background: RefCell<BTreeMap<TaskName, E::Task>>,
    runs: RefCell<Vec<E::Task>>,
    /// The runs that are over are looked for when there are this many.
    sweep_runs_at: Cell<usize>,
}

/// Whether the container takes on work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lifecycle {
    /// Yes, from its first moment on.
    Serving,
    /// It was asked to stop, and its design cares.
    Draining,
}

/// There are [`MAX_RUNS`] agent runs; this one was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyRuns;

impl<E: Env> Container<E> {
    /// A process that has just started. Nothing runs before [`Self::start`].
    pub fn new(
        env: E,
        design: Rc<Design>,
        environment: Environment,
        settings: Settings,
    ) -> Rc<Self> {
        Rc::new(Container {
            agent_runs: Runs::new(env.process()),
            initializer: Initializer::new(env.clone()),
            env,
            design,
            environment,
            app: AppState::new(),
            registry: RefCell::new(Registry::with_capacity(settings.registry_capacity)),
            coordinator: RefCell::new(StateCoordinator::new()),
            identities: RefCell::new(IdManager::new()),
            accept_breaker: RefCell::new(CircuitBreaker::new(Policy::accept(environment))),
            module_breaker: Guard::new(Breaker::Module, Policy::module()),
            readiness_guard: ReadinessGuard::default(),
            sleep_patch: SleepPatch::default(),
            admission: RefCell::default(),
            monitor: RefCell::default(),
            settings,
            auth: Authenticator::new(),
            managers: Managers::new(),
            router: Router::new(),
            outboxes: Outboxes::new(),
            journals: Journals::new(),
            claims: RefCell::default(),
            lifecycle: Cell::new(Lifecycle::Serving),
            live: RefCell::default(),
            background: RefCell::default(),
            runs: RefCell::default(),
            sweep_runs_at: Cell::default(),
        })
    }

    /// Serves one connection from its upgrade to its end: first the middleware, which may answer
    /// the upgrade itself, then the endpoint. Returning without a close before makes the server end
    /// the session normally; [`EndpointEnd::Raised`] makes it drop the transport.
    pub async fn serve(self: Rc<Self>, socket: Rc<E::Socket>) -> EndpointEnd {
        match middleware::pass(&self, &*socket).await {
            Passed::On => endpoint::serve(self, socket).await,
            Passed::Answered => EndpointEnd::Returned,
        }
    }

    /// Runs the start-up phases and starts the tasks that look after the container.
    pub async fn start(self: &Rc<Self>) {
        startup::run(self).await;
    }

    /// The container was asked to stop (SIGTERM). Returns when its connections are closed and
    /// its tasks have ended, within [`DRAIN_GRACE`] and [`DRAIN_CLEAN_UP`]; at once if the
    /// design does not care.
    pub async fn terminate(self: &Rc<Self>) {
        match self.design.shutdown {
            ShutdownPolicy::Ignored => {}
            ShutdownPolicy::Drained => self.drain().await,
        }
    }

    /// Whether new work is refused because the container is about to stop.
    pub fn is_draining(&self) -> bool {
        self.lifecycle.get() == Lifecycle::Draining
    }

    async fn drain(self: &Rc<Self>) {
        self.lifecycle.set(Lifecycle::Draining);
        for connection in self.live_connections() {
            let told = connection.clone();
            connection.spawn_owned(TaskName::Notice, async move {
                if told.is_ready() {
                    // A peer that cannot be told finds out by the close.
                    let _ = told.send_notice(Notice::ServerShutdown).await;
                } else {
                    interrupt(&told).await;
                }
            });
        }
        let runs = self.runs.take();
        timeout(&self.env, DRAIN_GRACE, all_finished::<E>(&runs)).await;
        // Runs that did not finish end explicitly, as failures; only then is force used.
        self.agent_runs.stop.set();
        timeout(&self.env, DRAIN_CLEAN_UP, all_finished::<E>(&runs)).await;
        for run in &runs {
            run.cancel();
        }
        delivery::give_up(self);
        for connection in self.live_connections() {
            let ended = connection.clone();
            connection.spawn_owned(TaskName::Shutdown, async move {
                end_if_accepted(&ended).await;
            });
        }
        let cleaned_up = async {
            while !self.live.borrow().is_empty() {
                self.env.sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(&self.env, DRAIN_CLEAN_UP, cleaned_up).await;
        for task in self.background.take().values() {
            task.cancel();
        }
    }

    /// Starts a task that looks after the container, unless one of this name runs already.
    pub fn spawn_background(&self, name: TaskName, future: impl Future<Output = ()> + 'static) {
        let mut background = self.background.borrow_mut();
        let runs = background
            .get(&name)
            .is_some_and(|task| !task.is_finished());
        if !runs {
            background.insert(name, self.env.spawn(name, None, future));
        }
    }

    /// Starts an agent run that belongs to the container: it may outlive the connection that
    /// asked for it.
    ///
    /// # Errors
    /// If there are [`MAX_RUNS`].
    pub fn spawn_run(
        &self,
        asker: &Connection<E>,
        run: impl Future<Output = ()> + 'static,
    ) -> Result<(), TooManyRuns> {
        let mut runs = self.runs.borrow_mut();
        // Not at every message: a container may have thousands of runs.
        if runs.len() >= self.sweep_runs_at.get() {
            runs.retain(|run| !run.is_finished());
            self.sweep_runs_at.set((2 * runs.len() + 8).min(MAX_RUNS));
        }
        if runs.len() >= MAX_RUNS {
            return Err(TooManyRuns);
        }
        runs.push(asker.spawn(TaskName::AgentRun, run));
        Ok(())
    }

    /// The connections whose endpoints have not ended.
    pub fn live_connections(&self) -> Vec<Rc<Connection<E>>> {
        self.live
            .borrow()
            .values()
            .filter_map(Weak::upgrade)
            .collect()
    }

    /// An endpoint began.
    pub(crate) fn enter(&self, connection: &Rc<Connection<E>>) {
        let mut live = self.live.borrow_mut();
        live.insert(connection.socket_id(), Rc::downgrade(connection));
    }

    /// It ended.
    pub(crate) fn leave(&self, connection: &Connection<E>) {
        self.live.borrow_mut().remove(&connection.socket_id());
    }
}

/// Ends a connection whose set-up is not complete.
async fn interrupt<E: Env>(connection: &Connection<E>) {
    match connection.design.stop_in_setup {
        StopInSetup::GoingAway => end_if_accepted(connection).await,
        StopInSetup::StepFailed => match connection.transport() {
            Transport::Upgrading => {}
            Transport::Open | Transport::Closed | Transport::PeerGone => {
                let reason = "Handshake coordination failed - service temporarily unavailable";
                let cause = CloseCause::GoingAway;
                connection.close(TRY_AGAIN_LATER, reason, cause).await;
            }
        },
    }
}

/// A connection that is still being accepted is not touched: a close before accept cannot say why,
/// and its endpoint closes it right after.
async fn end_if_accepted<E: Env>(connection: &Connection<E>) {
    match connection.transport() {
        Transport::Upgrading => {}
        Transport::Open | Transport::Closed | Transport::PeerGone => {
            connection.end(CloseCause::GoingAway).await;
        }
    }
}

async fn all_finished<E: Env>(tasks: &[E::Task]) {
    for task in tasks {
        task.finished().await;
    }
}
