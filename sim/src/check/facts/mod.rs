//! Facts of the protocol that the judges state for themselves.
//!
//! The gateway has tables of its own, by which it decides. A judge that looked into them would agree
//! with each of their errors. So judges take enums and ids from the model, and what follows from
//! them is written here a second time, beside its source.

use gatesim_model::event::Component;

pub(crate) mod close_codes;
pub(crate) mod states;

/// The components without which no message can be handled
/// (`docs/protocol.md#service-validation`). The bridge is important but not critical.
pub(crate) const REQUIRED_COMPONENTS: [Component; 5] = [
    Component::Database,
    Component::Redis,
    Component::AuthSystem,
    Component::AgentSupervisor,
    Component::ThreadService,
];
