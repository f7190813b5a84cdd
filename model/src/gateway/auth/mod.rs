//! Authentication of a connection (docs/protocol.md#step-15, docs/protocol.md#auth-ladders).
//!
//! Three layers, as in the original: the authenticator with a breaker of its own and the outer
//! ladder; one validation with the inner ladder; the client of the authentication service with
//! its token cache, reachability probe and breaker. An outcome carries two things that the
//! original confused: the classification by the code (`error`) and the actual cause (`cause`).

pub mod authenticator;
mod client;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

pub use client::{TOKEN_CACHE_LIMIT, TOKEN_CACHE_TTL};

use client::{NoAnswer, Probe};

use crate::{
    core::{
        environment::AUTH_OUTER_DELAYS,
        ids::{SocketId, UserId},
        message::ErrorCode,
        token::{self, FoundToken},
    },
    design::{AuthBreakerFeed, AuthRetry, OutageVerdict, TestBypass},
    event::{self, CloseCause, Event, Limit, Step},
    gateway::{connection::Connection, container::Container},
    historical::pauses,
    port::{
        env::{Env, TokenVerdict},
        limits,
        socket::{Socket, Upgrade},
        wait::timeout,
    },
};

/// How long the bounded answer retries before it reports that authentication is unavailable.
/// Together with the time for the services it stays below what a set-up may take
/// (docs/protocol.md#i-08).
pub const AUTH_BUDGET: Duration = Duration::from_millis(4_500);

/// Why a connection has no user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthFailure {
    /// What the client is told.
    pub error: ErrorCode,
    /// What was the case.
    pub cause: CloseCause,
    /// How many attempts of the outer ladder were made.
    pub attempts: u32,
}

/// Determines the user of a connection, and reports the answer. Bounded: for the nested ladders
/// by the sum of their delays and time-outs, otherwise by [`AUTH_BUDGET`]. May be cancelled at
/// any await.
pub async fn authenticate<E: Env>(
    container: &Container<E>,
    connection: &Connection<E>,
) -> Result<UserId, AuthFailure> {
    let socket = connection.socket_id();
    let mut attempts = 0;
    let outcome = match container.design.auth_retry {
        AuthRetry::NestedLadders => {
            let is_connected = || connection.client_is_connected();
            let (env, environment) = (&container.env, container.environment);
            pauses::wait_for_handshake(env, environment, is_connected).await;
            match admit(container, connection) {
                Ok(None) => climb(container, connection, &mut attempts).await,
                Ok(Some(user)) => Ok(user),
                Err(failure) => Err(failure),
            }
        }
        AuthRetry::Bounded => match admit(container, connection) {
            Ok(None) => persist(container, connection, &mut attempts).await,
            Ok(Some(user)) => Ok(user),
            Err(failure) => Err(failure),
        },
    };
    feed(container, socket, &outcome);
    match or_guest(container, outcome) {
        Ok(user) => {
            container.auth.note_latest(&user);
            container.env.emit(Event::Authenticated {
                socket,
                user: user.clone(),
                attempts,
            });
            Ok(user)
        }
        Err(failure) => {
            let error = failure.error;
            container.env.emit(Event::AuthenticationFailed {
                socket,
                error,
                attempts,
            });
            Err(AuthFailure {
                error,
                cause: failure.cause,
                attempts,
            })
        }
    }
}

/// A failure inside this module: the error that the client gets, the actual cause, and the side
/// that is blamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failure {
    error: ErrorCode,
    cause: CloseCause,
    blame: BlamedSide,
}

/// Which side the authenticator holds responsible for a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BlamedSide {
    /// The client: no token, or one that was refused.
    Client,
    /// The service: it was asked and gave no answer.
    Service,
    /// Neither: an open breaker refused, and the service was not asked.
    Breaker,
}

impl Failure {
    /// No token, or none that is good, was found where the design looks. The client is held
    /// responsible; whether it is depends on what it sent.
    fn not_authenticated(error: ErrorCode, upgrade: &Upgrade, looked_at: &[FoundToken]) -> Self {
        let cause = match token::overlooked(upgrade, looked_at) {
            true => CloseCause::ServerFault,
            false => CloseCause::NotAuthenticated,
        };
        Failure {
            error,
            cause,
            blame: BlamedSide::Client,
        }
    }

    /// The authenticator's own breaker is open: the token was not validated.
    fn breaker_open() -> Self {
        Failure {
            error: ErrorCode::AuthServiceError,
            cause: CloseCause::AuthUnavailable,
            blame: BlamedSide::Breaker,
        }
    }

    /// No answer from the service. The cause is an outage, however the design classifies it.
    fn outage<E: Env>(container: &Container<E>, blame: BlamedSide) -> Self {
        let (error, blame) = match container.design.outage_verdict {
            OutageVerdict::InvalidToken => (ErrorCode::ValidationFailed, BlamedSide::Client),
            OutageVerdict::Unavailable | OutageVerdict::Guest => {
                (ErrorCode::AuthServiceError, blame)
            }
        };
        Failure {
            error,
            cause: CloseCause::AuthUnavailable,
            blame,
        }
    }

