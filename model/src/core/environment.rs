//! Where a container runs, and the fixed timings and limits that follow from it
//! (docs/protocol.md#timing-constants, with the anchors named at each item).
//!
//! Only what every revision shares is here. A timing that revisions disagree about is an answer
//! in a design, which may pick one of the constants below.
//!
//! Absent on purpose: the configured connection time-out and clean-up interval (read, never
//! acted on).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The environment of a deployment.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::IntoStaticStr,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Environment {
    /// Automated tests on one machine.
    Testing,
    /// A developer's machine.
    Development,
    /// The cloud, for rehearsal.
    Staging,
    /// The cloud, for customers.
    Production,
}

use Environment::{Development, Production, Staging, Testing};

/// Largest client message, in bytes of UTF-8 (docs/protocol.md#inbound-limits).
pub const MAX_MESSAGE_BYTES: usize = 8192;
/// Errors in a row that end the message loop (docs/protocol.md#step-35f).
pub const LOOP_ERROR_LIMIT: u32 = 5;
/// First pause after an error in the message loop; doubles with each error in a row
/// (docs/protocol.md#step-35f).
pub const LOOP_BACKOFF_FIRST: Duration = ms(100);
/// Longest pause after an error in the message loop (docs/protocol.md#step-35f).
pub const LOOP_BACKOFF_MAX: Duration = secs(5);
/// Pause between an error message and the close or return that follows (docs/protocol.md#step-17,
/// docs/protocol.md#step-37).
pub const AFTER_ERROR_MESSAGE: Duration = ms(100);
/// Second pause after the welcome when a readiness re-check says no (docs/protocol.md#step-31).
pub const AFTER_WELCOME_RECHECK: Duration = ms(100);
/// Loop-entry wait of most revisions (docs/protocol.md#timing-loop-entry).
pub const GATE_ONE_SECOND: Polls = Polls::new(10, ms(100));
/// Loop-entry wait of the later revisions in the cloud (docs/protocol.md#timing-loop-entry).
pub const GATE_THREE_SECONDS: Polls = Polls::new(20, ms(150));
/// Pauses before the second, third and fourth attempt to authenticate
/// (docs/protocol.md#auth-ladder-outer).
pub const AUTH_OUTER_DELAYS: [Duration; 3] = [ms(100), ms(200), ms(500)];
/// Limit of one call to the authentication service (docs/protocol.md#auth-client).
pub const AUTH_CALL_TIMEOUT: Duration = secs(3);
/// Pauses before the second and third attempt to create a manager
/// (docs/protocol.md#timing-constants).
pub const MANAGER_CREATION_DELAYS: [Duration; 2] = [ms(500), ms(750)];
/// Limit of one send by the connection manager (docs/protocol.md#delivery-4).
pub const MANAGER_SEND_TIMEOUT: Duration = secs(5);
/// Connects admitted from one address within [`CONNECT_RATE_WINDOW`] (docs/protocol.md#step-12).
pub const CONNECT_RATE_MAX: usize = 10;
/// Window of the connect rate limit (docs/protocol.md#step-12).
pub const CONNECT_RATE_WINDOW: Duration = secs(60);
/// How long the readiness middleware caches a result, good or bad (docs/protocol.md#step-2,
/// docs/protocol.md#d35).
pub const READINESS_CACHE_TTL: Duration = secs(30);
/// Attempts of the race detector to see its coordinator become ready (docs/protocol.md#step-27).
pub const DETECTOR_ATTEMPTS: u32 = 3;

impl Environment {
    /// Every environment.
    pub const ALL: [Environment; 4] = [Testing, Development, Staging, Production];

    /// The name, lower-case.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Staging and production.
    pub fn is_cloud(self) -> bool {
        match self {
            Testing | Development => false,
            Staging | Production => true,
        }
    }

