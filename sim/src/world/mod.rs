//! The world of one run: everything that the plan names, put together.
//!
//! Each part has what it needs and no more: all of them share a [`context`], and what one part
//! uses of another is handed to it here.

mod backends;
mod balancer;
mod client;
mod context;
mod env;
mod faults;
mod fleet;
pub mod link;
pub mod network;
mod process;
mod server;
mod service;
mod socket;

use std::{rc::Rc, time::Duration};

use gatesim_model::design::Design;

use crate::{
    plan::Plan,
    scheduler::{ProcessId, Scheduler, choices::Purpose},
    trace::{
        event::{Actor, FinishReason},
        sink::EventSink,
    },
    world::{
        backends::Backends, balancer::Balancer, client::Surroundings, context::Context,
        faults::Faults, fleet::Fleet, network::Network, service::BackingServices,
    },
};

/// Everything of one run.
pub struct World {
    context: Rc<Context>,
    balancer: Rc<Balancer>,
    fleet: Rc<Fleet>,
    faults: Rc<Faults>,
    surroundings: Rc<Surroundings>,
}

impl World {
    /// A world in which nothing has happened yet; what happens in it is told to `events`. A
    /// client that is still owed something waits for it so long after the healing at most.
    pub fn new(
        scheduler: Rc<Scheduler>,
        events: Rc<dyn EventSink>,
        plan: Rc<Plan>,
        design: Rc<Design>,
        converged: Duration,
    ) -> Self {
        let network = Rc::new(Network::new(Rc::clone(&scheduler), Rc::clone(&events)));
        let context = Context::new(scheduler, plan, events);
        let services = BackingServices::new(Rc::clone(&context));
        let backends = Rc::new(Backends::default());
        let fleet = Fleet::new(
            Rc::clone(&context),
            Rc::clone(&design),
            Rc::clone(&network),
            Rc::clone(&services),
            Rc::clone(&backends),
        );
        World {
            balancer: Balancer::new(Rc::clone(&context), Rc::clone(&network), backends),
            faults: Rc::new(Faults {
                context: Rc::clone(&context),
                network: Rc::clone(&network),
                services: Rc::clone(&services),
                fleet: Rc::clone(&fleet),
            }),
            surroundings: Rc::new(Surroundings {
                context: Rc::clone(&context),
                design,
                network,
                services,
                converged,
            }),
            fleet,
            context,
        }
    }

    /// Starts everything that the plan names, and the task that ends the run when every client
    /// is done and the aftermath has been watched.
    pub fn start(&self) {
        let Context {
            scheduler, plan, ..
        } = &*self.context;
        balancer::proxy::start(&self.balancer);
        let director = |entity, name, future: std::pin::Pin<Box<dyn Future<Output = ()>>>| {
            scheduler.spawn(ProcessId(Actor::World), entity, name, future)
        };
        for (n, container) in plan.containers() {
            let fleet = Rc::clone(&self.fleet);
            let until_start = scheduler.sleep(container.start_ms.duration());
            let boot = async move {
                until_start.await;
                fleet.boot_if_down(n);
            };
            director(Actor::Container(n), "boot", Box::pin(boot));
        }
        for (n, fault) in plan.faults() {
            let choices = scheduler.choices();
            choices.number_next(Actor::World, Purpose::Turn("fault"), n);
            let future = Rc::clone(&self.faults).inject(n, *fault);
            director(Actor::World, "fault", Box::pin(future));
        }
        let healing = Rc::clone(&self.faults).heal(plan.heals_at(), plan.healed_by());
        director(Actor::World, "healing", Box::pin(healing));
        let clients: Vec<_> = (plan.clients())
            .map(|(n, client)| {
                let entity = Actor::Client(n);
                let life =
                    client::run(Rc::clone(&self.surroundings), n, client.start_ms.duration());
                scheduler.spawn(ProcessId(entity), entity, "client", life)
            })
            .collect();
        let context = Rc::clone(&self.context);
        let end = async move {
            for client in clients {
                gatesim_model::port::env::Task::finished(&client).await;
            }
            let aftermath = context.plan.aftermath_ms.duration();
            context.scheduler.sleep(aftermath).await;
            context.scheduler.finish(FinishReason::Done);
        };
        director(Actor::World, "end", Box::pin(end));
    }

    /// Drops the processes that still run.
    pub fn dismantle(&self) {
        self.fleet.dismantle();
    }
}
