//! Short labels for the columns of wide tables: the number of an invariant, with a letter where two
//! invariants share one.

use gatesim_sim::check::invariants::Invariant;

/// `I-01`; `I-05a` and `I-05b` where two invariants share a number.
pub fn label(invariant: Invariant) -> String {
    let number = invariant.number();
    let namesakes: Vec<&Invariant> = Invariant::ALL
        .iter()
        .filter(|other| other.number() == number)
        .collect();
    match namesakes.iter().position(|other| **other == invariant) {
        Some(place) if namesakes.len() > 1 => {
            format!("{number}{}", char::from(b'a' + place as u8))
        }
        Some(_) | None => number.to_owned(),
    }
}

/// Every invariant in the order of the labels.
pub fn in_order() -> Vec<Invariant> {
    let mut all = Invariant::ALL.to_vec();
    all.sort_by_key(|invariant| label(*invariant));
    all
}

/// What the labels mean, as a Markdown list.
pub fn legend() -> String {
    in_order()
        .into_iter()
        .map(|invariant| format!("- {}: `{invariant}`\n", label(invariant)))
        .collect()
}

/// The labels of some invariants, in their order, with spaces between.
pub fn labels(invariants: impl IntoIterator<Item = Invariant>) -> String {
    let mut labels: Vec<String> = invariants.into_iter().map(label).collect();
    labels.sort();
    labels.join(" ")
}

/// A percentage, rounded up so that what occurred is never shown as 0 %.
pub fn percent(count: u64, runs: u64) -> String {
    format!("{} %", (count * 100).div_ceil(runs.max(1)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_invariants_share_a_label() {
        let labels: BTreeSet<String> = Invariant::ALL.iter().map(|i| label(*i)).collect();
        assert_eq!(labels.len(), Invariant::ALL.len());
        assert_eq!(label(Invariant::NoInternalError), "I-01");
        assert_eq!(label(Invariant::NeverReadyWithoutMachine), "I-05a");
    }
}
