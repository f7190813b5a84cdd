//! A client's token: from when on it has one, how long it is valid, and how it gets another
//! (`docs/protocol.md#token-extraction`, `docs/protocol.md#token-refresh`).

use std::time::Duration;

use gatesim_model::{
    core::{
        ids::SocketId,
        time::Time,
        token::{SUBPROTOCOL, subprotocol_entry},
    },
    port::socket::Upgrade,
};

use super::timings::{REFRESH_BEFORE, REFRESH_NOT_WITHIN};
use crate::{
    plan::{ClientPlan, Millis, Program, Token, TokenPlace},
    world::service::token_text,
};

/// The headers of a test, as the test suites of the gateway send them
/// (`docs/protocol.md#e2e-context`).
const TEST_HEADERS: [(&str, &str); 3] = [
    ("x-test-type", "e2e"),
    ("x-e2e-test", "true"),
    ("x-test-environment", "staging"),
];

/// The token of one client.
#[derive(Debug)]
pub(super) struct Credentials {
    user: u32,
    kind: Token,
    life: Option<Duration>,
    /// When the present token was, or will be, there.
    issued: Time,
    /// No token from before this time is used again.
    distrusted: bool,
}

impl Credentials {
    /// The first token is there some time after `start`.
    pub(super) fn new(plan: &ClientPlan, start: Time) -> Self {
        Credentials {
            user: plan.user,
            kind: plan.token,
            life: plan.token_life_ms.map(Millis::duration),
            issued: start + plan.token_after_ms.duration(),
            distrusted: false,
        }
    }

    /// When the first token is there.
    pub(super) fn ready_at(&self) -> Time {
        self.issued
    }

    /// Another token can be had for this one.
    fn is_renewable(&self) -> bool {
        self.kind == Token::Valid && self.life.is_some()
    }

    /// The server would have none of it, if it was there.
    pub(super) fn distrust(&mut self, now: Time) {
        self.distrusted = self.is_renewable() && now >= self.issued;
    }

    /// It is known to be bad, and another can be had.
    pub(super) fn is_spent(&self, now: Time) -> bool {
        self.ends_at().is_some_and(|end| now >= end)
    }

    /// When it is renewed as a matter of course: before its end, but not soon after its
    /// beginning, so that a short-lived token is renewed too late.
    pub(super) fn refresh_at(&self) -> Option<Time> {
        let life = self.life.filter(|_| self.is_renewable())?;
        Some(self.issued + life.saturating_sub(REFRESH_BEFORE).max(REFRESH_NOT_WITHIN))
    }

    /// When it is no good any more, if another can be had.
    pub(super) fn ends_at(&self) -> Option<Time> {
        let life = self.life.filter(|_| self.is_renewable())?;
        Some(match self.distrusted {
            true => Time::ZERO,
            false => self.issued + life,
        })
    }

    /// There is another token.
    pub(super) fn renewed(&mut self, now: Time) {
        self.issued = now;
        self.distrusted = false;
    }

    /// The upgrade request of one attempt; without a token before the first is there.
    pub(super) fn upgrade(&self, socket: SocketId, plan: &ClientPlan, now: Time) -> Upgrade {
        let token = match now >= self.issued {
            true => token_text(
                self.user,
                self.kind,
                self.life.map(|life| self.issued + life),
            ),
            false => None,
        };
        let carried = token
            .as_deref()
            .map(|token| Carried::of(token, plan.carries));
        let carried = carried.unwrap_or_default();
        let mut subprotocols = vec![SUBPROTOCOL.to_owned()];
        subprotocols.extend(carried.subprotocol);
        Upgrade {
            socket,
            peer_address: format!(
                "10.0.{}.{}:{}",
                socket.peer / 250,
                socket.peer % 250 + 1,
                40_000 + u32::from(socket.attempt)
            ),
            authorization: carried.header,
            subprotocols,
            query_token: carried.query,
            headers: match plan.program {
                Program::Browser | Program::CommandLine => Vec::new(),
                Program::EndToEnd => TEST_HEADERS
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
            },
        }
    }
}

