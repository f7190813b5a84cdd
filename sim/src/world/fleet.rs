//! Containers: started, put into service, crashed, asked to stop, started again.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use gatesim_model::{
    design::Design,
    gateway::container::{Container, Settings},
    port::wait::{First, first},
};

use crate::{
    plan::{ContainerPlan, Millis, bounds::MAX_MS},
    scheduler::ProcessId,
    trace::event::{Actor, WorldEvent},
    world::{
        backends::Backends,
        context::Context,
        env::SimEnv,
        network::Network,
        process::{Process, WallClock},
        server,
        service::BackingServices,
    },
};

/// How long a start-up phase takes that is never left: longer than any run.
const FOR_EVER: Duration = Duration::from_millis(MAX_MS);

/// The containers of one run.
pub struct Fleet {
    context: Rc<Context>,
    design: Rc<Design>,
    network: Rc<Network>,
    services: Rc<BackingServices>,
    backends: Rc<Backends>,
    /// By the number of the container.
    hosts: BTreeMap<u32, Host>,
}

/// A container across its restarts.
#[derive(Default)]
struct Host {
    incarnation: Cell<u32>,
    running: RefCell<Option<Running>>,
    tenure: Cell<Tenure>,
    wall_clock: Rc<WallClock>,
}

/// Whether the deployment still wants a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tenure {
    /// It is started again when it is down.
    #[default]
    Wanted,
    /// It was scaled in.
    Retired,
}

#[derive(Clone)]
struct Running {
    process: Rc<Process>,
    gateway: Rc<Container<SimEnv>>,
}

impl Fleet {
    /// Every container of the plan, none of them started.
    pub fn new(
        context: Rc<Context>,
        design: Rc<Design>,
        network: Rc<Network>,
        services: Rc<BackingServices>,
        backends: Rc<Backends>,
    ) -> Rc<Self> {
        let hosts = context.plan.containers().map(|(n, _)| (n, Host::default()));
        Rc::new(Fleet {
            hosts: hosts.collect(),
            context,
            design,
            network,
            services,
            backends,
        })
    }

    fn emit(&self, event: WorldEvent) {
        self.context.emit(Actor::World, event);
    }

    /// Starts a container with empty memory.
    pub fn boot(self: &Rc<Self>, container: u32) {
        let host = &self.hosts[&container];
        let incarnation = host.incarnation.get() + 1;
        host.incarnation.set(incarnation);
        self.emit(WorldEvent::ContainerStarted {
            container,
            incarnation,
        });

        let process = Rc::new(Process::new(
            Rc::clone(&self.context),
            Rc::clone(&self.services),
            (self.design.clock, Rc::clone(&host.wall_clock)),
            container,
            incarnation,
        ));
        let plan = process.plan();
        let gateway = Container::new(
            SimEnv(Rc::clone(&process)),
            Rc::clone(&self.design),
            self.context.plan.environment,
            self.settings(plan),
        );
        let running = Running {
            process: Rc::clone(&process),
            gateway: Rc::clone(&gateway),
        };
        *host.running.borrow_mut() = Some(running);

        let starting = Rc::clone(&gateway);
        process.spawn(None, "startup", async move { starting.start().await });
        let listening = self.listen(container, Rc::clone(&process), gateway);
        process.spawn(None, "listener", listening);

        let fleet = Rc::clone(self);
        let after = plan.in_service_after_ms.duration();
        self.context.scheduler.spawn(
            ProcessId(Actor::Balancer),
            Actor::Container(container),
            "health",
            {
                async move {
                    fleet.context.scheduler.sleep(after).await;
                    if process.is_alive() {
                        fleet.backends.enters(container);
                        fleet.emit(WorldEvent::ContainerInService { container });
                    }
                }
            },
        );
    }