    /// The side at fault: the client if it was found, rightly, not to be authenticated. The side
    /// that the design blames is another question.
    fn fault(self) -> event::Blame {
        match self.cause {
            CloseCause::NotAuthenticated | CloseCause::ClientMisbehaved | CloseCause::PeerGone => {
                event::Blame::Client
            }
            CloseCause::Finished
            | CloseCause::Overload
            | CloseCause::NotReady
            | CloseCause::AuthUnavailable
            | CloseCause::ServerFault
            | CloseCause::GoingAway
            | CloseCause::PeerSilent => event::Blame::Server,
        }
    }

    /// Whether the outer ladder tries again (docs/protocol.md#auth-ladder-outer): never after a
    /// final verdict.
    fn is_retryable(self) -> bool {
        match self.error {
            ErrorCode::AuthServiceError | ErrorCode::ServiceUnavailable => true,
            ErrorCode::NoToken
            | ErrorCode::ValidationFailed
            | ErrorCode::FormatError
            | ErrorCode::MessageTooLarge
            | ErrorCode::AgentFailed
            | ErrorCode::OutcomeUnknown
            | ErrorCode::NotReady
            | ErrorCode::InternalError => false,
        }
    }
}

/// The outcome, or the user of all guests, if the service could not be asked and the design lets a
/// client in all the same.
fn or_guest<E: Env>(
    container: &Container<E>,
    outcome: Result<UserId, Failure>,
) -> Result<UserId, Failure> {
    let is_outage = |failure: &Failure| failure.cause == CloseCause::AuthUnavailable;
    match container.design.outage_verdict {
        OutageVerdict::InvalidToken | OutageVerdict::Unavailable => outcome,
        OutageVerdict::Guest if outcome.as_ref().is_err_and(is_outage) => Ok("guest".into()),
        OutageVerdict::Guest => outcome,
    }
}

/// Passes the breaker; with a user, if the design admits test traffic without authentication.
fn admit<E: Env>(
    container: &Container<E>,
    connection: &Connection<E>,
) -> Result<Option<UserId>, Failure> {
    let socket = connection.socket_id();
    match container.auth.breaker.admits(&container.env, socket) {
        true => Ok(bypass(container, connection)),
        false => Err(Failure::breaker_open()),
    }
}

/// The user of a connection that is admitted without authentication; none if it has to
/// authenticate.
fn bypass<E: Env>(container: &Container<E>, connection: &Connection<E>) -> Option<UserId> {
    let (env, design) = (&container.env, &container.design);
    match design.test_bypass {
        TestBypass::Absent => None,
        TestBypass::UnboundName => {
            // Caught, and taken for the answer that this is no test.
            env.emit(Event::InternalError {
                socket: connection.socket_id(),
                step: Step::Authenticate,
                error: "name 'is_production' is used before it is bound",
            });
            None
        }
        TestBypass::CachedResult => {
            let upgrade = connection.socket().upgrade();
            let for_tests = container.settings.for_tests;
            let results = &container.auth.test_results;
            let tester = results.tester(env, container.environment, for_tests, design, upgrade)?;
            connection.bind_client_id(|| tester.client_id);
            Some(tester.user)
        }
    }
}

/// Asks the client of the authentication service about one token.
async fn validate<E: Env>(
    container: &Container<E>,
    connection: &Connection<E>,
    token: &Arc<str>,
    probe: Probe,
) -> Result<TokenVerdict, NoAnswer> {
    let (env, environment) = (&container.env, container.environment);
    let client = &container.auth.client;
    client
        .validate(env, environment, connection.socket_id(), token, probe)
        .await
}

/// The outer ladder around the inner one.
async fn climb<E: Env>(
    container: &Container<E>,
    connection: &Connection<E>,
    attempts: &mut u32,
) -> Result<UserId, Failure> {
    let mut delays = AUTH_OUTER_DELAYS.iter();
    loop {
        *attempts += 1;
        let failure = match attempt(container, connection).await {
            Ok(user) => return Ok(user),
            Err(failure) => failure,
        };
        match delays.next() {
            Some(delay) if failure.is_retryable() => container.env.sleep(*delay).await,
            None if failure.is_retryable() => {
                connection.reached(Limit::AuthTries, AUTH_OUTER_DELAYS.len() + 1);
                return Err(failure);
            }
            Some(_) | None => return Err(failure),
        }
    }
}

