//! What a capsule records of the run that it was shrunk from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The origin of a shrunk run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shrunk {
    /// The name of the original run.
    pub from: String,
    /// Whether it is minimal: no element can be removed.
    pub minimal: bool,
    /// How large the original was.
    pub before: Size,
}

/// The size of a run: how much there is to read in order to understand it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Clients.
    pub clients: u64,
    /// Messages of all clients.
    pub messages: u64,
    /// Frames that no client should send.
    pub noise: u64,
    /// Containers.
    pub containers: u64,
    /// Faults.
    pub faults: u64,
    /// Choices that differ from the default; all of them, if they come from the seed.
    pub choices: u64,
    /// Events of the protocol up to the violation.
    pub protocol_events: u64,
    /// Of these, the ones that concern a connection: not the start-up of containers, which is the
    /// same in every run.
    pub connection_events: u64,
    /// Events up to the violation, the world's included.
    pub events: u64,
    /// Virtual time of the violation.
    pub time_ms: u64,
}

impl Size {
    /// Every figure with its name, in the order of reports.
    pub fn parts(&self) -> [(&'static str, u64); 10] {
        let Size {
            clients,
            messages,
            noise,
            containers,
            faults,
            choices,
            protocol_events,
            connection_events,
            events,
            time_ms,
        } = *self;
        [
            ("clients", clients),
            ("messages", messages),
            ("noise", noise),
            ("containers", containers),
            ("faults", faults),
            ("choices", choices),
            ("protocol events", protocol_events),
            ("of connections", connection_events),
            ("events", events),
            ("milliseconds", time_ms),
        ]
    }
}
