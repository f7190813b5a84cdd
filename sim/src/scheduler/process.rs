//! Processes: a madsim node for each, and on it the shell that polls its tasks.

use std::{
    collections::BTreeMap,
    task::{Context, Poll, Waker},
};

use madsim::{
    runtime::{Handle, NodeHandle},
    task::JoinHandle,
};

use super::{CURRENT, ProcessId};

/// Where a process stands in the list of processes; the same after it was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

/// Which shell of a process: it has another one after it was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shell {
    pub(super) place: Place,
    life: u32,
}

/// Every process that has had a task.
#[derive(Default)]
pub(super) struct Processes {
    places: BTreeMap<ProcessId, Place>,
    list: Vec<Process>,
}

struct Process {
    node: NodeHandle,
    life: u32,
    /// The end of the shell, if there is one.
    shell: Option<JoinHandle<()>>,
    /// Wakes the shell, once madsim has polled it.
    waker: Option<Waker>,
}

impl Processes {
    /// The place of a process, which has a shell from here on.
    pub(super) fn place(&mut self, id: ProcessId) -> Place {
        let place = *self.places.entry(id).or_insert_with(|| {
            let name = id.0.to_string();
            let node = Handle::current().create_node().name(name).build();
            let place = Place(u32::try_from(self.list.len()).expect("fewer than 2^32 processes"));
            self.list.push(Process {
                node,
                life: 0,
                shell: None,
                waker: None,
            });
            place
        });
        self.list[place.0 as usize].start(place);
        place
    }

    /// madsim polls a shell: whether it is one, or was killed.
    pub(super) fn is_polled(&mut self, shell: Shell, cx: &Context<'_>) -> bool {
        let alive = self.is_alive(shell);
        if alive {
            let waker = &mut self.list[shell.place.0 as usize].waker;
            waker.get_or_insert_with(|| cx.waker().clone());
        }
        alive
    }

    /// Whether this is still the shell of its process.
    pub(super) fn is_alive(&self, shell: Shell) -> bool {
        let process = self.list.get(shell.place.0 as usize);
        process.is_some_and(|process| process.life == shell.life)
    }

    /// What wakes the shell of a process, once madsim has polled it.
    pub(super) fn shell(&self, place: Place) -> Option<Waker> {
        self.list[place.0 as usize].waker.clone()
    }

    /// The node of a process is killed, and with it the shell. Both can be used again.
    pub(super) fn kill(&mut self, id: ProcessId) {
        let Some(place) = self.places.get(&id) else {
            return;
        };
        let process = &mut self.list[place.0 as usize];
        process.life += 1;
        process.shell = None;
        process.waker = None;
        let node = process.node.id();
        Handle::current().kill(node);
        Handle::current().restart(node);
        process.node = Handle::current()
            .get_node(node)
            .expect("a node outlives its tasks");
    }

    /// Ends every shell: madsim never frees one that is still pending when its runtime ends.
    pub(super) async fn shut_down(self) {
        for shell in self.list.into_iter().filter_map(|process| process.shell) {
            shell.abort();
            // That it was aborted is no news.
            let _ = shell.await;
        }
    }
}

impl Process {
    fn start(&mut self, place: Place) {
        let shell = Shell {
            place,
            life: self.life,
        };
        self.shell.get_or_insert_with(|| {
            self.node.spawn(std::future::poll_fn(move |cx| {
                match CURRENT.with_borrow(Option::clone) {
                    Some(scheduler) => scheduler.poll_shell(shell, cx),
                    None => Poll::Ready(()),
                }
            }))
        });
    }
}