    /// What a container is started with: what keeps it from completing its start-up is left out
    /// once the world is healed.
    fn settings(&self, plan: &ContainerPlan) -> Settings {
        let mut phase_durations = plan.phase_ms.map(Millis::duration);
        let mut never_ready = plan.never_ready.clone();
        if self.context.healing.is_set() {
            never_ready.clear();
        } else if let Some(hangs_in) = plan.hangs_in
            && let Some(duration) = phase_durations.get_mut(hangs_in as usize)
        {
            *duration = FOR_EVER;
        }
        Settings {
            phase_durations,
            registry_capacity: plan.registry_capacity.size(),
            managers_per_user: plan.managers_per_user.size(),
            queue_capacity: plan.queue_capacity.size(),
            never_ready,
            for_tests: plan.for_tests,
        }
    }

    fn listen(
        self: &Rc<Self>,
        container: u32,
        process: Rc<Process>,
        gateway: Rc<Container<SimEnv>>,
    ) -> impl Future<Output = ()> + 'static {
        let listener = self.network.listener(Actor::Container(container));
        let after = process.plan().listen_after_ms.duration();
        let scheduler = Rc::clone(&self.context.scheduler);
        async move {
            scheduler.sleep(after).await;
            listener.open();
            loop {
                let end = listener.accept().await;
                let socket = end.socket();
                let gateway = Rc::clone(&gateway);
                let endpoint = |connection| async move { gateway.serve(connection).await };
                let serving = server::serve(Rc::clone(&process), end, endpoint);
                process.spawn(Some(socket), "connection", serving);
            }
        }
    }

    /// Starts a container again, unless another fault has done so or it was scaled in.
    pub fn boot_if_down(self: &Rc<Self>, container: u32) {
        match self.hosts[&container].tenure.get() {
            Tenure::Wanted if !self.is_running(container) => self.boot(container),
            Tenure::Wanted | Tenure::Retired => {}
        }
    }

    /// Whether there is a process.
    pub fn is_running(&self, container: u32) -> bool {
        self.hosts[&container].running.borrow().is_some()
    }

    /// From here on a container is not started again.
    pub fn retire(&self, container: u32) {
        self.hosts[&container].tenure.set(Tenure::Retired);
    }

    /// Sets a container's wall clock, for this process and those that follow it.
    pub fn set_clock(&self, container: u32, ahead_ms: i64) {
        self.hosts[&container].wall_clock.set(ahead_ms);
        self.emit(WorldEvent::ClockSet {
            container,
            ahead_ms,
        });
    }

    /// Drops the processes that still run.
    pub fn dismantle(&self) {
        let hosts = self.hosts.values();
        hosts.for_each(|host| drop(host.running.take()));
    }

    /// The container dies with all its memory.
    pub fn crash(&self, container: u32) {
        self.end(container, true);
    }

    /// The container is taken out of service and asked to stop. Its process serves what it has
    /// until it exits, and is killed when the grace period is over.
    pub async fn terminate(self: &Rc<Self>, container: u32, grace: Duration) {
        let host = &self.hosts[&container];
        let Some(Running { process, gateway }) = host.running.borrow().clone() else {
            return;
        };
        self.backends
            .leaves(container, self.context.scheduler.now());
        self.emit(WorldEvent::ContainerTerminating { container });
        let stopping = process.spawn(None, "shutdown", async move { gateway.terminate().await });
        let finished = gatesim_model::port::env::Task::finished(&stopping);
        match first(finished, self.context.scheduler.sleep(grace)).await {
            First::Left(()) | First::Right(()) => {}
        }
        // Crashed meanwhile, and perhaps started again: not this process any more.
        if process.is_alive() {
            self.end(container, false);
        }
    }

    fn end(&self, container: u32, crashed: bool) {
        let host = &self.hosts[&container];
        let Some(running) = host.running.take() else {
            return;
        };
        self.backends
            .leaves(container, self.context.scheduler.now());
        self.emit(WorldEvent::ContainerGone { container, crashed });
        running.process.silence();
        self.network.listener(Actor::Container(container)).close();
        self.context
            .scheduler
            .kill(ProcessId(Actor::Container(container)));
    }
}
