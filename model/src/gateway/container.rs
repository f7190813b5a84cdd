//! One container: what all its connections share.
//!
//! Single-threaded, as an asyncio process is: between two awaits of one task nothing else of the
//! container runs. Nothing here is shared between containers (docs/protocol.md#process-globals).

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
        coordinator::StateCoordinator,
        environment::Environment,
        identity::IdManager,
        ids::{ConnectionId, SocketId},
        ledger::Book,
        registry::Registry,
    },
    design::{Design, RunNumbers, SleepPatching},
    event::{Breaker, Component, Limit, TaskName},
    gateway::{
        agent::runs::Runs, app_state::AppState, auth::authenticator::Authenticator,
        calls::SharedBreaker, connection::Connection, delivery::outbox::Outboxes,
        initializer::Initializer, journal::Journals, managers::table::Managers, router::Router,
    },
    historical::{
        readiness_guard::ReadinessGuard,
        sleep_patch::{ReplacedSleep, SleepPatch},
    },
    port::env::{Env, Task},
};

/// Agent runs of one container that go on at the same time, where they have tasks of their own.
pub const MAX_RUNS: usize = 1_000;

/// What a deployment chooses, beside the design.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long each start-up phase takes, INIT to FINALIZE
    /// (docs/protocol.md#startup-orchestrator).
    pub phase_durations: [Duration; 7],
    /// Machines that the registry holds at most.
    pub registry_capacity: usize,
    /// Connection managers that one user may have (docs/protocol.md#manager-limit).
    pub managers_per_user: usize,
    /// Frames that wait for one connection at most (docs/protocol.md#message-queue).
    pub queue_capacity: usize,
    /// Components that this container never gets.
    pub never_ready: Vec<Component>,
    /// Whether the deployment carries the variable of end-to-end tests
    /// (docs/protocol.md#e2e-context).
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
    pub(crate) module_breaker: SharedBreaker,
    /// The guard before the endpoint; unused where the design has none.
    pub(crate) readiness_guard: ReadinessGuard,
    /// Which connection's wrapper is bound as the sleep of the process; unused where the design has
    /// none.
    pub(crate) sleep_patch: SleepPatch,
    /// The connections admitted, by address.
    pub admission: RefCell<Admission>,
    /// Connections whose set-up was completed.
    pub monitor: RefCell<BTreeMap<SocketId, ConnectionId>>,
    /// Authentication: breakers and token cache.
    pub auth: Authenticator,
    /// The connections, per user and thread.
    pub managers: Managers<E>,
    /// Handlers of client messages.
    pub router: Router<E>,
    /// What builds missing services, once for all.
    pub initializer: Initializer<E>,
    /// What agent runs share.
    pub agent_runs: Runs,
    /// Events of agent runs on their way.
    pub outboxes: Outboxes<E>,
    /// The journals of the runs of this container, where events are journaled.
    pub journals: Journals,
    /// Which messages were claimed here, where each container knows of its own only.
    pub claims: RefCell<Book>,
    pub(super) lifecycle: Cell<Lifecycle>,
    pub(super) live: RefCell<BTreeMap<SocketId, Weak<Connection<E>>>>,
    pub(super) background: RefCell<BTreeMap<TaskName, E::Task>>,
    pub(super) runs: RefCell<Vec<E::Task>>,
    /// The runs that are over are looked for when there are this many.
    sweep_runs_at: Cell<usize>,
}

/// Whether the container takes on work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifecycle {
    /// Yes, from its start.
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
            agent_runs: Runs::new(match design.run_numbers {
                RunNumbers::Unique => env.process(),
                RunNumbers::PerProcess => 0,
            }),
            initializer: Initializer::new(env.clone()),
            env,
            environment,
            app: AppState::new(),
            registry: RefCell::new(Registry::with_capacity(settings.registry_capacity)),
            coordinator: RefCell::new(StateCoordinator::new()),
            identities: RefCell::new(IdManager::new()),
            accept_breaker: RefCell::new(CircuitBreaker::new(Policy::accept(environment))),
            module_breaker: SharedBreaker::new(
                Breaker::Module,
                Policy::module(),
                design.breaker_trials,
            ),
            readiness_guard: ReadinessGuard::default(),
            sleep_patch: SleepPatch::default(),
            admission: RefCell::default(),
            monitor: RefCell::default(),
            settings,
            auth: Authenticator::new(&design),
            managers: Managers::new(),
            router: Router::new(),
            outboxes: Outboxes::new(),
            journals: Journals::new(design.journal_news),
            claims: RefCell::default(),
            lifecycle: Cell::new(Lifecycle::Serving),
            live: RefCell::default(),
            background: RefCell::default(),
            runs: RefCell::default(),
            sweep_runs_at: Cell::default(),
            design,
        })
    }

    /// Whether new work is refused because the container is about to stop.
    pub fn is_draining(&self) -> bool {
        self.lifecycle.get() == Lifecycle::Draining
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
            asker.reached(Limit::Runs, MAX_RUNS);
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

    /// An endpoint begins, and replaces the sleep of the process where the design has it so.
    pub(crate) fn patch_sleep(&self, socket: SocketId) -> Option<ReplacedSleep> {
        match self.design.sleep_patching {
            SleepPatching::Absent => None,
            SleepPatching::ProcessWide => Some(self.sleep_patch.patch(&self.env, socket)),
        }
    }

    /// It ends.
    pub(crate) fn restore_sleep(&self, found: Option<ReplacedSleep>) {
        if let Some(found) = found {
            self.sleep_patch.restore(&self.env, found);
        }
    }

    /// A sleep by the name that an endpoint may have replaced.
    pub(crate) async fn sleep(&self, duration: Duration) {
        let (env, environment) = (&self.env, self.environment);
        self.sleep_patch.sleep(env, environment, duration).await;
    }
}
