//! One process of a container, from its start to its death, and the surroundings it offers to
//! the protocol.

use std::{cell::Cell, future::Future, rc::Rc, time::Duration};

use gatesim_model::{
    core::{ids::SocketId, time::Time},
    design::ClockSource,
    event::{Event, TaskName},
    port::env::{CallError, Env, Reply, Request},
};

use crate::{
    plan::ContainerPlan,
    scheduler::{ProcessId, Scheduler, TaskHandle, choices::Purpose},
    trace::event::{Actor, Fact},
    world::{World, socket::SimSocket},
};

/// One incarnation of a container.
pub struct Process {
    world: Rc<World>,
    container: u32,
    number: u32,
    /// Dead processes are silent: what runs while their memory is dropped is not observed.
    alive: Cell<bool>,
}

impl Process {
    /// The `incarnation`-th process of container `container`, counted from 1.
    pub fn new(world: Rc<World>, container: u32, incarnation: u32) -> Self {
        let containers = (world.plan.containers().last()).map_or(0, |(last, _)| last + 1);
        Process {
            number: (incarnation - 1) * containers + container,
            world,
            container,
            alive: Cell::new(true),
        }
    }

    /// The scheduler.
    pub fn scheduler(&self) -> &Rc<Scheduler> {
        &self.world.scheduler
    }

    /// The plan of its container.
    pub fn plan(&self) -> &ContainerPlan {
        (self.world.plan.container(self.container)).expect("a container that runs is in the plan")
    }

    /// Whether it still runs.
    pub fn is_alive(&self) -> bool {
        self.alive.get()
    }

    /// From here on nothing of it is observed.
    pub fn silence(&self) {
        self.alive.set(false);
    }

    /// Starts a task of this process.
    pub fn spawn(
        &self,
        socket: Option<SocketId>,
        name: &'static str,
        future: impl Future<Output = ()> + 'static,
    ) -> TaskHandle {
        let container = Actor::Container(self.container);
        let entity = socket.map_or(container, Actor::Socket);
        self.scheduler()
            .spawn(ProcessId(container), entity, name, future)
    }

    /// Reports a fact of this process.
    pub fn emit(&self, fact: Fact) {
        if self.is_alive() {
            let actor = Actor::Container(self.container);
            self.world.events.emit(actor, fact);
        }
    }
}

/// The surroundings of one container process.
#[derive(Clone)]
pub struct SimEnv(pub Rc<Process>);

impl Env for SimEnv {
    type Socket = SimSocket;
    type Task = TaskHandle;

    fn now(&self) -> Time {
        match self.0.world.design.clock {
            ClockSource::Wall => self.0.world.wall_clock(self.0.container),
            ClockSource::Monotonic => self.0.scheduler().now(),
        }
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + 'static {
        self.0.scheduler().sleep(duration)
    }

    fn block(&self, duration: Duration) -> impl Future<Output = ()> + 'static {
        let process = ProcessId(Actor::Container(self.0.container));
        self.0.scheduler().block(process, duration)
    }

    fn spawn(
        &self,
        name: TaskName,
        socket: Option<SocketId>,
        future: impl Future<Output = ()> + 'static,
    ) -> TaskHandle {
        self.0.spawn(socket, name.name(), future)
    }

    fn call(
        &self,
        socket: Option<SocketId>,
        request: Request,
    ) -> impl Future<Output = Result<Reply, CallError>> + 'static {
        let caller = socket.map_or(Actor::Container(self.0.container), Actor::Socket);
        self.0.world.call_service(caller, request)
    }

    fn emit(&self, event: Event) {
        self.0.emit(Fact::Protocol(event));
    }

    fn process(&self) -> u32 {
        self.0.number
    }

    fn fresh(&self, socket: SocketId) -> u64 {
        // Keyed by connection: one client less leaves the ids of the others as they were.
        let choices = self.0.scheduler().choices();
        choices
            .stream(Actor::Socket(socket), Purpose::Fresh)
            .draw(0..=u64::MAX)
    }
}
