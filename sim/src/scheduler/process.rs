//! Processes: a madsim node for each, and on it the driver that polls its tasks.

use std::{
    collections::BTreeMap,
    task::{Context, Poll, Waker},
};

use madsim::{
    runtime::{Handle, NodeHandle},
    task::JoinHandle,
};

use crate::trace::event::Actor;

/// Which process a task belongs to: tasks of one process are killed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcessId(pub Actor);

/// The index of a process in the list of processes; the same after it was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

/// The madsim task that polls the tasks of one process; the process has another one after it was
/// killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Driver {
    pub(super) place: Place,
    life: u32,
}

/// What a driver does when madsim polls it.
pub(super) type PollDriver = fn(Driver, &mut Context<'_>) -> Poll<()>;

/// Every process that has had a task.
#[derive(Default)]
pub(super) struct Processes {
    places: BTreeMap<ProcessId, Place>,
    list: Vec<ProcessNode>,
}

struct ProcessNode {
    node: NodeHandle,
    life: u32,
    /// The end of the driver, if there is one.
    driver: Option<JoinHandle<()>>,
    /// Wakes the driver, once madsim has polled it.
    waker: Option<Waker>,
}

impl Processes {
    /// The place of a process, which has a driver from here on.
    pub(super) fn place(&mut self, id: ProcessId, poll: PollDriver) -> Place {
        let place = *self.places.entry(id).or_insert_with(|| {
            let name = id.0.to_string();
            let node = Handle::current().create_node().name(name).build();
            let place = Place(u32::try_from(self.list.len()).expect("fewer than 2^32 processes"));
            self.list.push(ProcessNode {
                node,
                life: 0,
                driver: None,
                waker: None,
            });
            place
        });
        self.list[place.0 as usize].start(place, poll);
        place
    }

    /// madsim polls a driver: false if its process was killed.
    pub(super) fn is_polled(&mut self, driver: Driver, cx: &Context<'_>) -> bool {
        let alive = self.is_alive(driver);
        if alive {
            let waker = &mut self.list[driver.place.0 as usize].waker;
            waker.get_or_insert_with(|| cx.waker().clone());
        }
        alive
    }

    /// Whether this is still the driver of its process.
    pub(super) fn is_alive(&self, driver: Driver) -> bool {
        let process = self.list.get(driver.place.0 as usize);
        process.is_some_and(|process| process.life == driver.life)
    }

    /// What wakes the driver of a process, once madsim has polled it.
    pub(super) fn driver(&self, place: Place) -> Option<Waker> {
        self.list[place.0 as usize].waker.clone()
    }

    /// The node of a process is killed, and with it the driver. Both can be used again.
    pub(super) fn kill(&mut self, id: ProcessId) {
        let Some(place) = self.places.get(&id) else {
            return;
        };
        let process = &mut self.list[place.0 as usize];
        process.life += 1;
        process.driver = None;
        process.waker = None;
        let node = process.node.id();
        Handle::current().kill(node);
        Handle::current().restart(node);
        process.node = Handle::current()
            .get_node(node)
            .expect("a node outlives its tasks");
    }

    /// Ends every driver: madsim never frees one that is still pending when its runtime ends.
    pub(super) async fn shut_down(self) {
        for driver in self.list.into_iter().filter_map(|process| process.driver) {
            driver.abort();
            // The error only says that it was aborted.
            let _ = driver.await;
        }
    }
}

impl ProcessNode {
    fn start(&mut self, place: Place, poll: PollDriver) {
        let driver = Driver {
            place,
            life: self.life,
        };
        self.driver.get_or_insert_with(|| {
            let polling = std::future::poll_fn(move |cx| poll(driver, cx));
            self.node.spawn(polling)
        });
    }
}