    /// The first and the second delay of the handshake coordinator; the second is zero, and not
    /// slept at all, outside the cloud (docs/protocol.md#handshake-coordinator).
    pub fn handshake_stages(self) -> (Duration, Duration) {
        match self {
            Testing | Development => (ms(5), Duration::ZERO),
            Staging | Production => (ms(100), ms(25)),
        }
    }

    /// The sleeps after the first handshake (docs/protocol.md#step-9).
    pub fn stabilisation(self) -> Stabilisation {
        match self {
            Testing => Stabilisation {
                first: ms(20),
                progressive: &[],
                second: None,
            },
            Development => Stabilisation {
                first: ms(15),
                progressive: &[],
                second: None,
            },
            Staging | Production => Stabilisation {
                first: ms(50),
                progressive: const { &[ms(25), ms(50), ms(75)] },
                second: Some(ms(50)),
            },
        }
    }

    /// The race detector's delay before attempt `attempt`, counted from 0
    /// (docs/protocol.md#handshake-coordinator).
    pub fn detector_recovery(self, attempt: u32) -> Duration {
        match self {
            Testing => ms(5),
            Development => ms(10),
            Staging | Production => ms(25) * (attempt + 1),
        }
    }

    /// What happens between the second handshake and the welcome (docs/protocol.md#step-28).
    pub fn pre_loop_validation(self) -> PreLoopValidation {
        match self {
            Testing => PreLoopValidation::Sleep(ms(10)),
            Development => PreLoopValidation::Nothing,
            Staging | Production => PreLoopValidation::SendFrame {
                within: secs(1),
                sleep_if_not_connected: ms(50),
            },
        }
    }

    /// The sleep after the welcome (docs/protocol.md#step-31).
    pub fn after_welcome(self) -> Option<Duration> {
        self.is_cloud().then_some(ms(50))
    }

    /// The sleep between the two application-state checks of the loop (docs/protocol.md#step-35a).
    pub fn in_loop_recheck(self) -> Option<Duration> {
        self.is_cloud().then_some(ms(50))
    }

    /// How long one receive may take before the loop looks around (docs/protocol.md#step-35b).
    pub fn receive_timeout(self) -> Duration {
        self.heartbeat_interval()
    }

    /// Time between two pings (docs/protocol.md#heartbeat).
    pub fn heartbeat_interval(self) -> Duration {
        match self {
            Testing | Development => secs(25),
            Staging | Production => secs(20),
        }
    }

    /// Silence, on top of the interval, after which the peer is declared dead
    /// (docs/protocol.md#heartbeat).
    pub fn heartbeat_timeout(self) -> Duration {
        match self {
            Testing | Development => secs(60),
            Staging => secs(90),
            Production => secs(75),
        }
    }

    /// How long to poll for the end of the start-up, where it is polled for
    /// (docs/protocol.md#step-21).
    pub fn startup_wait(self) -> Option<Polls> {
        self.is_cloud().then_some(Polls::new(25, ms(200)))
    }

    /// How long to poll for the supervisor, and again for the thread service, where they are polled
    /// for (docs/protocol.md#step-23). The figures for ordinary traffic; test traffic polled less
    /// often.
    pub fn service_polls(self) -> Option<Polls> {
        self.is_cloud().then_some(Polls::new(5, ms(200)))
    }

    /// Factor on the base time-out of a service (docs/protocol.md#service-validation).
    pub fn service_timeout_multiplier(self) -> Ratio {
        match self {
            Testing => Ratio::new(1, 2),
            Development => Ratio::new(1, 1),
            Staging => Ratio::new(2, 1),
            Production => Ratio::new(3, 1),
        }
    }

    /// The sleep of the Redis validator after it found Redis connected
    /// (docs/protocol.md#service-validation).
    pub fn redis_grace(self) -> Option<Duration> {
        match self {
            Testing => None,
            Development => Some(ms(200)),
            Staging | Production => Some(ms(500)),
        }
    }

