//! The machines of one container, by connection id (docs/protocol.md#registry).
//!
//! There is no operation that renames an entry: what the historical revisions call a migration
//! is an unregistration followed by a registration, and the new machine knows nothing.

use std::{
    cell::RefCell,
    collections::{BTreeMap, btree_map::Entry},
    rc::Rc,
};

use crate::core::{
    ids::{ConnectionId, SocketId, UserId},
    machine::Machine,
    state::ConnectionState,
    time::Time,
};

/// A machine that several parts of a connection hold. It outlives its registration.
pub type SharedMachine = Rc<RefCell<Machine>>;

/// The registry of one container.
#[derive(Debug)]
pub struct Registry {
    capacity: usize,
    entries: BTreeMap<ConnectionId, Registered>,
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Registered {
    /// The machine.
    pub machine: SharedMachine,
    /// The connection that registered it.
    pub owner: SocketId,
}

/// What happened to a registration.
#[derive(Clone, Debug)]
#[must_use]
pub enum Registration {
    /// A new machine in CONNECTING.
    New(SharedMachine),
    /// The key is taken. Nothing changed: the requested user was ignored.
    Existing {
        /// The machine under that key.
        machine: SharedMachine,
        /// The connection that registered it.
        owner: SocketId,
        /// The user it belongs to.
        user: UserId,
    },
    /// The registry holds as many machines as it may.
    Full,
}

/// What the registry holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Machines.
    pub total: usize,
    /// Machines in the ready set.
    pub operational: usize,
    /// Machines by state; states without machines are left out.
    pub by_state: BTreeMap<ConnectionState, usize>,
}

impl Registry {
    /// An empty registry for at most `capacity` machines.
    pub fn with_capacity(capacity: usize) -> Self {
        Registry {
            capacity,
            entries: BTreeMap::new(),
        }
    }

    /// Registers a machine for `user` under `id`, on behalf of `owner`. Whether an existing
    /// machine is shared or the registration refused is for the caller to decide.
    pub fn register(
        &mut self,
        id: &ConnectionId,
        user: &UserId,
        owner: SocketId,
        now: Time,
    ) -> Registration {
        let full = self.entries.len() >= self.capacity;
        match self.entries.entry(id.clone()) {
            Entry::Occupied(entry) => {
                let Registered { machine, owner } = entry.get().clone();
                let user = machine.borrow().user().clone();
                Registration::Existing {
                    machine,
                    owner,
                    user,
                }
            }
            Entry::Vacant(_) if full => Registration::Full,
            Entry::Vacant(entry) => {
                let machine = Machine::new(id.clone(), user.clone(), now);
                let machine = Rc::new(RefCell::new(machine));
                entry.insert(Registered {
                    machine: machine.clone(),
                    owner,
                });
                Registration::New(machine)
            }
        }
    }

    /// The machine under `id`.
    pub fn get(&self, id: &ConnectionId) -> Option<SharedMachine> {
        self.entries.get(id).map(|entry| entry.machine.clone())
    }

    /// Removes an entry. The machine is not moved and stays usable by its holders.
    pub fn unregister(&mut self, id: &ConnectionId) -> Option<Registered> {
        self.entries.remove(id)
    }

    /// The machines in the ready set, by id.
    pub fn operational(&self) -> impl Iterator<Item = (&ConnectionId, &Registered)> {
        self.filtered(ConnectionState::is_ready)
    }

    /// The machines in `state`, by id.
    pub fn by_state(
        &self,
        state: ConnectionState,
    ) -> impl Iterator<Item = (&ConnectionId, &Registered)> {
        self.filtered(move |found| found == state)
    }

