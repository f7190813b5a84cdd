//! The application connection state machine (docs/protocol.md#connection-state-machine).
//!
//! A machine never touches the transport: it records where a connection stands, refuses what
//! the table does not allow, and loses its patience after [`MAX_FAILURES`] refusals.

use std::{
    borrow::Cow,
    collections::{BTreeSet, VecDeque},
    fmt,
    rc::Rc,
    time::Duration,
};

use crate::core::{
    ids::{ConnectionId, UserId},
    state::ConnectionState::{self, *},
    time::Time,
};

/// Failures in a row after which the next valid request lands in FAILED
/// (docs/protocol.md#transition-procedure).
pub const MAX_FAILURES: u32 = 5;
/// Failures in a row below which messages may be handled (docs/protocol.md#machine-operations).
pub const MAX_FAILURES_TO_PROCESS: u32 = 4;
/// Completed set-up states without which a degraded connection handles no messages
/// (docs/protocol.md#machine-operations).
pub const MIN_COMPLETED_IF_DEGRADED: usize = 2;
/// Entries of the history that are kept; the oldest goes first.
pub const MAX_HISTORY: usize = 64;
/// Callbacks of one machine.
pub const MAX_CALLBACKS: usize = 16;

/// The states that the table allows next (docs/protocol.md#transition-table). There are no
/// self-loops.
pub fn allowed(from: ConnectionState) -> &'static [ConnectionState] {
    match from {
        Connecting => &[Accepted, Failed, Closed],
        Accepted => &[Authenticated, Failed, Closed],
        Authenticated => &[ServicesReady, Degraded, Failed, Closed],
        ServicesReady => &[ProcessingReady, Degraded, Failed, Closed],
        ProcessingReady => &[Processing, Idle, Degraded, Closing, Failed, Closed],
        Processing => &[Idle, ProcessingReady, Degraded, Closing, Failed, Closed],
        Idle => &[
            Processing,
            ProcessingReady,
            Degraded,
            Closing,
            Failed,
            Closed,
        ],
        Degraded => &[
            ProcessingReady,
            Processing,
            Idle,
            Reconnecting,
            Closing,
            Failed,
            Closed,
        ],
        Reconnecting => &[ServicesReady, ProcessingReady, Degraded, Failed, Closed],
        Closing => &[Closed],
        Closed => &[],
        Failed => &[Connecting],
    }
}

/// Whether a request passes: first the guard of the terminal states, then the table
/// (docs/protocol.md#transition-table).
pub fn can_move(from: ConnectionState, to: ConnectionState) -> bool {
    let passes_guard = !from.is_terminal() || to == Connecting;
    passes_guard && allowed(from).contains(&to)
}

/// The machine of one connection.
#[derive(Clone, Debug)]
pub struct Machine {
    id: ConnectionId,
    user: UserId,
    state: ConnectionState,
    started: Time,
    last_transition: Time,
    setup_duration: Duration,
    failures: u32,
    metrics: Metrics,
    completed: BTreeSet<ConnectionState>,
    history: VecDeque<Change>,
    callbacks: Vec<Callback>,
}

/// Counters that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Moves, forced and rolled-back ones included.
    pub total: u32,
    /// Refused requests and rolled-back moves.
    pub failed: u32,
}

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// State before; FAILED itself if the failure was forced from outside.
    pub from: ConnectionState,
    /// State after.
    pub to: ConnectionState,
    /// When.
    pub at: Time,
    /// The reason, as the caller words it.
    pub reason: Cow<'static, str>,
}

/// What happened to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Moved {
    /// The machine moved as asked.
    Moved {
        /// State before.
        from: ConnectionState,
        /// State after.
        to: ConnectionState,
    },
    /// The request was valid, but there had been too many failures: the machine is in FAILED,
    /// and the caller is told that the move succeeded.
    ForcedFailed {
        /// State before.
        from: ConnectionState,
        /// What was asked for.
        requested: ConnectionState,
    },
    /// The table does not allow it. Nothing changed but the failure count.
    Refused {
        /// State before and after.
        from: ConnectionState,
        /// What was asked for.
        to: ConnectionState,
    },
    /// A callback that may undo the move did so. Counted as a failure; history, total and
    /// completed states keep the move.
    RolledBack {
        /// State before and after.
        from: ConnectionState,
        /// State in between.
        to: ConnectionState,
        /// Name of the callback.
        by: &'static str,
    },
}

