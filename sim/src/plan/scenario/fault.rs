//! The faults of a scenario: the fields of a plan's faults, each as a range or a table of weights.

use gatesim_model::port::env::Service;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::plan::{
    bounds::{MAX_FACTOR, MAX_REPEATS},
    fault::{Direction, FaultKind, FaultPlan, Towards, fault_table},
    range::Range,
    scenario::{draw::Draw, weights::Weights},
    unit::{Count, Millis, PerMille, Unit},
};

/// A fault that some seeds have, once or several times.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub(super) struct Fault {
    /// What; in a file its fields stand beside the others.
    #[serde(flatten)]
    ranges: FaultRanges,
    /// How often in a thousand tries it happens.
    happens_per_mille: PerMille,
    /// How many times a seed tries.
    #[serde(default)]
    times: Range<Count<1, MAX_REPEATS>>,
    /// When it begins.
    at_ms: Range<Millis>,
}

impl Fault {
    /// The name of its kind, as a file has it.
    pub(super) fn name(&self) -> &'static str {
        self.ranges.name()
    }

    /// What one seed makes of it. A fault that has no victim does not happen.
    pub(super) fn plan(&self, draw: &Draw, containers: usize, clients: usize) -> Vec<FaultPlan> {
        let draw = draw.about(self.name());
        let victims = Victims {
            draw: &draw,
            containers,
            clients,
        };
        let tries = draw.tries("times", self.times);
        let happens = |_: &u64| draw.chance("happens_per_mille", self.happens_per_mille);
        let planned = (0..tries).filter(happens).filter_map(|_| {
            let at_ms = draw.range("at_ms", self.at_ms);
            let kind = self.ranges.plan(&draw, &victims)?;
            Some(FaultPlan::new(kind, at_ms))
        });
        planned.collect()
    }
}

macro_rules! fault_ranges {
    ($(
        $(#[doc = $doc:literal])+
        $kind:ident = $name:literal $(($chosen:ident: $chooser:ident))? {
            $( $(#[doc = $field_doc:literal])+ $field:ident: $type:ty, )*
        } => $row:tt
    )+) => {
        /// What a plan says of a fault, as ranges and weights; its victim is drawn among all.
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
        #[serde(tag = "kind", deny_unknown_fields)]
        enum FaultRanges {
            $(
                $(#[doc = $doc])+
                #[serde(rename = $name)]
                $kind { $( $(#[doc = $field_doc])+ $field: <$type as Drawn>::From, )* },
            )+
        }

        impl FaultRanges {
            /// The name of the kind, as a file has it: the key of the draws and of the swarm.
            fn name(&self) -> &'static str {
                match self { $( FaultRanges::$kind { .. } => $name, )+ }
            }

            fn plan(&self, draw: &Draw, victims: &Victims<'_>) -> Option<FaultKind> {
                Some(match self {
                    $( FaultRanges::$kind { $($field,)* } => FaultKind::$kind {
                        $( $chosen: victims.$chooser()?, )?
                        $( $field: Drawn::drawn(draw, stringify!($field), $field), )*
                    }, )+
                })
            }
        }
    };
}

fault_table!(fault_ranges);

/// A field of a fault that is drawn from what a scenario says.
trait Drawn: Sized {
    /// What a scenario says of it.
    type From;

    /// What one seed makes of it.
    fn drawn(draw: &Draw, key: &'static str, from: &Self::From) -> Self;
}

impl<U: Unit> Drawn for U {
    type From = Range<U>;

    fn drawn(draw: &Draw, key: &'static str, from: &Range<U>) -> Self {
        draw.range(key, *from)
    }
}

macro_rules! drawn_by_weight {
    ($($type:ty),*) => { $(
        impl Drawn for $type {
            type From = Weights<$type>;

            fn drawn(draw: &Draw, key: &'static str, from: &Weights<$type>) -> Self {
                draw.weights(key, from)
            }
        }
    )* };
}

drawn_by_weight!(Service, Direction, Towards);

/// How victims are chosen.
struct Victims<'a> {
    draw: &'a Draw,
    containers: usize,
    clients: usize,
}

impl Victims<'_> {
    fn any_container(&self) -> Option<u32> {
        Some(self.draw.index("container", self.containers))
    }

    /// None if there is only one: the first remains.
    fn any_but_the_first_container(&self) -> Option<u32> {
        let others = self
            .containers
            .checked_sub(1)
            .filter(|&others| others > 0)?;
        Some(1 + self.draw.index("container", others))
    }

    fn any_client(&self) -> Option<u32> {
        Some(self.draw.index("client", self.clients))
    }
}
