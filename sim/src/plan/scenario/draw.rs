//! Draws from a scenario, by key.

use std::rc::Rc;

use crate::{
    plan::{
        range::Range,
        scenario::{
            swarm::{Swarm, Weight},
            weights::Weights,
        },
        unit::{PerMille, Unit},
    },
    scheduler::choices::{Choices, Purpose, Stream},
    trace::event::Actor,
};

/// Frames in a thousand that the worst link of a swarm loses.
const WORST_LOSS: PerMille = PerMille::new(250);

/// Draws for one entity, each by the name of the field.
pub(super) struct Draw {
    choices: Rc<Choices>,
    swarm: Rc<Swarm>,
    entity: Actor,
    /// The kind of fault it is about, if it is about one.
    fault: Option<&'static str>,
}

impl Draw {
    /// Draws of the run itself.
    pub(super) fn new(seed: u64, swarm: bool) -> Self {
        Draw {
            choices: Choices::new(seed, false, None),
            swarm: Rc::new(Swarm::new(swarm)),
            entity: Actor::World,
            fault: None,
        }
    }

    /// Draws of another entity.
    pub(super) fn of(&self, entity: Actor) -> Draw {
        Draw {
            choices: Rc::clone(&self.choices),
            swarm: Rc::clone(&self.swarm),
            entity,
            fault: self.fault,
        }
    }

    /// Draws about a kind of fault.
    pub(super) fn about(&self, fault: &'static str) -> Draw {
        Draw {
            fault: Some(fault),
            ..self.of(self.entity)
        }
    }

    /// Uniform over `range`.
    pub(super) fn range<U: Unit>(&self, field: &'static str, range: Range<U>) -> U {
        U::nearest(self.stream(field).draw(range.inclusive()))
    }

    /// One of the values.
    pub(super) fn weights<T: Copy>(&self, field: &'static str, weights: &Weights<T>) -> T {
        weights.pick(self.stream(field).draw(0..=weights.total() - 1))
    }

    /// One of the values, or what is usual if there are none to choose from.
    pub(super) fn weights_or_default<T: Copy + Default>(
        &self,
        field: &'static str,
        weights: Option<&Weights<T>>,
    ) -> T {
        weights.map_or_else(T::default, |weights| self.weights(field, weights))
    }

    /// Whether something goes wrong that does so `per_mille` times in a thousand, more or less
    /// often in a swarm.
    pub(super) fn chance(&self, field: &'static str, per_mille: PerMille) -> bool {
        let per_mille = self.weight(field).per_mille(per_mille);
        self.stream(field).chance(per_mille.get())
    }

    /// How many times in a thousand something will go wrong during the run, more or less often
    /// in a swarm.
    pub(super) fn per_mille(&self, field: &'static str, range: Range<PerMille>) -> PerMille {
        self.weight(field).per_mille(self.range(field, range))
    }

    /// How many frames in a thousand a link loses, more or less in a swarm. A link that loses
    /// nearly all is no link.
    pub(super) fn loss(&self, range: Range<PerMille>) -> PerMille {
        self.per_mille("loss_per_mille", range).min(WORST_LOSS)
    }

    /// How many times something is tried, more often in a swarm.
    pub(super) fn tries(&self, field: &'static str, range: Range<impl Unit>) -> u64 {
        self.weight(field).tries(self.range(field, range).amount())
    }

    /// One of `count` things, from 0; 0 if there is none.
    pub(super) fn index(&self, field: &'static str, count: usize) -> u32 {
        let most = (count as u64).saturating_sub(1);
        self.stream(field).draw(0..=most) as u32
    }

    /// The weight of the kind of fault it is about, or that has the name of the field.
    fn weight(&self, field: &'static str) -> Weight {
        let kind = self.fault.unwrap_or(field);
        self.swarm.weight(kind, || {
            let mut stream = self.choices.stream(Actor::World, Purpose::Swarm(kind));
            stream.draw(0..=Swarm::WEIGHTS - 1)
        })
    }

    fn stream(&self, field: &'static str) -> Stream {
        let purpose = match self.fault {
            None => Purpose::Plan(field),
            Some(fault) => Purpose::PlanFault(fault, field),
        };
        self.choices.stream(self.entity, purpose)
    }
}
