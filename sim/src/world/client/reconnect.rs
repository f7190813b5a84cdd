//! When a client tries again, and when it gives up (`docs/protocol.md#client-close-reaction`,
//! `docs/protocol.md#reconnection`).

use std::time::Duration;

use gatesim_model::{
    core::close,
    design::{
        ClientBackoff, ClientBackoffReset, ClientCloseCodes, ClientGiveUp, ClientJitter, Design,
    },
};

use super::timings::{MAX_ATTEMPTS, MAX_REFUSALS, SETTLED, SOME_JITTER, Timings};

/// How an attempt or a connection ended that the client did not end itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// There was no connection, or an HTTP answer that a browser does not show.
    NotOpened,
    /// It was closed with this code; 1006 without a close frame.
    Closed(u16),
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    /// Try again after this pause, which chance lengthens by up to `jitter`.
    Again { pause: Duration, jitter: Duration },
    /// The same, and with another token if there is one.
    AgainWithNewToken(Duration),
    /// Never.
    GiveUp,
}

/// What a close code says to the client.
enum Cause {
    /// The token is no good.
    NotAuthenticated,
    /// Not now: the server is overloaded, not ready, or at fault; or the client is, and would do
    /// the same again.
    NotNow,
    /// That it is over for good.
    Final,
    /// Nothing in particular: the network, or a server that moves.
    Interrupted,
}

/// What a client remembers of its failures.
#[derive(Debug)]
pub(super) struct Reconnect {
    reset: ClientBackoffReset,
    codes: ClientCloseCodes,
    give_up: ClientGiveUp,
    backoff: ClientBackoff,
    jitter: ClientJitter,
    timings: Timings,
    failures: u32,
    refusals: u32,
}

impl Reconnect {
    /// Nothing has gone wrong yet.
    pub(super) fn new(design: &Design, timings: Timings) -> Self {
        Reconnect {
            reset: design.client_backoff_reset,
            codes: design.client_close_codes,
            give_up: design.client_give_up,
            backoff: design.client_backoff,
            jitter: design.client_jitter,
            timings,
            failures: 0,
            refusals: 0,
        }
    }

    /// The upgrade was answered.
    pub(super) fn opened(&mut self) {
        match self.reset {
            ClientBackoffReset::OnOpen => self.failures = 0,
            ClientBackoffReset::OnceSettled => {}
        }
    }

    /// A connection is over that had been welcomed and lasted for this long since.
    pub(super) fn lasted(&mut self, since_welcome: Duration) {
        if since_welcome >= SETTLED {
            self.failures = 0;
            self.refusals = 0;
        }
    }

    /// It is over. Nothing comes before the first retry, then base x 2^(n-1), capped.
    pub(super) fn ended(&mut self, ending: Ending) -> Retry {
        match self.cause(ending) {
            Cause::NotAuthenticated => {
                self.refusals += 1;
                match self.refusals >= MAX_REFUSALS {
                    true => Retry::GiveUp,
                    false => Retry::AgainWithNewToken(self.timings.auth_cooldown),
                }
            }
            Cause::Final => Retry::GiveUp,
            Cause::NotNow => self.failed(self.failures + 2),
            Cause::Interrupted => self.failed(self.failures + 1),
        }
    }

    fn cause(&mut self, ending: Ending) -> Cause {
        let code = match ending {
            Ending::NotOpened => close::ABNORMAL,
            Ending::Closed(code) => code,
        };
        match self.codes {
            ClientCloseCodes::OnlyPolicyViolation => match code {
                close::POLICY_VIOLATION => Cause::NotAuthenticated,
                _ => {
                    self.refusals = 0;
                    Cause::Interrupted
                }
            },
            ClientCloseCodes::AnyCloseIsFinal => match code {
                close::ABNORMAL => Cause::Interrupted,
                _ => Cause::Final,
            },
            ClientCloseCodes::ByCause => match code {
                close::POLICY_VIOLATION => Cause::NotAuthenticated,
                close::NORMAL
                | close::GOING_AWAY
                | close::NO_STATUS
                | close::ABNORMAL
                | close::SERVICE_RESTART => Cause::Interrupted,
                _ => Cause::NotNow,
            },
        }
    }

    /// `step` 1 is the first retry.
    fn failed(&mut self, step: u32) -> Retry {
        self.failures += 1;
        match self.give_up {
            ClientGiveUp::AfterTenAttempts if self.failures > MAX_ATTEMPTS => return Retry::GiveUp,
            ClientGiveUp::AfterTenAttempts | ClientGiveUp::Never => {}
        }
        let pause = self.pause(step);
        Retry::Again {
            pause,
            jitter: self.jitter(pause),
        }
    }

    fn pause(&self, step: u32) -> Duration {
        let Some(doublings) = step.checked_sub(2) else {
            return Duration::ZERO;
        };
        let doubled = 2_u32.saturating_pow(doublings.min(u32::BITS));
        let pause = self.timings.backoff_base.saturating_mul(doubled);
        match self.backoff {
            ClientBackoff::Capped => pause.min(self.timings.backoff_cap),
            ClientBackoff::Uncapped => pause,
            ClientBackoff::Absent => Duration::ZERO,
        }
    }

