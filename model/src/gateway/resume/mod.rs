//! What a message that starts an agent run comes to: it is claimed and executed, or it is being
//! executed already and the connection is given what it does not have.
//!
//! A client sends a message again, on its next connection, until it has the answer. A message is
//! executed at most once, and its answer is given to every connection that asks for it:
//!
//! - [`Asked`]: a message, the connection that asks, and the claim ([`claim`]);
//! - [`answer`]: the journal of a run on its way to one connection.

mod answer;
mod claim;
#[cfg(test)]
mod tests;

use std::rc::Rc;

pub use answer::{MAX_ANSWERS, POLL_EVERY};
pub use claim::CLAIM_LIMIT;
pub(crate) use claim::Claim;

use crate::{
    core::{ids::UserId, ledger::MessageKey, message::RunRequest},
    design::MessageLedger,
    gateway::{connection::Connection, container::Container, router::AgentHandler},
    port::env::Env,
};

/// A message that starts an agent run, and the connection that asks.
pub(crate) struct Asked<E: Env> {
    pub(crate) container: Rc<Container<E>>,
    pub(crate) connection: Rc<Connection<E>>,
    pub(crate) user: UserId,
    pub(crate) request: RunRequest,
    pub(crate) handler: AgentHandler,
}

impl<E: Env> Asked<E> {
    /// The user that sent the message, and its id.
    fn key(&self) -> MessageKey {
        let message = &self.request.id;
        MessageKey {
            user: self.user.clone(),
            message: match self.container.design.message_ledger {
                MessageLedger::None
                | MessageLedger::PerContainer
                | MessageLedger::SharedStore
                | MessageLedger::LookedUpFirst => message.clone(),
                MessageLedger::PerConnection => {
                    format!("{message} on {}", self.connection.id()).into()
                }
            },
        }
    }
}
