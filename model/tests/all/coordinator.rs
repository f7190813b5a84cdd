//! The state coordinator (`docs/protocol.md#state-coordinator`).

use std::collections::{BTreeMap, BTreeSet};

use gatesim_model::core::{
    coordinator::{CoordinatorState, MovePriority, PAUSE, StateCoordinator},
    ids::{ConnectionId, SocketId},
};
use serde::Deserialize;

use crate::replay::{Replay, millis, named, recorded_name, replay};

const OWNER: SocketId = SocketId::first(0);

#[derive(Default)]
struct Coordinator {
    coordinator: StateCoordinator,
    /// Every id that was ever used.
    ids: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Setup {}

#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Op {
    Register {
        id: String,
    },
    Request {
        id: String,
        to: String,
        priority: u32,
    },
    /// One turn of the poller.
    Tick,
    Unregister {
        id: String,
    },
}

/// What an operation returned.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum Returned {
    Done(bool),
    /// The pauses of the poller.
    PausesMs(Vec<u64>),
}

/// Returned, states, active connections, requests that wait by priority.
type Seen = (
    Returned,
    BTreeMap<String, String>,
    usize,
    BTreeMap<u32, usize>,
);

impl Replay for Coordinator {
    type Setup = Setup;
    type Op = Op;
    type Seen = Seen;

    fn start(_: Setup) -> Self {
        Coordinator::default()
    }

    fn step(&mut self, op: &Op) -> Seen {
        let Coordinator { coordinator, ids } = self;
        let returned = match op {
            Op::Register { id } => {
                ids.insert(id.clone());
                Returned::Done(coordinator.register(&connection(id)))
            }
            Op::Request { id, to, priority } => {
                ids.insert(id.clone());
                let to = named(CoordinatorState::ALL, to);
                let priority = priority_of(*priority);
                let asked = coordinator.request(&connection(id), OWNER, to, priority);
                Returned::Done(asked.accepted)
            }
            Op::Tick => {
                let _applied = coordinator.poll();
                let tick = coordinator.next_tick();
                let pause = (tick == PAUSE).then(|| millis(PAUSE));
                Returned::PausesMs(pause.into_iter().collect())
            }
            // The original says true also of a connection that it does not know.
            Op::Unregister { id } => {
                Returned::Done(coordinator.unregister(&connection(id)).is_ok())
            }
        };
        let states = ids.iter().filter_map(|id| {
            let state = coordinator.state(&connection(id))?;
            Some((id.clone(), recorded_name(state)))
        });
        let states: BTreeMap<_, _> = states.collect();
        assert_eq!(states.len(), coordinator.len());
        let waiting = coordinator
            .waiting()
            .map(|(priority, requests)| (priority as u32, requests));
        (returned, states, coordinator.active(), waiting.collect())
    }
}

fn connection(id: &str) -> ConnectionId {
    id.into()
}

fn priority_of(number: u32) -> MovePriority {
    use MovePriority::*;
    let all = [Background, Low, Normal, High, Critical];
    let found = all.into_iter().find(|&priority| priority as u32 == number);
    found.unwrap_or_else(|| panic!("there is no priority {number}"))
}

#[test]
fn requests_and_polls() {
    insta::assert_snapshot!(replay::<Coordinator>("coordinator"), @"4416 steps: 4416 agree");
}
