//! F. What a message needs (steps 21 to 24).

use crate::{
    core::close,
    design::ServicesReadyPolicy,
    event::{CloseCause, Component},
    gateway::{app_state::REQUIRED, initializer, services},
    port::env::Env,
};

use super::{Endpoint, Leave};

impl<E: Env> Endpoint<E> {
    /// Waits for the required services, and registers this connection's handler with the router.
    /// Where SERVICES_READY is to mean something, a connection that cannot get there is not kept.
    pub(super) async fn prepare_services(&self) -> Result<(), Leave> {
        services::validate(&self.container, &self.connection).await;
        let handler = initializer::make_handler(&self.container, &self.connection).await;
        self.require(&self.container.app.missing(&REQUIRED)).await?;
        let policy = self.container.design.router_handlers;
        let router = &self.container.router;
        router.register(policy, &self.connection, handler);
        Ok(())
    }

    /// Gives up if something is missing and the design cares.
    pub(super) async fn require(&self, missing: &[Component]) -> Result<(), Leave> {
        match (self.container.design.services_ready, missing.first()) {
            (ServicesReadyPolicy::Unconditional, _) | (ServicesReadyPolicy::Checked, None) => {
                Ok(())
            }
            (ServicesReadyPolicy::Checked, Some(component)) => {
                let reason = format!("Not ready: {component}");
                let blamed = close::BlamedComponent::of(*component);
                let leave = self.give_up_for(blamed, &reason, CloseCause::NotReady);
                Err(leave.await)
            }
        }
    }
}
