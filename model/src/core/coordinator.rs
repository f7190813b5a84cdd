//! The state coordinator: a state machine of its own beside the connection's, driven by a poller
//! (docs/protocol.md#state-coordinator). It never looks at the other machines, and they never look
//! at it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use thiserror::Error;

use CoordinatorState::*;

use crate::core::{
    ids::{ConnectionId, SocketId},
    names::names,
};

/// Time between two polls.
pub const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Time between two polls when [`HANDLED_BETWEEN_PAUSES`] requests have been handled since the last
/// pause.
pub const PAUSE: Duration = Duration::from_millis(100);
/// Requests after which the poller pauses. One that is dropped counts, too.
pub const HANDLED_BETWEEN_PAUSES: u64 = 100;
/// Connections the coordinator knows at most. Historically there is no limit.
pub const MAX_ENTRIES: usize = 10_000;
/// Requests that wait at most, per priority. Historically there is no limit.
pub const MAX_QUEUED: usize = 1_000;

names! {
    /// States of the state coordinator (docs/protocol.md#other-state-machines).
    CoordinatorState {
        /// Registered.
        Initializing => "INITIALIZING",
        /// Token under validation.
        Authenticating => "AUTHENTICATING",
        /// Manager under creation.
        FactoryCreating => "FACTORY_CREATING",
        /// Manager there.
        ManagerReady => "MANAGER_READY",
        /// Events flow: the ready state.
        EventDeliveryActive => "EVENT_DELIVERY_ACTIVE",
        /// Something is missing.
        Degraded => "DEGRADED",
        /// Failed.
        Failed => "FAILED",
        /// Gone.
        Disconnected => "DISCONNECTED",
    }
}

/// The states that the table allows next (docs/protocol.md#state-coordinator).
pub fn allowed(from: CoordinatorState) -> &'static [CoordinatorState] {
    match from {
        Initializing => &[Authenticating, Failed, Disconnected],
        Authenticating => &[FactoryCreating, Failed, Disconnected, Degraded],
        FactoryCreating => &[ManagerReady, Failed, Disconnected, Degraded],
        ManagerReady => &[EventDeliveryActive, Failed, Disconnected, Degraded],
        EventDeliveryActive => &[Failed, Disconnected, Degraded],
        Degraded => &[ManagerReady, EventDeliveryActive, Failed, Disconnected],
        Failed => &[Initializing, Disconnected],
        Disconnected => &[Initializing],
    }
}

/// Which of the waiting requests goes first; the numbers are those of the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MovePriority {
    /// 20.
    Background = 20,
    /// 40.
    Low = 40,
    /// 60.
    Normal = 60,
    /// 80.
    High = 80,
    /// 100.
    Critical = 100,
}

/// The coordinator of one container.
#[derive(Debug, Default)]
pub struct StateCoordinator {
    entries: BTreeMap<ConnectionId, CoordinatorState>,
    /// Highest priority first. A bucket, once made, stays.
    queues: BTreeMap<Reverse<MovePriority>, VecDeque<Queued>>,
    active: usize,
    /// Requests taken from the queues, the dropped ones included.
    handled: u64,
    pause_due: bool,
}

#[derive(Clone, Debug)]
struct Queued {
    id: ConnectionId,
    owner: SocketId,
    from: CoordinatorState,
    to: CoordinatorState,
}

/// The answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct MoveOutcome {
    /// The applied state the request was checked against.
    pub from: CoordinatorState,
    /// What was asked for.
    pub to: CoordinatorState,
    /// Whether it waits for the poller now. Historically this is not read.
    pub accepted: bool,
}

/// A request that the poller took from its queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The connection.
    pub id: ConnectionId,
    /// The connection that asked.
    pub owner: SocketId,
    /// What was asked for.
    pub to: CoordinatorState,
    /// What happened to it.
    pub effect: Effect,
}

/// What the poller did with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The connection moved.
    Moved,
    /// The connection had been unregistered meanwhile; as a missing one counts as INITIALIZING,
    /// it was created again, and will not be removed.
    Resurrected,
    /// The connection had moved meanwhile; the request was dropped.
    Stale {
        /// Where it was found.
        found: CoordinatorState,
    },
}

/// Unregistering broke off half-way: the entry is gone, the active count is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("unhashable type: the purge of the queues used a queue as a key")]
pub struct UnregisterBroken;

