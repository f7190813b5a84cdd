//! What goes wrong, and when.
//!
//! - [`table`]: one row for each kind of fault; everything here and in the scenario's form that
//!   names all kinds is generated from it.

use std::{fmt, time::Duration};

use gatesim_model::port::env::Service;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    plan::{
        bounds::{MAX_FACTOR, MAX_FAULTS},
        container::ContainerPlan,
        number::Numbered,
        unit::{Count, Millis, PerMille, Unit, is_least},
    },
    trace::event::Actor,
};

mod table;

pub(super) use table::fault_table;

/// Something that goes wrong at a certain time. What lasts ends by itself, or when the world is
/// healed, whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FaultPlan {
    /// Its number, if that is not its place among the faults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Count<0, MAX_FAULTS>>,
    /// What; in a file its fields stand beside the time.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// When it begins.
    pub at_ms: Millis,
}

impl FaultPlan {
    /// A fault whose number is its place.
    pub fn new(kind: FaultKind, at_ms: Millis) -> Self {
        FaultPlan {
            number: None,
            kind,
            at_ms,
        }
    }

    /// When it begins.
    pub fn at(&self) -> Duration {
        self.at_ms.duration()
    }

    /// When it is over by its own description, in a deployment of these containers: what it brought
    /// down has been started again, and the last stop that it asked for has taken all its grace.
    pub fn over_by<'a>(&self, containers: impl Iterator<Item = &'a ContainerPlan>) -> Duration {
        let stops = self.kind.lasts().unwrap_or_default();
        let rounds = self.kind.each().map_or(Duration::ZERO, |each| {
            let serves_again = containers.map(|one| one.in_service_after_ms.duration());
            serves_again.map(|time| each + time).sum()
        });
        self.at() + stops.max(self.kind.grace()) + rounds
    }
}

impl Numbered for FaultPlan {
    const NAME: &'static str = "fault";

    fn number(&self) -> Option<u32> {
        self.number.map(Count::get)
    }

    fn set_number(&mut self, number: Option<u32>) {
        self.number = number.map(Count::new);
    }
}

macro_rules! fault_kinds {
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
            text: ($text:literal $(, $argument:expr)*),
        }
    )+) => {
        /// What goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "kind", deny_unknown_fields)]
        pub enum FaultKind {
            $(
                $(#[doc = $doc])+
                #[serde(rename = $name)]
                $kind {
                    $(
                        #[doc = concat!("The number of the ", stringify!($chosen), ".")]
                        $chosen: u32,
                    )?
                    $( $(#[doc = $field_doc])+ $field: $type, )*
                },
            )+
        }

        impl FaultKind {
            /// The name of every kind and what it does.
            pub const ALL: &'static [(&'static str, &'static str)] =
                &[$( ($name, concat!($( $doc, )+)), )+];
        }

        #[allow(unused_variables, reason = "a row does not use each of its fields everywhere")]
        impl FaultKind {
            /// What it happens to.
            pub fn victim(&self) -> Victim {
                match *self {
                    $( FaultKind::$kind { $($chosen,)? $($field,)* } => $victim, )+
                }
            }

            /// How long a stop that it asks for may take before the container is killed.
            pub fn grace(&self) -> Duration {
                match *self {
                    $( FaultKind::$kind { $($chosen,)? $($field,)* } => {
                        [$($grace.duration()),*].iter().sum()
                    } )+
                }
            }

            /// How long it lasts at most; none for what is done at once, has no end, or ends when
            /// containers have started.
            pub fn lasts(&self) -> Option<Duration> {
                match *self {
                    $( FaultKind::$kind { $($chosen,)? $($field,)* } => {
                        [$($lasts.duration()),*].into_iter().reduce(Duration::saturating_add)
                    } )+
                }
            }

            /// How long it takes over each container, with the time that this needs until it is in
            /// service again; none if it does not go from one container to the next.
            fn each(&self) -> Option<Duration> {
                match *self {
                    $( FaultKind::$kind { $($chosen,)? $($field,)* } => {
                        [$($each.duration()),*].into_iter().reduce(Duration::saturating_add)
                    } )+
                }
            }

            /// What must be there for it to have an effect.
            pub fn acts_on(&self) -> ActsOn {
                match *self {
                    $( FaultKind::$kind { $($chosen,)? $($field,)* } => $acts_on, )+
                }
            }

            /// Whether one of its amounts is so small that nothing can happen.
            pub fn is_idle(&self) -> bool {
                match *self {
                    $( FaultKind::$kind { $($chosen,)? $($field,)* } => {
                        [$(is_least($needs)),*].contains(&true)
                    } )+
                }
            }

            /// Shows each of its amounts, in the order of the table.
            pub fn visit_amounts(&mut self, visitor: &mut impl AmountVisitor) {
                match self {
                    $( FaultKind::$kind { $($chosen,)? $($field,)* } => {
                        $( $field.visit(stringify!($field), visitor); )*
                    } )+
                }
            }
        }

        /// What it does, to what and for how long, in one line.
        #[allow(unused_variables, reason = "a row does not use each of its fields everywhere")]
        impl fmt::Display for FaultKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $( FaultKind::$kind { $($chosen,)? $($field,)* } => {
                        write!(f, $text $(, $argument)*)
                    } )+
                }
            }
        }
    };
}

fault_table!(fault_kinds);

/// Sees the amounts of a fault.
pub trait AmountVisitor {
    /// One amount, and the field that it is.
    fn amount<U: Unit>(&mut self, field: &'static str, value: &mut U);
}

/// A field of a fault.
trait FaultField {
    /// Shows it, if it is an amount.
    fn visit(&mut self, field: &'static str, visitor: &mut impl AmountVisitor);
}

impl<U: Unit> FaultField for U {
    fn visit(&mut self, field: &'static str, visitor: &mut impl AmountVisitor) {
        visitor.amount(field, self);
    }
}

macro_rules! no_amount {
    ($($type:ty),*) => { $(
        impl FaultField for $type {
            fn visit(&mut self, _: &'static str, _: &mut impl AmountVisitor) {}
        }
    )* };
}

no_amount!(Service, Direction, Towards);

/// What a fault happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    /// One container.
    Container(u32),
    /// All containers.
    Fleet,
    /// A backing service.
    Service(Service),
    /// One client.
    Client(u32),
}

/// What a fault acts on. If it is not there, the fault is applied without effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActsOn {
    /// The process of a container, when the fault begins.
    Process(u32),
    /// The process of any container, when the fault begins.
    AnyProcess,
    /// Connections of a client or to a container, at any time while the fault lasts.
    Connections(Actor),
    /// Calls to a service, at any time while the fault lasts.
    Calls(Service),
}

/// Which way a partition blocks.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the client towards the container.
    Up,
    /// From the container towards the client.
    Down,
    /// Both.
    Both,
}

impl Direction {
    /// As the text of a fault ends.
    fn in_words(self) -> &'static str {
        match self {
            Direction::Up => " upwards",
            Direction::Down => " downwards",
            Direction::Both => "",
        }
    }
}

/// Which way a clock is set wrong.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Towards {
    /// It is fast.
    Future,
    /// It is slow. No clock goes back beyond the start of the run.
    Past,
}

impl Towards {
    fn in_words(self) -> &'static str {
        match self {
            Towards::Future => "fast",
            Towards::Past => "slow",
        }
    }
}