    /// The sleep of the authenticator when its handshake check says no, and the further delays
    /// during which it looks again; it continues with any result (docs/protocol.md#step-15,
    /// docs/protocol.md#auth-handshake-timing).
    pub fn auth_handshake_fix(self) -> (Duration, &'static [Duration]) {
        match self {
            Testing | Development => (ms(50), &[]),
            Staging | Production => (ms(100), const { &[ms(50), ms(100), ms(150)] }),
        }
    }

    /// Pauses before each further try of the inner authentication ladder
    /// (docs/protocol.md#auth-client).
    pub fn auth_inner_delays(self) -> &'static [Duration] {
        match self {
            Testing | Development => const { &[ms(100), ms(200)] },
            Staging => const { &[ms(500), secs(1), secs(2), secs(4), secs(5)] },
            Production => const { &[ms(200), ms(400), ms(800)] },
        }
    }

    /// Limit of the probe that asks whether the authentication service can be reached
    /// (docs/protocol.md#auth-client).
    pub fn auth_probe_timeout(self) -> Duration {
        match self {
            Staging => ms(500),
            Testing | Development | Production => secs(1),
        }
    }

    /// HTTP limits of the authentication client (docs/protocol.md#auth-client).
    pub fn auth_http_timeouts(self) -> HttpTimeouts {
        let [connect, read, write, pool] = match self {
            Testing | Development => [1, 3, 1, 3],
            Staging => [1, 2, 1, 2],
            Production => [2, 5, 3, 5],
        }
        .map(secs);
        HttpTimeouts {
            connect,
            read,
            write,
            pool,
        }
    }

    /// Time between two looks for idle connection managers (docs/protocol.md#cleanup-timers).
    pub fn manager_cleanup_interval(self) -> Duration {
        match self {
            Testing => secs(30),
            Development => secs(60),
            Staging | Production => secs(120),
        }
    }

    /// Connections admitted from one `host:port` at a time (docs/protocol.md#step-11).
    pub fn connections_per_address(self) -> usize {
        match self {
            Testing | Development => 10,
            Staging | Production => 5,
        }
    }
}

/// The pause after the `errors`-th error in a row in the message loop, counted from 1
/// (docs/protocol.md#step-35f).
pub fn loop_backoff(errors: u32) -> Duration {
    doubling(
        LOOP_BACKOFF_FIRST,
        errors.saturating_sub(1),
        LOOP_BACKOFF_MAX,
    )
}

/// `first` doubled `times` times, and never more than `cap`.
pub fn doubling(first: Duration, times: u32, cap: Duration) -> Duration {
    let factor = 1_u32.checked_shl(times).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(cap)
}

/// The sleeps of docs/protocol.md#step-9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stabilisation {
    /// Always slept.
    pub first: Duration,
    /// Slept one by one until client_state is CONNECTED.
    pub progressive: &'static [Duration],
    /// Slept last, where there is one.
    pub second: Option<Duration>,
}

/// What docs/protocol.md#step-28 does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreLoopValidation {
    /// Goes on at once.
    Nothing,
    /// Sleeps.
    Sleep(Duration),
    /// Sends an extra frame to the client and only logs whether that worked.
    SendFrame {
        /// Limit of the send.
        within: Duration,
        /// Slept afterwards if client_state is not CONNECTED.
        sleep_if_not_connected: Duration,
    },
}

/// Limits of one HTTP request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpTimeouts {
    /// To open a connection.
    pub connect: Duration,
    /// Between two bytes read.
    pub read: Duration,
    /// Between two bytes written.
    pub write: Duration,
    /// To get a connection from the pool.
    pub pool: Duration,
}

/// A condition is looked at `count` times, after a sleep of `interval` each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polls {
    /// How often.
    pub count: u32,
    /// The sleep before each look.
    pub interval: Duration,
}

impl Polls {
    /// `count` looks, `interval` apart.
    pub const fn new(count: u32, interval: Duration) -> Self {
        Polls { count, interval }
    }

    /// The longest it can take.
    pub fn total(self) -> Duration {
        self.interval * self.count
    }
}

