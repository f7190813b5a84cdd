//! A table of clients, or of their connections, for what is looked up at nearly every event.
//!
//! Clients are numbered from 0 without gaps, and a client has one connection at a time, rarely two.
//! So a table is a list of clients with their values in place, and a look-up touches one place in
//! memory instead of the levels of a tree, which with ten thousand connections are in no cache.
//! Methods are those of `BTreeMap`, and iteration is in the order of the keys as well.

use gatesim_model::core::ids::SocketId;

mod slot;
#[cfg(test)]
mod tests;

use slot::Slot;

/// A key that belongs to a client.
pub(crate) trait OfClient: Copy {
    /// What tells the keys of one client apart.
    type Remainder: Copy + Ord;

    /// The client, and what tells this key from its others.
    fn split(self) -> (u32, Self::Remainder);

    /// The key of this client.
    fn join(client: u32, rest: Self::Remainder) -> Self;
}

/// The client itself.
impl OfClient for u32 {
    type Remainder = ();

    fn split(self) -> (u32, ()) {
        (self, ())
    }

    fn join(client: u32, (): ()) -> Self {
        client
    }
}

/// One of its connections: attempt and copy.
impl OfClient for SocketId {
    type Remainder = (u16, u16);

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
    clients: Vec<Slot<K::Remainder, T>>,
}

/// The place of a key, which may have a value or not.
pub(crate) struct ClientEntry<'a, K: OfClient, T> {
    slot: &'a mut Slot<K::Remainder, T>,
    rest: K::Remainder,
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
        let ClientEntry { slot, rest } = self.entry(key);
        slot.insert(rest, value)
    }

    /// Takes the value of a key away.
    pub(crate) fn remove(&mut self, key: &K) -> Option<T> {
        let (client, rest) = key.split();
        self.clients.get_mut(client as usize)?.remove(rest)
    }

    /// The place of a key.
    pub(crate) fn entry(&mut self, key: K) -> ClientEntry<'_, K, T> {
        let (client, rest) = key.split();
        let place = client as usize;
        if self.clients.len() <= place {
            self.clients.resize_with(place + 1, || Slot::Nothing);
        }
        ClientEntry {
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

impl<'a, K: OfClient, T> ClientEntry<'a, K, T> {
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
        let ClientEntry { slot, rest } = self;
        if slot.get(rest).is_none() {
            slot.insert(rest, make());
        }
        slot.get_mut(rest).expect("it has one by now")
    }
}
