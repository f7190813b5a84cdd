//! Which connections are admitted from which address (docs/protocol.md#stage-c).
//!
//! docs/protocol.md#step-10, the module's breaker, stands before it, in the endpoint.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use crate::core::{
    environment::{CONNECT_RATE_MAX, CONNECT_RATE_WINDOW},
    ids::SocketId,
    time::Time,
};

/// Addresses that are remembered at most; beyond it a new address is not counted.
pub const MAX_ADDRESSES: usize = 10_000;

/// Live connections and recent connects by `host:port` as the server sees it: the balancer's, if
/// that hides the client's.
#[derive(Debug, Default)]
pub struct Admission {
    addresses: BTreeMap<String, Address>,
}

#[derive(Debug, Default)]
struct Address {
    live: BTreeSet<SocketId>,
    connects: VecDeque<(Time, SocketId)>,
}

/// The answer to a connection that asks to be admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum AdmissionVerdict {
    /// It is counted from here on, until [`Admission::release`].
    Admitted,
    /// Too many live connections from this address (docs/protocol.md#step-11).
    TooMany {
        /// Those there are.
        live: Vec<SocketId>,
    },
    /// Too many connects from this address in the window (docs/protocol.md#step-12).
    TooFast {
        /// When the oldest of them leaves the window.
        retry_in: Duration,
        /// Those that connected.
        connects: Vec<SocketId>,
    },
}

impl Admission {
    /// Asks for admission: first the pool of `max_live`, then the rate, then the entry.
    pub fn admit(
        &mut self,
        address: &str,
        socket: SocketId,
        max_live: usize,
        now: Time,
    ) -> AdmissionVerdict {
        if self.addresses.len() >= MAX_ADDRESSES && !self.addresses.contains_key(address) {
            self.forget_idle(now);
            if self.addresses.len() >= MAX_ADDRESSES {
                return AdmissionVerdict::Admitted;
            }
        }
        let entry = self.addresses.entry(address.to_owned()).or_default();
        entry.forget_old(now);
        if entry.live.len() >= max_live {
            let live = entry.live.iter().copied().collect();
            return AdmissionVerdict::TooMany { live };
        }
        if entry.connects.len() >= CONNECT_RATE_MAX {
            let oldest = entry.connects.front().map_or(now, |(at, _)| *at);
            let retry_in = CONNECT_RATE_WINDOW.saturating_sub(now.since(oldest));
            let connects = entry.connects.iter().map(|(_, socket)| *socket).collect();
            return AdmissionVerdict::TooFast { retry_in, connects };
        }
        entry.connects.push_back((now, socket));
        entry.live.insert(socket);
        AdmissionVerdict::Admitted
    }

    /// The socket object is gone, and with it the weak reference to it. Whether it was counted.
    pub fn release(&mut self, address: &str, socket: SocketId) -> bool {
        let entry = self.addresses.get_mut(address);
        entry.is_some_and(|entry| entry.live.remove(&socket))
    }

    fn forget_idle(&mut self, now: Time) {
        self.addresses.retain(|_, entry| {
            entry.forget_old(now);
            !entry.live.is_empty() || !entry.connects.is_empty()
        });
    }
}

impl Address {
    fn forget_old(&mut self, now: Time) {
        while let Some((at, _)) = self.connects.front() {
            if now.since(*at) < CONNECT_RATE_WINDOW {
                break;
            }
            self.connects.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_secs(secs: u64) -> Time {
        Time(secs * 1_000_000_000)
    }

    #[test]
    fn the_pool_refuses_until_a_connection_ends() {
        let mut admission = Admission::default();
        for peer in 0..2 {
            let verdict = admission.admit("10.0.0.1:443", SocketId::first(peer), 2, at_secs(0));
            assert_eq!(verdict, AdmissionVerdict::Admitted);
        }
        let mut again = || admission.admit("10.0.0.1:443", SocketId::first(2), 2, at_secs(1));
        assert_eq!(
            again(),
            AdmissionVerdict::TooMany {
                live: vec![SocketId::first(0), SocketId::first(1)]
            }
        );
        assert!(admission.release("10.0.0.1:443", SocketId::first(0)));
        assert!(!admission.release("10.0.0.1:443", SocketId::first(0)));
        let mut again = || admission.admit("10.0.0.1:443", SocketId::first(2), 2, at_secs(1));
        assert_eq!(again(), AdmissionVerdict::Admitted);
    }

    #[test]
    fn the_rate_counts_connects_of_the_last_minute_by_address() {
        let mut admission = Admission::default();
        for peer in 0..10 {
            let verdict =
                admission.admit("a:1", SocketId::first(peer), 100, at_secs(u64::from(peer)));
            assert_eq!(verdict, AdmissionVerdict::Admitted);
        }
        let verdict = admission.admit("a:1", SocketId::first(10), 100, at_secs(20));
        let retry_in = Duration::from_secs(40);
        let connects = (0..10).map(SocketId::first).collect();
        assert_eq!(verdict, AdmissionVerdict::TooFast { retry_in, connects });
        let elsewhere = admission.admit("b:1", SocketId::first(10), 100, at_secs(20));
        assert_eq!(elsewhere, AdmissionVerdict::Admitted);
        let later = admission.admit("a:1", SocketId::first(10), 100, at_secs(60));
        assert_eq!(later, AdmissionVerdict::Admitted);
    }
}
