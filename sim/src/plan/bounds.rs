//! How large the numbers of a scenario or a plan may be. A file beyond these bounds is refused when
//! it is read, with its line, rather than overflowing a clock or filling the memory when it runs.

use serde::{Deserialize, Deserializer, de::Error};

use crate::plan::Range;

/// Any time in milliseconds: one day, longer than any run is worth watching.
pub const MAX_MS: u64 = 86_400_000;

/// Any time in microseconds: one day.
pub const MAX_US: u64 = MAX_MS * 1_000;

/// Parts of a thousand.
pub const PER_MILLE: u64 = 1_000;

/// Containers of a run.
pub const MAX_CONTAINERS: u64 = 64;

/// Clients of a run, and users that share them.
pub const MAX_CLIENTS: u64 = 20_000;

/// Messages of one client.
pub const MAX_MESSAGES: u64 = 1_000;

/// Tools that an agent calls for one message.
pub const MAX_TOOLS: u64 = 100;

/// Length of one message, in bytes of text.
pub const MAX_TEXT_BYTES: u64 = 1_000_000;

/// Machines that a registry holds.
pub const MAX_REGISTRY: u64 = 1_000_000;

/// Threads that messages name.
pub const MAX_THREADS: u64 = 1_000;

/// Frames that wait for one connection.
pub const MAX_WAITING: u64 = 10_000;

/// How rare the seeds of a long scenario may be among those of the others.
pub const MAX_EVERY: u64 = 1_000_000;

/// Addresses behind which a balancer hides those of the clients.
pub const MAX_ADDRESSES: u64 = 1_000;

/// Containers that are asked after one that has not answered an upgrade.
pub const MAX_RETRIES: u64 = 8;

/// Frames in the window of a link.
pub const MAX_WINDOW: u64 = 4_096;

/// Faults of a run.
pub const MAX_FAULTS: u64 = 1_000;

/// How many times one entry of a scenario's faults is tried.
pub const MAX_REPEATS: u64 = 32;

/// How many times its usual time a slow service takes.
pub const MAX_FACTOR: u64 = 10_000;

/// Reads a value and refuses one that is not within `LEAST` and `MOST`, both included.
pub(crate) fn within<'de, const LEAST: u64, const MOST: u64, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Extent,
{
    let value = T::deserialize(from)?;
    let (least, most) = value.extent();
    if LEAST <= least && most <= MOST {
        return Ok(value);
    }
    Err(D::Error::custom(format!(
        "{} is out of bounds; {LEAST} to {MOST} is allowed",
        value.in_words()
    )))
}

/// [`within`], for a value that may be left out.
pub(crate) fn maybe_within<'de, const LEAST: u64, const MOST: u64, D, T>(
    from: D,
) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Extent,
{
    within::<LEAST, MOST, D, T>(from).map(Some)
}

/// Whether a field need not be written, because leaving it out means the same.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What can be compared with bounds.
pub(crate) trait Extent {
    /// The least and the greatest value in it.
    fn extent(&self) -> (u64, u64);

    /// As an error names it.
    fn in_words(&self) -> String;
}

impl Extent for u64 {
    fn extent(&self) -> (u64, u64) {
        (*self, *self)
    }

    fn in_words(&self) -> String {
        self.to_string()
    }
}

impl Extent for u32 {
    fn extent(&self) -> (u64, u64) {
        u64::from(*self).extent()
    }

    fn in_words(&self) -> String {
        self.to_string()
    }
}

impl Extent for Range {
    fn extent(&self) -> (u64, u64) {
        (self.least, self.most)
    }

    fn in_words(&self) -> String {
        format!("[{}, {}]", self.least, self.most)
    }
}

impl<const N: usize> Extent for [u64; N] {
    fn extent(&self) -> (u64, u64) {
        let least = self.iter().copied().min().unwrap_or_default();
        let most = self.iter().copied().max().unwrap_or_default();
        (least, most)
    }

    fn in_words(&self) -> String {
        format!("{self:?}")
    }
}

/// A list is bounded in its length.
impl<T> Extent for Vec<T> {
    fn extent(&self) -> (u64, u64) {
        (self.len() as u64).extent()
    }

    fn in_words(&self) -> String {
        format!("a list of {}", self.len())
    }
}
