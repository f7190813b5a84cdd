//! Faults of a scenario that no seed can have: an error of its author, not a seed without faults.
//!
//! What is possible in some seeds only is left out of the others, and counted
//! ([`DroppedFault`](super::DroppedFault)).

use std::ops::Range;

use serde::{Deserialize, de::IgnoredAny};
use toml::Spanned;

use super::{Fault, Scenario};
use crate::plan::unit::{Millis, Unit};

/// The place of the first table of faults that cannot happen in any seed, and why.
pub(super) fn first_impossible_fault(scenario: &Scenario) -> Option<(usize, String)> {
    let all = scenario.faults.len();
    let mut faults = scenario.faults.iter().enumerate();
    faults.find_map(|(place, fault)| {
        let why = impossible(scenario, fault)?;
        let (number, name) = (place + 1, fault.name());
        let message = format!("fault {number} of {all}, `{name}`, never happens: {why}");
        Some((place, message))
    })
}

fn impossible(scenario: &Scenario, fault: &Fault) -> Option<String> {
    let begins = fault.at_ms().least;
    let too_late = |what: &str, end: u64| {
        (begins.get() >= end).then(|| {
            format!(
                "it begins at {begins} at the earliest, and {what} at {} at the latest; a least \
                 `at_ms` below {end} is allowed",
                Millis::<0>::nearest(end)
            )
        })
    };
    let healed = scenario.heal_at_ms.map(|heal| heal.most.get());
    if let Some(field) = fault.idle_field() {
        Some(format!(
            "`{field}` is so small that it has no effect; more is allowed"
        ))
    } else if fault.needs_second_container() && scenario.containers.most() < 2 {
        Some(
            "it needs a container besides the first; `count` or `scale_out` of [containers] must \
             allow 2"
                .to_owned(),
        )
    } else {
        healed
            .and_then(|end| too_late("every fault is over", end))
            .or_else(|| too_late("the run is cut off", scenario.time_limit_ms.get()))
    }
}

/// Where a table of faults begins in the text of a scenario, in bytes.
pub(super) fn place_of_fault(text: &str, fault: usize) -> usize {
    #[derive(Deserialize)]
    struct FaultTables {
        faults: Vec<Spanned<IgnoredAny>>,
    }
    let span: Option<Range<usize>> = toml::from_str(text)
        .ok()
        .and_then(|tables: FaultTables| Some(tables.faults.get(fault)?.span()));
    span.map_or(0, |span| span.start)
}
