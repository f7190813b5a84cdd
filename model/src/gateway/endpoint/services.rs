//! F. What a message needs (docs/protocol.md#stage-f).

use crate::{
    core::{close, message::Notice},
    design::{MissingServices, ServicesReadyPolicy},
    event::{CloseCause, Component},
    gateway::{app_state::REQUIRED, router::AgentHandler, services},
    port::env::Env,
};

use super::{Endpoint, Leave};

/// What an agent run is built on.
const BUILDABLE: [Component; 2] = [Component::AgentSupervisor, Component::ThreadService];

impl<E: Env> Endpoint<E> {
    /// Waits for the required services, and registers this connection's handler with the router.
    /// Where SERVICES_READY is to mean something, a connection that cannot get there is not kept.
    pub(super) async fn prepare_services(&self) -> Result<(), Leave> {
        services::validate(&self.container, &self.connection).await;
        let handler = self.make_handler().await;
        self.require(&self.container.app.missing(&REQUIRED)).await?;
        let policy = self.container.design.router_handlers;
        let router = &self.container.router;
        router.register(policy, &self.connection, handler);
        Ok(())
    }

    /// The handler that this connection registers with the router (docs/protocol.md#step-24): the
    /// real one if the services it needs are there, or are reported to be there after an attempt to
    /// build them, otherwise the fallback.
    async fn make_handler(&self) -> AgentHandler {
        let container = &self.container;
        let missing = container.app.missing(&BUILDABLE);
        if missing.is_empty() {
            return AgentHandler::Supervisor;
        }
        match container.design.missing_services {
            MissingServices::Startup => return AgentHandler::Fallback,
            MissingServices::OneInitializer => {}
        }
        // Progress is optional: the next receive finds out if the client is gone.
        let _ = self.connection.send_notice(Notice::Initializing).await;
        let (env, app) = (&container.env, &container.app);
        let never_ready = &container.settings.never_ready;
        let socket = self.connection.socket_id();
        let initializer = &container.initializer;
        let built = initializer.initialize(env, app, never_ready, socket, &missing);
        match built.await {
            true => AgentHandler::Supervisor,
            false => AgentHandler::Fallback,
        }
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