    fn jitter(&self, pause: Duration) -> Duration {
        match (self.jitter, pause.is_zero()) {
            (ClientJitter::None, _) | (ClientJitter::Some, true) => Duration::ZERO,
            (ClientJitter::Some, false) => SOME_JITTER,
            (ClientJitter::Full, true) => self.timings.backoff_base,
            (ClientJitter::Full, false) => pause,
        }
    }
}

#[cfg(test)]
mod tests {
    use gatesim_model::core::environment::Environment;

    use super::*;

    fn of(design: &str) -> Reconnect {
        let design = Design::builtin(design).expect("a built-in design");
        Reconnect::new(&design, Timings::of(Environment::Staging))
    }

    /// The pauses after the same end over and over, in seconds, until the client gives up; after
    /// each end the upgrade is answered if `opens`.
    fn pauses(design: &str, ending: Ending, opens: bool) -> (Vec<u64>, bool) {
        let mut reconnect = of(design);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            match reconnect.ended(ending) {
                Retry::Again { pause, .. } | Retry::AgainWithNewToken(pause) => {
                    pauses.push(pause.as_secs());
                }
                Retry::GiveUp => return (pauses, true),
            }
            if opens {
                reconnect.opened();
            }
        }
        (pauses, false)
    }

    #[test]
    fn without_a_connection_pauses_double_up_to_the_cap() {
        let doubling = vec![0, 1, 2, 4, 8, 16, 30, 30, 30, 30];
        assert_eq!(
            pauses("v9", Ending::NotOpened, false),
            (doubling.clone(), true)
        );
        let (sound, gave_up) = pauses("reference", Ending::NotOpened, false);
        assert_eq!((&sound[..10], gave_up), (&doubling[..], false));
    }

    #[test]
    fn d48_a_refusal_that_looks_like_a_fault_is_tried_again_at_once_for_ever() {
        assert_eq!(
            pauses("v9", Ending::Closed(1011), true),
            (vec![0; 12], false)
        );
        let (sound, _) = pauses("reference", Ending::Closed(1011), true);
        assert_eq!(sound[..4], [1, 2, 4, 8]);
    }

    #[test]
    fn three_refusals_are_enough() {
        for design in ["v9", "reference"] {
            let ending = Ending::Closed(1008);
            assert_eq!(
                pauses(design, ending, true),
                (vec![10, 10], true),
                "{design}"
            );
        }
    }

    #[test]
    fn what_makes_refusals_a_row() {
        for (design, forgets) in [("v9", true), ("reference", false)] {
            let mut reconnect = of(design);
            for _ in 0..2 {
                reconnect.ended(Ending::Closed(1008));
                reconnect.ended(Ending::Closed(1006));
            }
            let gives_up = reconnect.ended(Ending::Closed(1008)) == Retry::GiveUp;
            assert_eq!(gives_up, !forgets, "{design}");
        }
    }

    #[test]
    fn a_connection_that_held_clears_everything() {
        let mut reconnect = of("reference");
        let moved = |pause_secs, jitter| Retry::Again {
            pause: Duration::from_secs(pause_secs),
            jitter,
        };
        for _ in 0..20 {
            reconnect.ended(Ending::Closed(1008));
            reconnect.ended(Ending::NotOpened);
            reconnect.lasted(SETTLED);
        }
        assert_eq!(
            reconnect.ended(Ending::Closed(1012)),
            moved(0, Duration::ZERO)
        );
        reconnect.lasted(SETTLED / 2);
        let second = reconnect.ended(Ending::Closed(1012));
        assert_eq!(second, moved(1, SOME_JITTER));
    }

    #[test]
    fn chance_never_makes_a_pause_shorter() {
        let design = |answer: &str| {
            Design::resolve(&format!("reference+client-jitter={answer}")).expect("an answer")
        };
        let jitters = |answer: &str| {
            let timings = Timings::of(Environment::Staging);
            let mut reconnect = Reconnect::new(&design(answer), timings);
            [(); 3].map(|()| match reconnect.ended(Ending::NotOpened) {
                Retry::Again { jitter, .. } => jitter.as_millis(),
                other => panic!("{other:?}"),
            })
        };
        assert_eq!(jitters("none"), [0, 0, 0]);
        assert_eq!(jitters("some"), [0, 100, 100]);
        assert_eq!(jitters("full"), [1000, 1000, 2000]);
    }

    #[test]
    fn without_a_limit_pauses_double_for_ever() {
        let pauses = |answer: &str| {
            let design = format!("reference+client-backoff={answer}");
            let design = Design::resolve(&design).expect("an answer");
            let mut reconnect = Reconnect::new(&design, Timings::of(Environment::Staging));
            [(); 8].map(|()| match reconnect.ended(Ending::NotOpened) {
                Retry::Again { pause, .. } => pause.as_secs(),
                other => panic!("{other:?}"),
            })
        };
        assert_eq!(pauses("uncapped"), [0, 1, 2, 4, 8, 16, 32, 64]);
        assert_eq!(pauses("absent"), [0; 8]);
    }
}
