//! Scenarios: what a run throws at a design, as ranges and weights.

use std::collections::BTreeMap;

use gatesim_model::{env::Service, environment::Environment, event::Component};
use serde::Deserialize;
use thiserror::Error;

use crate::{
    bounds::{
        MAX_CLIENTS, MAX_CONTAINERS, MAX_FAULTS, MAX_MESSAGES, MAX_MS, MAX_REGISTRY,
        MAX_TEXT_BYTES, MAX_TOOLS, MAX_US, PER_MILLE, within,
    },
    choices::{Choices, Purpose},
    event::Actor,
    gate::Strategy,
    plan::{
        BalancerPlan, ClientPlan, ContainerPlan, Direction, FaultPlan, Leaving, LinkPlan,
        MessageKind, MessagePlan, Plan, Range, ServicesPlan, Token,
    },
};

/// A scenario file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The file's name without its ending.
    #[serde(skip)]
    pub name: String,
    /// One sentence: what it throws at a design.
    pub summary: String,
    /// Weights.
    environments: Weights<Environment>,
    /// Weights.
    strategies: Weights<Strategy>,
    #[serde(deserialize_with = "within::<1, MAX_MS, _, _>")]
    time_limit_ms: u64,
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    aftermath_ms: u64,
    balancer: BalancerPlan,
    services: ServicesPlan,
    backend_link: LinkPlan,
    containers: Containers,
    clients: Clients,
    #[serde(default, deserialize_with = "within::<0, MAX_FAULTS, _, _>")]
    faults: Vec<Fault>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Containers {
    #[serde(deserialize_with = "within::<1, MAX_CONTAINERS, _, _>")]
    count: Range,
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    start_ms: Range,
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    listen_after_ms: Range,
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    in_service_after_ms: Range,
    /// Of each phase.
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    phase_ms: Range,
    #[serde(deserialize_with = "within::<0, MAX_REGISTRY, _, _>")]
    registry_capacity: Range,
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    accept_us: Range,
    slow_accept: Option<SlowAccept>,
    /// How many containers in a thousand lack one of `never_ready`.
    #[serde(default, deserialize_with = "within::<0, PER_MILLE, _, _>")]
    lacking_per_mille: u32,
    #[serde(default)]
    never_ready: Vec<Component>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Clients {
    #[serde(deserialize_with = "within::<1, MAX_CLIENTS, _, _>")]
    count: Range,
    /// How many users share them.
    #[serde(deserialize_with = "within::<1, MAX_CLIENTS, _, _>")]
    users: Range,
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    start_ms: Range,
    tokens: Weights<Token>,
    /// The link's own range is drawn from these: each client has a fast or a slow network.
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    latency_us: Range,
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    jitter_us: Range,
    #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
    loss_per_mille: Range,
    #[serde(deserialize_with = "within::<0, MAX_MESSAGES, _, _>")]
    messages: Range,
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    first_message_ms: Range,
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    message_gap_ms: Range,
    #[serde(deserialize_with = "within::<0, MAX_TOOLS, _, _>")]
    tools: Range,
    #[serde(deserialize_with = "within::<0, MAX_TEXT_BYTES, _, _>")]
    text_bytes: Range,
    /// How many messages in a thousand are larger than the server takes.
    #[serde(default, deserialize_with = "within::<0, PER_MILLE, _, _>")]
    oversize_per_mille: u32,
    /// How many messages in a thousand name a thread.
    #[serde(default, deserialize_with = "within::<0, PER_MILLE, _, _>")]
    thread_per_mille: u32,
    #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
    patience_ms: Range,
    leaves: Weights<Leaving>,
}

/// Some containers take far longer over accept than the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct SlowAccept {
    /// How many containers in a thousand.
    #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
    per_mille: u32,
    #[serde(deserialize_with = "within::<0, MAX_US, _, _>")]
    accept_us: Range,
}

/// A fault that some seeds have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Fault {
    Crash {
        #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
        per_mille: u32,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: Range,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        down_ms: Range,
    },
    Terminate {
        #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
        per_mille: u32,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: Range,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        grace_ms: Range,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        down_ms: Range,
    },
    ServiceDown {
        #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
        per_mille: u32,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: Range,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        for_ms: Range,
        services: Weights<Service>,
    },
    Partition {
        #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
        per_mille: u32,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: Range,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        for_ms: Range,
        directions: Weights<Direction>,
    },
    Reset {
        #[serde(deserialize_with = "within::<0, PER_MILLE, _, _>")]
        per_mille: u32,
        #[serde(deserialize_with = "within::<0, MAX_MS, _, _>")]
        at_ms: Range,
    },
}

