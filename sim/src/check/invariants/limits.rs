//! The bounds that the invariants hold the protocol to.
//!
//! A bound is what the protocol could promise from its own time-outs, rounded up. It is the same for
//! every design, and marks the point from which waiting is a defect. Sections cited with `#` are
//! those of `docs/protocol.md`.

use std::time::Duration;

use gatesim_model::core::environment::Environment;

/// Declared bounds, all in virtual time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From accept to PROCESSING_READY or an explicit close (I-08).
    ///
    /// In cloud environments: 1.6 s of fixed waits, 12.5 s of authentication ladder with its call
    /// times, 5 s of waiting for start-up and about 4 s of polls for services (`#setup-time`,
    /// `#auth-ladders`, `#timing-constants`) make less than 30 s. Elsewhere the ladder is short and
    /// nothing waits for start-up: 10 s.
    pub setup: Duration,
    /// From the end of the transport to the point when nothing of the connection is left (I-09).
    ///
    /// The longest step of an orderly end is a last send into a dead connection, for which the
    /// manager allows 5 s (`#delivery-4`).
    pub cleanup: Duration,
    /// From PROCESSING_READY to the state coordinator having left INITIALIZING (I-16): a hundred
    /// ticks of its 10 ms poller (`#state-coordinator`).
    pub coordinator: Duration,
    /// From the end of the transport to no view calling the connection ready or active (I-16).
    ///
    /// Twice the clean-up: entries that merely stay are reported as left behind first.
    pub gone: Duration,
    /// From the emission of an agent event to its fate (I-12), and from a user's return to the
    /// replay of what was stored: the largest gap that the event validator accepts
    /// (`#event-timing`).
    pub delivery: Duration,
    /// From the start of an agent run to its end (I-12): the total that
    /// `#event-timing` allows.
    pub run: Duration,
    /// Silence after which the heartbeat declares the peer dead: interval and time-out (I-20).
    pub patience: Duration,
    /// From the last frame of a peer to the end of its connection at the server (I-20): the
    /// heartbeat's interval and time-out, and as slack 5 s for a frame to be read and 5 s for a
    /// last send (`#delivery-4`, `#heartbeat`).
    pub silence: Duration,
    /// From asking for a lock to acquiring it (I-15): three holders before, each with a send of 5 s
    /// (`#delivery-4`).
    pub lock: Duration,
    /// The window in which attempts are counted (I-17).
    pub attempts_window: Duration,
    /// Attempts of one client within the window, at most (I-17).
    ///
    /// A back-off that is not reset before the connection holds (`#reconnection`) makes in one minute: in the
    /// cloud, where nothing is tried within 3 s, attempts after 0, 3, 6, 9, 13, 21, 37 s; that
    /// is 7. Elsewhere, with 1 s and a cap of 10 s, after 0, 1, 2, 3, 4, 5, 7, 10, 16, 26, 36, 46,
    /// 56 s; that is 13. Half as many again are allowed for what a client starts again for good
    /// reasons, a token refresh for example.
    pub attempts: usize,
    /// How long a welcomed connection must have lasted to count as one that held (I-17): the
    /// longest loop-entry wait (`#timing-loop-entry`) and some time on the way.
    pub settled: Duration,
    /// From the end of all faults, or of a connection after it, to the next welcome (I-15): the
    /// longest pause between attempts (`#reconnection`: 30 s, elsewhere 10 s), the longest time that a
    /// breaker stays open (`#circuit-breakers`: 60 s; 30 s, the authenticator's, where the one around accept is quicker),
    /// and the set-up.
    pub reconnected: Duration,
    /// From the end of all faults, or the sending of a message, or the last event about it, to the
    /// next event about it (I-15): a welcome, and the largest gap between two events
    /// (`#event-timing`).
    pub answered: Duration,
    /// From the end of all faults to the point by which no client waits any more, and until which
    /// clients stay that are still owed something: a connection, and an answer over it.
    pub converged: Duration,
}

impl Limits {
    /// The bounds for an environment.
    pub fn of(environment: Environment) -> Self {
        let (setup, attempts, reconnect, breaker) = match environment {
            Environment::Testing | Environment::Development => (10, 20, 10, 30),
            Environment::Staging => (30, 11, 30, 30),
            Environment::Production => (30, 11, 30, 60),
        };
        // Interval and time-out (`#heartbeat`), stated here because the gateway's own are judged.
        let patience = Duration::from_secs(match environment {
            Environment::Testing | Environment::Development => 25 + 60,
            Environment::Staging => 20 + 90,
            Environment::Production => 20 + 75,
        });
        let delivery = Duration::from_secs(30);
        let reconnected = Duration::from_secs(reconnect + breaker + setup);
        Limits {
            setup: Duration::from_secs(setup),
            cleanup: Duration::from_secs(5),
            coordinator: Duration::from_secs(1),
            gone: Duration::from_secs(10),
            delivery,
            run: Duration::from_secs(300),
            patience,
            silence: patience + Duration::from_secs(10),
            lock: Duration::from_secs(15),
            attempts_window: Duration::from_secs(60),
            attempts,
            settled: Duration::from_secs(5),
            reconnected,
            answered: reconnected + delivery,
            converged: reconnected + reconnected + delivery,
        }
    }
}
