//! Draws from a scenario, by key.

use std::rc::Rc;

use super::Weights;
use crate::{
    choices::{Choices, Purpose},
    event::Actor,
    plan::Range,
};

/// Draws for one entity, each by the name of the field.
pub(super) struct Draw {
    choices: Rc<Choices>,
    entity: Actor,
}

impl Draw {
    /// Draws of the run itself.
    pub(super) fn new(seed: u64) -> Self {
        Draw {
            choices: Choices::new(seed, false, None),
            entity: Actor::World,
        }
    }

    /// Draws of another entity.
    pub(super) fn of(&self, entity: Actor) -> Draw {
        Draw {
            choices: Rc::clone(&self.choices),
            entity,
        }
    }

    /// Uniform over `range`.
    pub(super) fn range(&self, field: &'static str, range: Range) -> u64 {
        self.choices
            .stream(self.entity, Purpose::Plan(field))
            .draw(range.inclusive())
    }

    /// One of the values.
    pub(super) fn weights<T: Copy>(&self, field: &'static str, weights: &Weights<T>) -> T {
        let most = weights.total() - 1;
        weights.pick(self.range(field, Range { least: 0, most }))
    }

    /// Whether something happens that happens `per_mille` times in a thousand.
    pub(super) fn chance(&self, field: &'static str, per_mille: u32) -> bool {
        self.choices
            .stream(self.entity, Purpose::Plan(field))
            .chance(per_mille)
    }

    /// One of `count` things, from 0; 0 if there is none.
    pub(super) fn index(&self, field: &'static str, count: usize) -> u32 {
        let most = (count as u64).saturating_sub(1);
        self.range(field, Range { least: 0, most }) as u32
    }
}