/// A token in its places.
#[derive(Default)]
struct Carried {
    header: Option<String>,
    subprotocol: Option<String>,
    query: Option<String>,
}

impl Carried {
    fn of(token: &str, place: TokenPlace) -> Self {
        let header = || Some(format!("Bearer {token}"));
        let subprotocol = || Some(subprotocol_entry(token));
        let query = || Some(token.to_owned());
        let nowhere = Carried::default();
        match place {
            TokenPlace::Subprotocol => Carried {
                subprotocol: subprotocol(),
                ..nowhere
            },
            TokenPlace::RawSubprotocol => Carried {
                subprotocol: Some(format!("jwt.{token}")),
                ..nowhere
            },
            TokenPlace::Header => Carried {
                header: header(),
                ..nowhere
            },
            TokenPlace::Query => Carried {
                query: query(),
                ..nowhere
            },
            TokenPlace::HeaderAndSubprotocol => Carried {
                header: header(),
                subprotocol: subprotocol(),
                ..nowhere
            },
            TokenPlace::Everywhere => Carried {
                header: header(),
                subprotocol: subprotocol(),
                query: query(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use gatesim_model::{
        core::token::candidates,
        design::{SubprotocolToken, TokenSources},
    };

    use super::*;

    fn plan(token_life_ms: Option<u64>) -> ClientPlan {
        ClientPlan {
            token_life_ms: token_life_ms.map(Millis::new),
            ..ClientPlan::silent(7)
        }
    }

    const SOCKET: SocketId = SocketId::first(3);

    fn extract(upgrade: &Upgrade) -> Option<String> {
        let encoding = SubprotocolToken::EncodedOrVerbatim;
        let found = candidates(upgrade, TokenSources::Every, encoding);
        found.first().map(|found| found.token.to_string())
    }

    fn at(secs: u64) -> Time {
        Time::ZERO + Duration::from_secs(secs)
    }

    #[test]
    fn the_gateway_finds_the_token_wherever_it_is_carried() {
        for carries in [
            TokenPlace::Subprotocol,
            TokenPlace::RawSubprotocol,
            TokenPlace::Header,
            TokenPlace::Query,
            TokenPlace::HeaderAndSubprotocol,
            TokenPlace::Everywhere,
        ] {
            let plan = ClientPlan {
                carries,
                ..plan(None)
            };
            let upgrade = Credentials::new(&plan, Time::ZERO).upgrade(SOCKET, &plan, at(0));
            let found = extract(&upgrade);
            assert_eq!(found.as_deref(), Some("gatesim.user7.valid"), "{carries:?}");
        }
    }

    #[test]
    fn a_token_that_is_not_there_yet_is_not_carried() {
        let plan = ClientPlan {
            token_after_ms: Millis::new(5_000),
            ..plan(None)
        };
        let credentials = Credentials::new(&plan, at(1));
        assert_eq!(credentials.ready_at(), at(6));
        assert_eq!(extract(&credentials.upgrade(SOCKET, &plan, at(5))), None);
        assert!(extract(&credentials.upgrade(SOCKET, &plan, at(6))).is_some());
    }

    #[test]
    fn tokens_are_renewed_in_time_unless_they_are_short_lived() {
        for (life, refresh) in [(3600, 3300), (400, 100), (90, 60), (30, 60)] {
            let mut credentials = Credentials::new(&plan(Some(life * 1000)), at(0));
            assert_eq!(credentials.refresh_at(), Some(at(refresh)));
            assert!(!credentials.is_spent(at(life - 1)));
            assert!(credentials.is_spent(at(life)));
            credentials.renewed(at(life));
            assert!(!credentials.is_spent(at(life)));
            credentials.distrust(at(life));
            assert!(credentials.is_spent(at(life)));
        }
        let mut for_ever = Credentials::new(&plan(None), at(0));
        for_ever.distrust(at(0));
        assert_eq!(
            (for_ever.refresh_at(), for_ever.is_spent(at(9999))),
            (None, false)
        );
    }
}
