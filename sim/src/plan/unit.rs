//! Numbers with a unit, which know how large they may be. One that is out of bounds cannot be read
//! from a file.

use std::{borrow::Cow, fmt, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::plan::bounds::{MAX_MS, MAX_US, PER_MILLE};

/// The key of a schema that says the unit of a number.
pub const UNIT: &str = "x-unit";

/// A number of a scenario or a plan. Its default is the least that is allowed.
pub trait Unit: Copy + Ord + Default + JsonSchema {
    /// The unit as people write it; empty for a plain number.
    const NAME: &'static str;
    /// The least value that is allowed.
    const LEAST: u64;
    /// The greatest value that is allowed.
    const MOST: u64;

    /// The value that is allowed and nearest to this one.
    fn nearest(value: u64) -> Self;

    /// The value without its unit.
    fn amount(self) -> u64;

    /// The value, if it is allowed.
    fn checked(value: u64) -> Option<Self> {
        (Self::LEAST..=Self::MOST)
            .contains(&value)
            .then(|| Self::nearest(value))
    }
}

/// Says that something is not within the bounds of a unit.
pub(super) fn out_of_bounds<U: Unit, E: Error>(what: impl fmt::Display) -> E {
    let (least, most) = (U::LEAST, U::MOST);
    E::custom(format!(
        "{what} is out of bounds; {least} to {most} is allowed"
    ))
}

/// Whether a field need not be written, because leaving it out means the same.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Whether a value is the least that is allowed.
pub(super) fn is_least<U: Unit>(value: U) -> bool {
    value.amount() == U::LEAST
}

/// A value that a file may leave out, although it is not the least.
pub(super) fn usual<U: Unit, const VALUE: u64>() -> U {
    U::nearest(VALUE)
}

/// Whether a value is the one that a file may leave out.
pub(super) fn is_usual<U: Unit, const VALUE: u64>(value: &U) -> bool {
    value.amount() == VALUE
}

macro_rules! units {
    ($( $(#[$attribute:meta])* $unit:ident<$($bound:ident = $default:tt),*>($inner:ty)
        $name:literal, $least:expr, $most:expr; )*) => { $(
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $unit<$(const $bound: $inner = $default),*>($inner);

        impl<$(const $bound: $inner),*> $unit<$($bound),*> {
            /// The value. Panics if it is not allowed.
            #[track_caller]
            pub const fn new(value: $inner) -> Self {
                let wide = value as u64;
                assert!(Self::LEAST <= wide && wide <= Self::MOST, "a value is out of bounds");
                $unit(value)
            }

            /// The value without its unit.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl<$(const $bound: $inner),*> Unit for $unit<$($bound),*> {
            const NAME: &'static str = $name;
            const LEAST: u64 = $least as u64;
            const MOST: u64 = $most as u64;

            fn nearest(value: u64) -> Self {
                $unit(value.clamp(Self::LEAST, Self::MOST) as $inner)
            }

            fn amount(self) -> u64 {
                self.0.into()
            }
        }

        impl<$(const $bound: $inner),*> Default for $unit<$($bound),*> {
            fn default() -> Self {
                $unit($least)
            }
        }

        impl<$(const $bound: $inner),*> Serialize for $unit<$($bound),*> {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(to)
            }
        }

        impl<$(const $bound: $inner),*> JsonSchema for $unit<$($bound),*> {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($unit).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let (least, most) = (Self::LEAST, Self::MOST);
                let mut schema = json_schema!({
                    "type": "integer", "minimum": least, "maximum": most
                });
                if !Self::NAME.is_empty() {
                    schema.insert(UNIT.to_owned(), Self::NAME.into());
                }
                schema
            }
        }

        impl<'de, $(const $bound: $inner),*> Deserialize<'de> for $unit<$($bound),*> {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let value = u64::deserialize(from)?;
                Self::checked(value).ok_or_else(|| out_of_bounds::<Self, _>(value))
            }
        }
    )* };
}

units! {
    /// A time in milliseconds, at most [`MAX_MS`].
    Millis<LEAST = 0>(u64) "ms", LEAST, MAX_MS;
    /// A time in microseconds, at most [`MAX_US`].
    Micros<>(u64) "µs", 0, MAX_US;
    /// A share of a thousand.
    PerMille<LEAST = 0>(u32) "‰", LEAST, PER_MILLE;
    /// How many of something.
    Count<LEAST = 0, MOST = { u32::MAX }>(u32) "", LEAST, MOST;
}

impl<const LEAST: u64> Millis<LEAST> {
    /// As a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// So much later, but not later than the bound.
    pub fn plus(self, ms: u64) -> Self {
        Self::nearest(self.0.saturating_add(ms))
    }
}

impl Micros {
    /// As a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_micros(self.0)
    }
}

impl<const LEAST: u32, const MOST: u32> Count<LEAST, MOST> {
    /// As the size of something in memory.
    pub const fn size(self) -> usize {
        self.0 as usize
    }
}

/// A time as a person writes it.
impl<const LEAST: u64> fmt::Display for Millis<LEAST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.duration())
    }
}

impl<const LEAST: u32> fmt::Display for PerMille<LEAST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<const LEAST: u32, const MOST: u32> fmt::Display for Count<LEAST, MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
