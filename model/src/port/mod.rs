//! What the gateway needs of its surroundings: an environment and a socket.

pub mod env;
pub mod socket;
pub mod wait;
