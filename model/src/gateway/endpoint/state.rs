//! B and C. The connection gets an id and a machine, settles, and is admitted
//! (docs/protocol.md#stage-b, docs/protocol.md#stage-c).

use crate::{
    core::{
        admission::AdmissionVerdict,
        close::{INTERNAL_ERROR, POLICY_VIOLATION, TRY_AGAIN_LATER},
        environment::Environment,
        identity,
        ids::ConnectionId,
        state::ConnectionState,
    },
    design::{
        AdmissionPolicy, HandshakePlacement, MissingMachine, ModuleBreaker, PreliminaryId,
        SetupMachine, StabilisationPolicy, TemporaryUser,
    },
    event::{AdmissionLimit, Blame, CloseCause, Event, IdentityState, Step, Table},
    gateway::auth::AuthFailure,
    historical::pauses,
    port::{env::Env, socket::Socket},
};

use super::{Endpoint, ExitPath, Leave, machines::NotRegistered};

impl<E: Env> Endpoint<E> {
    /// docs/protocol.md#step-7. Nothing suspends between the id and ACCEPTED.
    pub(super) async fn initialise_state(&self) -> Result<(), Leave> {
        let id = self.make_preliminary_id();
        self.create_identity(&id);
        let user = match self.container.design.preliminary_id {
            PreliminaryId::SecondGranular => identity::pending_user(),
            PreliminaryId::MillisecondObject | PreliminaryId::IdManager | PreliminaryId::Unique => {
                identity::temporary_user(self.container.environment)
            }
        };
        match self.container.design.temporary_user {
            TemporaryUser::Valid => {}
            TemporaryUser::Invalid => {
                self.unbound_name(Step::InitializeState, "the temporary user is not valid");
                return Err(Leave {
                    cause: CloseCause::ServerFault,
                    path: ExitPath::ErrorRaised,
                });
            }
        }
        match self.register(&id, &user) {
            Ok(machine) => {
                self.connection.attach_id(&id);
                self.move_identity(IdentityState::Initialized);
                self.transition(&machine, ConnectionState::Accepted, "upgrade accepted");
                Ok(())
            }
            Err(failure) => match self.container.design.missing_machine {
                MissingMachine::Ready => {
                    let fresh = self.container.env.fresh(self.connection.socket_id());
                    let now = self.container.env.now();
                    self.connection
                        .attach_id(&identity::fallback_id(now, fresh));
                    Ok(())
                }
                MissingMachine::NotReady => Err(self.refuse_registration(failure).await),
            },
        }
    }

    async fn refuse_registration(&self, failure: NotRegistered) -> Leave {
        match failure {
            NotRegistered::Full => {
                let reason = "Too many connections";
                self.close(TRY_AGAIN_LATER, reason, CloseCause::Overload)
                    .await
            }
            NotRegistered::Taken => {
                let reason = "Connection id is taken";
                self.close(INTERNAL_ERROR, reason, CloseCause::ServerFault)
                    .await
            }
        }
    }

    fn make_preliminary_id(&self) -> ConnectionId {
        let environment = self.container.environment;
        let now = self.container.env.now();
        let fresh = || self.container.env.fresh(self.connection.socket_id());
        match self.container.design.preliminary_id {
            PreliminaryId::SecondGranular => identity::second_granular_id(now),
            PreliminaryId::MillisecondObject => {
                identity::millisecond_object_id(environment, now, fresh())
            }
            PreliminaryId::IdManager => identity::id_manager_id(environment, now, fresh()),
            PreliminaryId::Unique => identity::unique_id(fresh()),
        }
    }

    /// docs/protocol.md#step-8, docs/protocol.md#step-9: the first handshake, and time to settle.
    pub(super) async fn settle(&self) {
        match self.container.design.handshake {
            HandshakePlacement::None | HandshakePlacement::BeforeLoop => {}
            HandshakePlacement::AfterAcceptAndBeforeLoop => {
                // Its two closes, 1013 and 1011, need a coordination that fails, and a timer
                // cannot.
                let _ = self.coordinate_handshake(1).await;
            }
        }
        match self.container.design.stabilisation {
            StabilisationPolicy::None => {}
            StabilisationPolicy::FixedSleeps => {
                let is_connected = || self.connection.client_is_connected();
                let (env, environment) = (&self.container.env, self.container.environment);
                pauses::stabilise(env, environment, is_connected).await;
            }
        }
        match self.container.design.setup_machine {
            SetupMachine::Single => {}
            SetupMachine::SecondDuringStabilisation => self.register_second_machine(),
        }
    }

