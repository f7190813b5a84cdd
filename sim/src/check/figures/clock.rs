//! What coordination costs one attempt: a clock that runs while nothing is waited for.

use std::time::Duration;

use gatesim_model::core::time::Time;

/// Measures coordination: runs while nothing is waited for.
#[derive(Debug, Default)]
pub(super) struct Clock {
    total: Duration,
    stage: AttemptStage,
    running_since: Option<Time>,
    calls: u32,
    /// A call has failed and no other has begun since: the pause before the next try is the
    /// service's.
    retrying: bool,
}

/// How far an attempt has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum AttemptStage {
    #[default]
    NotServed,
    SettingUp,
    Welcomed,
}

impl Clock {
    /// The attempt has come so far; [`Clock::set`] must follow.
    pub(super) fn reaches(&mut self, stage: AttemptStage) {
        self.stage = stage;
    }

    /// A call has begun for the connection; [`Clock::set`] must follow.
    pub(super) fn call_begins(&mut self) {
        self.calls += 1;
        self.retrying = false;
    }

    /// A call has ended, well or not; [`Clock::set`] must follow.
    pub(super) fn call_ends(&mut self, ok: bool) {
        self.calls = self.calls.saturating_sub(1);
        self.retrying = !ok;
    }

    /// Starts or stops, after something has changed.
    pub(super) fn set(&mut self, now: Time, components_there: bool) {
        let waits = self.calls > 0 || self.retrying || !components_there;
        let should_run = self.stage == AttemptStage::SettingUp && !waits;
        match self.running_since {
            Some(since) if !should_run => {
                self.total += now.since(since);
                self.running_since = None;
            }
            None if should_run => self.running_since = Some(now),
            Some(_) | None => {}
        }
    }

    /// How long it has run, up to when it stopped last.
    pub(super) fn total(&self) -> Duration {
        self.total
    }
}