/// A fraction, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// Above the line.
    pub numerator: u32,
    /// Below the line; never zero.
    pub denominator: u32,
}

impl Ratio {
    /// `numerator / denominator`.
    pub const fn new(numerator: u32, denominator: u32) -> Self {
        assert!(denominator > 0, "a ratio needs a denominator");
        Ratio {
            numerator,
            denominator,
        }
    }

    /// This part of `duration`, rounded down to a nanosecond.
    pub fn of(self, duration: Duration) -> Duration {
        duration * self.numerator / self.denominator
    }

    /// Whether `part` out of `whole` reaches this ratio; never if `whole` is zero.
    pub fn is_reached_by(self, part: u32, whole: u32) -> bool {
        whole > 0
            && u64::from(part) * u64::from(self.denominator)
                >= u64::from(whole) * u64::from(self.numerator)
    }
}

const fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

const fn secs(value: u64) -> Duration {
    Duration::from_secs(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row of the table of docs/protocol.md#timing-constants: the values for testing,
    /// development, staging and production, in milliseconds.
    #[track_caller]
    fn row(value: impl Fn(Environment) -> Duration, expected: [u64; 4]) {
        assert_eq!(Environment::ALL.map(value), expected.map(ms));
    }

    #[test]
    fn timings_are_those_of_the_table() {
        row(|e| e.handshake_stages().0, [5, 5, 100, 100]);
        row(|e| e.handshake_stages().1, [0, 0, 25, 25]);
        row(|e| e.stabilisation().first, [20, 15, 50, 50]);
        row(
            |e| e.stabilisation().second.unwrap_or_default(),
            [0, 0, 50, 50],
        );
        row(|e| e.detector_recovery(0), [5, 10, 25, 25]);
        row(|e| e.detector_recovery(2), [5, 10, 75, 75]);
        row(|e| e.after_welcome().unwrap_or_default(), [0, 0, 50, 50]);
        row(|e| e.in_loop_recheck().unwrap_or_default(), [0, 0, 50, 50]);
        row(
            Environment::receive_timeout,
            [25_000, 25_000, 20_000, 20_000],
        );
        row(
            Environment::heartbeat_interval,
            [25_000, 25_000, 20_000, 20_000],
        );
        row(
            Environment::heartbeat_timeout,
            [60_000, 60_000, 90_000, 75_000],
        );
        row(|e| e.redis_grace().unwrap_or_default(), [0, 200, 500, 500]);
        row(|e| e.auth_handshake_fix().0, [50, 50, 100, 100]);
        row(
            |e| e.startup_wait().map(Polls::total).unwrap_or_default(),
            [0, 0, 5000, 5000],
        );
        assert_eq!(GATE_ONE_SECOND.total(), secs(1));
        assert_eq!(GATE_THREE_SECONDS.total(), secs(3));
    }

    #[test]
    fn inner_authentication_sleeps_add_up_to_what_an_outage_costs() {
        let total = |environment: Environment| environment.auth_inner_delays().iter().sum();
        row(total, [300, 300, 12_500, 1400]);
    }

    #[test]
    fn loop_backoff_doubles_up_to_its_cap() {
        let pauses = [1, 2, 3, 6, 7, 40, u32::MAX].map(loop_backoff);
        assert_eq!(pauses, [100, 200, 400, 3200, 5000, 5000, 5000].map(ms));
    }

    #[test]
    fn ratios_are_exact() {
        assert_eq!(Ratio::new(3, 2).of(secs(15)), ms(22_500));
        let four_fifths = Ratio::new(4, 5);
        assert!(four_fifths.is_reached_by(4, 5));
        assert!(!four_fifths.is_reached_by(3, 4));
        assert!(!four_fifths.is_reached_by(0, 0));
    }

    #[test]
    fn environments_are_written_in_lower_case() {
        for environment in Environment::ALL {
            let json = serde_json::to_string(&environment).unwrap();
            assert_eq!(json, format!("\"{environment}\""));
        }
    }
}
