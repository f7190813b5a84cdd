//! Authentication of a connection (protocol.md 1.4 step 15, 5.2).
//!
//! Three layers, as in the original: the authenticator with a breaker of its own and the outer
//! ladder; one validation with the inner ladder; the client of the authentication service with
//! its token cache, reachability probe and breaker. An outcome carries two things that the
//! original confused: what the code believes (`error`) and what was the case (`cause`).

use std::{cell::RefCell, collections::BTreeMap, iter, sync::Arc, time::Duration};

use crate::{
    breaker::{CallResult, CircuitBreaker, Policy},
    calls,
    connection::Connection,
    container::Container,
    design::{AuthBreakerFeed, AuthRetry, OutageVerdict},
    env::{CallError, Env, Reply, Request, TokenVerdict},
    environment::{AUTH_CALL_TIMEOUT, AUTH_OUTER_DELAYS, Environment},
    event::{Breaker, CloseCause, Event},
    ids::{SocketId, UserId},
    message::ErrorCode,
    socket::Socket,
    time::Time,
    token,
    wait::timeout,
};

/// How long a validated token is believed without asking again (5.2).
pub const TOKEN_CACHE_TTL: Duration = Duration::from_secs(300);

/// How many tokens are remembered at most; the one that would be forgotten first makes room.
pub const TOKEN_CACHE_LIMIT: usize = 1024;

/// How long the sound answer tries before it says that authentication is unavailable.
pub const AUTH_BUDGET: Duration = Duration::from_secs(6);

/// Authentication as one container knows it, shared by all its connections.
#[derive(Debug)]
pub struct Authenticator {
    local: RefCell<CircuitBreaker>,
    client: RefCell<CircuitBreaker>,
    cache: RefCell<TokenCache>,
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
            local: RefCell::new(CircuitBreaker::new(Policy::auth_local())),
            client: RefCell::new(CircuitBreaker::new(Policy::auth_client())),
            cache: RefCell::default(),
        }
    }

    fn breaker(&self, breaker: Breaker) -> &RefCell<CircuitBreaker> {
        match breaker {
            Breaker::AuthLocal => &self.local,
            Breaker::AuthClient => &self.client,
            Breaker::Accept => panic!("the authenticator does not guard accept"),
        }
    }
}

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

/// Finds out whose connection this is, and reports the answer. Bounded: for the nested ladders
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
            wait_for_handshake(container, connection).await;
            if admits(container, Breaker::AuthLocal) {
                climb(container, connection, &mut attempts).await
            } else {
                Err(Failure::breaker_open(container))
            }
        }
        AuthRetry::Bounded => {
            if admits(container, Breaker::AuthLocal) {
                persist(container, connection, &mut attempts).await
            } else {
                Err(Failure::breaker_open(container))
            }
        }
    };
    feed(container, &outcome);
    match outcome {
        Ok(user) => {
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

/// A failure inside this module: what will be said, what was the case, and who is blamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failure {
    error: ErrorCode,
    cause: CloseCause,
    blame: Blame,
}

/// Whom the authenticator holds responsible for a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blame {
    /// The client: no token, or one that was refused.
    Client,
    /// The service: it was asked and gave no answer.
    Service,
    /// Nobody new: an open breaker refused, and the service was not asked.
    Breaker,
}

impl Failure {
    fn no_token() -> Self {
        Failure {
            error: ErrorCode::NoToken,
            cause: CloseCause::NotAuthenticated,
            blame: Blame::Client,
        }
    }

    fn refused() -> Self {
        Failure {
            error: ErrorCode::ValidationFailed,
            cause: CloseCause::NotAuthenticated,
            blame: Blame::Client,
        }
    }

    /// The local breaker is open: nobody asked whether this token is any good.
    fn breaker_open<E: Env>(container: &Container<E>) -> Self {
        Failure::outage(container, Blame::Breaker)
    }

    /// No answer from the service. The cause is an outage whatever the design makes of it.
    fn outage<E: Env>(container: &Container<E>, blame: Blame) -> Self {
        let (error, blame) = match container.design.outage_verdict {
            OutageVerdict::InvalidToken => (ErrorCode::ValidationFailed, Blame::Client),
            OutageVerdict::Unavailable => (ErrorCode::AuthServiceError, blame),
        };
        Failure {
            error,
            cause: CloseCause::AuthUnavailable,
            blame,
        }
    }

