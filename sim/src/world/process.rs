//! One process of a container, from its start to its death.

use std::{cell::Cell, future::Future, rc::Rc, time::Duration};

use gatesim_model::{
    core::{ids::SocketId, time::Time},
    design::ClockSource,
};

use crate::{
    plan::ContainerPlan,
    scheduler::{ProcessId, Scheduler, TaskHandle},
    trace::event::{Actor, Fact},
    world::{context::Context, service::BackingServices},
};

/// The wall clock of a container; it goes on across restarts.
#[derive(Default)]
pub struct WallClock {
    /// How far it is ahead of true time, in milliseconds.
    ahead_ms: Cell<i64>,
}

impl WallClock {
    /// Sets the clock.
    pub fn set(&self, ahead_ms: i64) {
        self.ahead_ms.set(ahead_ms);
    }

    /// What the clock shows at a true time: never a time before the run.
    fn at(&self, true_time: Time) -> Time {
        match self.ahead_ms.get() {
            ahead @ 0.. => true_time + Duration::from_millis(ahead.unsigned_abs()),
            behind => {
                let behind = Duration::from_millis(behind.unsigned_abs());
                Time::ZERO + true_time.since(Time::ZERO).saturating_sub(behind)
            }
        }
    }
}

/// One incarnation of a container.
pub struct Process {
    context: Rc<Context>,
    services: Rc<BackingServices>,
    wall_clock: Rc<WallClock>,
    /// By which of its clocks it measures time.
    clock: ClockSource,
    container: u32,
    number: u32,
    /// Dead processes are silent: what runs while their memory is dropped is not observed.
    alive: Cell<bool>,
}

impl Process {
    /// The `incarnation`-th process of container `container`, counted from 1.
    pub fn new(
        context: Rc<Context>,
        services: Rc<BackingServices>,
        (clock, wall_clock): (ClockSource, Rc<WallClock>),
        container: u32,
        incarnation: u32,
    ) -> Self {
        let containers = (context.plan.containers().last()).map_or(0, |(last, _)| last + 1);
        Process {
            number: (incarnation - 1) * containers + container,
            context,
            services,
            wall_clock,
            clock,
            container,
            alive: Cell::new(true),
        }
    }

    /// The scheduler.
    pub fn scheduler(&self) -> &Rc<Scheduler> {
        &self.context.scheduler
    }

    /// The services that it calls.
    pub fn services(&self) -> &Rc<BackingServices> {
        &self.services
    }

    /// The plan of its container.
    pub fn plan(&self) -> &ContainerPlan {
        let plan = self.context.plan.container(self.container);
        plan.expect("a container that runs is in the plan")
    }

    /// Its container, in events and in keys of choices.
    pub fn actor(&self) -> Actor {
        Actor::Container(self.container)
    }

    /// Its number, which no other process of the run has.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// What the clock shows by which it measures time.
    pub fn clock(&self) -> Time {
        let true_time = self.scheduler().now();
        match self.clock {
            ClockSource::Wall => self.wall_clock.at(true_time),
            ClockSource::Monotonic => true_time,
        }
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
        let entity = socket.map_or(self.actor(), Actor::Socket);
        self.scheduler()
            .spawn(ProcessId(self.actor()), entity, name, future)
    }

    /// Reports a fact of this process.
    pub fn emit(&self, fact: Fact) {
        if self.is_alive() {
            self.context.report(self.actor(), fact);
        }
    }
}