/// Values with weights; a file writes a table of value and weight.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    try_from = "BTreeMap<T, u32>",
    bound(deserialize = "T: Deserialize<'de> + Ord")
)]
struct Weights<T> {
    values: Vec<(T, u32)>,
}

impl<T: Ord> TryFrom<BTreeMap<T, u32>> for Weights<T> {
    type Error = String;

    fn try_from(table: BTreeMap<T, u32>) -> Result<Self, String> {
        match table.values().any(|&weight| weight > 0) {
            true => Ok(Weights {
                values: table.into_iter().collect(),
            }),
            false => Err("at least one weight must be greater than 0".to_owned()),
        }
    }
}

impl<T: Copy> Weights<T> {
    fn total(&self) -> u64 {
        self.values
            .iter()
            .map(|&(_, weight)| u64::from(weight))
            .sum()
    }

    fn pick(&self, mut ticket: u64) -> T {
        for &(value, weight) in &self.values {
            match ticket.checked_sub(u64::from(weight)) {
                Some(rest) => ticket = rest,
                None => return value,
            }
        }
        unreachable!("a ticket is smaller than the sum of the weights")
    }
}

/// A file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}:{line}: {message}")]
pub struct ConfigError {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong, with allowed values.
    pub message: String,
}

/// The largest seed: capsules are TOML, whose integers are signed.
pub const MAX_SEED: u64 = i64::MAX as u64;

/// Threads among which the messages of a client choose.
const THREADS: usize = 2;

/// The size of a message that every design refuses or drops, in bytes of text.
const OVERSIZE_BYTES: u64 = 9_000;

impl Scenario {
    /// Reads a scenario. `name` becomes its name, `file` stands in errors.
    pub fn parse(name: &str, file: &str, text: &str) -> Result<Scenario, ConfigError> {
        let mut scenario: Scenario = toml::from_str(text).map_err(|error| ConfigError {
            file: file.to_owned(),
            line: line_of(text, error.span().map_or(0, |span| span.start)),
            message: error.message().trim_end().to_owned(),
        })?;
        name.clone_into(&mut scenario.name);
        Ok(scenario)
    }

