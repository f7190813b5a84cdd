//! How large the numbers of a scenario or a plan may be. A file beyond these bounds is refused when
//! it is read, with its line, rather than overflowing a clock or filling the memory when it runs.

/// Any time in milliseconds: one day, longer than any run is worth watching.
pub const MAX_MS: u64 = 86_400_000;

/// Any time in microseconds: one day.
pub const MAX_US: u64 = MAX_MS * 1_000;

/// Parts of a thousand.
pub const PER_MILLE: u32 = 1_000;

/// Containers of a run.
pub const MAX_CONTAINERS: u32 = 64;

/// Clients of a run, and users that share them.
pub const MAX_CLIENTS: u32 = 20_000;

/// Messages of one client.
pub const MAX_MESSAGES: u32 = 1_000;

/// Tools that an agent calls for one message.
pub const MAX_TOOLS: u32 = 100;

/// Length of one message, in bytes of text.
pub const MAX_TEXT_BYTES: u32 = 1_000_000;

/// Machines that a registry holds.
pub const MAX_REGISTRY: u32 = 1_000_000;

/// Threads that messages name.
pub const MAX_THREADS: u32 = 1_000;

/// Frames that wait for one connection.
pub const MAX_WAITING: u32 = 10_000;

/// How rare the seeds of a long scenario may be among those of the others.
pub const MAX_EVERY: u32 = 1_000_000;

/// Addresses behind which a balancer hides those of the clients.
pub const MAX_ADDRESSES: u32 = 1_000;

/// Containers that are asked after one that has not answered an upgrade.
pub const MAX_RETRIES: u32 = 8;

/// Frames in the window of a link.
pub const MAX_WINDOW: u32 = 4_096;

/// Faults of a run.
pub const MAX_FAULTS: u32 = 1_000;

/// How many times one table of a scenario's faults is tried.
pub const MAX_REPEATS: u32 = 32;

/// How many times its usual time a slow service takes.
pub const MAX_FACTOR: u32 = 10_000;