impl Moved {
    /// What the caller of the historical method was told: true also when FAILED was forced.
    pub fn reports_success(self) -> bool {
        match self {
            Self::Moved { .. } | Self::ForcedFailed { .. } => true,
            Self::Refused { .. } | Self::RolledBack { .. } => false,
        }
    }
}

/// A callback reported a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallbackFailed;

/// What the failure of a callback means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Nothing: it is only recorded (docs/protocol.md#transition-8). What callers can register
    /// historically.
    Ignore,
    /// The move is undone (docs/protocol.md#transition-10). Represents everything else that may
    /// fail inside a move.
    RollBack,
}

/// What a callback does with a move.
pub type Reaction = dyn Fn(&Change) -> Result<(), CallbackFailed>;

/// A callback for every move, called synchronously.
#[derive(Clone)]
pub struct Callback {
    /// Its name, for the record.
    pub name: &'static str,
    /// What its failure means.
    pub on_failure: OnFailure,
    /// The callback itself. It cannot reach the machine: the machine is in the middle of a move.
    pub run: Rc<Reaction>,
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback")
            .field("name", &self.name)
            .field("on_failure", &self.on_failure)
            .finish_non_exhaustive()
    }
}

/// A move that was decided on earlier, together with the state it was decided in
/// (docs/protocol.md#machine-operations).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The state it was decided in.
    pub from: ConnectionState,
    /// The state it asks for.
    pub to: ConnectionState,
    /// Why.
    pub reason: &'static str,
}

/// What happened to a [`Proposal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Executed {
    /// The table does not allow it; the machine was not asked, and no failure is counted.
    NotAllowed,
    /// The machine is no longer where the proposal was made; no failure is counted.
    Stale {
        /// Where it is.
        found: ConnectionState,
    },
    /// The machine was asked.
    Asked(Moved),
}

impl Machine {
    /// A machine in CONNECTING (docs/protocol.md#registry).
    pub fn new(id: ConnectionId, user: UserId, now: Time) -> Self {
        Machine {
            id,
            user,
            state: Connecting,
            started: now,
            last_transition: now,
            setup_duration: Duration::ZERO,
            failures: 0,
            metrics: Metrics::default(),
            completed: BTreeSet::new(),
            history: VecDeque::new(),
            callbacks: Vec::new(),
        }
    }

    /// Asks for a move (docs/protocol.md#transition-procedure).
    pub fn request(&mut self, to: ConnectionState, reason: &'static str, now: Time) -> Moved {
        let from = self.state;
        if !can_move(from, to) {
            self.count_failure();
            return Moved::Refused { from, to };
        }
        let requested = to;
        let forced = self.failures >= MAX_FAILURES;
        let to = if forced { Failed } else { requested };

        self.state = to;
        self.last_transition = now;
        self.metrics.total = self.metrics.total.saturating_add(1);
        // Also on the way to FAILED, CLOSED or DEGRADED: historically that, too, is logged as a
        // completed set-up.
        if from.is_setup() && !to.is_setup() {
            self.setup_duration = now.since(self.started);
        }
        let change = Change {
            from,
            to,
            at: now,
            reason: Cow::Borrowed(reason),
        };
        self.record(change.clone());
        if to.is_setup() {
            self.completed.insert(to);
        }
        if let Err(by) = self.notify(&change) {
            self.state = from;
            self.count_failure();
            return Moved::RolledBack { from, to, by };
        }
        self.failures = 0;
        if forced {
            Moved::ForcedFailed { from, requested }
        } else {
            Moved::Moved { from, to }
        }
    }

    /// Executes a proposal: the table first, then compare, then act
    /// (docs/protocol.md#machine-operations).
    ///
    /// Historically the lock is released between comparing and acting. On one event loop nothing
    /// runs in between; a caller that decides early and executes after an await has the gap.
    pub fn execute_transition(&mut self, proposal: &Proposal, now: Time) -> Executed {
        if !can_move(proposal.from, proposal.to) {
            return Executed::NotAllowed;
        }
        if self.state != proposal.from {
            return Executed::Stale { found: self.state };
        }
        Executed::Asked(self.request(proposal.to, proposal.reason, now))
    }

