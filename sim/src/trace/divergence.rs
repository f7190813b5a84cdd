//! Where two traces diverge: the place to look for what is not deterministic.
//!
//! Two runs of the same design and plan must give the same trace. If they do not, everything
//! behind the first differing event is only a consequence of it.

use crate::trace::event::TraceEvent;

/// The first event in which two traces differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The event's number.
    pub event: u64,
    /// The event of each run; none if its trace was over.
    pub entries: [Option<TraceEvent>; 2],
}

impl Difference {
    /// The scheduler step at which the traces diverge: the earlier one if the two runs took
    /// different steps to their differing events.
    pub fn step(&self) -> u64 {
        let steps = self.entries.iter().flatten().map(|entry| entry.step);
        steps
            .min()
            .expect("a difference has an event in at least one of the traces")
    }
}

/// The first event in which two traces differ, if they do.
pub fn first_difference(first: &[TraceEvent], second: &[TraceEvent]) -> Option<Difference> {
    let longest = first.len().max(second.len());
    (0..longest)
        .find(|&i| first.get(i) != second.get(i))
        .map(|i| Difference {
            event: i as u64,
            entries: [first.get(i).cloned(), second.get(i).cloned()],
        })
}

#[cfg(test)]
mod tests {
    use gatesim_model::core::time::Time;

    use super::*;
    use crate::trace::event::{Actor, Fact, WorldEvent};

    fn entry(number: u64, step: u64, fault: u32) -> TraceEvent {
        TraceEvent {
            number,
            time: Time(number),
            step,
            actor: Actor::World,
            fact: Fact::World(WorldEvent::FaultApplied { fault }),
        }
    }

    #[test]
    fn the_first_difference_is_found() {
        let once = [entry(0, 3, 0), entry(1, 5, 1), entry(2, 9, 2)];
        let again = [entry(0, 3, 0), entry(1, 4, 7), entry(2, 8, 8)];
        assert_eq!(first_difference(&once, &once), None);
        let difference = first_difference(&once, &again).unwrap();
        assert_eq!((difference.event, difference.step()), (1, 4));
    }

    #[test]
    fn a_trace_that_is_over_differs_from_one_that_goes_on() {
        let once = [entry(0, 3, 0), entry(1, 5, 1)];
        let difference = first_difference(&once, &once[..1]).unwrap();
        assert_eq!((difference.event, difference.step()), (1, 5));
        assert_eq!(difference.entries, [Some(once[1].clone()), None]);
    }
}
