//! What one seed makes of a scenario: concrete data, written and edited by hand if need be.
//!
//! Everything random about a run that is not a scheduling choice stands here, or is drawn by
//! key from a range that stands here.

use std::{ops::RangeInclusive, time::Duration};

use gatesim_model::{
    env::Service,
    environment::Environment,
    event::{Component, StartupPhase},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    bounds::{
        MAX_CLIENTS, MAX_CONTAINERS, MAX_FAULTS, MAX_MESSAGES, MAX_MS, MAX_REGISTRY,
        MAX_TEXT_BYTES, MAX_TOOLS, MAX_US, PER_MILLE, within,
    },
    gate::Strategy,
};

/// A concrete run, but for the design. One that cannot be run cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Plan {
    /// The scenario it came from.
    pub scenario: String,
    /// Seeds every keyed choice of the run.
    pub seed: u64,
    /// Whose timings apply.
    pub environment: Environment,
    /// How ties between ready tasks are broken.
    pub strategy: Strategy,
    /// The run is cut off here.
    #[serde(deserialize_with = "within::<1, MAX_MS, _, _>")]
    pub time_limit_ms: u64,
    /// How long the world is watched after the last client is done, for what is left behind.
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    pub aftermath_ms: u64,
    /// The balancer.
    pub balancer: BalancerPlan,
    /// One entry for each backing service.
    pub services: ServicesPlan,
    /// The links between balancer and containers.
    pub backend_link: LinkPlan,
    /// The containers; the first is container 0.
    #[serde(deserialize_with = "within::<1, MAX_CONTAINERS, _, _>")]
    pub containers: Vec<ContainerPlan>,
    /// The clients; the first is client 0.
    #[serde(deserialize_with = "within::<1, MAX_CLIENTS, _, _>")]
    pub clients: Vec<ClientPlan>,
    /// What goes wrong, and when. Not written if there is none, so that a person may add one.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "within::<0, MAX_FAULTS, _, _>"
    )]
    pub faults: Vec<FaultPlan>,
}

impl Plan {
    /// Says which fault names a container or a client that is not there.
    fn check_faults(&self) -> Result<(), String> {
        for (n, fault) in self.faults.iter().enumerate() {
            let (kind, index, count) = match *fault {
                FaultPlan::Crash { container, .. } | FaultPlan::Terminate { container, .. } => {
                    ("container", container, self.containers.len())
                }
                FaultPlan::Partition { client, .. } | FaultPlan::Reset { client, .. } => {
                    ("client", client, self.clients.len())
                }
                FaultPlan::ServiceDown { .. } => continue,
            };
            if index as usize >= count {
                return Err(format!(
                    "fault {} of {} names {kind} {index}; {kind}s are 0 to {}",
                    n + 1,
                    self.faults.len(),
                    count - 1
                ));
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Plan {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // The derived function of this name, which reads the fields.
        let plan = Plan::deserialize(from)?;
        plan.check_faults().map_err(D::Error::custom)?;
        Ok(plan)
    }
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Plan::serialize(self, to)
    }
}

/// A closed range; a file writes it `[least, most]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u64, u64)", into = "(u64, u64)")]
pub struct Range {
    /// The least value.
    pub least: u64,
    /// The greatest value.
    pub most: u64,
}

impl Range {
    /// Both ends included.
    pub fn inclusive(self) -> RangeInclusive<u64> {
        self.least..=self.most
    }
}

impl TryFrom<(u64, u64)> for Range {
    type Error = String;

    fn try_from((least, most): (u64, u64)) -> Result<Self, String> {
        match least <= most {
            true => Ok(Range { least, most }),
            false => Err(format!(
                "[{least}, {most}] is not a range: the first is the least"
            )),
        }
    }
}

impl From<Range> for (u64, u64) {
    fn from(range: Range) -> Self {
        (range.least, range.most)
    }
}

/// One link, both directions alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkPlan {
    /// One-way latency of a frame, in microseconds.
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    pub latency_us: Range,
    /// How many frames in a thousand are lost once and arrive after a retransmission.
    #[serde(default, deserialize_with = "within::<0, PER_MILLE, _, _>")]
    pub loss_per_mille: u32,
}

/// The balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalancerPlan {
    /// How long it holds an upgrade; a wide range lets upgrades overtake each other.
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    pub upgrade_hold_us: Range,
    /// How long it holds the end of a client's connection before the container hears of it; a
    /// wide range lets the end of an old connection arrive after the start of its successor.
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    pub close_hold_us: Range,
    /// Whether a reconnecting client is sent to the container it was on before.
    pub affinity: bool,
}

