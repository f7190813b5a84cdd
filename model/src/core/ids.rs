//! Names of the things a connection is made of.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(SmolStr);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $name(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                $name(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

text_id! {
    /// The key under which a connection's machine is registered, for example
    /// `ws_staging_1726000000000_1a2b3c4d`. The protocol makes these itself, and may make
    /// several for one socket: that is one of the things being studied.
    ConnectionId
}
text_id! {
    /// A user as the gateway knows it: `pending_auth` and the like before authentication.
    UserId
}
text_id! {
    /// The client's own id of one message it sent, unique within the run.
    MessageId
}

/// One transport connection, as the observer sees it: which peer, which of its attempts, and
/// which copy of that attempt (a balancer may send an upgrade twice). The protocol itself
/// never branches on it. Prints as `c2#1`, or `c2#1'1` for a duplicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SocketId {
    /// The peer that opened the connection, counted from 0.
    pub peer: u32,
    /// The peer's attempt, counted from 1.
    pub attempt: u16,
    /// 0 for the upgrade the peer sent, 1.. for copies made on the way.
    pub copy: u16,
}

impl SocketId {
    /// The first attempt of a peer, as it was sent.
    pub const fn first(peer: u32) -> SocketId {
        SocketId {
            peer,
            attempt: 1,
            copy: 0,
        }
    }

    /// The upgrade as its peer sent it.
    pub fn original(self) -> SocketId {
        SocketId { copy: 0, ..self }
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}#{}", self.peer, self.attempt)?;
        match self.copy {
            0 => Ok(()),
            copy => write!(f, "'{copy}"),
        }
    }
}

/// One agent run, numbered in the order of starting from the first number of its process on; see
/// [`crate::port::env::Env::process`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u32);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run{}", self.0)
    }
}
