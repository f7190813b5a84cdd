//! The gateway's client of the authentication service (docs/protocol.md#auth-client): a cache of
//! good tokens, a probe that asks whether the service can be reached, a breaker, and the call.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    core::{
        breaker::Policy,
        environment::{AUTH_CALL_TIMEOUT, Environment},
        ids::{SocketId, UserId},
        time::Time,
    },
    design::{Design, TokenCaching},
    event::{Blame, Breaker},
    gateway::calls::{self, SharedBreaker},
    port::env::{CallError, Env, Reply, Request, TokenVerdict},
};

/// How long a validated token is cached (docs/protocol.md#auth-client).
pub const TOKEN_CACHE_TTL: Duration = Duration::from_secs(300);

/// How many tokens are remembered at most; the one that would be forgotten first makes room.
pub const TOKEN_CACHE_LIMIT: usize = 1024;

/// The client of one container, shared by all its connections.
#[derive(Debug)]
pub(crate) struct AuthClient {
    caching: TokenCaching,
    breaker: SharedBreaker,
    cache: RefCell<TokenCache>,
}

impl AuthClient {
    /// A closed breaker and an empty cache.
    pub(crate) fn new(design: &Design) -> Self {
        let (policy, trials) = (Policy::auth_client(), design.breaker_trials);
        AuthClient {
            caching: design.token_caching,
            breaker: SharedBreaker::new(Breaker::AuthClient, policy, trials),
            cache: RefCell::default(),
        }
    }

    /// Cache, probe, breaker, call (docs/protocol.md#auth-client).
    pub(crate) async fn validate<E: Env>(
        &self,
        env: &E,
        environment: Environment,
        socket: SocketId,
        token: &Arc<str>,
        probe: Probe,
    ) -> Result<TokenVerdict, NoAnswer> {
        let key = self.key_of(token);
        if let Some(user) = self.cache.borrow_mut().get(&key, env.now()) {
            return Ok(TokenVerdict::Valid { user });
        }
        match probe {
            Probe::First => {
                let limit = environment.auth_probe_timeout();
                calls::ask(env, Some(socket), Request::ProbeAuth, limit)
                    .await
                    .map_err(NoAnswer::Call)?;
            }
            Probe::Never => {}
        }
        if !self.breaker.admits(env, socket) {
            return Err(NoAnswer::BreakerOpen);
        }
        let request = Request::ValidateToken {
            token: token.clone(),
        };
        let limit = call_timeout(environment);
        let answer = calls::ask(env, Some(socket), request, limit).await;
        match answer {
            Ok(_) => self.breaker.succeeded(env),
            Err(_) => self.breaker.failed(env, socket, Blame::Server),
        }
        let verdict = match answer.map_err(NoAnswer::Call)? {
            Reply::Token(verdict) => verdict,
            reply @ (Reply::Alive | Reply::AgentStep(_) | Reply::Ledger(_)) => {
                panic!("the authentication service answered a token with {reply:?}")
            }
        };
        if let TokenVerdict::Valid { user } = &verdict {
            let mut cache = self.cache.borrow_mut();
            cache.insert(key, user.clone(), env.now());
        }
        Ok(verdict)
    }

    fn key_of(&self, token: &Arc<str>) -> Arc<str> {
        match self.caching {
            TokenCaching::WholeToken => token.clone(),
            TokenCaching::FirstPart => token.split('.').next().unwrap_or_default().into(),
        }
    }
}

/// Why there is no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The client's breaker is open; the service was not asked.
    BreakerOpen,
    /// It was asked.
    Call(CallError),
}

/// Whether a call is preceded by the reachability probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Yes; an unreachable service is an immediate failure that the breaker does not count.
    First,
    /// No.
    Never,
}

/// A call hangs either while connecting or while waiting for the answer; the sum of both HTTP
/// limits bounds it, and so does the client's own.
fn call_timeout(environment: Environment) -> Duration {
    let http = environment.auth_http_timeouts();
    (http.connect + http.read).min(AUTH_CALL_TIMEOUT)
}

/// Tokens that the service has validated, and when they expire from the cache.
#[derive(Debug, Default)]
struct TokenCache {
    entries: BTreeMap<Arc<str>, (UserId, Time)>,
    /// The same tokens by the time at which they are forgotten.
    by_end: BTreeSet<(Time, Arc<str>)>,
}

impl TokenCache {
    fn get(&mut self, token: &Arc<str>, now: Time) -> Option<UserId> {
        let (user, until) = self.entries.get(token)?;
        if now < *until {
            return Some(user.clone());
        }
        self.forget(token);
        None
    }

    fn insert(&mut self, token: Arc<str>, user: UserId, now: Time) {
        self.forget(&token);
        if self.entries.len() >= TOKEN_CACHE_LIMIT
            && let Some((_, oldest)) = self.by_end.first().cloned()
        {
            self.forget(&oldest);
        }
        let until = now + TOKEN_CACHE_TTL;
        self.by_end.insert((until, token.clone()));
        self.entries.insert(token, (user, until));
    }

    fn forget(&mut self, token: &Arc<str>) {
        if let Some((_, until)) = self.entries.remove(token) {
            self.by_end.remove(&(until, token.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_cache_forgets_by_age_and_for_room() {
        let user = UserId::from("alice");
        let mut cache = TokenCache::default();
        for n in 0..=TOKEN_CACHE_LIMIT {
            let token: Arc<str> = format!("{n}").into();
            cache.insert(token, user.clone(), Time(u64::try_from(n).unwrap()));
        }
        assert_eq!(cache.entries.len(), TOKEN_CACHE_LIMIT);
        assert_eq!(cache.get(&"0".into(), Time(0)), None);
        assert_eq!(cache.get(&"1".into(), Time(0)), Some(user));
        assert_eq!(cache.get(&"1".into(), Time(1) + TOKEN_CACHE_TTL), None);
    }
}
