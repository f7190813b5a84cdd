//! The bounds that the invariants hold the protocol to.
//!
//! A bound is a promise that the protocol could make from its own time-outs, rounded up; it is
//! the same for every design. It says when waiting has become a defect, not how long things take.

use std::time::Duration;

use gatesim_model::environment::Environment;

/// Declared bounds, all in virtual time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From accept to PROCESSING_READY or an explicit close (I-08).
    ///
    /// In cloud environments: 1.6 s of fixed waits, 12.5 s of authentication ladder with its call
    /// times, 5 s of waiting for start-up and about 4 s of polls for services (protocol.md 1.4,
    /// 5.2, section 8) make less than 30 s. Elsewhere the ladder is short and nothing waits for
    /// start-up: 10 s.
    pub setup: Duration,
    /// From the end of the transport to the moment when nothing of the connection is left (I-09).
    ///
    /// The longest step of an orderly end is a last send into a dead connection, for which the
    /// manager allows 5 s (7.4).
    pub cleanup: Duration,
    /// From PROCESSING_READY to the state coordinator having left INITIALIZING (I-16): a hundred
    /// ticks of its 10 ms poller (2.6).
    pub coordinator: Duration,
    /// From the end of the transport to no view calling the connection ready or active (I-16).
    ///
    /// Twice the clean-up: entries that merely stay are reported as left behind first.
    pub gone: Duration,
    /// From the emission of an agent event to its fate (I-12), and from a user's return to the
    /// replay of what was stored: the largest gap that the event validator accepts (7.4).
    pub delivery: Duration,
    /// From the start of an agent run to its end (I-12): the total that 7.4 allows.
    pub run: Duration,
}

impl Limits {
    /// The bounds for an environment.
    pub fn of(environment: Environment) -> Self {
        Limits {
            setup: match environment {
                Environment::Testing | Environment::Development => Duration::from_secs(10),
                Environment::Staging | Environment::Production => Duration::from_secs(30),
            },
            cleanup: Duration::from_secs(5),
            coordinator: Duration::from_secs(1),
            gone: Duration::from_secs(10),
            delivery: Duration::from_secs(30),
            run: Duration::from_secs(300),
        }
    }
}
