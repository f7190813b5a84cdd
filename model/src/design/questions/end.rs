//! How things are timed, and how a connection and a container end.
//!
//! The facts are in docs/protocol.md#stage-j and docs/protocol.md#heartbeat.

use serde::{Deserialize, Serialize};

use crate::design::question::{Answer, answers};

answers! {
    /// Which clock tells how long something took: a silence, a cool-down, the age of an entry?
    ClockSource {
        /// The wall clock, which may be set while the process runs.
        Wall = "wall",
        /// One that only goes on.
        Monotonic = "monotonic",
    }
    /// What tells the heartbeat that the peer is there?
    HeartbeatSign {
        /// An answer to one of its pings, and nothing else: a ping that waits behind data is
        /// answered late, and a peer that sends all the time is declared dead.
        Pong = "pong",
        /// Any frame from it.
        AnyFrame = "any-frame",
    }
    /// What does the heartbeat do when it gives up?
    HeartbeatFailure {
        /// It ends without a report.
        Leave = "leave",
        /// It closes the connection.
        Close = "close",
        /// It closes the connection as if all was well.
        CloseNormally = "close-normally",
    }
    /// What is removed when a connection ends?
    CleanupPolicy {
        /// Neither the machine nor the router's handler nor the identity (D21, D39).
        Never = "never",
        /// The identity, if the disconnect came as an exception (D22).
        OnExceptionPath = "on-exception-path",
        /// Everything, always, after CLOSING and CLOSED.
        Always = "always",
        /// Everything, but only of a connection that has a user.
        IfAuthenticated = "if-authenticated",
    }
    /// What does a connection in set-up make of the container being asked to stop?
    StopInSetup {
        /// It is closed for that.
        GoingAway = "going-away",
        /// The step in progress swallows the cancellation and reports that it has failed, and the
        /// connection is closed for that (D82).
        StepFailed = "step-failed",
        /// It is closed for that, even if it is still being accepted.
        GoingAwayUnaccepted = "going-away-unaccepted",
    }
    /// When is the machine of a connection removed that the endpoint closes?
    MachineRemoval {
        /// Before the close: while that is under way the connection has no machine.
        BeforeClose = "before-close",
        /// With everything else, once the connection has ended.
        AtTheEnd = "at-the-end",
    }
    /// What does the process do when it is asked to stop (SIGTERM)?
    ShutdownPolicy {
        /// Nothing: it serves on until the grace period is over and it is killed, as a process does
        /// that a shell started which keeps the signal to itself.
        Ignored = "ignored",
        /// It exits at once, which is what a process does that has no handler for the signal.
        ExitsAtOnce = "exits-at-once",
        /// It refuses new connections, lets runs finish for a short time, and closes.
        Drained = "drained",
        /// The same, but it closes one connection after the other, accepted or not, and the first
        /// failure ends the round.
        DrainedUntilAFailure = "drained-until-a-failure",
    }
    /// Which task pings the peers of a container?
    HeartbeatTask {
        /// One for each connection.
        OneEach = "one-each",
        /// One for all, in a round: the first ping that fails ends it.
        OneForAll = "one-for-all",
        /// None.
        None = "none",
    }
    /// What happens to the tasks of a connection that ends?
    TaskStop {
        /// They are cancelled and awaited.
        Cancelled = "cancelled",
        /// They are awaited until they end by themselves.
        Awaited = "awaited",
        /// They are forgotten.
        Forgotten = "forgotten",
    }
    /// How fast does a container that stops close its connections?
    DrainPace {
        /// All at once.
        AtOnce = "at-once",
        /// One after the other, spread over the time that it has.
        Spread = "spread",
    }
}
