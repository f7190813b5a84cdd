//! Which connections are admitted, and what the others are told.
//!
//! The facts are in docs/protocol.md#authentication.

use serde::{Deserialize, Serialize};

use crate::design::question::{Answer, answers};

answers! {
    /// Which connections are refused by a limit?
    AdmissionPolicy {
        /// A connection that finds the registry full.
        RegistryOnly = "registry-only",
        /// Also the 6th (10th) connection and the 11th in 60 s from one `host:port`, by a close
        /// that blames the client (D44).
        PerAddress = "per-address",
    }
    /// Is there a breaker for the endpoint as a whole?
    ModuleBreaker {
        /// No; or, what is the same, one that is never fed (D43).
        Absent = "absent",
        /// One that every failed authentication feeds, whichever side is at fault.
        AnyFailure = "any-failure",
    }
    /// Is there a state coordinator beside the machine?
    StateCoordinatorPolicy {
        /// No.
        Absent = "absent",
        /// Yes: queues of requests that a poller applies every 10 ms (D17, D18, D19).
        Poller = "poller",
    }
    /// Is there a connection-id manager beside the registry?
    IdManagerPolicy {
        /// No.
        Absent = "absent",
        /// Yes.
        Present = "present",
    }
    /// When does the process get its registry?
    RegistryCreation {
        /// When it is created.
        WithProcess = "with-process",
        /// In the last but one phase of start-up: until then a request for it gets an error,
        /// and the upgrade is closed before it was accepted.
        DuringStartup = "during-start-up",
    }
    /// What does the constructor of a machine make of the user that a connection has before
    /// authentication?
    TemporaryUser {
        /// A user like any other.
        Valid = "valid",
        /// An error, raised where none is expected (D24).
        Invalid = "invalid",
    }
    /// Which subprotocol does the server select?
    SubprotocolAnswer {
        /// `jwt-auth` if it was offered, otherwise none.
        IfOffered = "if-offered",
        /// None, regardless of the offer: a browser gives up after the 101 (D14).
        Never = "never",
    }
    /// Where is the token looked for?
    TokenSources {
        /// In every place, one after the other, until one of them holds a good one.
        Every = "every",
        /// In the first place that holds something of the right form: what a balancer has put
        /// into the header shadows the good token behind it (D11).
        FirstFound = "first-found",
        /// In the `Authorization` header, which a browser cannot set (D11).
        HeaderOnly = "header-only",
    }
    /// How is the token read that stands among the subprotocols?
    SubprotocolToken {
        /// As base64url; if that does not give a token, as it is.
        EncodedOrVerbatim = "encoded-or-verbatim",
        /// As it is: what browsers send is no token then (D14).
        VerbatimOnly = "verbatim-only",
    }
    /// What happens to traffic that is marked as an end-to-end test?
    TestBypass {
        /// Nothing: its token is validated like any other.
        Absent = "absent",
        /// Its token is accepted without validation, and the first result is used for all the
        /// others for 300 s, regardless of the user (D86).
        CachedResult = "cached-result",
        /// A name is unbound in the code that would recognise it, so that no connection is bypassed
        /// (D51).
        UnboundName = "unbound-name",
    }
    /// How often is authentication tried again?
    AuthRetry {
        /// A ladder inside a ladder.
        NestedLadders = "nested-ladders",
        /// Within one declared time.
        Bounded = "bounded",
    }
    /// What is reported when the authentication service gave no answer in the end?
    OutageVerdict {
        /// That the token is bad (D53).
        InvalidToken = "invalid-token",
        /// That authentication is unavailable.
        Unavailable = "unavailable",
        /// That the client is a guest: it is let in without a user of its own.
        Guest = "guest",
    }
    /// What feeds the authenticator's breaker, which refuses every client when open?
    AuthBreakerFeed {
        /// Any failure: five bad tokens lock every client out (D50).
        AnyFailure = "any-failure",
        /// Failures of the service.
        ServerFailuresOnly = "server-failures-only",
    }
    /// Which close code follows a failed authentication?
    AuthFailureCode {
        /// 1008 for the client's fault, 1013 if the service could not be asked.
        ByCause = "by-cause",
        /// 1008, whichever side is at fault.
        PolicyViolation = "policy-violation",
        /// 1011, whichever side is at fault (D48).
        InternalError = "internal-error",
        /// The status that an HTTP server would answer, which is no close code (D47).
        HttpStatus = "http-status",
    }
    /// By what does the gateway remember a good token, so that it need not ask again for 300 s?
    TokenCaching {
        /// By the whole of it.
        WholeToken = "whole-token",
        /// By its first part, which says how it is signed and is the same for all.
        FirstPart = "first-part",
    }
    /// How many calls go through a breaker on trial?
    BreakerTrials {
        /// Any number: each that ends well or badly moves it.
        Unlimited = "unlimited",
        /// One at a time. A trial that is cancelled never ends, and no other is begun.
        OneAtATime = "one-at-a-time",
    }
    /// Where does a message get its user from?
    UserContext {
        /// From its connection.
        Connection = "connection",
        /// From a variable of the process, which holds the user that was authenticated last.
        Process = "process",
    }
}
