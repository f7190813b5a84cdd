//! The handshake coordinator and its race detector (docs/protocol.md#handshake-coordinator).
//!
//! The coordinator is a timer with names for its stages: it is given no socket, no id and no
//! registry, and nothing but a cancellation can make it fail. A part that relies on it for
//! readiness relies on a clock.

use std::time::Duration;

use HandshakeState::*;

use crate::core::{environment::Environment, names::names, time::Time};

/// Entries of the history that are kept; later moves are not recorded. The endpoint makes three.
pub const MAX_HISTORY: usize = 16;
/// Patterns one detector keeps.
pub const MAX_PATTERNS: usize = 16;

names! {
    /// States of the handshake coordinator (docs/protocol.md#handshake-coordinator).
    HandshakeState {
        /// New.
        Initializing => "INITIALIZING",
        /// First delay.
        HandshakePending => "HANDSHAKE_PENDING",
        /// Second delay.
        Connected => "CONNECTED",
        /// Both delays are over.
        ReadyForMessages => "READY_FOR_MESSAGES",
        /// Cancelled.
        Error => "ERROR",
        /// Never entered by the endpoint.
        Closed => "CLOSED",
    }
}

/// One stage of the coordination: enter a state, then wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandshakeStage {
    /// The state to enter.
    pub enter: HandshakeState,
    /// How long to stay before the next stage; none means not even another task's turn.
    pub then_wait: Option<Duration>,
}

/// The stages of a coordination, in order (docs/protocol.md#handshake-coordinator).
pub fn stages(environment: Environment) -> [HandshakeStage; 3] {
    let (first, second) = environment.handshake_stages();
    let stage = |enter, wait: Duration| HandshakeStage {
        enter,
        then_wait: (!wait.is_zero()).then_some(wait),
    };
    [
        stage(HandshakePending, first),
        stage(Connected, second),
        stage(ReadyForMessages, Duration::ZERO),
    ]
}

/// The states that should follow. Looked at only afterwards, by
/// [`HandshakeCoordinator::validate_sequence`].
pub fn allowed(from: HandshakeState) -> &'static [HandshakeState] {
    match from {
        Initializing => &[HandshakePending, Error, Closed],
        HandshakePending => &[Connected, Error, Closed],
        Connected => &[ReadyForMessages, Error, Closed],
        ReadyForMessages => &[Error, Closed],
        Error => &[Closed],
        Closed => &[],
    }
}

/// The coordinator of one handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeCoordinator {
    state: HandshakeState,
    history: Vec<HandshakeStep>,
}

/// One move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandshakeStep {
    /// State before.
    pub from: HandshakeState,
    /// State after.
    pub to: HandshakeState,
    /// When.
    pub at: Time,
}

impl Default for HandshakeCoordinator {
    /// A coordinator in INITIALIZING.
    fn default() -> Self {
        HandshakeCoordinator {
            state: Initializing,
            history: Vec::new(),
        }
    }
}

impl HandshakeCoordinator {
    /// Moves, unconditionally.
    pub fn enter(&mut self, to: HandshakeState, now: Time) {
        if self.history.len() < MAX_HISTORY {
            self.history.push(HandshakeStep {
                from: self.state,
                to,
                at: now,
            });
        }
        self.state = to;
    }

    /// The coordination was cancelled during a wait: the cancellation is caught, the state
    /// is ERROR, and the caller is told false.
    pub fn cancelled(&mut self, now: Time) -> bool {
        self.enter(Error, now);
        false
    }

    /// Where it stands.
    pub fn state(&self) -> HandshakeState {
        self.state
    }

    /// Its view of readiness, independent of every other (4).
    pub fn is_ready(&self) -> bool {
        self.state == ReadyForMessages
    }

    /// The moves, oldest first.
    pub fn history(&self) -> &[HandshakeStep] {
        &self.history
    }

    /// Checks the moves made so far against the table; the first that breaks it, if one does.
    pub fn validate_sequence(&self) -> Result<(), HandshakeStep> {
        let broken = |step: &&HandshakeStep| !allowed(step.from).contains(&step.to);
        self.history
            .iter()
            .find(broken)
            .map_or(Ok(()), |step| Err(*step))
    }
}

