//! The faults of a scenario: the fields of a plan's faults, each as a range or a table of weights.

use gatesim_model::port::env::Service;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::plan::{
    bounds::{MAX_FACTOR, MAX_REPEATS},
    fault::{Direction, FaultKind, FaultPlan, Towards, fault_table},
    range::Range,
    scenario::{draw::Draw, dropped::DropReason, weights::Weights},
    unit::{Count, Millis, PerMille, Unit, is_least},
};

/// A fault that some seeds have, once or several times.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub(super) struct Fault {
    /// What; in a file its fields stand beside the others.
    #[serde(flatten)]
    ranges: FaultRanges,
    /// How often in a thousand tries it happens.
    happens_per_mille: PerMille<1>,
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

    /// When it begins.
    pub(super) fn at_ms(&self) -> Range<Millis> {
        self.at_ms
    }

    /// A field that is so small in every seed that nothing can happen.
    pub(super) fn idle_field(&self) -> Option<&'static str> {
        self.ranges.idle_field()
    }

    /// Whether it needs another container besides the first.
    pub(super) fn needs_second_container(&self) -> bool {
        matches!(self.ranges, FaultRanges::ScaleIn { .. })
    }

    /// What one seed makes of it: each time that it ought to happen, the fault, or why it does not
    /// happen after all.
    pub(super) fn plan(
        &self,
        draw: &Draw,
        containers: usize,
        clients: usize,
    ) -> Vec<Result<FaultPlan, DropReason>> {
        let draw = draw.about(self.name());
        let victims = Victims {
            draw: &draw,
            containers,
            clients,
        };
        let tries = draw.tries("times", self.times);
        let per_mille = PerMille::new(self.happens_per_mille.get());
        let happens = |_: &u64| draw.chance("happens_per_mille", per_mille);
        let planned = (0..tries).filter(happens).map(|_| {
            let at_ms = draw.range("at_ms", self.at_ms);
            let kind = self.ranges.plan(&draw, &victims)?;
            match kind.is_idle() {
                true => Err(DropReason::NoExtent),
                false => Ok(FaultPlan::new(kind, at_ms)),
            }
        });
        planned.collect()
    }
}

macro_rules! fault_ranges {
    ($(
        $(#[doc = $doc:literal])+
        $kind:ident = $name:literal $(($chosen:ident: $chooser:ident))? {
            $( $(#[doc = $field_doc:literal])+ $field:ident: $type:ty, )*
        } => {
            victim: $victim:expr,
            grace: [$($grace:ident),*],
            lasts: [$($lasts:ident),*],
            each: [$($each:ident),*],
            acts_on: $acts_on:expr,
            needs: [$($needs:ident),*],
            text: $text:tt,
        }
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

            fn plan(&self, draw: &Draw, victims: &Victims<'_>) -> Result<FaultKind, DropReason> {
                Ok(match self {
                    $( FaultRanges::$kind { $($field,)* } => FaultKind::$kind {
                        $( $chosen: victims.$chooser()?, )?
                        $( $field: Drawn::drawn(draw, stringify!($field), $field), )*
                    }, )+
                })
            }

            /// A field that is so small in every seed that nothing can happen.
            #[allow(unused_variables, reason = "a row does not need each of its fields")]
            fn idle_field(&self) -> Option<&'static str> {
                match self {
                    $( FaultRanges::$kind { $($field,)* } => {
                        let needed: &[(&str, bool)] =
                            &[$((stringify!($needs), is_least($needs.most))),*];
                        needed.iter().find(|(_, idle)| *idle).map(|(field, _)| *field)
                    } )+
                }
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
    fn any_container(&self) -> Result<u32, DropReason> {
        Ok(self.draw.index("container", self.containers))
    }

    /// The first remains.
    fn any_but_the_first_container(&self) -> Result<u32, DropReason> {
        match self.containers {
            0 | 1 => Err(DropReason::OneContainer),
            several => Ok(1 + self.draw.index("container", several - 1)),
        }
    }

    fn any_client(&self) -> Result<u32, DropReason> {
        Ok(self.draw.index("client", self.clients))
    }
}
