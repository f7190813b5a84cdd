//! The invariants: named rules over the stream of events (`docs/protocol.md#invariants`).
//!
//! A rule sees events, one at a time, as they happen, and nothing else. It cannot influence the
//! run, does not know which design is running, and costs no more than a look-up among what is
//! live at the time. Everything about a connection is forgotten when the connection is over, and
//! everything in a container when the container is gone, so a long run needs no more memory than
//! a short one.
//!
//! - [`rule`]: what a rule is, and where it reports what it finds;
//! - [`checker`]: shows each event to the rules concerned;
//! - [`limits`]: the declared bounds, and what they are derived from;
//! - [`view`]: what is live, as far as several rules need it;
//! - [`deadlines`]: what must happen before a point in virtual time;
//! - the rules themselves, one file for one subject: [`readiness`], [`machines`], [`setup`],
//!   [`leftovers`], [`messages`] with [`answers`], [`event_order`] with [`message_order`],
//!   [`runs`], [`isolation`], [`close`], [`waiting`] with [`locks`], [`obligations`] and
//!   [`resignation`], [`agreement`], [`storm`], [`containment`], [`silence`], [`errors`].

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

mod agreement;
mod answers;
mod checker;
mod close;
mod containment;
mod deadlines;
mod errors;
mod event_order;
mod event_sequence;
mod isolation;
mod leftovers;
mod limits;
mod locks;
mod machines;
mod message_order;
mod messages;
mod obligations;
mod readiness;
mod resignation;
mod rule;
mod runs;
mod setup;
mod silence;
mod storm;
#[cfg(test)]
mod tests;
mod view;
mod waiting;

use rule::Rule;

use crate::check::premises::Premise;

pub use checker::Checker;
pub use limits::Limits;

/// Declares the invariants: a row for each, with its name, its number, when it is judged, what must
/// have occurred for it to have been tested, its rule, and what it states.
macro_rules! invariants {
    (
        $($variant:ident => $name:literal, $number:literal, $kind:ident, $premise:ident, $rule:expr, $statement:literal;)*
    ) => {
        /// An invariant by name.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "kebab-case")]
        pub enum Invariant {
            $(#[doc = $statement] $variant,)*
        }

        impl Invariant {
            /// Every invariant, the headline first.
            pub const ALL: &'static [Invariant] = &[$(Invariant::$variant,)*];

            /// The name as it is printed, parsed and serialised.
            pub fn name(self) -> &'static str {
                match self { $(Invariant::$variant => $name,)* }
            }

            /// Its number in `docs/protocol.md#invariants`, `I-05` for example.
            pub fn number(self) -> &'static str {
                match self { $(Invariant::$variant => $number,)* }
            }

            /// Whether it is judged at an event or at a deadline.
            pub fn kind(self) -> InvariantKind {
                match self { $(Invariant::$variant => InvariantKind::$kind,)* }
            }

            /// What must have occurred in a run for it to have been put to the test.
            pub fn premise(self) -> Premise {
                match self { $(Invariant::$variant => Premise::$premise,)* }
            }

            /// What it states, in one sentence.
            pub fn statement(self) -> &'static str {
                match self { $(Invariant::$variant => $statement,)* }
            }

            /// A rule that judges it within these bounds.
            fn rule(self, limits: &Limits) -> Box<dyn Rule> {
                let make: fn(&Limits) -> Box<dyn Rule> = match self {
                    $(Invariant::$variant => $rule,)*
                };
                make(limits)
            }
        }
    };
}