    /// Whether the outer ladder tries again (5.2): never after a final verdict.
    fn is_retryable(self) -> bool {
        match self.error {
            ErrorCode::AuthServiceError | ErrorCode::ServiceUnavailable => true,
            ErrorCode::NoToken
            | ErrorCode::ValidationFailed
            | ErrorCode::FormatError
            | ErrorCode::MessageTooLarge
            | ErrorCode::AgentFailed
            | ErrorCode::NotReady
            | ErrorCode::InternalError => false,
        }
    }
}

/// The authenticator's look at the handshake (AUTH:852-892): a socket that is not connected is
/// given time, and then authentication goes on regardless.
async fn wait_for_handshake<E: Env>(container: &Container<E>, connection: &Connection<E>) {
    let (fix, further) = container.environment.auth_handshake_fix();
    for pause in iter::once(&fix).chain(further) {
        if connection.client_is_connected() {
            return;
        }
        container.env.sleep(*pause).await;
    }
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
            Some(_) | None => return Err(failure),
        }
    }
}

/// One attempt of the outer ladder: token, then the inner ladder of the environment.
async fn attempt<E: Env>(
    container: &Container<E>,
    connection: &Connection<E>,
) -> Result<UserId, Failure> {
    let Some(found) = token::extract(connection.socket().upgrade()) else {
        return Err(Failure::no_token());
    };
    let mut delays = container.environment.auth_inner_delays().iter();
    loop {
        let socket = connection.socket_id();
        match validate(container, socket, &found.token, Probe::First).await {
            Ok(verdict) => return judge(verdict),
            Err(_) => match delays.next() {
                Some(delay) => container.env.sleep(*delay).await,
                None => return Err(Failure::outage(container, Blame::Service)),
            },
        }
    }
}

/// The bounded answer: one validation at a time, the outer delays between them, and no more
/// than [`AUTH_BUDGET`] in all. An open breaker is an answer at once: waiting would not help.
async fn persist<E: Env>(
    container: &Container<E>,
    connection: &Connection<E>,
    attempts: &mut u32,
) -> Result<UserId, Failure> {
    let Some(found) = token::extract(connection.socket().upgrade()) else {
        return Err(Failure::no_token());
    };
    let tries = async {
        let mut delays = AUTH_OUTER_DELAYS.iter();
        loop {
            *attempts += 1;
            let socket = connection.socket_id();
            let blame = match validate(container, socket, &found.token, Probe::Never).await {
                Ok(verdict) => return judge(verdict),
                Err(NoAnswer::BreakerOpen) => Blame::Breaker,
                Err(NoAnswer::Call(_)) => Blame::Service,
            };
            match (blame, delays.next()) {
                (Blame::Service, Some(delay)) => container.env.sleep(*delay).await,
                (Blame::Service | Blame::Breaker | Blame::Client, _) => {
                    return Err(Failure::outage(container, blame));
                }
            }
        }
    };
    timeout(&container.env, AUTH_BUDGET, tries)
        .await
        .unwrap_or_else(|| Err(Failure::outage(container, Blame::Service)))
}

fn judge(verdict: TokenVerdict) -> Result<UserId, Failure> {
    match verdict {
        TokenVerdict::Valid { user } => Ok(user),
        TokenVerdict::Invalid | TokenVerdict::Expired => Err(Failure::refused()),
    }
}

// --- the client of the authentication service ---------------------------------------------------

/// Why there is no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoAnswer {
    /// The client's breaker is open; the service was not asked.
    BreakerOpen,
    /// It was asked.
    Call(CallError),
}

/// Whether a call is preceded by the reachability probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    /// Yes; an unreachable service is an immediate failure that the breaker does not count.
    First,
    /// No.
    Never,
}

/// Cache, probe, breaker, call (5.2).
async fn validate<E: Env>(
    container: &Container<E>,
    socket: SocketId,
    token: &Arc<str>,
    probe: Probe,
) -> Result<TokenVerdict, NoAnswer> {
    let env = &container.env;
    if let Some(user) = container.auth.cache.borrow_mut().get(token, env.now()) {
        return Ok(TokenVerdict::Valid { user });
    }
    match probe {
        Probe::First => {
            let limit = container.environment.auth_probe_timeout();
            calls::ask(env, Some(socket), Request::ProbeAuth, limit)
                .await
                .map_err(NoAnswer::Call)?;
        }
        Probe::Never => {}
    }
    if !admits(container, Breaker::AuthClient) {
        return Err(NoAnswer::BreakerOpen);
    }
    let request = Request::ValidateToken {
        token: token.clone(),
    };
    let limit = call_timeout(container.environment);
    let answer = calls::ask(env, Some(socket), request, limit).await;
    let result = match answer {
        Ok(_) => CallResult::Success,
        Err(_) => CallResult::Failure,
    };
    record(container, Breaker::AuthClient, result);
    let verdict = match answer.map_err(NoAnswer::Call)? {
        Reply::Token(verdict) => verdict,
        reply @ (Reply::Alive | Reply::AgentStep(_)) => {
            panic!("the authentication service answered a token with {reply:?}")
        }
    };
    if let TokenVerdict::Valid { user } = &verdict {
        let mut cache = container.auth.cache.borrow_mut();
        cache.insert(token.clone(), user.clone(), env.now());
    }
    Ok(verdict)
}

