//! The elements of a run: what can be removed from it.

use std::{collections::BTreeSet, fmt};

use gatesim_sim::{plan::Numbered, scheduler::choices::Record};

use super::candidate::Candidate;

/// An element of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// A fault.
    Fault(u32),
    /// A client, with all that it sends.
    Client(u32),
    /// A container, with its faults.
    Container(u32),
    /// A message of a client, by its index.
    Message {
        /// The client.
        client: u32,
        /// The index, from 0.
        place: usize,
    },
    /// A frame that no client should send, by its index.
    Noise {
        /// The client.
        client: u32,
        /// The index, from 0.
        place: usize,
    },
    /// A choice that differs from the default.
    Choice {
        /// Its key.
        key: String,
        /// The ordinal of the choice among those with this key.
        ordinal: u64,
    },
}

/// The kinds of elements, in the order of removal: those that remove most come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementKind {
    /// Clients.
    Clients,
    /// Faults.
    Faults,
    /// Containers.
    Containers,
    /// Messages, and what no client should send.
    Messages,
    /// Choices that differ from the default.
    Choices,
}

impl Element {
    /// Its kind.
    pub fn kind(&self) -> ElementKind {
        match self {
            Element::Fault(_) => ElementKind::Faults,
            Element::Client(_) => ElementKind::Clients,
            Element::Container(_) => ElementKind::Containers,
            Element::Message { .. } | Element::Noise { .. } => ElementKind::Messages,
            Element::Choice { .. } => ElementKind::Choices,
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Element::Fault(number) => write!(f, "fault {number}"),
            Element::Client(number) => write!(f, "client {number}"),
            Element::Container(number) => write!(f, "container {number}"),
            Element::Message { client, place } => write!(f, "message {place} of client {client}"),
            Element::Noise { client, place } => write!(f, "noise {place} of client {client}"),
            Element::Choice { key, ordinal } => write!(f, "choice {ordinal} of {key}"),
        }
    }
}

/// Everything that can be removed. The only client and the only container cannot.
pub fn elements(candidate: &Candidate) -> Vec<Element> {
    let plan = &candidate.plan;
    let mut elements = Vec::new();
    if plan.clients.len() > 1 {
        elements.extend(plan.clients().map(|(number, _)| Element::Client(number)));
    }
    elements.extend(plan.faults().map(|(number, _)| Element::Fault(number)));
    if plan.containers.len() > 1 {
        let containers = plan.containers();
        elements.extend(containers.map(|(number, _)| Element::Container(number)));
    }
    for (client, plan) in plan.clients() {
        let messages = 0..plan.messages.len();
        elements.extend(messages.map(|place| Element::Message { client, place }));
        let noise = 0..plan.noise.len();
        elements.extend(noise.map(|place| Element::Noise { client, place }));
    }
    let listed = candidate.choices.iter().flat_map(Record::listed);
    elements.extend(listed.map(|(key, ordinal, _)| Element::Choice {
        key: key.to_owned(),
        ordinal,
    }));
    elements
}

/// The candidate without some elements; none if it cannot be run.
pub fn without(candidate: &Candidate, gone: &BTreeSet<&Element>) -> Option<Candidate> {
    let mut left = candidate.clone();
    let Candidate { plan, choices } = &mut left;
    let is_gone = |element: Element| gone.contains(&element);
    for (client, place) in plan.clients.iter_mut().zip(0..) {
        let number = client.number().unwrap_or(place);
        retain_places(&mut client.messages, |place| {
            let client = number;
            !is_gone(Element::Message { client, place })
        });
        retain_places(&mut client.noise, |place| {
            let client = number;
            !is_gone(Element::Noise { client, place })
        });
    }
    plan.retain_faults(|number| !is_gone(Element::Fault(number)));
    plan.retain_clients(|number| !is_gone(Element::Client(number)));
    plan.retain_containers(|number| !is_gone(Element::Container(number)));
    for element in gone {
        if let (Element::Choice { key, ordinal }, Some(choices)) = (element, choices.as_mut()) {
            choices.forget(key, *ordinal);
        }
    }
    let runs = !plan.clients.is_empty() && !plan.containers.is_empty() && plan.check().is_ok();
    runs.then_some(left)
}

fn retain_places<T>(list: &mut Vec<T>, mut keeps: impl FnMut(usize) -> bool) {
    let mut place = 0;
    list.retain(|_| {
        place += 1;
        keeps(place - 1)
    });
}

#[cfg(test)]
mod tests {
    use gatesim_sim::scheduler::choices::Base;

    use super::*;
    use crate::target::catalog;

    fn chaos(seed: u64) -> Candidate {
        let plan = catalog::scenario("chaos").unwrap().plan(seed);
        let mut choices = Record::on(Base::Default);
        choices.note("c0#1/latency/balancer/0", 0, 7);
        choices.note("c0#1/latency/balancer/0", 1, 8);
        Candidate {
            plan,
            choices: Some(choices),
        }
    }

    #[test]
    fn each_element_can_be_removed_alone_with_what_depends_on_it() {
        for seed in 0..10 {
            let candidate = chaos(seed);
            let all = elements(&candidate);
            for element in &all {
                let first =
                    matches!(element, Element::Container(0)) && candidate.plan.containers.len() > 1;
                let Some(left) = without(&candidate, &BTreeSet::from([element])) else {
                    assert!(first, "{element} cannot go");
                    continue;
                };
                let left = elements(&left);
                assert!(left.len() < all.len(), "{element}");
                // Messages are identified by their indices, and later ones move up.
                if matches!(element, Element::Choice { .. } | Element::Fault(_)) {
                    let expected: Vec<_> = all.iter().filter(|other| *other != element).collect();
                    assert_eq!(left.iter().collect::<Vec<_>>(), expected);
                }
            }
        }
    }

    #[test]
    fn something_to_run_must_be_left() {
        // A plan with six clients.
        let candidate = chaos(10);
        let clients: Vec<Element> = elements(&candidate)
            .into_iter()
            .filter(|element| element.kind() == ElementKind::Clients)
            .collect();
        assert_eq!(without(&candidate, &clients.iter().collect()), None);
        let but_one = clients.iter().skip(1).collect();
        assert_eq!(without(&candidate, &but_one).unwrap().plan.clients.len(), 1);
    }
}
