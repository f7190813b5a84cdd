//! Keys of choices as bytes: entity, tag of the purpose, parts of the purpose.

use gatesim_model::port::env::Service;

use crate::trace::event::Actor;

/// More than any key takes.
const MAX_KEY_BYTES: usize = 128;

/// A key that is being put together.
pub(super) struct KeyBytes {
    bytes: [u8; MAX_KEY_BYTES],
    length: usize,
}

impl KeyBytes {
    /// The key of an entity, before anything is said of the purpose.
    pub(super) fn of(entity: Actor) -> Self {
        let mut key = KeyBytes {
            bytes: [0; MAX_KEY_BYTES],
            length: 0,
        };
        key.push(&entity.to_bytes());
        key
    }

    /// Adds bytes.
    pub(super) fn push(&mut self, more: &[u8]) {
        let end = self.length + more.len();
        self.bytes[self.length..end].copy_from_slice(more);
        self.length = end;
    }

    /// Everything so far.
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// A part of a purpose that is in its key.
pub(super) trait KeyPart {
    /// Adds it to a key, so that no two sequences of parts give the same bytes.
    fn push_to(self, key: &mut KeyBytes);
}

impl KeyPart for &'static str {
    fn push_to(self, key: &mut KeyBytes) {
        let length = u8::try_from(self.len()).expect("names in keys are short");
        key.push(&[length]);
        key.push(self.as_bytes());
    }
}

impl KeyPart for Actor {
    fn push_to(self, key: &mut KeyBytes) {
        key.push(&self.to_bytes());
    }
}

impl KeyPart for Service {
    fn push_to(self, key: &mut KeyBytes) {
        key.push(&[self as u8]);
    }
}

/// The tag of a purpose: the FNV-1a hash of its name. So purposes may stand in any order, and
/// renaming one is seed-breaking.
pub(super) const fn tag(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let mut hash = 0x811c_9dc5_u32;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    hash
}
