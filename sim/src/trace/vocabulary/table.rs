//! The macro that turns the rows of a table into one exhaustive match per column.
//!
//! A row that is missing, or that lacks a column or a sample, does not compile:
//!
//! ```text
//! Variant { fields that the columns need } =>
//!     subject: Life, sign: Sent, prominence: Notable,
//!     parties: Connection(*socket), touches: [Machine(connection)],
//!     title: "text {field}",        // or (an expression) that gives a string
//!     line: "text {field}",         // the same
//!     witness: "text {field}",      // or (an Option<String>), or - for none; world events only
//!     samples: { every field: its value } { and again, if one is not enough };
//! ```
//!
//! Columns are functions of the event and not fields of a struct: the checker asks for the subject
//! of every event of a run, and must not build the texts of a row for it.

/// The rows of [`gatesim_model::event::Event`]. They have no witness column: a witness tells
/// nothing of what the gateway does.
macro_rules! protocol_vocabulary {
    ($($event:ident { $($field:ident),* } =>
        subject: $subject:ident, sign: $sign:expr, prominence: $prominence:expr,
        parties: $parties:expr, touches: $touches:expr,
        title: $title:tt, line: $line:tt,
        samples: $({ $($sample:tt)* })+;
    )+) => {
        $crate::trace::vocabulary::table::vocabulary! { Event: $($event { $($field),* } =>
            subject: $subject, sign: $sign, prominence: $prominence,
            parties: $parties, touches: $touches,
            title: $title, line: $line, witness: -,
            samples: $({ $($sample)* })+;
        )+ }
    };
}

/// The rows of [`crate::trace::event::WorldEvent`].
macro_rules! world_vocabulary {
    ($($rows:tt)+) => {
        $crate::trace::vocabulary::table::vocabulary! { WorldEvent: $($rows)+ }
    };
}

macro_rules! vocabulary {
    ($events:ty: $($event:ident { $($field:ident),* } =>
        subject: $subject:ident, sign: $sign:expr, prominence: $prominence:expr,
        parties: $parties:expr, touches: $touches:expr,
        title: $title:tt, line: $line:tt, witness: $witness:tt,
        samples: $({ $($sample:tt)* })+;
    )+) => {
        #[allow(
            unused_variables,
            reason = "a row names each field that one of its columns needs; the others do not"
        )]
        impl $crate::trace::vocabulary::EventRow for $events {
            fn subject(&self) -> Subject {
                match self { $(Self::$event { .. } => Subject::$subject,)+ }
            }

            fn sign(&self) -> Sign {
                use Sign::*;
                match self { $(Self::$event { $($field,)* .. } => $sign,)+ }
            }

            fn prominence(&self) -> Prominence {
                use Prominence::*;
                match self { $(Self::$event { $($field,)* .. } => $prominence,)+ }
            }

            fn parties(&self) -> Parties {
                use Parties::*;
                match self { $(Self::$event { $($field,)* .. } => $parties,)+ }
            }

            fn touches(&self) -> Vec<Touched<'_>> {
                use Touched::*;
                match self { $(Self::$event { $($field,)* .. } => Vec::from_iter($touches),)+ }
            }

            fn title(&self) -> String {
                use $crate::trace::vocabulary::table::text;
                match self { $(Self::$event { $($field,)* .. } => text!($title),)+ }
            }

            fn line(&self) -> String {
                use $crate::trace::vocabulary::table::text;
                match self { $(Self::$event { $($field,)* .. } => text!($line),)+ }
            }

            fn witness(&self) -> Option<String> {
                use $crate::trace::vocabulary::table::witness;
                match self { $(Self::$event { $($field,)* .. } => witness!($witness),)+ }
            }

            #[cfg(test)]
            fn samples() -> Vec<Self> {
                vec![$($(Self::$event { $($sample)* },)+)+]
            }
        }
    };
}

/// A text with the fields of the event in it, or an expression in parentheses.
macro_rules! text {
    ($text:literal) => {
        ::std::fmt::format(format_args!($text))
    };
    (($text:expr)) => {
        String::from($text)
    };
}

macro_rules! witness {
    (-) => {
        None
    };
    (($text:expr)) => {
        $text
    };
    ($text:literal) => {
        Some(::std::fmt::format(format_args!($text)))
    };
}

pub(super) use {protocol_vocabulary, text, vocabulary, witness, world_vocabulary};
