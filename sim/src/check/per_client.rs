//! A table of clients, or of their connections, for what is looked up at nearly every event.
//!
//! Clients are numbered from 0 without gaps, and a client has one connection at a time, rarely two.
//! So a table is a list of clients in which each has what belongs to it in place, and a look-up
//! goes to one place in memory instead of down a tree: with ten thousand connections every level of
//! a tree lies somewhere that no cache holds. Methods are those of `BTreeMap`, and everything is
//! visited in the order of the keys as well.

use gatesim_model::core::ids::SocketId;

/// A key that says which client it belongs to.
pub(crate) trait OfClient: Copy {
    /// What tells the keys of one client apart.
    type Rest: Copy + Ord;

    /// The client, and what tells this key from its others.
    fn split(self) -> (u32, Self::Rest);

    /// The key of this client.
    fn join(client: u32, rest: Self::Rest) -> Self;
}

/// The client itself.
impl OfClient for u32 {
    type Rest = ();

    fn split(self) -> (u32, ()) {
        (self, ())
    }

    fn join(client: u32, (): ()) -> Self {
        client
    }
}

/// One of its connections: attempt and copy.
impl OfClient for SocketId {
    type Rest = (u16, u16);

    fn split(self) -> (u32, (u16, u16)) {
        (self.peer, (self.attempt, self.copy))
    }

    fn join(peer: u32, (attempt, copy): (u16, u16)) -> Self {
        SocketId {
            peer,
            attempt,
            copy,
        }
    }
}

/// A value for each of some keys.
#[derive(Clone, Debug)]
pub(crate) struct PerClient<K: OfClient, T> {
    clients: Vec<Slot<K::Rest, T>>,
}

/// What belongs to one client.
#[derive(Clone, Debug)]
enum Slot<R, T> {
    Nothing,
    One(R, T),
    /// In the order of the keys.
    Several(Vec<(R, T)>),
}

/// The place of a key, for whoever does not know whether it has a value.
pub(crate) struct Entry<'a, K: OfClient, T> {
    slot: &'a mut Slot<K::Rest, T>,
    rest: K::Rest,
}

impl<K: OfClient, T> Default for PerClient<K, T> {
    fn default() -> Self {
        PerClient {
            clients: Vec::new(),
        }
    }
}

impl<K: OfClient, T> PerClient<K, T> {
    /// An empty table.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &K) -> Option<&T> {
        let (client, rest) = key.split();
        self.clients.get(client as usize)?.get(rest)
    }

    /// The value of a key, to change it.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut T> {
        let (client, rest) = key.split();
        self.clients.get_mut(client as usize)?.get_mut(rest)
    }

    /// Whether a key has a value.
    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Gives a key a value; the one that it had is returned.
    pub(crate) fn insert(&mut self, key: K, value: T) -> Option<T> {
        let Entry { slot, rest } = self.entry(key);
        slot.insert(rest, value)
    }

    /// Takes the value of a key away.
    pub(crate) fn remove(&mut self, key: &K) -> Option<T> {
        let (client, rest) = key.split();
        self.clients.get_mut(client as usize)?.remove(rest)
    }

    /// The place of a key.
    pub(crate) fn entry(&mut self, key: K) -> Entry<'_, K, T> {
        let (client, rest) = key.split();
        let place = client as usize;
        if self.clients.len() <= place {
            self.clients.resize_with(place + 1, || Slot::Nothing);
        }
        Entry {
            slot: &mut self.clients[place],
            rest,
        }
    }

    /// Every key of one client.
    pub(crate) fn keys_of(&self, client: u32) -> impl Iterator<Item = K> {
        let slot = self.clients.get(client as usize);
        slot.into_iter()
            .flat_map(Slot::iter)
            .map(move |(rest, _)| K::join(client, rest))
    }

    /// Every key with its value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, &T)> {
        self.clients.iter().zip(0..).flat_map(|(slot, client)| {
            slot.iter()
                .map(move |(rest, value)| (K::join(client, rest), value))
        })
    }

    /// Every key with its value, to change it.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut T)> {
        self.clients.iter_mut().zip(0..).flat_map(|(slot, client)| {
            slot.iter_mut()
                .map(move |(rest, value)| (K::join(client, rest), value))
        })
    }

    /// Every key.
    pub(crate) fn keys(&self) -> impl Iterator<Item = K> {
        self.iter().map(|(key, _)| key)
    }

    /// Every value.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.iter().map(|(_, value)| value)
    }

    /// Every value, to change it.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// Every value, taken out of the table.
    pub(crate) fn into_values(self) -> impl Iterator<Item = T> {
        self.clients.into_iter().flat_map(Slot::into_values)
    }

    /// Keeps the values that pass the test.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K, &mut T) -> bool) {
        self.extract(|key, value| !keep(key, value));
    }

    /// Takes away the values that pass the test.
    pub(crate) fn extract(&mut self, mut wanted: impl FnMut(&K, &mut T) -> bool) -> Vec<(K, T)> {
        let found: Vec<K> = self
            .iter_mut()
            .filter_map(|(key, value)| wanted(&key, value).then_some(key))
            .collect();
        let taken = found.into_iter();
        taken
            .filter_map(|key| Some((key, self.remove(&key)?)))
            .collect()
    }
}

