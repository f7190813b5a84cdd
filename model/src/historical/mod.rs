//! Behaviour that only old revisions of the gateway have.
//!
//! An answer that some revision from `v1` to `v9` gives, and `reference` does not, is decided in
//! the gateway: there is the one match on its question. If the answer takes more than a line or
//! two, its arm calls into a module of this folder. Code that the old revisions and `reference`
//! share does not belong here, nor do the objects of [`crate::core`] whose states are part of
//! events.
//!
//! These modules name nothing of the gateway. They are given what they may look at.

pub(crate) mod pauses;
pub(crate) mod readiness_guard;
pub(crate) mod service_ladder;
pub(crate) mod sleep_patch;
pub(crate) mod test_traffic;
