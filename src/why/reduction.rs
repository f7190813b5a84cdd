//! The smaller run: the failing run without the clients, faults, messages and containers that its
//! failure does not need. What is left matters: without any one of it the run does not fail in
//! the same way.

use std::collections::BTreeSet;

use gatesim_sim::plan::Plan;
use serde::Serialize;

use crate::shrink::{
    candidate::Candidate,
    ddmin,
    elements::{Element, ElementKind, elements, without},
};

use super::{
    symptom::Symptom,
    trials::{Trials, Variation},
};

/// More things of a kind are counted.
const MAX_NAMED: usize = 4;

/// The plan of the smaller run, and what it lacks.
pub struct Reduction {
    /// The plan.
    pub plan: Plan,
    /// What was left out: clients, faults, messages, containers.
    pub left_out: Vec<Element>,
}

/// What the run fails without as well, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The numbers of faults.
    pub faults: BTreeSet<u32>,
    /// The numbers of clients.
    pub clients: BTreeSet<u32>,
    /// The numbers of containers.
    pub containers: BTreeSet<u32>,
    /// How many messages and frames of clients that are left.
    pub messages: usize,
}

impl LeftOut {
    /// These elements.
    pub fn of(elements: Vec<Element>) -> Self {
        let mut left_out = LeftOut::default();
        let mut messages = Vec::new();
        for element in elements {
            match element {
                Element::Fault(number) => drop(left_out.faults.insert(number)),
                Element::Client(number) => drop(left_out.clients.insert(number)),
                Element::Container(number) => drop(left_out.containers.insert(number)),
                Element::Message { client, .. } | Element::Noise { client, .. } => {
                    messages.push(client);
                }
                Element::Choice { .. } => {}
            }
        }
        let stays = |client: &&u32| !left_out.clients.contains(client);
        left_out.messages = messages.iter().filter(stays).count();
        left_out
    }

    /// To follow "without"; none if nothing was left out.
    pub fn words(&self) -> Option<String> {
        let numbered = [
            ("fault", &self.faults),
            ("client", &self.clients),
            ("container", &self.containers),
        ];
        let words = numbered.into_iter().filter_map(|(name, numbers)| {
            let list: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            match list.len() {
                0 => None,
                1 => Some(format!("{name} {}", list[0])),
                2..=MAX_NAMED => Some(format!("{name}s {}", list.join(", "))),
                many => Some(format!("{many} {name}s")),
            }
        });
        let messages = match self.messages {
            0 => None,
            1 => Some("a message".to_owned()),
            many => Some(format!("{many} messages")),
        };
        let words: Vec<String> = words.chain(messages).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// Leaves out what can be left out within the first part of the budget.
pub fn reduce(trials: &Trials, symptom: &Symptom) -> Reduction {
    let from = Candidate {
        plan: trials.target().plan.clone(),
        choices: None,
    };
    let all = in_order(&from);
    let mut best = Reduction {
        plan: from.plan.clone(),
        left_out: Vec::new(),
    };
    // Its error means that the budget is spent; what was found until then stands.
    let _ = ddmin::minimise(all.len(), |kept, parts| {
        let mut offered = parts.iter().enumerate();
        loop {
            let batch: Vec<(usize, BTreeSet<&Element>)> = (offered.by_ref())
                .take(trials.jobs())
                .map(|(number, part)| (number, gone(&all, &ddmin::without(kept, part))))
                .collect();
            if batch.is_empty() {
                return Ok(None);
            }
            if trials.is_share_spent() {
                return Err(());
            }
            let plans: Vec<(usize, Plan)> = (batch.iter())
                .filter_map(|(number, gone)| Some((*number, without(&from, gone)?.plan)))
                .collect();
            let make = |index: usize| Variation::plan(plans[index].1.clone());
            let fails = trials.each_of(plans.len(), make, |_, outcome| symptom.persists(outcome));
            if let Some(hit) = fails.iter().position(|fails| *fails == Some(true)) {
                let (number, plan) = plans[hit].clone();
                let gone = batch.iter().find(|(offered, _)| *offered == number);
                best = Reduction {
                    plan,
                    left_out: gone.map_or_else(Vec::new, |(_, gone)| {
                        gone.iter().map(|element| (*element).clone()).collect()
                    }),
                };
                return Ok(Some(number));
            }
        }
    });
    best
}

/// What can be left out, that which takes most with it first.
fn in_order(from: &Candidate) -> Vec<Element> {
    let mut all = elements(from);
    let rank = |element: &Element| match element.kind() {
        ElementKind::Clients => 0,
        ElementKind::Faults => 1,
        ElementKind::Messages => 2,
        ElementKind::Containers => 3,
        ElementKind::Choices => 4,
    };
    all.sort_by_key(rank);
    all
}

/// What is gone if these are kept. A message goes only with all later ones of its client: the
/// others keep their ids.
fn gone<'a>(all: &'a [Element], kept: &[usize]) -> BTreeSet<&'a Element> {
    let kept: BTreeSet<&Element> = kept.iter().map(|place| &all[*place]).collect();
    let has_later = |client: u32, place: usize| {
        let is_later = |element: &&Element| matches!(element, Element::Message { client: of, place: at } if *of == client && *at > place);
        kept.iter().copied().any(|element| is_later(&element))
    };
    let goes = |element: &&Element| match element {
        Element::Message { client, place } => {
            !kept.contains(element) && !has_later(*client, *place)
        }
        _ => !kept.contains(element),
    };
    all.iter().filter(goes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_from_the_last_on() {
        let message = |client, place| Element::Message { client, place };
        let all = [
            Element::Client(1),
            message(0, 0),
            message(0, 1),
            message(0, 2),
            message(1, 0),
        ];
        let kept_second = gone(&all, &[2]);
        assert_eq!(
            kept_second.into_iter().collect::<Vec<_>>(),
            [&Element::Client(1), &message(0, 2), &message(1, 0)]
        );
        assert_eq!(gone(&all, &[]).len(), 5);
    }
}
