//! Replays a recording against the model and compares every answer.

use std::{
    collections::BTreeMap,
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

    /// Brings the model into the state of the original after a declared difference, if it is not
    /// there.
    fn adopt(&mut self, _step: &Step<'_, Self>) {}
}

/// Something that the model does otherwise than the original.
pub struct Difference<R: Replay> {
    /// Its name in the summary.
    pub name: &'static str,
    /// Why the model differs.
    pub reason: &'static str,
    /// Whether it accounts for what was seen at a step; the second argument is the part after it.
    pub explains: fn(&Step<'_, R>, &R) -> bool,
}

/// A step at which model and original disagree.
pub struct Step<'a, R: Replay> {
    /// What was recorded before the operation, if anything was.
    pub before: Option<&'a R::Seen>,
    /// The operation.
    pub op: &'a R::Op,
    /// What the original answered.
    pub original: &'a R::Seen,
    /// What the model answered.
    pub model: &'a R::Seen,
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

/// Replays the recording `name`, from which the model has the `known` differences; the numbers of
/// steps that agree and that differ, in words.
///
/// # Panics
/// If a step differs in a way that is not declared, or a declared difference does not occur.
pub fn replay<R: Replay>(name: &str, known: &[Difference<R>]) -> String {
    let mut tally = Tally::default();
    let mut undeclared = Vec::new();
    for line in lines(name) {
        let sequence: Sequence<R> = serde_json::from_str(&line).expect("a sequence");
        assert_eq!(sequence.ops.len(), sequence.obs.len());
        if let Err(step) = replay_sequence(sequence, known, &mut tally) {
            undeclared.push(step);
        }
    }
    assert!(
        undeclared.is_empty(),
        "{} sequences of {name} differ, the first of them:\n{}",
        undeclared.len(),
        undeclared[0]
    );
    for Difference { name, reason, .. } in known {
        let occurs = tally.differing.contains_key(name);
        assert!(occurs, "{name} does not occur any more: {reason}");
    }
    println!("{name}: {tally}");
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

fn replay_sequence<R: Replay>(
    sequence: Sequence<R>,
    known: &[Difference<R>],
    tally: &mut Tally,
) -> Result<(), String> {
    let mut model = R::start(sequence.setup);
    let mut before = None;
    for (number, (op, original)) in sequence.ops.iter().zip(&sequence.obs).enumerate() {
        let seen = model.step(op);
        let Some(original) = original else {
            tally.unrecorded += 1;
            continue;
        };
        let step = Step {
            before,
            op,
            original,
            model: &seen,
        };
        before = Some(original);
        if seen == *original {
            tally.agreed += 1;
            continue;
        }
        let explains = |known: &&Difference<R>| (known.explains)(&step, &model);
        let Some(difference) = known.iter().find(explains) else {
            return Err(format!(
                "seed {}, step {number}: {op:?}\nbefore:   {:?}\noriginal: {original:?}\nmodel:    {seen:?}",
                sequence.seed, step.before
            ));
        };
        *tally.differing.entry(difference.name).or_default() += 1;
        model.adopt(&step);
    }
    Ok(())
}

/// Steps by how they compare.
#[derive(Default)]
struct Tally {
    agreed: usize,
    unrecorded: usize,
    differing: BTreeMap<&'static str, usize>,
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let differing: usize = self.differing.values().sum();
        let steps = self.agreed + self.unrecorded + differing;
        write!(f, "{steps} steps: {} agree", self.agreed)?;
        for (name, count) in &self.differing {
            write!(f, ", {count} differ ({name})")?;
        }
        match self.unrecorded {
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