/// One attempt of the outer ladder: the tokens, and for each the inner ladder of the environment.
async fn attempt<E: Env>(
    container: &Container<E>,
    connection: &Connection<E>,
) -> Result<UserId, Failure> {
    let found = candidates(container, connection)?;
    for candidate in &found {
        let mut delays = container.environment.auth_inner_delays().iter();
        let verdict = loop {
            match validate(container, connection, &candidate.token, Probe::First).await {
                Ok(verdict) => break verdict,
                Err(_) => match delays.next() {
                    Some(delay) => container.env.sleep(*delay).await,
                    None => {
                        let tries = container.environment.auth_inner_delays().len() + 1;
                        connection.reached(Limit::AuthTries, tries);
                        return Err(Failure::outage(container, BlamedSide::Service));
                    }
                },
            }
        };
        if let Some(user) = accepted(verdict) {
            return Ok(user);
        }
    }
    Err(refused(connection, &found))
}

/// The bounded answer: one validation at a time, the outer delays between them, and no more
/// than [`AUTH_BUDGET`] in all. An open breaker is an answer at once: waiting would not help.
async fn persist<E: Env>(
    container: &Container<E>,
    connection: &Connection<E>,
    attempts: &mut u32,
) -> Result<UserId, Failure> {
    let found = candidates(container, connection)?;
    let tries = async {
        for candidate in &found {
            let verdict = persist_with(container, connection, &candidate.token, attempts).await?;
            if let Some(user) = accepted(verdict) {
                return Ok(user);
            }
        }
        Err(refused(connection, &found))
    };
    let (env, socket) = (&container.env, connection.socket_id());
    let verdict = timeout(env, AUTH_BUDGET, tries).await;
    limits::in_time(env, socket, Limit::AuthTime, AUTH_BUDGET, verdict)
        .unwrap_or_else(|| Err(Failure::outage(container, BlamedSide::Service)))
}

/// Asks about one token until there is a verdict or no delay is left.
async fn persist_with<E: Env>(
    container: &Container<E>,
    connection: &Connection<E>,
    token: &Arc<str>,
    attempts: &mut u32,
) -> Result<TokenVerdict, Failure> {
    let mut delays = AUTH_OUTER_DELAYS.iter();
    loop {
        *attempts += 1;
        let blame = match validate(container, connection, token, Probe::Never).await {
            Ok(verdict) => return Ok(verdict),
            Err(NoAnswer::BreakerOpen) => BlamedSide::Breaker,
            Err(NoAnswer::Call(_)) => BlamedSide::Service,
        };
        match (blame, delays.next()) {
            (BlamedSide::Service, Some(delay)) => container.env.sleep(*delay).await,
            (BlamedSide::Service, None) => {
                connection.reached(Limit::AuthTries, AUTH_OUTER_DELAYS.len() + 1);
                return Err(Failure::outage(container, blame));
            }
            (BlamedSide::Breaker | BlamedSide::Client, _) => {
                return Err(Failure::outage(container, blame));
            }
        }
    }
}

/// What the design finds in the upgrade; at least one token.
fn candidates<E: Env>(
    container: &Container<E>,
    connection: &Connection<E>,
) -> Result<Vec<FoundToken>, Failure> {
    let upgrade = connection.socket().upgrade();
    let design = &container.design;
    let found = token::candidates(upgrade, design.token_sources, design.subprotocol_token);
    match found.is_empty() {
        true => Err(Failure::not_authenticated(ErrorCode::NoToken, upgrade, &[])),
        false => Ok(found),
    }
}

fn refused<E: Env>(connection: &Connection<E>, looked_at: &[FoundToken]) -> Failure {
    let upgrade = connection.socket().upgrade();
    Failure::not_authenticated(ErrorCode::ValidationFailed, upgrade, looked_at)
}

fn accepted(verdict: TokenVerdict) -> Option<UserId> {
    match verdict {
        TokenVerdict::Valid { user } => Some(user),
        TokenVerdict::Invalid | TokenVerdict::Expired => None,
    }
}

/// Feeds the outcome to the local breaker. What is fed decides whether five bad tokens refuse every
/// client.
fn feed<E: Env>(container: &Container<E>, socket: SocketId, outcome: &Result<UserId, Failure>) {
    let (breaker, env) = (&container.auth.breaker, &container.env);
    let failure = match outcome {
        Ok(_) => return breaker.succeeded(env),
        Err(failure) => failure,
    };
    match (container.design.auth_breaker, failure.blame) {
        (_, BlamedSide::Breaker) => {}
        (AuthBreakerFeed::AnyFailure, BlamedSide::Client | BlamedSide::Service)
        | (AuthBreakerFeed::ServerFailuresOnly, BlamedSide::Service) => {
            breaker.failed(env, socket, failure.fault());
        }
        // A refused token is an answer: the service works.
        (AuthBreakerFeed::ServerFailuresOnly, BlamedSide::Client) => {
            if failure.error == ErrorCode::ValidationFailed {
                breaker.succeeded(env);
            }
        }
    }
}