/// A call hangs either while connecting or while waiting for the answer; the sum of both HTTP
/// limits bounds it, and so does the client's own.
fn call_timeout(environment: Environment) -> Duration {
    let http = environment.auth_http_timeouts();
    (http.connect + http.read).min(AUTH_CALL_TIMEOUT)
}

/// Tokens that the service has found good, and until when they are believed.
#[derive(Debug, Default)]
struct TokenCache {
    entries: BTreeMap<Arc<str>, (UserId, Time)>,
}

impl TokenCache {
    fn get(&mut self, token: &str, now: Time) -> Option<UserId> {
        let (user, until) = self.entries.get(token)?;
        if now < *until {
            return Some(user.clone());
        }
        self.entries.remove(token);
        None
    }

    fn insert(&mut self, token: Arc<str>, user: UserId, now: Time) {
        if self.entries.len() >= TOKEN_CACHE_LIMIT && !self.entries.contains_key(&token) {
            let first = self.entries.iter().min_by_key(|(_, (_, until))| *until);
            if let Some(oldest) = first.map(|(token, _)| token.clone()) {
                self.entries.remove(&oldest);
            }
        }
        self.entries.insert(token, (user, now + TOKEN_CACHE_TTL));
    }
}

// --- breakers -----------------------------------------------------------------------------------

/// Tells the local breaker how it went. Who feeds it decides whether five bad tokens shut the
/// door for everybody.
fn feed<E: Env>(container: &Container<E>, outcome: &Result<UserId, Failure>) {
    let failure = match outcome {
        Ok(_) => return record(container, Breaker::AuthLocal, CallResult::Success),
        Err(failure) => failure,
    };
    match (container.design.auth_breaker, failure.blame) {
        (_, Blame::Breaker) => {}
        (AuthBreakerFeed::AnyFailure, Blame::Client | Blame::Service)
        | (AuthBreakerFeed::ServerFailuresOnly, Blame::Service) => {
            record(container, Breaker::AuthLocal, CallResult::Failure);
        }
        // A refused token is an answer: the service works.
        (AuthBreakerFeed::ServerFailuresOnly, Blame::Client) => {
            if failure.error == ErrorCode::ValidationFailed {
                record(container, Breaker::AuthLocal, CallResult::Success);
            }
        }
    }
}

fn admits<E: Env>(container: &Container<E>, breaker: Breaker) -> bool {
    let mut state = container.auth.breaker(breaker).borrow_mut();
    let admission = state.admit(container.env.now());
    if let Some(to) = admission.moved() {
        container.env.emit(Event::BreakerMoved { breaker, to });
    }
    admission.is_admitted()
}

