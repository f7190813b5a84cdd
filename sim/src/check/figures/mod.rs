//! Figures of merit, collected from the events of a run.
//!
//! # Which connections count
//! The incident reports ask that 99.5 % of connections succeed. An attempt counts towards that
//! unless, between its start and the welcome (or its end),
//! - the gateway found, rightly, that the client was not authenticated: the cause that the endpoint
//!   reports says so, and the close code, which the design chooses, does not matter; or
//! - a registry had no room for it, as large as the deployment made it; or
//! - a breaker refused it that had opened while there were faults: its cool-down is the protocol's,
//!   and goes on for some time after them; or
//! - a fault took it away: its container was stopped or crashed, a link on its way was partitioned or
//!   reset, a backing service was down or not itself, a container was stalled, no container was in
//!   service, or the one that served it still lacked a required component when either side gave
//!   up; or
//! - its client left by itself sooner than [`attempts::HURRIED`], or before the balancer had routed
//!   it; or
//! - its client sent more frames than the gateway keeps for a connection that is being set up.
//!
//! Such an attempt is left out of both sides of the rate and of the times, even if it succeeded.
//! Those that began when every fault was over are also counted by themselves.
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
//! - [`attempts`] with [`clock`]: attempts to connect and what coordination costs them;
//! - [`deliveries`]: answers as clients receive them;
//! - [`population`]: what all clients meet together: attempts in one instant, cuts, planned stops;
//! - [`accounts`]: what became of messages, and what is left of connections.

mod accounts;
mod attempts;
mod clock;
mod collector;
mod deliveries;
mod population;
#[cfg(test)]
mod tests;

pub use crate::plan::figure::{Accumulate, Count, CountByCode, Figures, Peak};
pub use collector::FiguresCollector;