impl<'a, K: OfClient, T> Entry<'a, K, T> {
    /// The value, `value` if there was none.
    pub(crate) fn or_insert(self, value: T) -> &'a mut T {
        self.or_insert_with(|| value)
    }

    /// The value, the default one if there was none.
    pub(crate) fn or_default(self) -> &'a mut T
    where
        T: Default,
    {
        self.or_insert_with(T::default)
    }

    /// The value, made by `make` if there was none.
    pub(crate) fn or_insert_with(self, make: impl FnOnce() -> T) -> &'a mut T {
        let Entry { slot, rest } = self;
        if slot.get(rest).is_none() {
            slot.insert(rest, make());
        }
        slot.get_mut(rest).expect("it has one by now")
    }
}

impl<R: Copy + Ord, T> Slot<R, T> {
    fn get(&self, rest: R) -> Option<&T> {
        match self {
            Slot::Nothing => None,
            Slot::One(of, value) => (*of == rest).then_some(value),
            Slot::Several(all) => {
                let place = all.binary_search_by_key(&rest, |(of, _)| *of).ok()?;
                Some(&all[place].1)
            }
        }
    }

    fn get_mut(&mut self, rest: R) -> Option<&mut T> {
        match self {
            Slot::Nothing => None,
            Slot::One(of, value) => (*of == rest).then_some(value),
            Slot::Several(all) => {
                let place = all.binary_search_by_key(&rest, |(of, _)| *of).ok()?;
                Some(&mut all[place].1)
            }
        }
    }

    fn insert(&mut self, rest: R, value: T) -> Option<T> {
        if let Some(known) = self.get_mut(rest) {
            return Some(std::mem::replace(known, value));
        }
        *self = match std::mem::replace(self, Slot::Nothing) {
            Slot::Nothing => Slot::One(rest, value),
            Slot::One(of, other) if of < rest => Slot::Several(vec![(of, other), (rest, value)]),
            Slot::One(of, other) => Slot::Several(vec![(rest, value), (of, other)]),
            Slot::Several(mut all) => {
                let place = all.partition_point(|(of, _)| *of < rest);
                all.insert(place, (rest, value));
                Slot::Several(all)
            }
        };
        None
    }

    fn remove(&mut self, rest: R) -> Option<T> {
        self.get(rest)?;
        match std::mem::replace(self, Slot::Nothing) {
            Slot::Nothing => None,
            Slot::One(_, value) => Some(value),
            Slot::Several(mut all) => {
                let place = all.binary_search_by_key(&rest, |(of, _)| *of).ok()?;
                let (_, removed) = all.remove(place);
                if !all.is_empty() {
                    *self = Slot::Several(all);
                }
                Some(removed)
            }
        }
    }

    fn into_values(self) -> impl Iterator<Item = T> {
        let (one, several) = match self {
            Slot::Nothing => (None, Vec::new()),
            Slot::One(_, value) => (Some(value), Vec::new()),
            Slot::Several(all) => (None, all),
        };
        one.into_iter()
            .chain(several.into_iter().map(|(_, value)| value))
    }

    fn iter(&self) -> impl Iterator<Item = (R, &T)> {
        let (one, several) = match self {
            Slot::Nothing => (None, &[][..]),
            Slot::One(of, value) => (Some((*of, value)), &[][..]),
            Slot::Several(all) => (None, &all[..]),
        };
        one.into_iter()
            .chain(several.iter().map(|(of, value)| (*of, value)))
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = (R, &mut T)> {
        let (one, several) = match self {
            Slot::Nothing => (None, &mut [][..]),
            Slot::One(of, value) => (Some((*of, value)), &mut [][..]),
            Slot::Several(all) => (None, &mut all[..]),
        };
        one.into_iter()
            .chain(several.iter_mut().map(|(of, value)| (*of, value)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        scheduler::choices::{Choices, Purpose},
        trace::event::Actor,
    };

    /// Whatever is done to it, it is what a `BTreeMap` would be.
    #[test]
    fn it_behaves_as_an_ordered_map_does() {
        for seed in 0..20 {
            let mut random = Choices::new(seed, false, None).stream(Actor::World, Purpose::Route);
            let mut table: PerClient<SocketId, u64> = PerClient::new();
            let mut expected: BTreeMap<SocketId, u64> = BTreeMap::new();
            for value in 0..500 {
                let socket = SocketId {
                    peer: random.draw(0..=3) as u32,
                    attempt: random.draw(1..=3) as u16,
                    copy: random.draw(0..=1) as u16,
                };
                match random.draw(0..=5) {
                    0 | 1 => assert_eq!(
                        table.insert(socket, value),
                        expected.insert(socket, value),
                        "seed {seed}"
                    ),
                    2 => assert_eq!(
                        table.entry(socket).or_insert(value),
                        expected.entry(socket).or_insert(value)
                    ),
                    3 | 4 => assert_eq!(table.remove(&socket), expected.remove(&socket)),
                    _ => {
                        table.retain(|_, kept| *kept % 7 != value % 7);
                        expected.retain(|_, kept| *kept % 7 != value % 7);
                    }
                }
                assert_eq!(table.get(&socket), expected.get(&socket));
                assert_eq!(table.get_mut(&socket), expected.get_mut(&socket));
                let found: Vec<(SocketId, u64)> =
                    table.iter().map(|(key, value)| (key, *value)).collect();
                let sought: Vec<(SocketId, u64)> =
                    expected.iter().map(|(key, value)| (*key, *value)).collect();
                assert_eq!(found, sought, "seed {seed}");
                let of_one: Vec<SocketId> = table.keys_of(socket.peer).collect();
                let sought = sought.into_iter().map(|(key, _)| key);
                assert!(
                    of_one
                        .into_iter()
                        .eq(sought.filter(|key| key.peer == socket.peer))
                );
            }
        }
    }
}
