//! The backing services.

use gatesim_model::port::env::Service;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{
    range::Range,
    unit::{Micros, PerMille},
};

/// The backing services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServicesPlan {
    /// Authentication.
    pub auth: ServicePlan,
    /// Redis.
    pub redis: ServicePlan,
    /// Database.
    pub database: ServicePlan,
    /// Supervisor; its latency is the time of one agent step.
    pub supervisor: ServicePlan,
}

impl ServicesPlan {
    /// The plan of one service.
    pub fn of(&self, service: Service) -> &ServicePlan {
        match service {
            Service::Auth => &self.auth,
            Service::Redis => &self.redis,
            Service::Database => &self.database,
            Service::Supervisor => &self.supervisor,
        }
    }
}

impl ServicesPlan {
    /// Whether some calls end in an error, without a fault.
    pub(super) fn err(&self) -> bool {
        [self.auth, self.redis, self.database, self.supervisor]
            .iter()
            .any(|service| service.error_per_mille > PerMille::default())
    }
}

/// One backing service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServicePlan {
    /// From call to answer, network included, in microseconds.
    pub latency_us: Range<Micros>,
    /// How many calls in a thousand end in a server error, until the world is healed.
    #[serde(default)]
    pub error_per_mille: PerMille,
}
