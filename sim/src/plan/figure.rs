//! The figures by name: one declaration each, from which the record of a run, the sum over runs,
//! its JSON and its column in a report follow.
//!
//! To add a figure, declare it here and count it in a collector above, in [`crate::check::figures`].
//! It is then summed, written to JSON under the name of its field, may be limited by a scenario, and,
//! if it has a heading, is shown in the table of a sweep.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

/// A number of occurrences.
pub type Count = u64;

/// A number of occurrences for each close code.
pub type CountByCode = BTreeMap<u16, Count>;

/// The most that there was of something at one time; over several runs, the most of any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Peak(pub u64);

/// A value that has a form.
trait FigureValue {
    const FORM: FigureForm;
}

/// How much a figure is.
pub trait FigureReading {
    /// The value, if it is a number.
    fn number(&self) -> Option<u64> {
        None
    }

    /// The value that so many per cent of all values do not exceed, if it is durations.
    fn quantile(&self, percent: u8) -> Option<Duration> {
        let _ = percent;
        None
    }
}

/// What the values of a figure look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureForm {
    /// A number of occurrences.
    Count,
    /// The most at one time.
    Peak,
    /// Numbers for each close code.
    CountByCode,
    /// Durations.
    Durations,
}

/// Whether more of a figure is worse or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worse {
    /// More.
    More,
    /// Less.
    Less,
}

/// What is to be known of a figure, beside its values.
#[derive(Clone, Copy, Debug)]
pub struct FigureRow {
    /// The name of its field.
    pub name: &'static str,
    /// What it is, in a sentence or two.
    pub text: &'static str,
    /// What its values look like.
    pub form: FigureForm,
    /// The figure that it is a part of, if it is a share.
    pub whole: Option<&'static str>,
    /// Whether more of it is worse or less.
    pub worse: Worse,
}

impl FigureValue for Count {
    const FORM: FigureForm = FigureForm::Count;
}

impl FigureReading for Count {
    fn number(&self) -> Option<u64> {
        Some(*self)
    }
}

impl FigureValue for Peak {
    const FORM: FigureForm = FigureForm::Peak;
}

impl FigureReading for Peak {
    fn number(&self) -> Option<u64> {
        Some(self.0)
    }
}

impl FigureValue for CountByCode {
    const FORM: FigureForm = FigureForm::CountByCode;
}

impl FigureReading for CountByCode {}

impl FigureValue for Vec<Duration> {
    const FORM: FigureForm = FigureForm::Durations;
}

impl FigureReading for Vec<Duration> {}

/// A value that can be added to a sum of type `Self`.
pub trait Accumulate<T> {
    /// Adds `value` to the sum.
    fn accumulate(&mut self, value: &T);
}

impl Accumulate<Count> for Count {
    fn accumulate(&mut self, value: &Count) {
        *self += value;
    }
}

impl Accumulate<Peak> for Peak {
    fn accumulate(&mut self, value: &Peak) {
        *self = *value.max(self);
    }
}

impl<K: Ord + Clone> Accumulate<BTreeMap<K, Count>> for BTreeMap<K, Count> {
    fn accumulate(&mut self, value: &BTreeMap<K, Count>) {
        for (key, count) in value {
            *self.entry(key.clone()).or_default() += count;
        }
    }
}