    /// Puts the machine into FAILED from wherever it is, and returns where it was
    /// (docs/protocol.md#machine-operations). The history says FAILED to FAILED, as it historically
    /// does; the next valid request is forced to FAILED once more.
    pub fn force_failed(&mut self, reason: &'static str, now: Time) -> ConnectionState {
        let from = std::mem::replace(&mut self.state, Failed);
        self.failures = MAX_FAILURES;
        let change = Change {
            from: Failed,
            to: Failed,
            at: now,
            reason: Cow::Owned(format!("EMERGENCY: {reason}")),
        };
        self.record(change.clone());
        // Nothing can be undone here: there is no move to roll back to.
        for callback in &self.callbacks {
            let _ = (callback.run)(&change);
        }
        from
    }

    /// Whether messages may be handled (docs/protocol.md#machine-operations). Failures in a row say
    /// no even while the state says ready.
    pub fn can_process_messages(&self) -> bool {
        let enough_setup =
            self.state != Degraded || self.completed.len() >= MIN_COMPLETED_IF_DEGRADED;
        self.state.is_ready() && enough_setup && self.failures < MAX_FAILURES_TO_PROCESS
    }

    /// Whether the state is in the ready set, regardless of other faults
    /// (docs/protocol.md#machine-operations).
    pub fn is_ready_for_messages(&self) -> bool {
        self.state.is_ready()
    }

    /// Time spent on the set-up: a live clock in CONNECTING, afterwards the stored value, which
    /// is zero until the set-up states are left (docs/protocol.md#machine-operations).
    pub fn setup_duration(&self, now: Time) -> Duration {
        match self.state {
            Connecting => now.since(self.started),
            Accepted | Authenticated | ServicesReady | ProcessingReady | Processing | Idle
            | Degraded | Reconnecting | Closing | Closed | Failed => self.setup_duration,
        }
    }

    /// Adds a callback, unless one of that name is there: callbacks are a set. False, and nothing is
    /// added, beyond [`MAX_CALLBACKS`].
    pub fn add_callback(&mut self, callback: Callback) -> bool {
        if self
            .callbacks
            .iter()
            .any(|known| known.name == callback.name)
        {
            return true;
        }
        let room = self.callbacks.len() < MAX_CALLBACKS;
        if room {
            self.callbacks.push(callback);
        }
        room
    }

    /// Binds a user, without a check (docs/protocol.md#machine-operations).
    pub fn assign_user(&mut self, user: UserId) {
        self.user = user;
    }

    /// The key it was registered under.
    pub fn id(&self) -> &ConnectionId {
        &self.id
    }

    /// The user it belongs to.
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// Where the connection stands.
    pub fn state(&self) -> ConnectionState {
        self.state
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Counters.
    pub fn metrics(&self) -> Metrics {
        self.metrics
    }

    /// The moves, oldest first, at most [`MAX_HISTORY`].
    pub fn history(&self) -> impl Iterator<Item = &Change> {
        self.history.iter()
    }

    /// The set-up states that were entered. CONNECTING is among them only after FAILED to
    /// CONNECTING.
    pub fn completed(&self) -> &BTreeSet<ConnectionState> {
        &self.completed
    }

    /// When the state last changed.
    pub fn last_transition(&self) -> Time {
        self.last_transition
    }

    fn count_failure(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.metrics.failed = self.metrics.failed.saturating_add(1);
    }

    fn record(&mut self, change: Change) {
        if self.history.len() == MAX_HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(change);
    }

    /// Runs the callbacks in the order of registration, the ones that may undo the move first;
    /// the name of the first of those that failed, if one did.
    fn notify(&self, change: &Change) -> Result<(), &'static str> {
        let of_kind = |kind| self.callbacks.iter().filter(move |c| c.on_failure == kind);
        for callback in of_kind(OnFailure::RollBack) {
            (callback.run)(change).map_err(|CallbackFailed| callback.name)?;
        }
        for callback in of_kind(OnFailure::Ignore) {
            let _ = (callback.run)(change);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