impl StateCoordinator {
    /// A coordinator without connections.
    pub fn new() -> Self {
        Self::default()
    }

    /// Enters a connection in INITIALIZING; one that is there already keeps its state. False if
    /// there are [`MAX_ENTRIES`] others.
    pub fn register(&mut self, id: &ConnectionId) -> bool {
        if self.entries.contains_key(id) {
            return true;
        }
        if self.entries.len() >= MAX_ENTRIES {
            return false;
        }
        self.active += 1;
        self.entries.insert(id.clone(), Initializing);
        true
    }

    /// Asks for a move. It is checked against the state that is applied *now* and waits for the
    /// poller; requests that wait already are not considered.
    pub fn request(
        &mut self,
        id: &ConnectionId,
        owner: SocketId,
        to: CoordinatorState,
        priority: MovePriority,
    ) -> MoveOutcome {
        let from = self.state(id).unwrap_or(Initializing);
        let mut accepted = allowed(from).contains(&to);
        if accepted {
            let queue = self.queues.entry(Reverse(priority)).or_default();
            accepted = queue.len() < MAX_QUEUED;
            if accepted {
                queue.push_back(Queued {
                    id: id.clone(),
                    owner,
                    from,
                    to,
                });
            }
        }
        MoveOutcome { from, to, accepted }
    }

    /// One tick of the poller: takes at most one request of each priority, highest first.
    pub fn poll(&mut self) -> Vec<Applied> {
        let due: Vec<Queued> = self
            .queues
            .values_mut()
            .filter_map(VecDeque::pop_front)
            .collect();
        let pauses = |handled: u64| handled / HANDLED_BETWEEN_PAUSES;
        let pauses_before = pauses(self.handled);
        let applied = due.into_iter().map(|item| self.apply(item)).collect();
        self.pause_due = pauses(self.handled) > pauses_before;
        applied
    }

    /// How long the poller sleeps before its next tick.
    pub fn next_tick(&self) -> Duration {
        if self.pause_due { PAUSE } else { POLL_INTERVAL }
    }

    /// Forgets a connection; false if it is unknown. Requests of it that wait are not purged: the
    /// purge fails as soon as any bucket was ever made.
    ///
    /// # Errors
    /// [`UnregisterBroken`], after which the entry is gone and the active count too high.
    pub fn unregister(&mut self, id: &ConnectionId) -> Result<bool, UnregisterBroken> {
        if self.entries.remove(id).is_none() {
            return Ok(false);
        }
        if !self.queues.is_empty() {
            return Err(UnregisterBroken);
        }
        self.active -= 1;
        Ok(true)
    }

    /// The applied state of a connection.
    pub fn state(&self, id: &ConnectionId) -> Option<CoordinatorState> {
        self.entries.get(id).copied()
    }

    /// Its own count of connections, which drifts from [`Self::len`].
    pub fn active(&self) -> usize {
        self.active
    }

    /// Connections it knows.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it knows no connection.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Requests that wait, by priority; a priority that was used once stays.
    pub fn waiting(&self) -> impl Iterator<Item = (MovePriority, usize)> {
        let queues = self.queues.iter();
        queues.map(|(Reverse(priority), queue)| (*priority, queue.len()))
    }

