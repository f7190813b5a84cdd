//! The connection-id manager (`docs/protocol.md#connection-id-manager`).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gatesim_model::core::{
    identity::{IdManager, IdentityState},
    ids::{ConnectionId, SocketId},
    time::Time,
};
use serde::Deserialize;

use crate::replay::{Replay, named, recorded_name, replay};

const OWNER: SocketId = SocketId::first(0);

#[derive(Default)]
struct Identities {
    manager: IdManager,
    /// Every id that was ever used.
    ids: BTreeSet<String>,
    now: Time,
}

#[derive(Deserialize)]
struct Setup {}

#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Op {
    Create { id: String },
    Bind { id: String, user: String },
    State { id: String, to: String },
    Remove { id: String },
    Advance { ms: u64 },
}

/// Whether the id was known, and each identity: its state and its user.
type Seen = (Option<bool>, BTreeMap<String, (String, Option<String>)>);

impl Replay for Identities {
    type Setup = Setup;
    type Op = Op;
    type Seen = Seen;

    fn start(_: Setup) -> Self {
        Identities::default()
    }

    fn step(&mut self, op: &Op) -> Seen {
        let Identities { manager, ids, now } = self;
        let connection = |id: &String| ConnectionId::from(id.as_str());
        let known = match op {
            Op::Create { id } => {
                ids.insert(id.clone());
                let _created = manager.create(&connection(id), OWNER, *now);
                let _purged = manager.purge(*now);
                None
            }
            Op::Bind { id, user } => {
                Some(manager.bind_user(&connection(id), &user.as_str().into(), *now))
            }
            Op::State { id, to } => {
                let to = named(IdentityState::ALL, to);
                Some(manager.set_state(&connection(id), to, *now).is_some())
            }
            Op::Remove { id } => Some(manager.remove(&connection(id)).is_some()),
            Op::Advance { ms } => {
                *now = *now + Duration::from_millis(*ms);
                None
            }
        };
        let identities = ids.iter().filter_map(|id| {
            let identity = manager.get(&connection(id))?;
            let user = identity.user.as_ref().map(ToString::to_string);
            Some((id.clone(), (recorded_name(identity.state), user)))
        });
        let identities: BTreeMap<_, _> = identities.collect();
        assert_eq!(identities.len(), manager.len());
        (known, identities)
    }
}

#[test]
fn connection_ids() {
    insta::assert_snapshot!(replay::<Identities>("identity"), @"2740 steps: 1740 agree, 1000 without a recorded answer");
}