/// The backing services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// One backing service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServicePlan {
    /// From call to answer, network included, in microseconds.
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    pub latency_us: Range,
    /// How many calls in a thousand end in a server error.
    #[serde(default, deserialize_with = "within::<0, PER_MILLE, _, _>")]
    pub error_per_mille: u32,
}

/// One container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerPlan {
    /// When it is started for the first time.
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    pub start_ms: u64,
    /// From process start to listening.
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    pub listen_after_ms: u64,
    /// From process start to the moment at which the balancer routes to it; may be before the
    /// start-up is complete, which is what a cold start is.
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    pub in_service_after_ms: u64,
    /// How long each start-up phase before `complete` takes.
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    pub phase_ms: [u64; StartupPhase::ALL.len() - 1],
    /// Components that never appear.
    #[serde(default)]
    pub never_ready: Vec<Component>,
    /// How many machines its registry holds at most.
    #[serde(deserialize_with = "within::<0, MAX_REGISTRY, _, _>")]
    pub registry_capacity: u32,
    /// How long the server takes between the two halves of accept.
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    pub accept_us: Range,
}

/// One browser client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientPlan {
    /// When it opens its first connection.
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    pub start_ms: u64,
    /// Whose it is; two clients of one user are two tabs.
    pub user: u32,
    /// What it offers as token.
    pub token: Token,
    /// Its link to the balancer.
    pub link: LinkPlan,
    /// What it wants to send, in order.
    #[serde(deserialize_with = "within::<0, MAX_MESSAGES, _, _>")]
    pub messages: Vec<MessagePlan>,
    /// How long it waits for answers after its last message before it leaves.
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    pub patience_ms: u64,
    /// How it leaves.
    pub leaves: Leaving,
}

/// The token a client offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Token {
    /// A good one.
    Valid,
    /// One that was good.
    Expired,
    /// One that nobody made.
    Invalid,
    /// None.
    Missing,
}

/// How a client leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leaving {
    /// With a close frame.
    Close,
    /// The process is killed: the operating system resets the connection.
    Abort,
    /// The device is gone: nobody is told anything.
    Vanish,
}

/// One message of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessagePlan {
    /// After the client's start. A message that is due before the connection is open waits in
    /// the client's queue and is flushed on open.
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    pub at_ms: u64,
    /// What it is.
    pub kind: MessageKind,
    /// How many tools the agent calls for it.
    #[serde(deserialize_with = "within::<0, MAX_TOOLS, _, _>")]
    pub tools: u32,
    /// Length of the text, in bytes.
    #[serde(deserialize_with = "within::<0, MAX_TEXT_BYTES, _, _>")]
    pub text_bytes: u32,
    /// The thread it names, if it names one: a conversation that the client opened after it had
    /// connected, so that nobody knew of it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<u32>,
}

/// What a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// `start_agent`.
    StartAgent,
    /// `user_message`.
    UserMessage,
    /// `chat`.
    Chat,
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum FaultPlan {
    /// A container dies with all its memory and is started again.
    Crash {
        /// When.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: u64,
        /// Which.
        container: u32,
        /// How long until it is started again.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        down_ms: u64,
    },
    /// A container is asked to stop, killed after the grace period, and started again.
    Terminate {
        /// When.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: u64,
        /// Which.
        container: u32,
        /// From SIGTERM to SIGKILL.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        grace_ms: u64,
        /// From the kill to the new start.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        down_ms: u64,
    },
    /// A backing service does not answer.
    ServiceDown {
        /// When.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: u64,
        /// Which.
        service: Service,
        /// For how long.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        for_ms: u64,
    },
    /// The link of a client carries nothing, in one direction or both.
    Partition {
        /// When.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: u64,
        /// Which client.
        client: u32,
        /// Which way nothing goes.
        direction: Direction,
        /// For how long.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        for_ms: u64,
    },
    /// The connection of a client is reset in the middle.
    Reset {
        /// When.
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: u64,
        /// Which client.
        client: u32,
    },
}

impl FaultPlan {
    /// When it begins.
    pub fn at(&self) -> Duration {
        match self {
            FaultPlan::Crash { at_ms, .. }
            | FaultPlan::Terminate { at_ms, .. }
            | FaultPlan::ServiceDown { at_ms, .. }
            | FaultPlan::Partition { at_ms, .. }
            | FaultPlan::Reset { at_ms, .. } => Duration::from_millis(*at_ms),
        }
    }
}

/// Which way a partition blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the client to the balancer.
    Up,
    /// From the balancer to the client.
    Down,
    /// Both.
    Both,
}
