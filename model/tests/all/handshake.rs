//! The handshake coordinator and the race detector (`docs/protocol.md#handshake-coordinator`).

use std::time::Duration;

use gatesim_model::core::{
    environment::Environment,
    handshake::{Detector, HandshakeCoordinator, HandshakeState, RacePattern, stages},
    time::Time,
};
use serde::{Deserialize, Serialize};

use crate::replay::{Replay, millis, named, recorded_name, replay};

struct Handshake {
    environment: Environment,
    coordinator: HandshakeCoordinator,
    detector: Detector,
    now: Time,
}

#[derive(Deserialize)]
struct Setup {
    env: Environment,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Op {
    /// Runs the coordination; the sleep with that number, counted from 1, is cancelled.
    Coordinate {
        cancel_at: Option<usize>,
    },
    Enter {
        to: String,
    },
    Readiness,
    Delay {
        attempt: u32,
    },
    Advance {
        ms: u64,
    },
}

/// What an operation returned.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
enum Returned {
    Done(bool),
    DelayMs(u64),
    Readiness(bool, Vec<String>),
    Nothing,
}

/// Returned, state, ready, sequence valid, moves with their times.
type Seen = (Returned, String, bool, bool, Vec<(String, String, u64)>);

impl Handshake {
    fn coordinate(&mut self, cancel_at: Option<usize>) -> bool {
        let mut sleeps = 0;
        for stage in stages(self.environment) {
            self.coordinator.enter(stage.enter, self.now);
            if let Some(wait) = stage.then_wait {
                sleeps += 1;
                if cancel_at == Some(sleeps) {
                    return self.coordinator.cancelled(self.now);
                }
                self.now = self.now + wait;
            }
        }
        true
    }
}

impl Replay for Handshake {
    type Setup = Setup;
    type Op = Op;
    type Seen = Seen;

    fn start(Setup { env }: Setup) -> Self {
        Handshake {
            environment: env,
            coordinator: HandshakeCoordinator::default(),
            detector: Detector::new(env),
            now: Time::ZERO,
        }
    }

    fn step(&mut self, op: &Op) -> Seen {
        let returned = match op {
            Op::Coordinate { cancel_at } => Returned::Done(self.coordinate(*cancel_at)),
            Op::Enter { to } => {
                let to = named(HandshakeState::ALL, to);
                self.coordinator.enter(to, self.now);
                Returned::Nothing
            }
            Op::Readiness => {
                let state = self.coordinator.state();
                let ready = self.detector.validate_connection_readiness(state);
                let patterns = self.detector.patterns().iter();
                Returned::Readiness(ready, patterns.map(pattern_name).collect())
            }
            Op::Delay { attempt } => {
                Returned::DelayMs(millis(self.detector.progressive_delay(*attempt)))
            }
            Op::Advance { ms } => {
                self.now = self.now + Duration::from_millis(*ms);
                Returned::Nothing
            }
        };
        let coordinator = &self.coordinator;
        let moves = coordinator.history().iter().map(|step| {
            let (from, to) = (recorded_name(step.from), recorded_name(step.to));
            (from, to, step.at.as_millis())
        });
        (
            returned,
            recorded_name(coordinator.state()),
            coordinator.is_ready(),
            coordinator.validate_sequence().is_ok(),
            moves.collect(),
        )
    }
}

/// The name of a pattern in the original's log.
pub fn pattern_name(pattern: &RacePattern) -> String {
    let name = match pattern {
        RacePattern::PrematureMessageHandling => "premature_message_handling",
        RacePattern::MissingStateMachineDuringConnectionValidation => {
            "missing_state_machine_during_connection_validation"
        }
        RacePattern::ConnectionValidationWithoutId => "connection_validation_without_id",
    };
    name.to_owned()
}

#[test]
fn coordination_is_a_timer() {
    insta::assert_snapshot!(replay::<Handshake>("handshake"), @"339 steps: 339 agree");
}
