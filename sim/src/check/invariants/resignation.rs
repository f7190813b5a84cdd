//! Clients that stop trying; a part of [`super::waiting`] (I-15).

use std::collections::BTreeSet;

use gatesim_model::port::env::Service;

use super::rule::Finding;
use crate::{
    plan::Token,
    trace::event::{Impairment, WorldEvent},
};

/// A client that gives up waits for ever for what it wanted: nobody tries again for it when all is
/// well again. That is in order if its user has nothing to show but a bad token, or if the
/// world has lied about a good one: the authentication service called it bad, or the balancer
/// did not pass it on.
#[derive(Default)]
pub(super) struct Resignations {
    /// Whose upgrades did not arrive as they were sent.
    mangled: BTreeSet<u32>,
    /// The authentication service has given wrong answers.
    slandered: bool,
}

impl Resignations {
    /// Takes an event into account.
    pub(super) fn observe(&mut self, event: &WorldEvent) -> Option<Finding> {
        if let WorldEvent::HeaderChanged { socket, .. } = event {
            self.mangled.insert(socket.peer);
        } else if let WorldEvent::ServiceImpaired {
            service: Service::Auth,
            how: Impairment::Wrong { .. },
        } = event
        {
            self.slandered = true;
        } else if let WorldEvent::ClientDone { client } = event {
            self.mangled.remove(client);
        } else if let WorldEvent::ClientGaveUp {
            client,
            attempts,
            token: Token::Valid,
        } = event
        {
            let lied_about = self.mangled.remove(client) || self.slandered;
            return (!lied_about).then(|| Finding {
                socket: None,
                cause: "client gave up for good".into(),
                sentence: format!(
                    "client{client} gave up after {attempts} attempts although its user can show a \
                     good token: nobody will try again for it when all is well."
                ),
            });
        }
        None
    }
}
