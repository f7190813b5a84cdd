//! The figures by name: one declaration each, from which the record of a run, the sum over runs,
//! its JSON and its column in a report follow.
//!
//! To add a figure, declare it here and count it in a collector. It is then summed, written to
//! JSON under the name of its field, and, if it has a heading, shown in the table of a sweep.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

/// A number of occurrences.
pub type Count = u64;

/// A number of occurrences for each close code.
pub type CountByCode = BTreeMap<u16, Count>;

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

impl<K: Ord + Clone> Accumulate<BTreeMap<K, Count>> for BTreeMap<K, Count> {
    fn accumulate(&mut self, value: &BTreeMap<K, Count>) {
        for (key, count) in value {
            *self.entry(key.clone()).or_default() += count;
        }
    }
}

/// Declares the figures. A figure is a `Count`, a `CountByCode`, or `D`, which stands for
/// durations; `shown as` gives a count a column of its own in the table of a sweep.
macro_rules! figures {
    ($(
        $(#[$meta:meta])*
        $name:ident: $kind:ty $(, shown as $heading:literal)?;
    )*) => {
        /// Figures of merit of one run, or the sum of those of many runs.
        ///
        /// `D` holds durations: a run keeps each of them; a sum over any number of runs takes a type
        /// that can add them up in bounded memory.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
        pub struct Figures<D = Vec<Duration>> {
            $($(#[$meta])* pub $name: $kind,)*
        }

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
        }
    };
}

figures! {
    /// Connections a client began to open, leaving out those it was right to be refused
    /// (bad tokens) and those that faults of the plan took away.
    connections_expected: Count;
    /// Of these, the ones that received the welcome.
    connections_ready: Count;
    /// Connections expected that began when every fault was over.
    healed_expected: Count;
    /// Of these, the ones that received the welcome.
    healed_ready: Count;
    /// Messages that clients handed to a socket, each counted once however often it was sent.
    messages_sent: Count;
    /// Of these, the ones that were executed more than once, in any containers.
    messages_executed_twice: Count, shown as "twice";
    /// Of these, the ones whose client was ready for long enough and left without an answer, while
    /// no run worked or had worked on them.
    messages_lost: Count, shown as "lost";
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
    agent_runs_delivered: Count;
    /// Agent events received by clients.
    events_delivered: Count;
    /// Text frames received by clients and by the server, both directions.
    frames: Count;
    /// Reconnects by clients.
    reconnects: Count, shown as "reconnects";
    /// Close codes seen by clients.
    close_codes: CountByCode;
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
