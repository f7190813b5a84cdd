//! How connection ids are made, and the connection-id manager (docs/protocol.md#step-7,
//! docs/protocol.md#ids-v1-v2, docs/protocol.md#connection-id-manager).

use std::{collections::BTreeMap, time::Duration};

use crate::core::{
    environment::Environment,
    ids::{ConnectionId, SocketId, UserId},
    names::names,
    time::Time,
};

/// Unix time, in seconds, at which every run starts: 2025-09-10T05:18:00Z.
pub const UNIX_START_SECS: u64 = 1_757_481_480;
/// How long an ended identity is kept at least.
pub const IDENTITY_TTL: Duration = Duration::from_secs(3600);
/// Identities above which ended ones are purged at all.
pub const PURGE_ABOVE: usize = 1_000;
/// Identities that are kept at most. Historically there is no limit.
pub const MAX_IDENTITIES: usize = 10_000;

names! {
    /// States of the connection-id manager (docs/protocol.md#other-state-machines).
    IdentityState {
        /// Made.
        Pending => "PENDING",
        /// Bound to a socket.
        Initialized => "INITIALIZED",
        /// Bound to a user.
        Authenticated => "AUTHENTICATED",
        /// In use.
        Active => "ACTIVE",
        /// On the way out.
        Disconnecting => "DISCONNECTING",
        /// Gone.
        Disconnected => "DISCONNECTED",
        /// Failed.
        Error => "ERROR",
    }
}

/// Seconds since 1970.
pub fn unix_secs(now: Time) -> u64 {
    UNIX_START_SECS + now.as_secs()
}

/// Milliseconds since 1970.
pub fn unix_millis(now: Time) -> u64 {
    UNIX_START_SECS * 1_000 + now.as_millis()
}

/// `ws_init_<seconds>`: the same for every connection accepted within one second (D16).
pub fn second_granular_id(now: Time) -> ConnectionId {
    format!("ws_init_{}", unix_secs(now)).into()
}

/// `ws_<ms>_<object>`, `ws_dev_...` or `e2e_...`: milliseconds and the address of the socket
/// object.
pub fn millisecond_object_id(environment: Environment, now: Time, fresh: u64) -> ConnectionId {
    let prefix = match environment {
        Environment::Testing => "e2e",
        Environment::Development => "ws_dev",
        Environment::Staging | Environment::Production => "ws",
    };
    format!("{prefix}_{}_{}", unix_millis(now), object_address(fresh)).into()
}

/// `ws_staging_<ms>_<hex8>` and the like: what the connection-id manager makes
/// (docs/protocol.md#step-7).
pub fn id_manager_id(environment: Environment, now: Time, fresh: u64) -> ConnectionId {
    let environment = match environment {
        Environment::Testing | Environment::Development => "dev",
        Environment::Staging => "staging",
        Environment::Production => "prod",
    };
    let millis = unix_millis(now);
    format!("ws_{environment}_{millis}_{:08x}", low_32(fresh)).into()
}

/// `ws_fallback_<ms>_<object>`: an id without a machine (docs/protocol.md#step-7).
pub fn fallback_id(now: Time, fresh: u64) -> ConnectionId {
    format!("ws_fallback_{}_{}", unix_millis(now), object_address(fresh)).into()
}

/// `ws_<user8>_<seconds>_<hex8>`: the client id of the user context (docs/protocol.md#ids-v1-v2).
pub fn client_id(user: &UserId, now: Time, fresh: u64) -> ConnectionId {
    let user: String = user.as_str().chars().take(8).collect();
    format!("ws_{user}_{}_{:08x}", unix_secs(now), low_32(fresh)).into()
}

/// `ws_<hex16>`: unique by construction, and nothing that a reader could be tempted to parse.
pub fn unique_id(fresh: u64) -> ConnectionId {
    format!("ws_{fresh:016x}").into()
}

/// The user under which the machine of [`second_granular_id`] is registered
/// (docs/protocol.md#ids-v1-v2).
pub fn pending_user() -> UserId {
    "pending_auth".into()
}

