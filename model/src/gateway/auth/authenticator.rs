//! What authentication keeps for all connections of one container.
//!
//! Implements docs/protocol.md#authentication.

use std::cell::RefCell;

use super::client::AuthClient;
use crate::{
    core::{breaker::Policy, ids::UserId},
    design::Design,
    event::Breaker,
    gateway::calls::SharedBreaker,
    historical::test_traffic::TestResults,
};

/// Authentication as one container knows it, shared by all its connections.
#[derive(Debug)]
pub struct Authenticator {
    pub(super) breaker: SharedBreaker,
    pub(super) client: AuthClient,
    pub(super) test_results: TestResults,
    /// The user that was authenticated last, on any connection.
    latest: RefCell<Option<UserId>>,
}

impl Authenticator {
    /// Closed breakers and an empty cache.
    pub fn new(design: &Design) -> Self {
        let (policy, trials) = (Policy::auth_local(), design.breaker_trials);
        Authenticator {
            breaker: SharedBreaker::new(Breaker::AuthLocal, policy, trials),
            client: AuthClient::new(design),
            test_results: TestResults::default(),
            latest: RefCell::default(),
        }
    }

    /// A user was authenticated.
    pub(super) fn note_latest(&self, user: &UserId) {
        *self.latest.borrow_mut() = Some(user.clone());
    }

    /// The user that was authenticated last.
    pub(crate) fn latest(&self) -> Option<UserId> {
        self.latest.borrow().clone()
    }
}