fn record<E: Env>(container: &Container<E>, breaker: Breaker, result: CallResult) {
    let mut state = container.auth.breaker(breaker).borrow_mut();
    if let Some(to) = state.record(result, container.env.now()) {
        container.env.emit(Event::BreakerMoved { breaker, to });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::UserId,
        testing::{self, NEVER, TestEnv, connect},
    };

    /// A service that takes 10 ms; the token `good.*.*` is good.
    fn healthy() -> TestEnv {
        TestEnv::new(|request| {
            let reply = match request {
                Request::ValidateToken { token } if token.starts_with("good") => {
                    Reply::Token(TokenVerdict::Valid { user: user() })
                }
                Request::ValidateToken { .. } => Reply::Token(TokenVerdict::Invalid),
                Request::ProbeAuth
                | Request::PingRedis
                | Request::CheckDatabase
                | Request::NextAgentStep { .. } => Reply::Alive,
            };
            (Duration::from_millis(10), Ok(reply))
        })
    }

    fn refusing() -> TestEnv {
        TestEnv::new(|_| (Duration::ZERO, Err(CallError::Refused)))
    }

    fn hanging() -> TestEnv {
        TestEnv::new(|_| (NEVER, Ok(Reply::Alive)))
    }

    fn user() -> UserId {
        "alice".into()
    }

    /// Outcome and time of the authentication of one connection.
    fn authenticate_one(
        env: &TestEnv,
        design: &str,
        token: &str,
    ) -> (Result<UserId, AuthFailure>, u64) {
        let container = testing::container(env, design, Environment::Staging);
        let (connection, _) = connect(&container, 0, token);
        let outcome = env.block_on(authenticate(&container, &connection));
        (outcome, env.now().as_millis())
    }

    fn failure(error: ErrorCode, cause: CloseCause, attempts: u32) -> Result<UserId, AuthFailure> {
        Err(AuthFailure {
            error,
            cause,
            attempts,
        })
    }

    #[test]
    fn a_verdict_ends_every_ladder() {
        let bad = failure(ErrorCode::ValidationFailed, CloseCause::NotAuthenticated, 1);
        let table = [
            ("v9", "good.b.c", Ok(user()), 20),
            ("v9", "bad.b.c", bad.clone(), 20),
            ("reference", "good.b.c", Ok(user()), 10),
            ("reference", "bad.b.c", bad, 10),
        ];
        for (design, token, outcome, time) in table {
            let got = authenticate_one(&healthy(), design, token);
            assert_eq!(got, (outcome, time), "{design} {token}");
        }
    }

    #[test]
    fn an_outage_is_told_in_different_ways_and_takes_different_times() {
        use {CloseCause::AuthUnavailable, ErrorCode::*};
        let nested = "v9+outage-verdict=unavailable";
        let table = [
            // The inner ladder once: its verdict is final.
            (
                refusing(),
                "v9",
                failure(ValidationFailed, AuthUnavailable, 1),
                12_500,
            ),
            // The inner ladder four times, and the outer delays.
            (
                refusing(),
                nested,
                failure(AuthServiceError, AuthUnavailable, 4),
                50_800,
            ),
            // Half a second for each of six probes on top.
            (
                hanging(),
                "v9",
                failure(ValidationFailed, AuthUnavailable, 1),
                15_500,
            ),
            // Three failures open the client's breaker before the delays are used up.
            (
                refusing(),
                "reference",
                failure(AuthServiceError, AuthUnavailable, 4),
                800,
            ),
            (
                hanging(),
                "reference",
                failure(AuthServiceError, AuthUnavailable, 2),
                6_000,
            ),
        ];
        for (env, design, outcome, time) in table {
            assert_eq!(
                authenticate_one(&env, design, "good.b.c"),
                (outcome, time),
                "{design}"
            );
        }
    }

    #[test]
    fn bad_tokens_shut_the_door_only_where_any_failure_counts() {
        let refused = "v9+outage-verdict=unavailable";
        for (design, open) in [(refused, true), ("reference", false)] {
            let env = healthy();
            let container = testing::container(&env, design, Environment::Testing);
            for peer in 0..5 {
                let (connection, _) = connect(&container, peer, "bad.b.c");
                let outcome = env.block_on(authenticate(&container, &connection));
                assert!(outcome.is_err(), "{design}");
            }
            let (connection, _) = connect(&container, 5, "good.b.c");
            let outcome = env.block_on(authenticate(&container, &connection));
            let error = outcome.map_err(|failure| (failure.error, failure.attempts));
            let expected = if open {
                Err((ErrorCode::AuthServiceError, 0))
            } else {
                Ok(user())
            };
            assert_eq!(error, expected, "{design}");
        }
    }

    #[test]
    fn a_known_token_is_not_asked_about_again() {
        let env = healthy();
        let container = testing::container(&env, "reference", Environment::Testing);
        for (peer, calls) in [(0, 1), (1, 1)] {
            let (connection, _) = connect(&container, peer, "good.b.c");
            env.block_on(authenticate(&container, &connection)).unwrap();
            let asked = |event: &&Event| matches!(event, Event::CallStarted { .. });
            assert_eq!(env.events().iter().filter(asked).count(), calls);
        }
    }

    #[test]
    fn the_token_cache_forgets_by_age_and_for_room() {
        let mut cache = TokenCache::default();
        for n in 0..=TOKEN_CACHE_LIMIT {
            let token = format!("{n}").into();
            cache.insert(token, user(), Time(u64::try_from(n).unwrap()));
        }
        assert_eq!(cache.entries.len(), TOKEN_CACHE_LIMIT);
        assert_eq!(cache.get("0", Time(0)), None);
        assert_eq!(cache.get("1", Time(0)), Some(user()));
        assert_eq!(cache.get("1", Time(1) + TOKEN_CACHE_TTL), None);
    }
}