/// A suspicious pattern, as the logs name it (3, 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RacePattern {
    /// Messages were about to be handled before the handshake was over. The critical one.
    PrematureMessageHandling,
    /// A readiness function was given an id under which no machine exists, in the cloud.
    MissingStateMachineDuringConnectionValidation,
    /// A readiness function was given no id, in the cloud.
    ConnectionValidationWithoutId,
}

/// The race detector. The readiness functions make one per call and throw it away, patterns
/// and all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detector {
    environment: Environment,
    patterns: Vec<RacePattern>,
}

impl Detector {
    /// A detector that has seen nothing.
    pub fn new(environment: Environment) -> Self {
        Detector {
            environment,
            patterns: Vec::new(),
        }
    }

    /// The delay before attempt `attempt`, counted from 0.
    pub fn progressive_delay(&self, attempt: u32) -> Duration {
        self.environment.detector_recovery(attempt)
    }

    /// True only for READY_FOR_MESSAGES; notes a pattern if the handshake has hardly begun.
    pub fn validate_connection_readiness(&mut self, state: HandshakeState) -> bool {
        match state {
            ReadyForMessages => true,
            Initializing | HandshakePending => {
                self.note(RacePattern::PrematureMessageHandling);
                false
            }
            Connected | Error | Closed => false,
        }
    }

    /// Notes a pattern; beyond [`MAX_PATTERNS`] it is forgotten.
    pub fn note(&mut self, pattern: RacePattern) {
        if self.patterns.len() < MAX_PATTERNS {
            self.patterns.push(pattern);
        }
    }

    /// The patterns seen, oldest first.
    pub fn patterns(&self) -> &[RacePattern] {
        &self.patterns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn coordination_is_linear_and_takes_as_long_as_the_environment_says() {
        for environment in Environment::ALL {
            let mut now = Time::ZERO;
            let mut coordinator = HandshakeCoordinator::default();
            for stage in stages(environment) {
                assert!(!coordinator.is_ready());
                coordinator.enter(stage.enter, now);
                now = now + stage.then_wait.unwrap_or_default();
            }
            assert!(coordinator.is_ready());
            assert_eq!(coordinator.validate_sequence(), Ok(()));
            let expected = if environment.is_cloud() { 125 } else { 5 };
            assert_eq!(now.since(Time::ZERO), MS * expected);
        }
    }

    #[test]
    fn outside_the_cloud_there_is_no_second_wait() {
        let waits = stages(Environment::Testing).map(|stage| stage.then_wait);
        assert_eq!(waits, [Some(MS * 5), None, None]);
    }

    #[test]
    fn a_cancellation_becomes_an_error_and_a_false() {
        let mut coordinator = HandshakeCoordinator::default();
        coordinator.enter(HandshakePending, Time::ZERO);
        assert!(!coordinator.cancelled(Time::ZERO));
        assert_eq!(coordinator.state(), Error);
        assert_eq!(coordinator.validate_sequence(), Ok(()));
    }

    #[test]
    fn moves_are_judged_only_afterwards() {
        let mut coordinator = HandshakeCoordinator::default();
        coordinator.enter(ReadyForMessages, Time::ZERO);
        assert!(coordinator.is_ready());
        let step = coordinator
            .validate_sequence()
            .expect_err("two states were skipped");
        assert_eq!((step.from, step.to), (Initializing, ReadyForMessages));
    }

    #[test]
    fn the_detector_believes_one_state_and_suspects_two() {
        for &state in HandshakeState::ALL {
            let mut detector = Detector::new(Environment::Staging);
            let ready = detector.validate_connection_readiness(state);
            assert_eq!(ready, state == ReadyForMessages);
            let suspicious = matches!(state, Initializing | HandshakePending);
            assert_eq!(!detector.patterns().is_empty(), suspicious, "{state}");
        }
    }

    #[test]
    fn progressive_delays_grow_only_in_the_cloud() {
        let delays =
            |environment| [0, 1, 2].map(|n| Detector::new(environment).progressive_delay(n));
        assert_eq!(
            delays(Environment::Production),
            [25, 50, 75].map(|n| MS * n)
        );
        assert_eq!(delays(Environment::Development), [MS * 10; 3]);
        assert_eq!(delays(Environment::Testing), [MS * 5; 3]);
    }
}
