//! Worker threads, and how many of them.

use std::{num::NonZeroUsize, thread};

/// Most worker threads: each run takes threads and memory.
pub const MAX_JOBS: i64 = 256;

/// The name of the workers' threads. The runs themselves have threads of their own.
pub const WORKER_NAME: &str = "sweep-worker";

/// The number of worker threads: as given, or one per core.
pub fn jobs(asked: Option<u16>) -> NonZeroUsize {
    asked
        .and_then(|jobs| NonZeroUsize::new(jobs.into()))
        .unwrap_or_else(|| thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
}

/// Does the same work in several threads, and returns the result of each.
pub fn in_parallel<T: Send>(jobs: NonZeroUsize, work: impl Fn() -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.get())
            .map(|_| {
                thread::Builder::new()
                    .name(WORKER_NAME.to_owned())
                    .spawn_scoped(scope, &work)
                    .expect("failed to start a worker thread")
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| match worker.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}
