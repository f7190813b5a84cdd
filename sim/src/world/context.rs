//! What every part of the world has: scheduler, plan, the sink of events, and whether the world is
//! healed.

use std::rc::Rc;

use gatesim_model::port::wait::Signal;

use crate::{
    plan::{PerMille, Plan},
    scheduler::Scheduler,
    trace::{
        event::{Actor, Fact, WorldEvent},
        sink::EventSink,
    },
};

/// Shared by all parts of one world.
pub struct Context {
    /// The scheduler.
    pub scheduler: Rc<Scheduler>,
    /// What is to happen.
    pub plan: Rc<Plan>,
    /// Set when every fault ends and none begins any more.
    pub healing: Signal,
    events: Rc<dyn EventSink>,
}

impl Context {
    /// The context of a world in which nothing has happened yet.
    pub fn new(scheduler: Rc<Scheduler>, plan: Rc<Plan>, events: Rc<dyn EventSink>) -> Rc<Self> {
        Rc::new(Context {
            scheduler,
            plan,
            healing: Signal::default(),
            events,
        })
    }

    /// Reports a fact of the world that `actor` causes.
    pub fn emit(&self, actor: Actor, event: WorldEvent) {
        self.report(actor, Fact::World(event));
    }

    /// Reports a fact.
    pub fn report(&self, actor: Actor, fact: Fact) {
        self.events.emit(actor, fact);
    }

    /// The odds of something that goes wrong by chance: none once the world is healed.
    pub fn odds(&self, per_mille: PerMille) -> u32 {
        match self.healing.is_set() {
            true => 0,
            false => per_mille.get(),
        }
    }
}