/// The user under which every other connection is registered before authentication.
pub fn temporary_user(environment: Environment) -> UserId {
    let name = match environment {
        Environment::Testing => "e2e-connection-init",
        Environment::Development => "dev-connection-init",
        Environment::Staging => "staging-connection-init",
        Environment::Production => "prod-connection-init",
    };
    name.into()
}

/// What an object's address looks like in the original: 47 bits, 16-byte aligned, in decimal.
fn object_address(fresh: u64) -> u64 {
    0x7f00_0000_0000 | (fresh << 4 & 0x00ff_ffff_fff0)
}

fn low_32(fresh: u64) -> u32 {
    (fresh & u64::from(u32::MAX)) as u32
}

/// What the manager keeps of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The connection it was made for.
    pub owner: SocketId,
    /// The user, once bound.
    pub user: Option<UserId>,
    /// Where it stands. Every move is allowed.
    pub state: IdentityState,
    /// When it last moved.
    pub moved: Time,
}

/// The connection-id manager of one container.
#[derive(Clone, Debug, Default)]
pub struct IdManager {
    identities: BTreeMap<ConnectionId, Identity>,
}

/// What happened to a new identity.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Creation {
    /// It stands in PENDING.
    Created,
    /// It stands in PENDING; the id was taken, and what it stood for is forgotten.
    Overwrote(Identity),
    /// There are [`MAX_IDENTITIES`].
    Full,
}

impl IdManager {
    /// A manager without identities.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an identity in PENDING.
    pub fn create(&mut self, id: &ConnectionId, owner: SocketId, now: Time) -> Creation {
        let full = self.identities.len() >= MAX_IDENTITIES;
        if full && !self.identities.contains_key(id) {
            return Creation::Full;
        }
        let identity = Identity {
            owner,
            user: None,
            state: IdentityState::Pending,
            moved: now,
        };
        match self.identities.insert(id.clone(), identity) {
            Some(former) => Creation::Overwrote(former),
            None => Creation::Created,
        }
    }

    /// Moves an identity, from anywhere to anywhere; where it was, or none if it is unknown.
    pub fn set_state(
        &mut self,
        id: &ConnectionId,
        to: IdentityState,
        now: Time,
    ) -> Option<IdentityState> {
        let identity = self.identities.get_mut(id)?;
        identity.moved = now;
        Some(std::mem::replace(&mut identity.state, to))
    }

    /// Binds a user and moves to AUTHENTICATED; false if the identity is unknown
    /// (docs/protocol.md#step-18).
    pub fn bind_user(&mut self, id: &ConnectionId, user: &UserId, now: Time) -> bool {
        let Some(identity) = self.identities.get_mut(id) else {
            return false;
        };
        identity.user = Some(user.clone());
        identity.state = IdentityState::Authenticated;
        identity.moved = now;
        true
    }

    /// An identity.
    pub fn get(&self, id: &ConnectionId) -> Option<&Identity> {
        self.identities.get(id)
    }

    /// Forgets an identity.
    pub fn remove(&mut self, id: &ConnectionId) -> Option<Identity> {
        self.identities.remove(id)
    }

    /// Forgets the identities that ended [`IDENTITY_TTL`] ago or earlier, and returns them; does
    /// nothing at all up to [`PURGE_ABOVE`] identities. A live one is never forgotten.
    pub fn purge(&mut self, now: Time) -> Vec<(ConnectionId, Identity)> {
        if self.identities.len() <= PURGE_ABOVE {
            return Vec::new();
        }
        let is_due = |identity: &Identity| {
            has_ended(identity.state) && now.since(identity.moved) >= IDENTITY_TTL
        };
        let (gone, kept) = std::mem::take(&mut self.identities)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(_, identity)| is_due(identity));
        self.identities = kept;
        gone.into_iter().collect()
    }

    /// Number of identities.
    pub fn len(&self) -> usize {
        self.identities.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.identities.is_empty()
    }
}

