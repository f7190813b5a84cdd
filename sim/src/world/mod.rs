//! The world of one run: everything the plan names, put together.

mod balancer;
mod client;
mod faults;
mod fleet;
pub mod link;
pub mod network;
mod process;
mod server;
pub(crate) mod service;
mod socket;

use std::{collections::BTreeMap, rc::Rc, time::Duration};

use gatesim_model::{core::time::Time, design::Design, port::wait::Signal};

use crate::{
    plan::Plan,
    scheduler::{ProcessId, Scheduler, choices::Purpose},
    trace::{
        event::{Actor, FinishReason},
        sink::EventSink,
    },
    world::{balancer::Balancer, fleet::Host, network::Network, service::Services},
};

/// Everything of one run.
pub struct World {
    /// The scheduler.
    pub scheduler: Rc<Scheduler>,
    /// What it reports to.
    pub events: Rc<dyn EventSink>,
    /// What is to happen.
    pub plan: Rc<Plan>,
    /// The protocol under test.
    pub design: Rc<Design>,
    /// Links and listeners.
    pub network: Network,
    /// The balancer.
    pub balancer: Balancer,
    /// Backing services.
    pub services: Services,
    /// Containers, by number.
    pub hosts: BTreeMap<u32, Host>,
    /// Set when every fault ends and none begins any more.
    pub healing: Signal,
    /// When every client has what the healed world owes it, if it is ever healed.
    pub converged_by: Option<Time>,
}

impl World {
    /// A world in which nothing has happened yet.
    pub fn new(
        scheduler: Rc<Scheduler>,
        events: Rc<dyn EventSink>,
        plan: Rc<Plan>,
        design: Rc<Design>,
        converged_by: Option<Time>,
    ) -> Rc<Self> {
        Rc::new(World {
            network: Network::new(Rc::clone(&scheduler), Rc::clone(&events)),
            balancer: Balancer::default(),
            services: Services::new(&plan),
            healing: Signal::default(),
            hosts: (plan.containers().map(|(n, _)| (n, Host::default()))).collect(),
            scheduler,
            events,
            plan,
            design,
            converged_by,
        })
    }

    /// Starts everything that the plan names, and the task that ends the run when every client
    /// is done and the aftermath has been watched.
    pub fn start(self: &Rc<Self>) {
        balancer::start(self);
        let director = |entity, name, future: std::pin::Pin<Box<dyn Future<Output = ()>>>| {
            self.scheduler
                .spawn(ProcessId(Actor::World), entity, name, future)
        };
        for (n, container) in self.plan.containers() {
            let (world, at) = (Rc::clone(self), Duration::from_millis(container.start_ms));
            let boot = async move {
                world.scheduler.sleep(at).await;
                world.boot_if_down(n);
            };
            director(Actor::Container(n), "boot", Box::pin(boot));
        }
        for (n, fault) in self.plan.faults() {
            let choices = self.scheduler.choices();
            choices.number_next(Actor::World, Purpose::Turn("fault"), n);
            let future = Rc::clone(self).inject(n, *fault);
            director(Actor::World, "fault", Box::pin(future));
        }
        if let (Some(at_ms), Some(whole_by)) = (self.plan.heal_at_ms, self.plan.healed_by()) {
            let at = Duration::from_millis(at_ms);
            let future = Rc::clone(self).heal(at, whole_by);
            director(Actor::World, "healing", Box::pin(future));
        }
        let clients: Vec<_> = (self.plan.clients())
            .map(|(n, plan)| {
                let entity = Actor::Client(n);
                let life = client::run(Rc::clone(self), n, plan.start_ms);
                self.scheduler
                    .spawn(ProcessId(entity), entity, "client", life)
            })
            .collect();
        let world = Rc::clone(self);
        let end = async move {
            for client in clients {
                gatesim_model::port::env::Task::finished(&client).await;
            }
            world
                .scheduler
                .sleep(Duration::from_millis(world.plan.aftermath_ms))
                .await;
            world.scheduler.finish(FinishReason::Done);
        };
        director(Actor::World, "end", Box::pin(end));
    }
}
