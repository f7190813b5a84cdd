//! What can be taken out of a run as a whole.

use std::{collections::BTreeSet, fmt};

use gatesim_sim::{plan::Numbered, scheduler::choices::Record};

use super::subject::Subject;

/// One thing of a run that may or may not be there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// Something that goes wrong.
    Fault(u32),
    /// A client, with all it does.
    Client(u32),
    /// A container, with what befalls it.
    Container(u32),
    /// A message of a client, by its place.
    Message {
        /// Whose.
        client: u32,
        /// Which, from 0.
        place: usize,
    },
    /// A frame that no client should send, by its place.
    Noise {
        /// Whose.
        client: u32,
        /// Which, from 0.
        place: usize,
    },
    /// A choice that is not quiet.
    Choice {
        /// Its key.
        key: String,
        /// Which of that key.
        ordinal: u64,
    },
}

/// The kinds of elements, in the order in which they are taken out: first what takes most with
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Clients.
    Clients,
    /// Faults.
    Faults,
    /// Containers.
    Containers,
    /// Messages, and what no client should send.
    Messages,
    /// Choices that are not quiet.
    Choices,
}

impl Element {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Element::Fault(_) => Kind::Faults,
            Element::Client(_) => Kind::Clients,
            Element::Container(_) => Kind::Containers,
            Element::Message { .. } | Element::Noise { .. } => Kind::Messages,
            Element::Choice { .. } => Kind::Choices,
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

/// Everything that could be missing. The only client and the only container could not.
pub fn elements(subject: &Subject) -> Vec<Element> {
    let plan = &subject.plan;
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
    let listed = subject.choices.iter().flat_map(Record::listed);
    elements.extend(listed.map(|(key, ordinal, _)| Element::Choice {
        key: key.to_owned(),
        ordinal,
    }));
    elements
}

/// What is left without some elements; none if that cannot be run.
pub fn without(subject: &Subject, gone: &BTreeSet<&Element>) -> Option<Subject> {
    let mut left = subject.clone();
    let Subject { plan, choices } = &mut left;
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

    fn chaos(seed: u64) -> Subject {
        let plan = catalog::scenario("chaos").unwrap().plan(seed);
        let mut choices = Record::on(Base::Default);
        choices.note("c0#1/latency/balancer/0", 0, 7);
        choices.note("c0#1/latency/balancer/0", 1, 8);
        Subject {
            plan,
            choices: Some(choices),
        }
    }

    #[test]
    fn each_element_can_go_alone_and_takes_only_its_victims_with_it() {
        for seed in 0..10 {
            let subject = chaos(seed);
            let all = elements(&subject);
            for element in &all {
                let first =
                    matches!(element, Element::Container(0)) && subject.plan.containers.len() > 1;
                let Some(left) = without(&subject, &BTreeSet::from([element])) else {
                    assert!(first, "{element} cannot go");
                    continue;
                };
                let left = elements(&left);
                assert!(left.len() < all.len(), "{element}");
                // Messages are known by their places, and those behind it move up.
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
        let subject = chaos(10);
        let clients: Vec<Element> = elements(&subject)
            .into_iter()
            .filter(|element| element.kind() == Kind::Clients)
            .collect();
        assert_eq!(without(&subject, &clients.iter().collect()), None);
        let but_one = clients.iter().skip(1).collect();
        assert_eq!(without(&subject, &but_one).unwrap().plan.clients.len(), 1);
    }
}