    fn apply(&mut self, item: Queued) -> Applied {
        let Queued {
            id,
            owner,
            from,
            to,
        } = item;
        let found = self.state(&id).unwrap_or(Initializing);
        let effect = if found != from {
            Effect::Stale { found }
        } else if let Some(entry) = self.entries.get_mut(&id) {
            *entry = to;
            Effect::Moved
        } else {
            self.entries.insert(id.clone(), to);
            Effect::Resurrected
        };
        self.handled += 1;
        Applied {
            id,
            owner,
            to,
            effect,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: SocketId = SocketId::first(0);

    fn id() -> ConnectionId {
        "ws_1".into()
    }

    fn coordinator() -> StateCoordinator {
        let mut coordinator = StateCoordinator::new();
        assert!(coordinator.register(&id()));
        coordinator
    }

    fn ask(coordinator: &mut StateCoordinator, to: CoordinatorState) -> bool {
        coordinator
            .request(&id(), OWNER, to, MovePriority::Normal)
            .accepted
    }

    fn effects(coordinator: &mut StateCoordinator) -> Vec<Effect> {
        let applied = coordinator.poll();
        applied.into_iter().map(|applied| applied.effect).collect()
    }

    #[test]
    fn the_table_is_the_one_of_the_protocol() {
        let mut table = String::new();
        for &from in CoordinatorState::ALL {
            let next = CoordinatorState::ALL
                .iter()
                .filter(|to| allowed(from).contains(to));
            let next: Vec<_> = next.map(|to| to.name()).collect();
            table += &format!("{from:<21} -> {}\n", next.join(", "));
        }
        insta::assert_snapshot!(table, @r"
        INITIALIZING          -> AUTHENTICATING, FAILED, DISCONNECTED
        AUTHENTICATING        -> FACTORY_CREATING, DEGRADED, FAILED, DISCONNECTED
        FACTORY_CREATING      -> MANAGER_READY, DEGRADED, FAILED, DISCONNECTED
        MANAGER_READY         -> EVENT_DELIVERY_ACTIVE, DEGRADED, FAILED, DISCONNECTED
        EVENT_DELIVERY_ACTIVE -> DEGRADED, FAILED, DISCONNECTED
        DEGRADED              -> MANAGER_READY, EVENT_DELIVERY_ACTIVE, FAILED, DISCONNECTED
        FAILED                -> INITIALIZING, DISCONNECTED
        DISCONNECTED          -> INITIALIZING
        ");
    }

    #[test]
    fn d17_the_success_path_never_leaves_initializing() {
        let mut coordinator = coordinator();
        for to in [FactoryCreating, ManagerReady, EventDeliveryActive] {
            assert!(!ask(&mut coordinator, to));
            assert_eq!(effects(&mut coordinator), []);
        }
        assert_eq!(coordinator.state(&id()), Some(Initializing));
    }

    #[test]
    fn d18_unregistering_breaks_once_a_bucket_exists() {
        let mut coordinator = coordinator();
        let other: ConnectionId = "ws_2".into();
        coordinator.register(&other);
        assert_eq!(coordinator.unregister(&other), Ok(true));
        assert_eq!(coordinator.unregister(&other), Ok(false));

        assert!(ask(&mut coordinator, Failed));
        assert_eq!(effects(&mut coordinator), [Effect::Moved]);
        assert_eq!(coordinator.unregister(&id()), Err(UnregisterBroken));
        assert_eq!((coordinator.len(), coordinator.active()), (0, 1));
    }

    #[test]
    fn d19_the_second_of_two_quick_requests_is_dropped() {
        let mut coordinator = coordinator();
        assert!(ask(&mut coordinator, Authenticating));
        assert!(ask(&mut coordinator, Failed));
        assert_eq!(effects(&mut coordinator), [Effect::Moved]);
        let stale = Effect::Stale {
            found: Authenticating,
        };
        assert_eq!(effects(&mut coordinator), [stale]);
    }

    #[test]
    fn d19_a_late_request_brings_a_gone_connection_back() {
        let mut coordinator = coordinator();
        assert!(ask(&mut coordinator, Failed));
        assert_eq!(coordinator.unregister(&id()), Err(UnregisterBroken));
        assert!(coordinator.is_empty());
        assert_eq!(effects(&mut coordinator), [Effect::Resurrected]);
        assert_eq!(coordinator.state(&id()), Some(Failed));
    }

    #[test]
    fn a_tick_takes_one_request_of_each_priority_highest_first() {
        let mut coordinator = StateCoordinator::new();
        let ids = ["low-1", "low-2", "high"].map(ConnectionId::from);
        for id in &ids {
            coordinator.register(id);
        }
        for (id, priority) in [
            (0, MovePriority::Low),
            (1, MovePriority::Low),
            (2, MovePriority::High),
        ] {
            let _ = coordinator.request(&ids[id], OWNER, Failed, priority);
        }
        let mut tick = || -> Vec<String> {
            let applied = coordinator.poll();
            applied
                .into_iter()
                .map(|item| item.id.to_string())
                .collect()
        };
        assert_eq!(tick(), ["high", "low-1"]);
        assert_eq!(tick(), ["low-2"]);
    }

    #[test]
    fn a_known_connection_that_registers_keeps_its_state() {
        let mut coordinator = coordinator();
        assert!(ask(&mut coordinator, Failed));
        assert_eq!(effects(&mut coordinator), [Effect::Moved]);
        assert!(coordinator.register(&id()));
        assert_eq!(coordinator.state(&id()), Some(Failed));
        assert_eq!((coordinator.len(), coordinator.active()), (1, 1));
    }
}