invariants! {
    NeverReadyWithoutMachine => "never-ready-without-machine", "I-05", Always, ReadyDeclared,
        |_| Box::new(readiness::NeverReadyWithoutMachine),
        "No part of the gateway declares a connection ready under an id that has no registered machine.";
    NoInternalError => "no-internal-error", "I-01", Always, EndpointEntered,
        |_| Box::new(errors::NoInternalError),
        "No step of a connection's life ends in an unbound name or another internal error, caught or not.";
    OneMachinePerConnection => "one-machine-per-connection", "I-02", Always, MachineThere,
        |_| Box::new(machines::OneMachinePerConnection),
        "A live connection owns one registered machine, without a gap, and shares it with no other connection.";
    IdsAgree => "ids-agree", "I-03", Always, IdAssigned,
        |_| Box::new(machines::IdsAgree::default()),
        "Machine, socket, manager, message loop, monitor and heartbeat of one connection use one id.";
    SetupNeverGoesBack => "setup-never-goes-back", "I-04", Always, MachineMoved,
        |_| Box::new(machines::SetupNeverGoesBack::default()),
        "A connection's set-up never falls back to an earlier state, except out of FAILED or RECONNECTING.";
    NoMessageBeforeReady => "no-message-before-ready", "I-05", Always, MessageDispatched,
        |_| Box::new(readiness::NoMessageBeforeReady),
        "No client message is dispatched unless the connection's machine exists and is ready.";
    ServicesReadyIsTrue => "services-ready-is-true", "I-06", Always, ServicesDeclaredReady,
        |_| Box::new(readiness::ServicesReadyIsTrue),
        "A machine enters SERVICES_READY only while every required component of its container is there.";
    WelcomeAfterReady => "welcome-after-ready", "I-07", Always, WelcomeSent,
        |_| Box::new(readiness::WelcomeAfterReady),
        "The welcome is sent only while the connection's machine is ready.";
    SetupEndsInTime => "setup-ends-in-time", "I-08", Eventually, ConnectionAccepted,
        |limits| Box::new(setup::SetupEndsInTime::new(limits)),
        "An accepted connection becomes ready, or is closed explicitly, within the declared bound.";
    NothingLeftBehind => "nothing-left-behind", "I-09", Eventually, TransportOver,
        |limits| Box::new(leftovers::NothingLeftBehind::new(limits)),
        "Once the transport has ended, no machine, table entry or task of the connection stays beyond the declared bound.";
    NoClientMessageLost => "no-client-message-lost", "I-10", Eventually, MessageSent,
        |limits| Box::new(messages::NoClientMessageLost::new(limits)),
        "A message is executed at most once in the whole world, and answered in full or reported as failed to the client that sent it, unless its connection ends with a code that says otherwise.";
    EventsInOrder => "events-in-order", "I-11", Always, EventReceived,
        |_| Box::new(event_order::EventsInOrder::default()),
        "A client receives the events of a run in the order of emission, each at most once, and its messages are executed in the order in which they arrived.";
    FiveEventsComplete => "five-events-complete", "I-12", Eventually, RunEventEmitted,
        |limits| Box::new(runs::FiveEventsComplete::new(limits)),
        "Every event of a run is handed to a live connection, or stored and replayed, or reported to its producer as failed; and every run ends.";
    UsersIsolated => "users-isolated", "I-13", Always, SecondClient,
        |_| Box::new(isolation::UsersIsolated::default()),
        "What belongs to one user reaches no other user and no client that did not ask, and is executed for no other user.";
    CloseTellsTheTruth => "close-tells-the-truth", "I-14", Always, EndedByServer,
        |limits| Box::new(close::CloseTellsTheTruth::new(limits)),
        "Every connection that the server ends is closed with a legal code that names the cause, and the client sees that code.";
    NothingWaitsForever => "nothing-waits-forever", "I-15", Eventually, MessageSent,
        |limits| Box::new(waiting::NothingWaitsForever::new(limits)),
        "Every lock is acquired in time, no task blocks its process, and once every fault is over each client is served what it is still owed within the bound of the protocol's own time-outs.";
    ViewsAgree => "views-agree", "I-16", Eventually, MachineThere,
        |limits| Box::new(agreement::ViewsAgree::new(limits)),
        "Handshake, machine, state coordinator and id manager do not contradict each other about ready and gone.";
    ClientsDoNotStorm => "clients-do-not-storm", "I-17", Always, Reconnected,
        |limits| Box::new(storm::ClientsDoNotStorm::new(limits)),
        "A client that is refused makes no more attempts within a window than a sound back-off allows.";
    FailuresStayLocal => "failures-stay-local", "I-18", Always, Refused,
        |_| Box::new(containment::FailuresStayLocal::default()),
        "No client is refused because of failures or connections that only other users' clients have caused.";
    TransportDiscipline => "transport-discipline", "I-19", Always, EndpointEntered,
        |_| Box::new(errors::TransportDiscipline),
        "The application never breaks the rules of the transport: nothing before accept, one accept, one receiver, nothing after close.";
    DeadPeersAreNoticed => "dead-peers-are-noticed", "I-20", Eventually, PeerSilent,
        |limits| Box::new(silence::DeadPeersAreNoticed::new(limits)),
        "A peer that is silent for interval, time-out and slack of the heartbeat is closed, and one that answers is never declared dead.";
}

/// When an invariant is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InvariantKind {
    /// At every event: it breaks when something happens.
    Always,
    /// Within a bound: it also breaks when something does not happen in time.
    Eventually,
}

impl fmt::Display for InvariantKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            InvariantKind::Always => "always",
            InvariantKind::Eventually => "eventually",
        })
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Invariant {
    type Err = UnknownInvariant;

    fn from_str(text: &str) -> Result<Self, UnknownInvariant> {
        Self::ALL
            .iter()
            .copied()
            .find(|invariant| invariant.name() == text)
            .ok_or_else(|| UnknownInvariant(text.to_owned()))
    }
}

/// A name that no invariant has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown invariant `{0}`; invariants are {names}", names = all_names())]
pub struct UnknownInvariant(pub String);

fn all_names() -> String {
    let names: Vec<&str> = Invariant::ALL.iter().map(|i| i.name()).collect();
    names.join(", ")
}