    /// In CONNECTING for ever. The socket carries its id from here on; every other part is given
    /// the first one. A developer's machine does without.
    fn register_second_machine(&self) {
        let environment = self.container.environment;
        match environment {
            Environment::Development => {}
            Environment::Testing | Environment::Staging | Environment::Production => {
                let fresh = self.container.env.fresh(self.connection.socket_id());
                let now = self.container.env.now();
                let id = identity::millisecond_object_id(environment, now, fresh);
                let user = identity::temporary_user(environment);
                if self.register(&id, &user).is_ok() {
                    self.connection.attach_id(&id);
                }
            }
        }
    }

    /// docs/protocol.md#stage-c. What the client is told, that it broke a policy, is not the cause.
    pub(super) async fn admit(&self) -> Result<(), Leave> {
        match self.container.design.module_breaker {
            ModuleBreaker::Absent => {}
            ModuleBreaker::AnyFailure => {
                let socket = self.connection.socket_id();
                let breaker = &self.container.module_breaker;
                if !breaker.admits(&self.container.env, socket) {
                    let reason = "Service temporarily unavailable - retry in 30 seconds";
                    let leave = self.close(TRY_AGAIN_LATER, reason, CloseCause::Overload);
                    return Err(leave.await);
                }
            }
        }
        match self.container.design.admission {
            AdmissionPolicy::RegistryOnly => Ok(()),
            AdmissionPolicy::PerAddress => self.admit_by_address().await,
        }
    }

    /// Tells the module's breaker how authentication went.
    pub(super) fn feed_module_breaker(&self, failure: Option<AuthFailure>) {
        let breaker = match self.container.design.module_breaker {
            ModuleBreaker::Absent => return,
            ModuleBreaker::AnyFailure => &self.container.module_breaker,
        };
        let env = &self.container.env;
        match failure {
            None => breaker.succeeded(env),
            Some(failure) => {
                let blame = match failure.cause {
                    CloseCause::NotAuthenticated => Blame::Client,
                    CloseCause::PeerGone
                    | CloseCause::Finished
                    | CloseCause::ClientMisbehaved
                    | CloseCause::Overload
                    | CloseCause::NotReady
                    | CloseCause::AuthUnavailable
                    | CloseCause::ServerFault
                    | CloseCause::GoingAway
                    | CloseCause::PeerSilent => Blame::Server,
                };
                breaker.failed(env, self.connection.socket_id(), blame);
            }
        }
    }

    async fn admit_by_address(&self) -> Result<(), Leave> {
        let socket = self.connection.socket_id();
        let address = &self.connection.socket().upgrade().peer_address;
        let max = self.container.environment.connections_per_address();
        let now = self.container.env.now();
        let verdict = self
            .container
            .admission
            .borrow_mut()
            .admit(address, socket, max, now);
        let (limit, counted, reason) = match verdict {
            AdmissionVerdict::Admitted => {
                let table = Table::Pool;
                self.connection.emit(Event::EntryAdded { socket, table });
                return Ok(());
            }
            AdmissionVerdict::TooMany { live } => {
                let reason = format!("Too many concurrent connections ({}/{max})", live.len());
                (AdmissionLimit::Pool, live, reason)
            }
            AdmissionVerdict::TooFast { retry_in, connects } => {
                let secs = retry_in.as_secs();
                let reason = format!("Rate limit exceeded - retry after {secs}s");
                (AdmissionLimit::Rate, connects, reason)
            }
        };
        self.connection.emit(Event::AdmissionRefused {
            socket,
            limit,
            counted,
        });
        let leave = self.close(POLICY_VIOLATION, &reason, CloseCause::Overload);
        Err(leave.await)
    }
}
