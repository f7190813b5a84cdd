//! Marks by name: rare states that a scenario may promise to reach now and then.
//!
//! What sets them lies above, in [`crate::check::marks`]; a scenario file only names them.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! marks {
    ($($variant:ident => $name:literal, $statement:literal;)*) => {
        /// A rare state by name.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        pub enum Mark {
            $(#[doc = $statement] #[serde(rename = $name)] $variant,)*
        }

        impl Mark {
            /// Every mark, in the order of a connection's life.
            pub const ALL: &'static [Mark] = &[$(Mark::$variant,)*];

            /// The name as it is printed, parsed and serialised.
            pub fn name(self) -> &'static str {
                match self { $(Mark::$variant => $name,)* }
            }

            /// What has happened in a run that has it, in one sentence.
            pub fn statement(self) -> &'static str {
                match self { $(Mark::$variant => $statement,)* }
            }
        }
    };
}

marks! {
    UpgradeOvertook => "upgrade-overtook",
        "An upgrade overtook an earlier one in the balancer.";
    DuplicateUpgrade => "duplicate-upgrade",
        "The balancer passed one upgrade to containers more than once.";
    HeaderChanged => "header-changed",
        "The balancer stripped or mangled a header of an upgrade.";
    RefusedBeforeEndpoint => "refused-before-endpoint",
        "An upgrade was answered with an HTTP error before the endpoint saw it.";
    CloseBeforeAccept => "close-before-accept",
        "The endpoint closed a connection before it had accepted it.";
    RegistryFull => "registry-full",
        "A machine was not registered because the registry was full.";
    AddressLimited => "address-limited",
        "A connection was refused because of others from its address.";
    BreakerOpened => "breaker-opened",
        "A breaker opened.";
    BreakerRefused => "breaker-refused",
        "An open breaker refused a call.";
    BreakerHalfOpen => "breaker-half-open",
        "An open breaker let a call through on trial.";
    BreakerClosedAgain => "breaker-closed-again",
        "A breaker closed after a trial.";
    EarlyFrame => "early-frame-queued",
        "A message arrived before its connection was ready, and was executed later.";
    MessageRefused => "message-refused",
        "A message was answered with an error instead of being executed.";
    LockContended => "lock-contended",
        "A task asked for a lock that another task held.";
    EventStored => "event-stored",
        "An agent event could not be handed over and was kept.";
    ReplayedAfterReconnect => "replayed-after-reconnect",
        "An agent event that had been kept reached a client.";
    RunOutlivedConnection => "run-finished-after-connection-ended",
        "An agent run was completed after the endpoint of its connection had ended.";
    DrainedRunFinished => "drained-run-finished",
        "An agent run was completed in a container that had been asked to stop.";
    ReconnectedElsewhere => "reconnected-elsewhere",
        "A client was welcomed by another container than before.";
    ResumedElsewhere => "resumed-on-another-container",
        "A client received events of its message through another container than the one that began to execute it.";
    MessageSentAgain => "message-sent-again",
        "A client sent a message again over another connection.";
    MessageResumed => "message-resumed",
        "A message that was sent again was recognised, and its answer went on.";
    TokenRenewed => "token-renewed",
        "A client had its token renewed.";
    TwoTabsReady => "two-tabs-ready",
        "Two clients of one user were ready at the same time.";
    PeerVanishedNoticed => "peer-vanished-noticed",
        "A connection was closed because its peer had become silent.";
    IdleConnectionCut => "idle-connection-cut",
        "The balancer ended a connection on which nothing had happened.";
    FrameOvertook => "frame-overtook",
        "A frame overtook an earlier one of its connection.";
    ContainerReplacedDuringSetup => "container-replaced-during-setup",
        "A container ended while it was setting up a connection.";
    StalledDuringSetup => "stalled-during-setup",
        "A container was stalled while it was setting up a connection.";
    ServiceLostDuringSetup => "service-lost-during-setup",
        "A service went down or was impaired while a connection was being set up.";
    LinkCutDuringSetup => "link-cut-during-setup",
        "A link was cut while a connection was being set up.";
    ClockSet => "clock-set",
        "The clock of a container jumped.";
    WelcomedAfterHealing => "welcomed-after-healing",
        "A client was welcomed after every fault was over.";
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mark {
    type Err = UnknownMark;

    fn from_str(text: &str) -> Result<Self, UnknownMark> {
        let mut all = Self::ALL.iter().copied();
        all.find(|mark| mark.name() == text)
            .ok_or_else(|| UnknownMark(text.to_owned()))
    }
}

/// A name that no mark has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown mark `{0}`; `gatesim list marks` shows those there are")]
pub struct UnknownMark(pub String);
