//! Replays a recording against the model and compares every answer.

use std::{
    fmt::{self, Debug, Display},
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    time::Duration,
};

use flate2::read::GzDecoder;
use serde::{Deserialize, de::DeserializeOwned};

/// A part of the model, driven by the operations of a recording.
pub trait Replay: Sized + 'static {
    /// What a sequence says before its operations.
    type Setup: DeserializeOwned;
    /// One operation.
    type Op: DeserializeOwned + Debug;
    /// What can be seen after an operation.
    type Seen: DeserializeOwned + Debug + PartialEq;

    /// The part as it is before the first operation.
    fn start(setup: Self::Setup) -> Self;

    /// Carries out one operation.
    fn step(&mut self, op: &Self::Op) -> Self::Seen;
}

/// One line of a recording.
#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Replay"))]
struct Sequence<R: Replay> {
    seed: u64,
    #[serde(flatten)]
    setup: R::Setup,
    ops: Vec<R::Op>,
    obs: Vec<Option<R::Seen>>,
}

/// Replays the recording `name`; the numbers of steps that were compared and that have no recorded
/// answer, in words.
///
/// # Panics
/// If a step differs.
pub fn replay<R: Replay>(name: &str) -> String {
    let mut tally = Tally::default();
    let mut different = Vec::new();
    for line in lines(name) {
        let sequence: Sequence<R> = serde_json::from_str(&line).expect("a sequence");
        assert_eq!(sequence.ops.len(), sequence.obs.len());
        different.extend(replay_sequence(sequence, &mut tally).err());
    }
    assert!(
        different.is_empty(),
        "{} sequences of {name} differ, the first of them:\n{}",
        different.len(),
        different[0]
    );
    tally.to_string()
}

/// The lines of a recording.
pub fn lines(name: &str) -> impl Iterator<Item = String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name)
        .with_extension("jsonl.gz");
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines.map(|line| line.expect("a line of the recording"))
}

fn replay_sequence<R: Replay>(sequence: Sequence<R>, tally: &mut Tally) -> Result<(), String> {
    let mut model = R::start(sequence.setup);
    let mut before = None;
    for (number, (op, original)) in sequence.ops.iter().zip(&sequence.obs).enumerate() {
        let seen = model.step(op);
        let Some(original) = original else {
            tally.unrecorded += 1;
            continue;
        };
        if seen != *original {
            return Err(format!(
                "seed {}, step {number}: {op:?}\nbefore:   {before:?}\noriginal: {original:?}\nmodel:    {seen:?}",
                sequence.seed
            ));
        }
        before = Some(original);
        tally.agreed += 1;
    }
    Ok(())
}

/// Steps by how they compare.
#[derive(Default)]
struct Tally {
    agreed: usize,
    unrecorded: usize,
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { agreed, unrecorded } = self;
        write!(f, "{} steps: {agreed} agree", agreed + unrecorded)?;
        match unrecorded {
            0 => Ok(()),
            unrecorded => write!(f, ", {unrecorded} without a recorded answer"),
        }
    }
}

/// Milliseconds as the recordings write them.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a short time")
}

/// The value that the recordings call `name`: lower case, with underscores.
pub fn named<T: Copy + Display>(all: &[T], name: &str) -> T {
    let value = all.iter().find(|value| recorded_name(value) == name);
    *value.unwrap_or_else(|| panic!("nothing is called {name}"))
}

/// The name of a value in the recordings.
pub fn recorded_name(value: impl Display) -> String {
    value.to_string().to_lowercase().replace('-', "_")
}
