//! Where a token comes from, and how a client hands it over (docs/protocol.md#token-extraction).
//!
//! Pure. A browser cannot set headers on an upgrade, so it smuggles the token through the list
//! of subprotocols: `jwt-auth, jwt.<base64url(token)>`.

use std::{collections::BTreeSet, fmt, sync::Arc};

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::{
    core::upgrade::Upgrade,
    design::{SubprotocolAnswer, SubprotocolToken, TokenSources},
};

/// The one subprotocol the server ever selects, and only if it was offered
/// (docs/protocol.md#token-extraction).
pub const SUBPROTOCOL: &str = "jwt-auth";

/// What an entry that carries a token begins with.
const ENTRY_PREFIX: &str = "jwt.";

/// What an `Authorization` header must begin with, exactly.
const BEARER_PREFIX: &str = "Bearer ";

/// Clients send entries without padding; the gateway pads to a multiple of four before it
/// decodes, which is the same as not asking for padding.
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A raw token as it was found; nothing is known of its worth yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundToken {
    /// The token.
    pub token: Arc<str>,
    /// Where it was.
    pub source: TokenSource,
}

/// The places in which a token is looked for, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenSource {
    /// The `Authorization` header.
    Authorization,
    /// An entry of `Sec-WebSocket-Protocol`.
    Subprotocol,
    /// The query parameter `token`.
    Query,
}

impl fmt::Display for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Authorization => "authorization header",
            Self::Subprotocol => "subprotocol",
            Self::Query => "query parameter",
        })
    }
}

/// The tokens of an upgrade that are worth asking about, the one to ask about first in front; empty
/// means `NO_TOKEN`. At most one for each source, and none twice.
pub fn candidates(
    upgrade: &Upgrade,
    sources: TokenSources,
    encoding: SubprotocolToken,
) -> Vec<FoundToken> {
    let header = || from_authorization(upgrade);
    let mut found: Vec<FoundToken> = match sources {
        TokenSources::HeaderOnly => header().into_iter().collect(),
        TokenSources::Every | TokenSources::FirstFound => header()
            .into_iter()
            .chain(from_subprotocols(upgrade, encoding))
            .chain(from_query(upgrade))
            .collect(),
    };
    match sources {
        TokenSources::HeaderOnly | TokenSources::FirstFound => found.truncate(1),
        TokenSources::Every => {
            let mut seen = BTreeSet::new();
            found.retain(|found| seen.insert(found.token.clone()));
        }
    }
    found
}

/// Whether the upgrade holds a token that is not among those `looked_at`: a verdict that the client
/// has none, or a bad one, has not read all that it sent.
pub fn overlooked(upgrade: &Upgrade, looked_at: &[FoundToken]) -> bool {
    let all = candidates(
        upgrade,
        TokenSources::Every,
        SubprotocolToken::EncodedOrVerbatim,
    );
    all.iter()
        .any(|found| looked_at.iter().all(|other| other.token != found.token))
}

/// What the server answers to the offered subprotocols: `jwt-auth` if it was literally offered,
/// otherwise none, even if that makes a browser give up (docs/protocol.md#subprotocol-selection).
pub fn select_subprotocol(upgrade: &Upgrade, answer: SubprotocolAnswer) -> Option<&'static str> {
    match answer {
        SubprotocolAnswer::IfOffered => is_offered(upgrade).then_some(SUBPROTOCOL),
        SubprotocolAnswer::Never => None,
    }
}

/// Whether the list that arrived holds the one subprotocol that the server speaks.
pub fn is_offered(upgrade: &Upgrade) -> bool {
    offered(upgrade).any(|entry| entry == SUBPROTOCOL)
}

/// The user that the token itself names: the middle one of its three parts, which was not validated
/// (docs/protocol.md#e2e-context).
pub fn claimed_user(token: &str) -> Option<&str> {
    let claims = token.split('.').nth(1)?;
    has_three_parts(token).then_some(claims)
}

/// The entry in which a client offers its token.
pub fn subprotocol_entry(token: &str) -> String {
    format!("{ENTRY_PREFIX}{}", BASE64_URL.encode(token))
}

fn from_authorization(upgrade: &Upgrade) -> Option<FoundToken> {
    let header = upgrade.authorization.as_deref()?;
    let token = header.strip_prefix(BEARER_PREFIX)?.trim();
    found(token, TokenSource::Authorization)
}

/// Only the first entry that begins with `jwt.` counts: a bad one is not made good by another.
fn from_subprotocols(upgrade: &Upgrade, encoding: SubprotocolToken) -> Option<FoundToken> {
    let entry = offered(upgrade).find_map(|entry| entry.strip_prefix(ENTRY_PREFIX))?;
    let decoded = match encoding {
        SubprotocolToken::EncodedOrVerbatim => decode(entry),
        SubprotocolToken::VerbatimOnly => None,
    };
    match decoded {
        Some(token) => found(&token, TokenSource::Subprotocol),
        None if has_three_parts(entry) => found(entry, TokenSource::Subprotocol),
        None => None,
    }
}

