//! Clients that give up; a part of [`super::waiting`] (I-15).
//!
//! Knows from: `ClientGaveUp`, which has the token that the client could have shown, changed headers, and
//! impairments of the authentication service.

use std::collections::BTreeSet;

use gatesim_model::port::env::Service;

use super::rule::Findings;
use crate::trace::{
    event::{Impairment, WorldEvent},
    request::Token,
};

/// A client that gives up waits for ever for what it is owed: it does not try again when every fault
/// is over. That breaks nothing if its token was bad, or if a fault made a good one look bad: the
/// authentication service rejected it, or the balancer did not pass it on.
#[derive(Default)]
pub(super) struct Resignations {
    /// Clients whose upgrades did not arrive as they were sent.
    header_changed: BTreeSet<u32>,
    /// The authentication service has given wrong answers.
    auth_was_wrong: bool,
}

impl Resignations {
    /// Takes an event into account.
    pub(super) fn observe(&mut self, event: &WorldEvent, found: &mut Findings) {
        match event {
            WorldEvent::HeaderChanged { socket, .. } => {
                self.header_changed.insert(socket.peer);
            }
            WorldEvent::ServiceImpaired {
                service: Service::Auth,
                how: Impairment::Wrong { .. },
            } => {
                self.auth_was_wrong = true;
            }
            WorldEvent::ClientDone { client } => {
                self.header_changed.remove(client);
            }
            WorldEvent::ClientGaveUp {
                client,
                attempts,
                token: Token::Valid,
            } => {
                let looked_bad = self.header_changed.remove(client) || self.auth_was_wrong;
                if !looked_bad {
                    found.add(None, "client gave up for good", || {
                        format!(
                            "client{client} gave up after {attempts} attempts although its user \
                             can show a good token: it does not try again when every fault is over."
                        )
                    });
                }
            }
            _ => {}
        }
    }
}
