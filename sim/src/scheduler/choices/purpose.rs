//! What choices are for: one row for each purpose.

use std::fmt;

use gatesim_model::port::env::Service;

use super::key::{KeyBytes, KeyPart, tag};
use crate::trace::event::Actor;

/// What a choice decides. Runs whose choices are not all made by the seed differ by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decides {
    /// Only when, or in which order, something happens: may be resampled.
    Timing,
    /// Whether something happens, or what.
    Course,
    /// Nothing: it keeps names apart, so that no value of it is the default.
    Identity,
}

/// Makes the enum, its names and what is known of each purpose from one row:
/// `Variant(part: Type) = "name in keys", what it decides;`.
macro_rules! purposes {
    ($(
        $(#[$doc:meta])*
        $variant:ident $(($($part:ident: $type:ty),+))? = $name:literal, $decides:ident;
    )+) => {
        /// What a choice is for. The name is part of the key: renaming a purpose is seed-breaking.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Purpose {
            $($(#[$doc])* $variant $(($($type),+))?,)+
        }

        impl Purpose {
            fn decides(self) -> Decides {
                match self {
                    $(Purpose::$variant { .. } => Decides::$decides,)+
                }
            }

            /// Adds tag and parts to a key.
            pub(super) fn push_to(self, key: &mut KeyBytes) {
                match self {
                    $(Purpose::$variant $(($($part),+))? => {
                        const TAG: u32 = tag($name);
                        key.push(&TAG.to_le_bytes());
                        $($($part.push_to(key);)+)?
                    })+
                }
            }

            /// The tags of all purposes.
            #[cfg(test)]
            pub(super) const TAGS: &[u32] = &[$(tag($name)),+];
        }

        impl fmt::Display for Purpose {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $(Purpose::$variant $(($($part),+))? => {
                        write!(f, $name)
                    })+
                }
            }
        }
    };
}

purposes! {
    /// The tie-break of a task's turn, by the name of the task.
    Turn(task: &'static str) = "turn/{task}", Timing;
    /// The tie-break of a frame's delivery on a link, by the receiving end.
    Delivery(to: Actor) = "delivery/{to}", Timing;
    /// The latency of a frame on the link to this receiver.
    Latency(to: Actor) = "latency/{to}", Timing;
    /// Whether a frame on the link to this receiver is lost once and retransmitted.
    Loss(to: Actor) = "loss/{to}", Course;
    /// The tie-break of the point at which the writer to this receiver gives up.
    GiveUp(to: Actor) = "give-up/{to}", Timing;
    /// The latency of the packets that open a connection to this receiver.
    Opening(to: Actor) = "opening/{to}", Timing;
    /// Where the balancer sends an upgrade.
    Route = "route", Course;
    /// Whether the balancer changes the headers of an upgrade.
    Headers = "headers", Course;
    /// Behind which of its addresses the balancer hides a client.
    Address = "address", Course;
    /// Whether an upgrade arrives without its cookie.
    CookieLoss = "cookie-loss", Course;
    /// Whether the balancer delivers an upgrade twice, and when.
    Duplicate = "duplicate", Timing;
    /// Which frames to this receiver the balancer delays while others pass, and for how long.
    Reorder(to: Actor) = "reorder/{to}", Timing;
    /// How long the balancer delays an upgrade.
    UpgradeDelay = "upgrade-delay", Timing;
    /// How long the balancer delays the end of a connection before the container learns of it.
    CloseDelay = "close-delay", Timing;
    /// How long the server takes between the two halves of accept.
    Accept = "accept", Timing;
    /// How long a service takes.
    ServiceLatency(service: Service) = "{service}-latency", Timing;
    /// Whether a service fails a call.
    ServiceFailure(service: Service) = "{service}-failure", Course;
    /// Whether a service gives a wrong answer.
    ServiceError(service: Service) = "{service}-error", Course;
    /// The random part of ids.
    Fresh = "fresh", Identity;
    /// The jitter of a client's reconnect.
    Backoff = "backoff", Timing;
    /// Anything that a plan draws from its scenario, by field.
    Plan(field: &'static str) = "plan/{field}", Course;
    /// Anything that a plan draws for a fault, by kind and field.
    PlanFault(kind: &'static str, field: &'static str) = "plan/{kind}.{field}", Course;
    /// How heavy a kind of fault is in a swarm.
    Swarm(kind: &'static str) = "swarm/{kind}", Course;
}

impl Purpose {
    /// Whether it only says when or in which order something happens, and not whether.
    pub fn is_timing(self) -> bool {
        self.decides() == Decides::Timing
    }

    /// Whether one of its values is the default: the shortest, the first, that nothing happens.
    /// Names have none.
    pub fn has_default_value(self) -> bool {
        self.decides() != Decides::Identity
    }
}
