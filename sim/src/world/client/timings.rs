//! The browser client's own timings and limits (`docs/protocol.md#client-close-reaction`,
//! `docs/protocol.md#heartbeat`, `docs/protocol.md#reconnection`,
//! `docs/protocol.md#token-refresh`).

use std::time::Duration;

use gatesim_model::core::environment::Environment;

/// Attempts in a row without an opened connection before a client gives up, if it ever does.
pub const MAX_ATTEMPTS: u32 = 10;
/// Closes with 1008 in a row before a client gives up.
pub const MAX_REFUSALS: u32 = 3;
/// By how much chance lengthens a pause that is not the first, where it lengthens it a little.
pub const SOME_JITTER: Duration = Duration::from_millis(100);
/// How long an impatient client waits for news of a connection that is not ready.
pub const SHORT_CONNECT_TIME: Duration = Duration::from_secs(1);
/// How long a connection must have lasted since its welcome to count as one that held.
pub const SETTLED: Duration = Duration::from_secs(5);
/// How long a client waits for the server's half of the close handshake.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long before its end a token is renewed.
pub const REFRESH_BEFORE: Duration = Duration::from_secs(300);
/// How long a token is used at least before it is renewed.
pub const REFRESH_NOT_WITHIN: Duration = Duration::from_secs(60);
/// How long until a renewal that failed, or a connection that could not be replaced, is tried
/// again: the period of the client's check.
pub const REFRESH_CHECK: Duration = Duration::from_secs(30);
/// Between the close of the old connection and the new one, where a renewal closes first.
pub const REFRESH_PAUSE: Duration = Duration::from_millis(100);
/// Connections that one client has at once; browsers have a limit of this kind for each host.
pub const MAX_SOCKETS: usize = 32;

/// What depends on the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// The second retry waits this long, the next ones twice as long each.
    pub backoff_base: Duration,
    /// The longest wait between two tries.
    pub backoff_cap: Duration,
    /// From the beginning of one attempt to that of the next, at least.
    pub least_interval: Duration,
    /// After a close with 1008.
    pub auth_cooldown: Duration,
    /// Between two pings of the client.
    pub heartbeat: Duration,
}

impl Timings {
    /// The timings of an environment.
    pub fn of(environment: Environment) -> Self {
        let (base_ms, cap, interval, cooldown, heartbeat) = match environment.is_cloud() {
            true => (1000, 30, 3, 10, 30),
            false => (100, 10, 1, 5, 15),
        };
        Timings {
            backoff_base: Duration::from_millis(base_ms),
            backoff_cap: Duration::from_secs(cap),
            least_interval: Duration::from_secs(interval),
            auth_cooldown: Duration::from_secs(cooldown),
            heartbeat: Duration::from_secs(heartbeat),
        }
    }

    /// How long a client that minds silence hears nothing before it takes the connection for dead:
    /// two of its own pings have gone unanswered by then.
    pub fn silence(&self) -> Duration {
        2 * self.heartbeat
    }
}
