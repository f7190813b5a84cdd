//! What the page does in the browser.
//!
//! The facts are in docs/protocol.md#client-queues, docs/protocol.md#client-close-reaction and
//! docs/protocol.md#reconnection.

use serde::{Deserialize, Serialize};

use crate::design::question::{Answer, answers};

answers! {
    /// When does a client open a connection (D54)?
    ClientConnect {
        /// When it has a token, and if it has no connection already.
        WhenAuthenticated = "when-authenticated",
        /// At once: if its token is not there yet, then without one (D54).
        AtOnce = "at-once",
        /// Whenever its token or the state of its connection changes, instead of the connection
        /// that it has (D54).
        OnEveryChange = "on-every-change",
    }
    /// When does a client send its messages?
    ClientFlush {
        /// As soon as the upgrade is answered, long before the server is ready (D59).
        OnOpen = "on-open",
        /// Once it is welcomed.
        AfterWelcome = "after-welcome",
    }
    /// What happens to a message that a client handed to a connection which then ended?
    ClientResend {
        /// Nothing: it is off the client's queue (D59).
        Never = "never",
        /// It is sent again, with the same id, until it is answered in full or reported as failed.
        UntilAnswered = "until-answered",
    }
    /// Which close codes does a client distinguish?
    ClientCloseCodes {
        /// 1008 is a refusal; any other is the network's fault, and forgives earlier refusals.
        OnlyPolicyViolation = "only-policy-violation",
        /// 1008 is a refusal; an interruption is tried again at once; after anything else the
        /// client waits first.
        ByCause = "by-cause",
        /// A close that arrives is the end, whichever code it has; only a broken connection is tried again.
        AnyCloseIsFinal = "any-close-is-final",
    }
    /// When does a client forget its failures, and begin again without a pause?
    ClientBackoffReset {
        /// When the upgrade is answered, which says nothing about what follows (D48).
        OnOpen = "on-open",
        /// When a connection ends that had lasted for 5 s since its welcome: a server that says
        /// yes before no is not healthy either.
        OnceSettled = "once-settled",
    }
    /// When does a client give up that cannot get a connection?
    ClientGiveUp {
        /// After ten attempts in a row, though an outage may last longer.
        AfterTenAttempts = "after-ten-attempts",
        /// Not while it wants something.
        Never = "never",
    }
    /// Which socket's events does a client handle (D54)?
    ClientHandlers {
        /// That of any socket it ever opened: the late end of an old one is taken for the end
        /// of the present one (D54).
        AnySocket = "any-socket",
        /// That of the present one, and of its successor.
        CurrentSocket = "current-socket",
    }
    /// How does a client change over to a new token?
    TokenRefresh {
        /// It closes, waits 100 ms and connects; in between it connects with the token it has,
        /// even if that has expired (D54).
        CloseThenConnect = "close-then-connect",
        /// It connects, and closes the old connection once the new one is welcome; it connects
        /// with no token that it knows to be bad.
        ConnectThenSwitch = "connect-then-switch",
    }
    /// What does a client do with a connection on which it receives nothing, not even answers to
    /// its pings?
    ClientSilence {
        /// Nothing: it relies on the network to report the end.
        Ignored = "ignored",
        /// It closes it and opens another.
        Reconnect = "reconnect",
    }
    /// How do the pauses grow between the attempts of a client that cannot get a connection?
    ClientBackoff {
        /// They double, up to a limit.
        Capped = "capped",
        /// They double for ever.
        Uncapped = "uncapped",
        /// Not at all: there are none but the least interval between two attempts.
        Absent = "absent",
    }
    /// By how much does chance lengthen these pauses?
    ClientJitter {
        /// By nothing.
        None = "none",
        /// By up to 100 ms, but for the first.
        Some = "some",
        /// By up to their own length, and the first by up to that of the second.
        Full = "full",
    }
    /// How long does a client wait for the welcome of a connection?
    ClientConnectTime {
        /// As long as it would bear silence on an established one.
        AsLongAsSilence = "as-long-as-silence",
        /// A second.
        OneSecond = "one-second",
    }
    /// Which events does a client count among those that it has, when it asks for the rest?
    ClientPosition {
        /// Every one that it received.
        EveryEvent = "every-event",
        /// Those that it received while they were new, and not those that it was given again.
        NewEvents = "new-events",
    }
    /// When does a client take a message for answered?
    ClientAnswered {
        /// With the last event, or with an error.
        AtTheEnd = "at-the-end",
        /// With the first event.
        AtTheFirstEvent = "at-the-first-event",
    }
}