    /// Counts.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        for entry in self.entries.values() {
            let state = entry.machine.borrow().state();
            stats.total += 1;
            stats.operational += usize::from(state.is_ready());
            *stats.by_state.entry(state).or_default() += 1;
        }
        stats
    }

    /// Removes the machines in CLOSED and FAILED, and returns them. Nothing is ever considered
    /// stale otherwise.
    pub fn cleanup_closed(&mut self) -> Vec<(ConnectionId, Registered)> {
        let is_terminal = |entry: &Registered| entry.machine.borrow().state().is_terminal();
        let (closed, live) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(_, entry)| is_terminal(entry));
        self.entries = live;
        closed.into_iter().collect()
    }

    /// Number of machines.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no machine.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn filtered(
        &self,
        keep: impl Fn(ConnectionState) -> bool,
    ) -> impl Iterator<Item = (&ConnectionId, &Registered)> {
        self.entries
            .iter()
            .filter(move |(_, entry)| keep(entry.machine.borrow().state()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: SocketId = SocketId::first(0);
    const SECOND: SocketId = SocketId::first(1);

    fn register(registry: &mut Registry, id: &str, user: &str, owner: SocketId) -> Registration {
        registry.register(&id.into(), &user.into(), owner, Time::ZERO)
    }

    fn new(registration: Registration) -> SharedMachine {
        match registration {
            Registration::New(machine) => machine,
            Registration::Existing { .. } | Registration::Full => panic!("{registration:?}"),
        }
    }

    #[test]
    fn a_taken_key_gives_the_existing_machine_and_its_owner() {
        let mut registry = Registry::with_capacity(2);
        let machine = new(register(&mut registry, "a", "alice", FIRST));
        match register(&mut registry, "a", "bob", SECOND) {
            Registration::Existing {
                machine: existing,
                owner,
                user,
            } => {
                assert!(Rc::ptr_eq(&existing, &machine));
                assert_eq!((owner, user), (FIRST, "alice".into()));
            }
            Registration::New(_) | Registration::Full => panic!("the key was taken"),
        }
        assert_eq!(machine.borrow().user(), &"alice".into());
        assert_eq!(registry.len(), 1);
    }

    #[test]
    fn the_first_to_unregister_a_shared_key_removes_it_for_both() {
        let mut registry = Registry::with_capacity(2);
        let machine = new(register(&mut registry, "a", "alice", FIRST));
        let _ = register(&mut registry, "a", "bob", SECOND);
        let removed = registry.unregister(&"a".into()).expect("it was there");
        assert!(Rc::ptr_eq(&removed.machine, &machine));
        assert!(registry.get(&"a".into()).is_none());
        assert!(registry.unregister(&"a".into()).is_none());
        assert_eq!(machine.borrow().state(), ConnectionState::Connecting);
    }

    #[test]
    fn unregistering_and_registering_again_forgets_the_history() {
        let mut registry = Registry::with_capacity(2);
        let old = new(register(&mut registry, "preliminary", "pending", FIRST));
        let _ = old
            .borrow_mut()
            .request(ConnectionState::Accepted, "accepted", Time::ZERO);
        registry.unregister(&"preliminary".into());
        let fresh = new(register(&mut registry, "final", "alice", FIRST));
        assert_eq!(fresh.borrow().state(), ConnectionState::Connecting);
        assert_eq!(fresh.borrow().history().count(), 0);
    }

    #[test]
    fn a_full_registry_refuses_new_keys_but_still_finds_old_ones() {
        let mut registry = Registry::with_capacity(1);
        let _ = new(register(&mut registry, "a", "alice", FIRST));
        let refused = register(&mut registry, "b", "bob", SECOND);
        assert!(matches!(refused, Registration::Full));
        let found = register(&mut registry, "a", "bob", SECOND);
        assert!(matches!(found, Registration::Existing { .. }));
    }

    #[test]
    fn statistics_and_clean_up_go_by_state() {
        let mut registry = Registry::with_capacity(3);
        let closed = new(register(&mut registry, "closed", "alice", FIRST));
        let _ = closed
            .borrow_mut()
            .request(ConnectionState::Closed, "gone", Time::ZERO);
        let failed = new(register(&mut registry, "failed", "alice", FIRST));
        failed.borrow_mut().force_failed("broken", Time::ZERO);
        let ready = new(register(&mut registry, "ready", "bob", SECOND));
        for state in [
            ConnectionState::Accepted,
            ConnectionState::Authenticated,
            ConnectionState::ServicesReady,
            ConnectionState::ProcessingReady,
        ] {
            let _ = ready.borrow_mut().request(state, "set-up", Time::ZERO);
        }
        let stats = registry.stats();
        assert_eq!((stats.total, stats.operational), (3, 1));
        assert_eq!(stats.by_state.get(&ConnectionState::Closed), Some(&1));
        assert_eq!(registry.operational().count(), 1);
        assert_eq!(registry.by_state(ConnectionState::Failed).count(), 1);

        let removed = registry.cleanup_closed();
        let ids: Vec<_> = removed.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["closed", "failed"]);
        assert_eq!(registry.len(), 1);
    }
}