    /// The plan of one seed.
    pub fn plan(&self, seed: u64) -> Plan {
        Draw {
            choices: Choices::new(seed, false, None),
            entity: Actor::World,
        }
        .plan(self, seed)
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// Draws for one entity, each by the name of the field.
struct Draw {
    choices: std::rc::Rc<Choices>,
    entity: Actor,
}

impl Draw {
    fn of(&self, entity: Actor) -> Draw {
        Draw {
            choices: std::rc::Rc::clone(&self.choices),
            entity,
        }
    }

    fn range(&self, field: &'static str, range: Range) -> u64 {
        self.choices
            .stream(self.entity, Purpose::Plan(field))
            .draw(range.inclusive())
    }

    fn weights<T: Copy>(&self, field: &'static str, weights: &Weights<T>) -> T {
        let most = weights.total() - 1;
        weights.pick(self.range(field, Range { least: 0, most }))
    }

    fn chance(&self, field: &'static str, per_mille: u32) -> bool {
        self.choices
            .stream(self.entity, Purpose::Plan(field))
            .chance(per_mille)
    }

    fn index(&self, field: &'static str, count: usize) -> u32 {
        let most = (count as u64).saturating_sub(1);
        self.range(field, Range { least: 0, most }) as u32
    }

    fn plan(&self, scenario: &Scenario, seed: u64) -> Plan {
        let containers: Vec<ContainerPlan> = (0..self
            .range("containers", scenario.containers.count))
            .map(|n| {
                self.of(Actor::Container(n as u32))
                    .container(&scenario.containers)
            })
            .collect();
        let users = self.range("users", scenario.clients.users);
        let clients: Vec<ClientPlan> = (0..self.range("clients", scenario.clients.count))
            .map(|n| {
                self.of(Actor::Client(n as u32))
                    .client(&scenario.clients, users)
            })
            .collect();
        let faults = scenario
            .faults
            .iter()
            .filter_map(|fault| self.fault(fault, containers.len(), clients.len()))
            .collect();
        Plan {
            scenario: scenario.name.clone(),
            seed,
            environment: self.weights("environment", &scenario.environments),
            strategy: self.weights("strategy", &scenario.strategies),
            time_limit_ms: scenario.time_limit_ms,
            aftermath_ms: scenario.aftermath_ms,
            balancer: scenario.balancer,
            services: scenario.services,
            backend_link: scenario.backend_link,
            containers,
            clients,
            faults,
        }
    }

    fn container(&self, from: &Containers) -> ContainerPlan {
        let lacking =
            self.chance("lacking", from.lacking_per_mille) && !from.never_ready.is_empty();
        let never_ready = match lacking {
            true => vec![from.never_ready[self.index("lacks", from.never_ready.len()) as usize]],
            false => Vec::new(),
        };
        let slow_accept = from
            .slow_accept
            .filter(|slow| self.chance("slow_accept", slow.per_mille));
        ContainerPlan {
            start_ms: self.range("start_ms", from.start_ms),
            listen_after_ms: self.range("listen_after_ms", from.listen_after_ms),
            in_service_after_ms: self.range("in_service_after_ms", from.in_service_after_ms),
            phase_ms: std::array::from_fn(|_| self.range("phase_ms", from.phase_ms)),
            never_ready,
            registry_capacity: self.range("registry_capacity", from.registry_capacity) as u32,
            accept_us: slow_accept.map_or(from.accept_us, |slow| slow.accept_us),
        }
    }

    fn client(&self, from: &Clients, users: u64) -> ClientPlan {
        let least = self.range("latency_us", from.latency_us);
        // Sums stay within what a plan may hold.
        let most = (least + self.range("jitter_us", from.jitter_us)).min(MAX_US);
        let mut at_ms = self.range("first_message_ms", from.first_message_ms);
        let messages = (0..self.range("messages", from.messages))
            .map(|n| {
                if n > 0 {
                    at_ms = (at_ms + self.range("message_gap_ms", from.message_gap_ms)).min(MAX_MS);
                }
                self.message(from, at_ms)
            })
            .collect();
        ClientPlan {
            start_ms: self.range("start_ms", from.start_ms),
            user: self.range(
                "user",
                Range {
                    least: 0,
                    most: users - 1,
                },
            ) as u32,
            token: self.weights("token", &from.tokens),
            link: LinkPlan {
                latency_us: Range { least, most },
                loss_per_mille: self.range("loss_per_mille", from.loss_per_mille) as u32,
            },
            messages,
            patience_ms: self.range("patience_ms", from.patience_ms),
            leaves: self.weights("leaves", &from.leaves),
        }
    }

    fn message(&self, from: &Clients, at_ms: u64) -> MessagePlan {
        const KINDS: [MessageKind; 3] = [
            MessageKind::StartAgent,
            MessageKind::UserMessage,
            MessageKind::Chat,
        ];
        let text_bytes = match self.chance("oversize", from.oversize_per_mille) {
            true => OVERSIZE_BYTES,
            false => self.range("text_bytes", from.text_bytes),
        };
        MessagePlan {
            at_ms,
            kind: KINDS[self.index("kind", KINDS.len()) as usize],
            tools: self.range("tools", from.tools) as u32,
            text_bytes: text_bytes as u32,
            thread: self
                .chance("names_thread", from.thread_per_mille)
                .then(|| self.index("thread", THREADS)),
        }
    }

    fn fault(&self, fault: &Fault, containers: usize, clients: usize) -> Option<FaultPlan> {
        let happens = |kind, per_mille| self.chance(kind, per_mille).then_some(());
        Some(match fault {
            Fault::Crash {
                per_mille,
                at_ms,
                down_ms,
            } => {
                happens("crash", *per_mille)?;
                FaultPlan::Crash {
                    at_ms: self.range("crash_at_ms", *at_ms),
                    container: self.index("crash_container", containers),
                    down_ms: self.range("crash_down_ms", *down_ms),
                }
            }
            Fault::Terminate {
                per_mille,
                at_ms,
                grace_ms,
                down_ms,
            } => {
                happens("terminate", *per_mille)?;
                FaultPlan::Terminate {
                    at_ms: self.range("terminate_at_ms", *at_ms),
                    container: self.index("terminate_container", containers),
                    grace_ms: self.range("terminate_grace_ms", *grace_ms),
                    down_ms: self.range("terminate_down_ms", *down_ms),
                }
            }
            Fault::ServiceDown {
                per_mille,
                at_ms,
                for_ms,
                services,
            } => {
                happens("service_down", *per_mille)?;
                FaultPlan::ServiceDown {
                    at_ms: self.range("service_down_at_ms", *at_ms),
                    service: self.weights("service_down_service", services),
                    for_ms: self.range("service_down_for_ms", *for_ms),
                }
            }
            Fault::Partition {
                per_mille,
                at_ms,
                for_ms,
                directions,
            } => {
                happens("partition", *per_mille)?;
                FaultPlan::Partition {
                    at_ms: self.range("partition_at_ms", *at_ms),
                    client: self.index("partition_client", clients),
                    direction: self.weights("partition_direction", directions),
                    for_ms: self.range("partition_for_ms", *for_ms),
                }
            }
            Fault::Reset { per_mille, at_ms } => {
                happens("reset", *per_mille)?;
                FaultPlan::Reset {
                    at_ms: self.range("reset_at_ms", *at_ms),
                    client: self.index("reset_client", clients),
                }
            }
        })
    }
}
