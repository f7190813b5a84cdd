//! What the gateway needs of its surroundings: an environment and a socket.

pub mod env;
pub(crate) mod limits;
pub mod socket;
pub mod wait;