fn has_ended(state: IdentityState) -> bool {
    match state {
        IdentityState::Disconnected | IdentityState::Error => true,
        IdentityState::Pending
        | IdentityState::Initialized
        | IdentityState::Authenticated
        | IdentityState::Active
        | IdentityState::Disconnecting => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: SocketId = SocketId::first(0);

    fn at_ms(ms: u64) -> Time {
        Time(ms * 1_000_000)
    }

    #[test]
    fn ids_look_like_those_of_the_protocol() {
        let now = at_ms(40_682);
        let fresh = 0x0123_4567_89ab_cdef;
        let ids = [
            second_granular_id(now),
            millisecond_object_id(Environment::Staging, now, fresh),
            millisecond_object_id(Environment::Development, now, fresh),
            millisecond_object_id(Environment::Testing, now, fresh),
            id_manager_id(Environment::Staging, now, fresh),
            id_manager_id(Environment::Production, now, fresh),
            fallback_id(now, fresh),
            client_id(&"alice-in-wonderland".into(), now, fresh),
            unique_id(fresh),
        ];
        let text: String = ids.iter().map(|id| format!("{id}\n")).collect();
        insta::assert_snapshot!(text, @r"
        ws_init_1757481520
        ws_1757481520682_140155968872176
        ws_dev_1757481520682_140155968872176
        e2e_1757481520682_140155968872176
        ws_staging_1757481520682_89abcdef
        ws_prod_1757481520682_89abcdef
        ws_fallback_1757481520682_140155968872176
        ws_alice-in_1757481520_89abcdef
        ws_0123456789abcdef
        ");
    }

    #[test]
    fn d16_two_accepts_within_one_second_get_one_id() {
        assert_eq!(second_granular_id(at_ms(0)), second_granular_id(at_ms(999)));
        assert_ne!(
            second_granular_id(at_ms(999)),
            second_granular_id(at_ms(1000))
        );
    }

    #[test]
    fn an_identity_moves_from_anywhere_to_anywhere() {
        let id = ConnectionId::from("ws_1");
        for &from in IdentityState::ALL {
            for &to in IdentityState::ALL {
                let mut manager = IdManager::new();
                assert_eq!(manager.create(&id, OWNER, Time::ZERO), Creation::Created);
                let _ = manager.set_state(&id, from, Time::ZERO);
                assert_eq!(manager.set_state(&id, to, Time::ZERO), Some(from));
            }
        }
    }

    #[test]
    fn unknown_and_taken_ids_are_told_apart_from_new_ones() {
        let id = ConnectionId::from("ws_1");
        let mut manager = IdManager::new();
        assert_eq!(
            manager.set_state(&id, IdentityState::Active, Time::ZERO),
            None
        );
        assert!(!manager.bind_user(&id, &"alice".into(), Time::ZERO));
        assert_eq!(manager.create(&id, OWNER, Time::ZERO), Creation::Created);
        assert!(manager.bind_user(&id, &"alice".into(), Time::ZERO));
        let identity = match manager.create(&id, OWNER, Time::ZERO) {
            Creation::Overwrote(identity) => identity,
            creation => panic!("the id was taken: {creation:?}"),
        };
        assert_eq!(identity.user, Some("alice".into()));
        assert_eq!(identity.state, IdentityState::Authenticated);
        assert!(manager.remove(&id).is_some());
        assert!(manager.is_empty());
    }

    #[test]
    fn only_a_crowded_manager_purges_and_only_what_has_ended_long_ago() {
        let mut manager = IdManager::new();
        let late = Time::ZERO + IDENTITY_TTL;
        let id = |n: usize| ConnectionId::from(format!("ws_{n:05}"));
        for n in 0..PURGE_ABOVE {
            let _ = manager.create(&id(n), OWNER, Time::ZERO);
        }
        let _ = manager.set_state(&id(0), IdentityState::Disconnected, Time::ZERO);
        assert!(manager.purge(late).is_empty());
        let _ = manager.create(&id(PURGE_ABOVE), OWNER, Time::ZERO);
        assert!(manager.purge(Time::ZERO).is_empty());
        let purged = manager.purge(late);
        assert_eq!(purged.len(), 1);
        assert_eq!(purged[0].0, id(0));
        assert_eq!(manager.len(), PURGE_ABOVE);
    }
}
