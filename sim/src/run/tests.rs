//! Proof that the harness would notice: sources of non-determinism, planted in an otherwise
//! sound run one at a time. Each must give two digests, and the traces must part at the first
//! thing that the planted task did.
//!
//! madsim seeds the hash keys of a run's thread, stops its clock and answers its `getrandom`,
//! so the plain mistakes are harmless already (the controls below); what is planted here goes
//! around it.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the sources that are banned elsewhere are planted here to be caught"
)]

use std::{
    collections::{HashMap, hash_map::RandomState},
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use xxhash_rust::xxh3::xxh3_64;

use super::*;
use crate::{
    plan::scenario::Scenario,
    scheduler::{ProcessId, choices::Purpose},
    trace::{
        divergence::first_difference,
        event::{Actor, Fact, TraceEvent, WorldEvent},
    },
};

/// Gives a number whenever the planted task asks. Created for each run, outside of it.
type NumberSource = Box<dyn FnMut(&Rc<Scheduler>) -> u64 + Send>;

/// How a source is made. The directory is empty at first and shared by the two runs.
type Make = fn(&Path) -> NumberSource;

/// How often the planted task acts, in virtual time.
const PERIOD: Duration = Duration::from_millis(500);

/// The planted task sleeps for less than this many microseconds each time.
const LONGEST_SLEEP_US: u64 = 400_000;

/// Every source that is planted.
const PLANTED: [(&str, Make); 13] = [
    ("order of a hash map with its own keys", hash_map_order),
    ("wall clock", wall_clock),
    ("modification time of a file", modification_time),
    ("number of a file on its disk", inode),
    ("ahash", ahash_keys),
    ("thread-local generator", thread_local_generator),
    ("pointer order", pointer_order),
    ("thread", thread_id),
    ("process-wide counter", process_wide_counter),
    ("random device", random_device),
    ("file left behind by the run before", file_left_behind),
    ("free-running thread", free_running_thread),
    ("port that the system gave", port),
];

#[test]
fn every_planted_source_is_caught_where_it_acts_first() {
    for (name, make) in PLANTED {
        let [once, again] = twice(make);
        assert_ne!(once.digest, again.digest, "{name} was not noticed");
        let difference = first_difference(&once.trace, &again.trace)
            .unwrap_or_else(|| panic!("{name} changed the digest and not the trace"));
        let parted = difference.entries.iter().flatten();
        assert!(
            parted.clone().any(is_planted),
            "{name}: the traces part at {difference:?}, which was not planted"
        );
        let before = difference.event as usize;
        for trace in [&once.trace, &again.trace] {
            let earlier = trace[..before].iter().find(|event| is_planted(event));
            assert_eq!(earlier, None, "{name} acted before the traces parted");
        }
        let first = parted.filter(|event| is_planted(event)).map(|e| e.step);
        assert_eq!(first.min(), Some(difference.step()), "{name}");
    }
}

#[test]
fn what_the_run_itself_decides_is_repeated() {
    let controls: [(&str, Make); 4] = [
        ("nothing but the task", |_| Box::new(|_| 0)),
        ("keyed choice", |_| {
            Box::new(|scheduler| {
                let choices = scheduler.choices();
                let mut stream = choices.stream(Actor::World, Purpose::Plan("planted"));
                stream.draw(0..=u64::MAX)
            })
        }),
        ("order of a hash map made inside", |_| {
            Box::new(|_| order_of_keys(&RandomState::new()))
        }),
        ("clock asked inside", |_| {
            Box::new(|_| since_epoch(SystemTime::now()))
        }),
    ];
    for (name, make) in controls {
        let [once, again] = twice(make);
        assert_eq!(once.digest, again.digest, "{name}");
        assert_eq!(first_difference(&once.trace, &again.trace), None, "{name}");
        assert!(once.trace.iter().any(is_planted), "{name}");
    }
}

/// The same run twice, each with a source of its own.
fn twice(make: Make) -> [Outcome; 2] {
    let text = include_str!("../../../seeds/scenarios/golden-path.toml");
    let scenario = Scenario::parse("golden-path", "golden-path.toml", text).unwrap();
    let plan = scenario.plan(1);
    assert_eq!(plan.faults[..], [], "fault events are those of the plant");
    let design = Design::builtin("reference").unwrap();
    let options = Options {
        trace: true,
        ..Options::default()
    };
    let directory = tempfile::tempdir().unwrap();
    [(); 2].map(|()| {
        let source = make(directory.path());
        let outcome = run_with(&design, &plan, &options, |scheduler, recorder| {
            plant(scheduler, recorder, source);
        });
        assert_eq!(outcome.panic, None);
        outcome
    })
}

/// A task that lets each number decide how long it sleeps and what it reports.
fn plant(scheduler: &Rc<Scheduler>, recorder: &Rc<Recorder>, mut source: NumberSource) {
    let process = ProcessId(Actor::World);
    let (own, recorder) = (Rc::clone(scheduler), Rc::clone(recorder));
    scheduler.spawn(process, Actor::World, "planted", async move {
        loop {
            own.sleep(PERIOD).await;
            let number = xxh3_64(&source(&own).to_le_bytes());
            let sleep = Duration::from_micros(number % LONGEST_SLEEP_US);
            own.sleep(sleep).await;
            let fault = number as u32;
            let applied = Fact::World(WorldEvent::FaultApplied { fault });
            recorder.emit(Actor::World, applied);
        }
    });
}

fn is_planted(event: &TraceEvent) -> bool {
    matches!(event.fact, Fact::World(WorldEvent::FaultApplied { .. }))
}

/// Kept until the test process ends, so that the system cannot hand out the same thing again.
fn keep<T>(kept: &Mutex<Vec<T>>, thing: T) {
    kept.lock().unwrap().push(thing);
}

fn order_of_keys(keys: &RandomState) -> u64 {
    let mut map = HashMap::with_hasher(keys.clone());
    map.extend((0..1_000_u64).map(|key| (key, ())));
    let order: Vec<u8> = map.keys().flat_map(|key| key.to_le_bytes()).collect();
    xxh3_64(&order)
}

fn since_epoch(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

fn hash_map_order(_: &Path) -> NumberSource {
    let keys = RandomState::new();
    Box::new(move |_| order_of_keys(&keys))
}

fn wall_clock(_: &Path) -> NumberSource {
    let started = since_epoch(SystemTime::now());
    Box::new(move |_| started)
}

fn modification_time(directory: &Path) -> NumberSource {
    let path = directory.join("written");
    let write = move || {
        fs::write(&path, "x").unwrap();
        since_epoch(fs::metadata(&path).unwrap().modified().unwrap())
    };
    // The clock of a file system ticks every few milliseconds; a run may be shorter.
    let before = write();
    while write() == before {}
    Box::new(move |_| write())
}

fn inode(directory: &Path) -> NumberSource {
    static KEPT: Mutex<Vec<fs::File>> = Mutex::new(Vec::new());
    let directory = directory.to_owned();
    Box::new(move |_| {
        let file = tempfile::tempfile_in(&directory).unwrap();
        let number = file.metadata().unwrap().ino();
        keep(&KEPT, file);
        number
    })
}

fn ahash_keys(_: &Path) -> NumberSource {
    Box::new(|_| ahash::RandomState::new().hash_one(0))
}

fn thread_local_generator(_: &Path) -> NumberSource {
    Box::new(|_| fastrand::u64(..))
}

fn pointer_order(_: &Path) -> NumberSource {
    static KEPT: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
    Box::new(|_| {
        let place = vec![0; 64];
        let address = place.as_ptr().addr() as u64;
        keep(&KEPT, place);
        address
    })
}

fn thread_id(_: &Path) -> NumberSource {
    Box::new(|_| xxh3_64(format!("{:?}", thread::current().id()).as_bytes()))
}

fn process_wide_counter(_: &Path) -> NumberSource {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    Box::new(|_| COUNTER.fetch_add(1, Ordering::Relaxed))
}

fn random_device(_: &Path) -> NumberSource {
    Box::new(|_| {
        let mut bytes = [0; 8];
        let mut device = fs::File::open("/dev/urandom").unwrap();
        device.read_exact(&mut bytes).unwrap();
        u64::from_le_bytes(bytes)
    })
}

fn file_left_behind(directory: &Path) -> NumberSource {
    let path = directory.join("left-behind");
    Box::new(move |_| {
        let mut file = fs::File::options()
            .append(true)
            .create(true)
            .open(&path)
            .unwrap();
        file.write_all(b"x").unwrap();
        file.metadata().unwrap().len()
    })
}

fn free_running_thread(_: &Path) -> NumberSource {
    // One beginning for both runs: two threads can take equally long for their first number.
    static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
    let beginning = *BEGINNING;
    let (sender, receiver) = mpsc::sync_channel(0);
    // It ends when the run has dropped the receiver.
    thread::spawn(
        move || {
            while sender.send(beginning.elapsed().as_nanos() as u64).is_ok() {}
        },
    );
    Box::new(move |_| receiver.recv().unwrap())
}

fn port(_: &Path) -> NumberSource {
    static KEPT: Mutex<Vec<TcpListener>> = Mutex::new(Vec::new());
    Box::new(|_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        keep(&KEPT, listener);
        port.into()
    })
}
