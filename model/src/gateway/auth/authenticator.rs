//! What authentication keeps for all connections of one container.
//!
//! Implements docs/protocol.md#authentication.

use super::client::AuthClient;
use crate::{
    core::breaker::Policy, event::Breaker, gateway::calls::SharedBreaker,
    historical::test_traffic::TestResults,
};

/// Authentication as one container knows it, shared by all its connections.
#[derive(Debug)]
pub struct Authenticator {
    pub(super) breaker: SharedBreaker,
    pub(super) client: AuthClient,
    pub(super) test_results: TestResults,
}

impl Default for Authenticator {
    fn default() -> Self {
        Authenticator::new()
    }
}

impl Authenticator {
    /// Closed breakers and an empty cache.
    pub fn new() -> Self {
        Authenticator {
            breaker: SharedBreaker::new(Breaker::AuthLocal, Policy::auth_local()),
            client: AuthClient::new(),
            test_results: TestResults::default(),
        }
    }
}
