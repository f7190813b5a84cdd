//! Figures of merit, collected from the events of a run.
//!
//! # Which connections count
//! The incident reports ask that 99.5 % of connections succeed. Counted is what clients with a good token
//! are owed: one connection when a client begins to connect, and one more whenever it begins again after a
//! welcome. It stays one however often the client tries, regardless of what goes wrong meanwhile: every fault
//! ends, and clients stay until they are served. A client that leaves sooner than [`owed::HURRIED`] has not
//! waited. Whether a connection is ready is not what the gateway says: a message loop runs under an id
//! whose registered machine is in a ready state.
//!
//! # Which times count
//! Those of attempts that became ready and that no fault touched between their start and the
//! welcome: no container on their way was stopped or crashed, no link partitioned or reset, no backing
//! service down or not itself, no container stalled, and some container was in service.
//!
//! # Which frames count
//! Those that appear as events: messages that reached a server, and welcomes, agent events and
//! errors that reached a client. Pings, acknowledgements and notices do not.
//!
//! # What messages come to
//! A message counts as executed twice when more than one run was started for it in the whole world,
//! and as lost when its client was there and ready for long enough while no run worked or had
//! worked on it. Left behind is what the trace still shows of ended connections when the run is over.
//!
//! # What coordination costs
//! The overhead is the time from the accept to the welcome, less the time during which a call to a
//! service was under way for the connection, or was to be tried again after a failure, and less the
//! time during which the container lacked a required component. Network, balancer and the
//! transport's part of the accept lie outside that span.
//!
//! # Modules
//! - [`crate::plan::figure`]: the figures by name, and how they are summed; it lies below, because a
//!   scenario may limit them;
//! - [`collector`]: shows each event to the others;
//! - [`owed`]: the connections that clients are owed;
//! - [`attempts`] with [`clock`]: attempts to connect and what coordination costs them;
//! - [`deliveries`]: answers as clients receive them;
//! - [`population`]: what all clients meet together: attempts in one instant, cuts, planned stops;
//! - [`accounts`]: what became of messages, and what is left of connections.

mod accounts;
mod attempts;
mod clock;
mod collector;
mod deliveries;
mod owed;
mod population;
#[cfg(test)]
mod tests;

pub use crate::plan::figure::{Accumulate, Count, CountByCode, Figures, Peak};
pub use collector::FiguresCollector;
