//! Which instance of its entity and purpose a stream is.

#![expect(
    clippy::disallowed_types,
    reason = "the hasher is fixed, and the map is never iterated: no run depends on its order"
)]

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// How many streams there were so far, by the hash of entity and purpose.
#[derive(Debug, Default)]
pub(super) struct Instances(HashMap<u64, u32, BuildHasherDefault<HashedAlready>>);

impl Instances {
    /// The next instance.
    pub(super) fn next(&mut self, key: u64) -> u32 {
        let next = self.0.entry(key).or_default();
        let instance = *next;
        *next += 1;
        instance
    }

    /// Sets which instance is the next.
    pub(super) fn set_next(&mut self, key: u64, instance: u32) {
        self.0.insert(key, instance);
    }
}

/// Hashes a hash to itself.
#[derive(Default)]
struct HashedAlready(u64);

impl Hasher for HashedAlready {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are numbers");
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
