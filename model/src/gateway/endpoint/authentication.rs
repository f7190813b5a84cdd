//! D and E. The user of the connection, and its manager (docs/protocol.md#stage-d,
//! docs/protocol.md#stage-e).

use crate::{
    core::{
        close::{INTERNAL_ERROR, POLICY_VIOLATION, TRY_AGAIN_LATER},
        coordinator::MovePriority,
        environment::AFTER_ERROR_MESSAGE,
        ids::UserId,
        message::{ErrorCode, Notice},
    },
    design::{AuthFailureCode, EarlyFrames, ServicesReadyPolicy},
    event::{CloseCause, CoordinatorState, Step},
    gateway::{
        auth::{self, AuthFailure},
        managers::{self, TooManyManagers},
    },
    port::env::Env,
};

use super::{Endpoint, Leave};

impl<E: Env> Endpoint<E> {
    /// docs/protocol.md#stage-d.
    pub(super) async fn authenticate(&self) -> Result<UserId, Leave> {
        self.enter_coordinator();
        match auth::authenticate(&self.container, &self.connection).await {
            Ok(user) => {
                // Always refused: AUTHENTICATING was not requested before.
                self.ask_coordinator(CoordinatorState::FactoryCreating, MovePriority::High);
                self.connection.bind_user(&user);
                self.make_client_id(&user);
                self.bind_identity(&user);
                match self.container.design.early_frames {
                    EarlyFrames::DispatchedOnceKnown => self.start_reader(),
                    EarlyFrames::ReceiveBuffer | EarlyFrames::Dispatched | EarlyFrames::Queued => {}
                }
                self.feed_module_breaker(None);
                Ok(user)
            }
            Err(failure) => {
                self.feed_module_breaker(Some(failure));
                self.ask_coordinator(CoordinatorState::Failed, MovePriority::High);
                Err(self.refuse_user(failure).await)
            }
        }
    }

    /// docs/protocol.md#step-17. The close code follows from the classification by the code, not
    /// from the actual cause.
    async fn refuse_user(&self, failure: AuthFailure) -> Leave {
        self.connection.send_error(failure.error, None).await;
        self.container.env.sleep(AFTER_ERROR_MESSAGE).await;
        self.ask_coordinator(CoordinatorState::Failed, MovePriority::Critical);
        self.leave_coordinator(Step::Authenticate);
        let code = match self.container.design.auth_failure_code {
            AuthFailureCode::PolicyViolation => POLICY_VIOLATION,
            AuthFailureCode::InternalError => INTERNAL_ERROR,
            AuthFailureCode::HttpStatus => match failure.error {
                ErrorCode::NoToken | ErrorCode::ValidationFailed => 401,
                ErrorCode::AuthServiceError | ErrorCode::ServiceUnavailable => 503,
                ErrorCode::FormatError
                | ErrorCode::MessageTooLarge
                | ErrorCode::AgentFailed
                | ErrorCode::OutcomeUnknown
                | ErrorCode::NotReady
                | ErrorCode::InternalError => 500,
            },
            AuthFailureCode::ByCause => match failure.error {
                ErrorCode::NoToken | ErrorCode::ValidationFailed => POLICY_VIOLATION,
                ErrorCode::AuthServiceError | ErrorCode::ServiceUnavailable => TRY_AGAIN_LATER,
                ErrorCode::FormatError
                | ErrorCode::MessageTooLarge
                | ErrorCode::AgentFailed
                | ErrorCode::OutcomeUnknown
                | ErrorCode::NotReady
                | ErrorCode::InternalError => INTERNAL_ERROR,
            },
        };
        self.close(code, "Authentication failed", failure.cause)
            .await
    }

    /// docs/protocol.md#stage-e. Without a manager the connection goes on and the client is told,
    /// or it is given up, as with anything else that is missing.
    pub(super) async fn create_manager(&self, user: &UserId) -> Result<(), Leave> {
        let created = managers::create(&self.container, &self.connection, user).await;
        match (created, self.container.design.services_ready) {
            (Ok(()), _) => {}
            (Err(TooManyManagers), ServicesReadyPolicy::Unconditional) => {
                // If the send fails, the peer is gone, and the next receive finds out.
                let _ = self
                    .connection
                    .send_notice(Notice::DegradedModeActive)
                    .await;
            }
            (Err(TooManyManagers), ServicesReadyPolicy::Checked) => {
                let reason = "Too many connections of one user";
                return Err(self.give_up(reason, CloseCause::Overload).await);
            }
        }
        self.ask_coordinator(CoordinatorState::ManagerReady, MovePriority::Normal);
        self.ask_coordinator(CoordinatorState::EventDeliveryActive, MovePriority::Normal);
        Ok(())
    }
}
