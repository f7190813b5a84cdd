//! The containers of a scenario.

use gatesim_model::event::{Component, StartupPhase};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    plan::{
        bounds::{MAX_CONTAINERS, MAX_REGISTRY, MAX_WAITING},
        container::{ContainerPlan, USUAL_MANAGERS, USUAL_QUEUE},
        range::{Range, only_usual},
        scenario::draw::Draw,
        unit::{Count, Micros, Millis, PerMille},
    },
    trace::event::Actor,
};

/// The containers: how many, and what each of them may be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Containers {
    /// How many there are from the beginning.
    count: Range<Count<1, MAX_CONTAINERS>>,
    /// When each is started.
    start_ms: Range<Millis>,
    /// From process start to listening.
    listen_after_ms: Range<Millis>,
    /// From process start until the balancer routes to it.
    in_service_after_ms: Range<Millis>,
    /// Of each phase.
    /// How long each start-up phase takes.
    phase_ms: Range<Millis>,
    /// How many machines its registry holds at most.
    registry_capacity: Range<Count<0, MAX_REGISTRY>>,
    /// How many connection managers one user may have.
    #[serde(default = "only_usual::<Count<1, MAX_REGISTRY>, USUAL_MANAGERS>")]
    managers_per_user: Range<Count<1, MAX_REGISTRY>>,
    /// How many frames wait for one connection at most.
    #[serde(default = "only_usual::<Count<1, MAX_WAITING>, USUAL_QUEUE>")]
    queue_capacity: Range<Count<1, MAX_WAITING>>,
    /// How long the server takes between the two halves of accept.
    accept_us: Range<Micros>,
    /// Some containers take far longer over accept than the others.
    slow_accept: Option<SlowAccept>,
    /// How many containers in a thousand lack one of `never_ready`.
    #[serde(default)]
    lacking_per_mille: PerMille,
    /// Components of which one never appears in a container that lacks one.
    #[serde(default)]
    never_ready: Vec<Component>,
    /// How many containers in a thousand never leave one of `hangs_in`.
    #[serde(default)]
    hanging_per_mille: PerMille,
    /// Start-up phases of which one is never left in a container that hangs.
    #[serde(default)]
    hangs_in: Vec<StartupPhase>,
    /// How many containers in a thousand carry the variable of end-to-end tests.
    #[serde(default)]
    for_tests_per_mille: PerMille,
    /// Containers beyond those counted, which start when the load has risen.
    scale_out: Option<ScaleOut>,
}

/// Some containers take far longer over accept than the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SlowAccept {
    /// How many containers in a thousand.
    per_mille: PerMille,
    /// How long the server takes there between the two halves of accept.
    accept_us: Range<Micros>,
}

/// The deployment becomes larger while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScaleOut {
    /// How many more there are.
    count: Range<Count<0, MAX_CONTAINERS>>,
    /// When each of them is started.
    start_ms: Range<Millis>,
}

impl Containers {
    /// How many there are at most.
    pub(super) fn most(&self) -> u32 {
        self.count.most.get() + self.scale_out.map_or(0, |more| more.count.most.get())
    }

    /// All of them: those that are there from the beginning first.
    pub(super) fn plans(&self, draw: &Draw) -> Vec<ContainerPlan> {
        let first = draw.range("containers", self.count).get();
        let more = self
            .scale_out
            .map_or(0, |more| draw.range("scale_out", more.count).get());
        let all = (first + more).min(MAX_CONTAINERS);
        let plan = |n| {
            let draw = draw.of(Actor::Container(n));
            let start_ms = match self.scale_out {
                Some(more) if n >= first => more.start_ms,
                Some(_) | None => self.start_ms,
            };
            self.plan(&draw, start_ms)
        };
        (0..all).map(plan).collect()
    }

    fn plan(&self, draw: &Draw, start_ms: Range<Millis>) -> ContainerPlan {
        let lacking = draw.chance("lacking_per_mille", self.lacking_per_mille)
            && !self.never_ready.is_empty();
        let never_ready = match lacking {
            true => vec![self.never_ready[draw.index("lacks", self.never_ready.len()) as usize]],
            false => Vec::new(),
        };
        let hanging = draw.chance("hanging_per_mille", self.hanging_per_mille);
        let hangs_in = match hanging && !self.hangs_in.is_empty() {
            true => Some(self.hangs_in[draw.index("hangs", self.hangs_in.len()) as usize]),
            false => None,
        };
        let slow_accept = self
            .slow_accept
            .filter(|slow| draw.chance("slow_accept.per_mille", slow.per_mille));
        ContainerPlan {
            number: None,
            start_ms: draw.range("start_ms", start_ms),
            listen_after_ms: draw.range("listen_after_ms", self.listen_after_ms),
            in_service_after_ms: draw.range("in_service_after_ms", self.in_service_after_ms),
            phase_ms: std::array::from_fn(|_| draw.range("phase_ms", self.phase_ms)),
            never_ready,
            hangs_in,
            registry_capacity: draw.range("registry_capacity", self.registry_capacity),
            managers_per_user: draw.range("managers_per_user", self.managers_per_user),
            queue_capacity: draw.range("queue_capacity", self.queue_capacity),
            accept_us: slow_accept.map_or(self.accept_us, |slow| slow.accept_us),
            for_tests: draw.chance("for_tests_per_mille", self.for_tests_per_mille),
        }
    }
}