/// Declares the figures. A figure is a `Count`, a `Peak`, a `CountByCode`, or `D`, which stands for
/// durations. `of` names the count of which it is a share, `worse when less` says so where it is not when more;
/// `shown as` gives a count a column of its own in the table of a sweep.
macro_rules! figures {
    ($(
        $(#[doc = $doc:literal])+
        $(#[serde($renamed:meta)])?
        $name:ident: $kind:ty
            $(, of $whole:ident)? $(, worse when $less:ident)? $(, shown as $heading:literal)?;
    )*) => {
        /// Figures of merit of one run, or the sum of those of many runs.
        ///
        /// `D` holds durations: a run keeps each of them; a sum over any number of runs takes a type
        /// that can add them up in bounded memory.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
        pub struct Figures<D = Vec<Duration>> {
            $($(#[doc = $doc])+ $(#[serde($renamed)])? pub $name: $kind,)*
        }

        /// Every figure, in the order of the record.
        pub const FIGURES: &[FigureRow] = {
            type D = Vec<Duration>;
            &[$(FigureRow {
                name: stringify!($name),
                text: concat!($($doc),+),
                form: <$kind as FigureValue>::FORM,
                whole: first_of(&[$(stringify!($whole))?]),
                worse: worse_of(&[$(stringify!($less))?]),
            },)*]
        };

        impl<D> Figures<D> {
            /// Adds the figures of a run, or the sum that another worker has made.
            pub fn accumulate<E>(&mut self, other: &Figures<E>)
            where
                D: Accumulate<E>,
            {
                $(self.$name.accumulate(&other.$name);)*
            }

            /// The counts that have a column of their own, with its heading.
            pub fn shown(&self) -> Vec<(&'static str, Count)> {
                vec![$($(($heading, self.$name),)?)*]
            }

            /// The value of a figure, by the name of its field.
            pub fn value(&self, name: &str) -> Option<&dyn FigureReading>
            where
                D: FigureReading,
            {
                match name {
                    $(stringify!($name) => Some(&self.$name),)*
                    _ => None,
                }
            }
        }
    };
}

const fn first_of(names: &[&'static str]) -> Option<&'static str> {
    match names {
        [name, ..] => Some(name),
        [] => None,
    }
}

const fn worse_of(less: &[&'static str]) -> Worse {
    match less {
        [] => Worse::More,
        [..] => Worse::Less,
    }
}

figures! {
    /// Connections that clients with a good token are owed: one when a client begins to connect, and one
    /// more whenever it begins again after a welcome, however often it tries.
    connections_expected: Count;
    /// Connections owed to clients whose client was told that it is ready.
    connections_welcomed: Count, of connections_expected, worse when less;
    /// Connections owed to clients that could process messages: a message loop under an id whose registered
    /// machine is ready.
    connections_ready: Count, of connections_expected, worse when less;
    /// Connections expected that began when every fault was over.
    healed_expected: Count;
    /// Of these, the ones that could process messages.
    healed_ready: Count, of healed_expected, worse when less;
    /// Messages that clients handed to a socket, each counted once however often it was sent.
    messages_sent: Count;
    /// Of these, the ones that were executed more than once, in any containers.
    messages_executed_twice: Count, of messages_sent, shown as "twice";
    /// Of these, the ones whose client was ready for long enough and left without an answer, while
    /// no run worked or had worked on them.
    messages_lost: Count, of messages_sent, shown as "lost";
    /// Tasks, table entries and machines that were there at the end although the transport of
    /// their connection had ended.
    left_behind: Count;
    /// From the client's connect to the welcome at the client, for each ready connection.
    #[serde(rename = "time_to_ready_us")]
    time_to_ready: D;
    /// Time to ready less network, authentication and service time: what coordination costs.
    #[serde(rename = "coordination_overhead_us")]
    coordination_overhead: D;
    /// Agent runs begun.
    agent_runs_started: Count;
    /// Agent runs of which the client received all events up to `agent_completed`.
    agent_runs_delivered: Count, of agent_runs_started, worse when less;
    /// Agent events received by clients.
    events_delivered: Count, worse when less;
    /// Text frames received by clients and by the server, both directions.
    frames: Count;
    /// Reconnects by clients.
    reconnects: Count, of attempts, shown as "reconnects";
    /// Close codes seen by clients.
    close_codes: CountByCode;
    /// Attempts of clients to connect, the first and later ones.
    attempts: Count;
    /// Attempts to connect that others ended before the welcome: refused, without a connection, or
    /// closed.
    attempts_refused: Count, of attempts;
    /// Most attempts to connect within one second, over all clients.
    attempts_per_second: Peak;
    /// Connections that were ready and that the server or its container ended, although their client
    /// behaved, no stop was planned and no fault touched them or their way.
    healthy_connections_cut: Count, of attempts;
    /// Connections that ended because their container was asked to stop, in runs in which every stop
    /// leaves time to say goodbye, and no fault touched them.
    planned_stops_ended: Count;
    /// Connections that ended because their container was asked to stop, with time to say goodbye, and
    /// whose client saw no close frame but a bare 1006.
    planned_stops_ended_1006: Count, of planned_stops_ended;
    /// Most connections of one container beyond an equal share of all, when it began to serve another.
    connections_over_fair_share: Peak;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Durations of several runs, one after the other.
    impl Accumulate<Vec<Duration>> for Vec<Duration> {
        fn accumulate(&mut self, value: &Vec<Duration>) {
            self.extend(value);
        }
    }

    #[test]
    fn every_kind_of_figure_is_summed() {
        let run = |frames, code, micros| Figures {
            frames,
            reconnects: 1,
            close_codes: [(code, 1)].into(),
            time_to_ready: vec![Duration::from_micros(micros)],
            ..Figures::default()
        };
        let mut sum = run(2, 1000, 30);
        sum.accumulate(&run(5, 1000, 10));
        sum.accumulate(&run(0, 1006, 20));
        let expected = Figures {
            frames: 7,
            reconnects: 3,
            close_codes: [(1000, 2), (1006, 1)].into(),
            time_to_ready: [30, 10, 20].map(Duration::from_micros).to_vec(),
            ..Figures::default()
        };
        assert_eq!(sum, expected);
    }

    #[test]
    fn a_heading_stands_over_its_count() {
        let figures: Figures = Figures {
            messages_lost: 4,
            reconnects: 9,
            ..Figures::default()
        };
        let expected = [("twice", 0), ("lost", 4), ("reconnects", 9)];
        assert_eq!(figures.shown(), expected);
    }
}
