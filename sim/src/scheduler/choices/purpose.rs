//! What choices are for.

use std::fmt;

use gatesim_model::port::env::Service;

use crate::trace::event::Actor;

/// What a choice is for. The names are part of every key: renaming one is seed-breaking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// The tie-break of a task's turn, by the name of the task.
    Turn(&'static str),
    /// The tie-break of a frame's delivery on a link, by the receiving end.
    Delivery(Actor),
    /// The latency of a frame on the link to this receiver.
    Latency(Actor),
    /// Whether a frame on the link to this receiver is lost once and sent again.
    Loss(Actor),
    /// The tie-break of the moment at which the writer to this receiver gives up.
    GiveUp(Actor),
    /// The latency of the packets that open a connection to this receiver.
    Opening(Actor),
    /// Where the balancer sends an upgrade.
    Route,
    /// Whether the balancer changes the headers of an upgrade.
    Headers,
    /// Behind which of its addresses the balancer hides a client.
    Address,
    /// Whether an upgrade arrives without its cookie.
    CookieLoss,
    /// Whether the balancer delivers an upgrade twice, and when.
    Duplicate,
    /// Which frames to this receiver the balancer holds while others pass, and for how long.
    Reorder(Actor),
    /// How long the balancer holds an upgrade.
    UpgradeHold,
    /// How long the balancer holds the end of a connection before the container hears of it.
    CloseHold,
    /// How long the server takes between the two halves of accept.
    Accept,
    /// How long a service takes.
    ServiceLatency(Service),
    /// Whether a service fails a call.
    ServiceFailure(Service),
    /// Whether a service gives a wrong answer.
    ServiceError(Service),
    /// The random part of ids.
    Fresh,
    /// The jitter of a client's reconnect.
    Backoff,
    /// Anything a plan draws from its scenario, by field.
    Plan(&'static str),
    /// Anything a plan draws for a fault, by kind and field.
    PlanFault(&'static str, &'static str),
    /// How heavy a kind of fault is in a swarm.
    Swarm(&'static str),
}

impl Purpose {
    /// Whether one of its values is quieter than the others. Names have none: their randomness
    /// only keeps them apart.
    pub fn has_quiet_value(self) -> bool {
        match self {
            Purpose::Fresh => false,
            Purpose::Turn(_)
            | Purpose::Delivery(_)
            | Purpose::Latency(_)
            | Purpose::Loss(_)
            | Purpose::GiveUp(_)
            | Purpose::Opening(_)
            | Purpose::Route
            | Purpose::Headers
            | Purpose::Address
            | Purpose::CookieLoss
            | Purpose::Duplicate
            | Purpose::Reorder(_)
            | Purpose::UpgradeHold
            | Purpose::CloseHold
            | Purpose::Accept
            | Purpose::ServiceLatency(_)
            | Purpose::ServiceFailure(_)
            | Purpose::ServiceError(_)
            | Purpose::Backoff
            | Purpose::Plan(_)
            | Purpose::PlanFault(..)
            | Purpose::Swarm(_) => true,
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Purpose::Turn(task) => write!(f, "turn/{task}"),
            Purpose::Delivery(to) => write!(f, "delivery/{to}"),
            Purpose::Latency(to) => write!(f, "latency/{to}"),
            Purpose::Loss(to) => write!(f, "loss/{to}"),
            Purpose::GiveUp(to) => write!(f, "give-up/{to}"),
            Purpose::Opening(to) => write!(f, "opening/{to}"),
            Purpose::Route => f.write_str("route"),
            Purpose::Headers => f.write_str("headers"),
            Purpose::Address => f.write_str("address"),
            Purpose::CookieLoss => f.write_str("cookie-loss"),
            Purpose::Duplicate => f.write_str("duplicate"),
            Purpose::Reorder(to) => write!(f, "reorder/{to}"),
            Purpose::UpgradeHold => f.write_str("upgrade-hold"),
            Purpose::CloseHold => f.write_str("close-hold"),
            Purpose::Accept => f.write_str("accept"),
            Purpose::ServiceLatency(service) => write!(f, "{}-latency", Actor::Service(*service)),
            Purpose::ServiceFailure(service) => write!(f, "{}-failure", Actor::Service(*service)),
            Purpose::ServiceError(service) => write!(f, "{}-error", Actor::Service(*service)),
            Purpose::Fresh => f.write_str("fresh"),
            Purpose::Backoff => f.write_str("backoff"),
            Purpose::Plan(field) => write!(f, "plan/{field}"),
            Purpose::PlanFault(kind, field) => write!(f, "plan/{kind}.{field}"),
            Purpose::Swarm(kind) => write!(f, "swarm/{kind}"),
        }
    }
}
