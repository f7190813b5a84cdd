//! The upgrade request of a client.
//!
//! Implements docs/protocol.md#token-extraction.

use serde::{Deserialize, Serialize};

use crate::core::ids::SocketId;

/// The upgrade request as it reached the endpoint: headers may have been lost on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgrade {
    /// The connection, for the observer.
    pub socket: SocketId,
    /// The address the server sees, `host:port`; the balancer's if it hides the client's.
    pub peer_address: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The entries of `Sec-WebSocket-Protocol`, in order.
    pub subprotocols: Vec<String>,
    /// The query parameter `token`.
    pub query_token: Option<String>,
    /// Any other headers, lower-case names.
    pub headers: Vec<(String, String)>,
}
