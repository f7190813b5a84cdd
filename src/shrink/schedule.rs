//! The times in a plan, and how they move earlier.
//!
//! Times in a plan depend on each other: a message counts from its client's start, and a fault often
//! matters only because of what precedes it. Therefore everything from some time on is moved
//! together, and only the gap before that time becomes shorter.

use std::collections::BTreeSet;

use gatesim_sim::plan::{Millis, Plan, Unit};

/// The times at which something of the plan happens, in milliseconds, in ascending order: clients
/// start, messages and noise are due, faults begin, all faults end.
pub fn times(plan: &Plan) -> Vec<u64> {
    let mut times = BTreeSet::new();
    for client in &plan.clients {
        let start_ms = client.start_ms.get();
        times.insert(start_ms);
        let messages = client.messages.iter().map(|message| message.at_ms);
        let noise = client.noise.iter().map(|noise| noise.at_ms);
        times.extend(messages.chain(noise).map(|at_ms| start_ms + at_ms.get()));
    }
    times.extend(plan.faults.iter().map(|fault| fault.at_ms.get()));
    times.extend(plan.heal_at_ms.map(Millis::get));
    times.into_iter().collect()
}

/// The plan with everything from `from_ms` on earlier by `by_ms`, at most the gap before it.
pub fn earlier(plan: &Plan, from_ms: u64, by_ms: u64) -> Plan {
    let moved = |at_ms: u64| match at_ms >= from_ms {
        true => at_ms - by_ms,
        false => at_ms,
    };
    let mut plan = plan.clone();
    for client in &mut plan.clients {
        let (old, new) = (client.start_ms.get(), moved(client.start_ms.get()));
        client.start_ms = Millis::nearest(new);
        let messages = client.messages.iter_mut().map(|message| &mut message.at_ms);
        let noise = client.noise.iter_mut().map(|noise| &mut noise.at_ms);
        for at_ms in messages.chain(noise) {
            *at_ms = Millis::nearest(moved(old + at_ms.get()) - new);
        }
    }
    for fault in &mut plan.faults {
        fault.at_ms = Millis::nearest(moved(fault.at_ms.get()));
    }
    plan.heal_at_ms = plan
        .heal_at_ms
        .map(|at_ms| Millis::nearest(moved(at_ms.get())));
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::catalog;

    #[test]
    fn closing_a_gap_keeps_all_other_gaps() {
        for seed in 0..20 {
            let plan = catalog::scenario("chaos").unwrap().plan(seed);
            let before = times(&plan);
            assert_eq!(earlier(&plan, before[0], 0), plan);
            for (place, &at) in before.iter().enumerate().skip(1) {
                let gap = at - before[place - 1];
                for by in [gap, gap / 2] {
                    let after = times(&earlier(&plan, at, by));
                    let expected: BTreeSet<u64> = before
                        .iter()
                        .map(|&time| if time >= at { time - by } else { time })
                        .collect();
                    assert!(expected.into_iter().eq(after), "seed {seed}, {at} by {by}");
                }
            }
        }
    }
}