fn from_query(upgrade: &Upgrade) -> Option<FoundToken> {
    found(upgrade.query_token.as_deref()?, TokenSource::Query)
}

fn found(token: &str, source: TokenSource) -> Option<FoundToken> {
    (!token.is_empty()).then(|| FoundToken {
        token: token.into(),
        source,
    })
}

fn decode(entry: &str) -> Option<String> {
    let bytes = BASE64_URL.decode(entry).ok()?;
    String::from_utf8(bytes)
        .ok()
        .filter(|text| has_three_parts(text))
}

/// The offered entries. A list may arrive as one header with commas or as several.
fn offered(upgrade: &Upgrade) -> impl Iterator<Item = &str> {
    upgrade
        .subprotocols
        .iter()
        .flat_map(|entry| entry.split(','))
        .map(str::trim)
}

fn has_three_parts(token: &str) -> bool {
    let mut parts = 0;
    token.split('.').all(|part| {
        parts += 1;
        !part.is_empty()
    }) && parts == 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::SocketId;
    use SubprotocolAnswer::IfOffered;
    use SubprotocolToken::{EncodedOrVerbatim, VerbatimOnly};
    use TokenSources::{Every, FirstFound, HeaderOnly};

    fn upgrade(
        authorization: Option<&str>,
        subprotocols: &[&str],
        query_token: Option<&str>,
    ) -> Upgrade {
        Upgrade {
            socket: SocketId::first(0),
            peer_address: "10.0.0.1:4000".into(),
            authorization: authorization.map(Into::into),
            subprotocols: subprotocols.iter().map(|entry| (*entry).into()).collect(),
            query_token: query_token.map(Into::into),
            headers: Vec::new(),
        }
    }

    #[test]
    fn the_first_place_with_a_token_wins() {
        use TokenSource::*;
        let encoded = subprotocol_entry("a.b.c");
        let of = |text: &'static str, source| Some((text, source));
        #[expect(clippy::type_complexity, reason = "a table is read by its columns")]
        let table: &[(
            Option<&str>,
            &[&str],
            Option<&str>,
            Option<(&str, TokenSource)>,
        )] = &[
            (None, &[], None, None),
            (
                Some("Bearer h"),
                &[&encoded],
                Some("q"),
                of("h", Authorization),
            ),
            (
                Some("bearer h"),
                &[&encoded],
                Some("q"),
                of("a.b.c", Subprotocol),
            ),
            (Some("Bearer "), &[], Some("q"), of("q", Query)),
            (
                None,
                &["jwt-auth", &encoded],
                None,
                of("a.b.c", Subprotocol),
            ),
            (
                None,
                &["jwt-auth, jwt.x.y.z"],
                None,
                of("x.y.z", Subprotocol),
            ),
            (None, &["jwt.x.y"], Some("q"), of("q", Query)),
            (None, &["jwt.x..z"], None, None),
            (None, &["jwt.x.y", &encoded], None, None),
            (None, &["jwt-auth"], Some(""), None),
        ];
        for (authorization, subprotocols, query, expected) in table {
            let upgrade = upgrade(*authorization, subprotocols, *query);
            let found = candidates(&upgrade, FirstFound, EncodedOrVerbatim);
            assert_eq!(
                found.first().map(|f| (&*f.token, f.source)),
                *expected,
                "{authorization:?} {subprotocols:?} {query:?}"
            );
        }
    }

    #[test]
    fn padding_is_not_asked_for() {
        assert_eq!(subprotocol_entry("a.b.c"), "jwt.YS5iLmM");
        for entry in ["jwt.YS5iLmM", "jwt.YS5iLmM="] {
            let upgrade = upgrade(None, &[entry], None);
            let found = candidates(&upgrade, FirstFound, EncodedOrVerbatim);
            assert_eq!(&*found[0].token, "a.b.c");
            assert_eq!(candidates(&upgrade, FirstFound, VerbatimOnly), []);
            assert!(overlooked(&upgrade, &[]));
        }
    }

    #[test]
    fn a_mangled_header_hides_the_good_token_only_if_the_search_stops_there() {
        let encoded = subprotocol_entry("a.b.c");
        let upgrade = upgrade(Some("Bearer {authorization}"), &[&encoded], Some("a.b.c"));
        for (sources, expected) in [
            (Every, &["{authorization}", "a.b.c"] as &[&str]),
            (FirstFound, &["{authorization}"]),
            (HeaderOnly, &["{authorization}"]),
        ] {
            let found = candidates(&upgrade, sources, EncodedOrVerbatim);
            let tokens: Vec<&str> = found.iter().map(|found| &*found.token).collect();
            assert_eq!(tokens, expected);
            assert_eq!(overlooked(&upgrade, &found), expected.len() < 2);
        }
    }

    #[test]
    fn the_subprotocol_is_answered_only_if_offered() {
        assert_eq!(
            select_subprotocol(&upgrade(None, &["x, jwt-auth"], None), IfOffered),
            Some("jwt-auth")
        );
        assert_eq!(
            select_subprotocol(&upgrade(None, &["jwt.YS5iLmM"], None), IfOffered),
            None
        );
    }
}
