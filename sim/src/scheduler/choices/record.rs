//! The choices of a run as data: recorded, edited, replayed.

use std::{cell::Cell, collections::BTreeMap};

use serde::{Deserialize, Serialize};

/// The key of the line that says what the base is. No key of a choice is like it: they have
/// slashes.
const BASE: &str = "base";

/// Where a choice comes from that a record does not list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Base {
    /// From the seed, as if there were no record; it is counted as divergence. A record of
    /// everything that a run chose is of this kind.
    #[default]
    Seed,
    /// The default: the shortest latency, no loss, ties in order of arrival, nothing that happens
    /// by chance. A record of this kind lists the choices that matter and no others. Ids still
    /// come from the seed: they have no default.
    Default,
}

impl Base {
    /// Every base.
    pub const ALL: [Base; 2] = [Base::Seed, Base::Default];

    /// As a file names it.
    pub fn name(self) -> &'static str {
        match self {
            Base::Seed => "seed",
            Base::Default => "default",
        }
    }
}

/// Choices of a run: key, then ordinal, then value; and where all the others come from.
///
/// In a file one key is one line of `ordinal:value` pairs, so that a person can edit it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    try_from = "BTreeMap<String, String>",
    into = "BTreeMap<String, String>"
)]
pub struct Record {
    base: Base,
    choices: BTreeMap<String, BTreeMap<u64, u64>>,
}

impl Record {
    /// A record that lists nothing, on this base.
    pub fn on(base: Base) -> Self {
        Record {
            base,
            choices: BTreeMap::new(),
        }
    }

    /// Where the choices come from that are not listed.
    pub fn base(&self) -> Base {
        self.base
    }

    /// The same list on another base.
    pub fn rebased(self, base: Base) -> Self {
        Record { base, ..self }
    }

    /// Whether it says nothing: nothing is listed, and the seed makes every choice.
    pub fn is_empty(&self) -> bool {
        self.choices.is_empty() && self.base == Base::Seed
    }

    /// How many choices are listed.
    pub fn len(&self) -> usize {
        self.choices.values().map(BTreeMap::len).sum()
    }

    /// Every listed choice, by key and ordinal, with its value.
    pub fn listed(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.choices.iter().flat_map(|(key, values)| {
            values
                .iter()
                .map(move |(ordinal, value)| (key.as_str(), *ordinal, *value))
        })
    }

    /// Sets the value of one choice.
    pub fn note(&mut self, key: &str, ordinal: u64, value: u64) {
        match self.choices.get_mut(key) {
            Some(values) => values.insert(ordinal, value),
            None => self
                .choices
                .entry(key.to_owned())
                .or_default()
                .insert(ordinal, value),
        };
    }

    /// Takes one choice off the list.
    pub fn forget(&mut self, key: &str, ordinal: u64) {
        if let Some(values) = self.choices.get_mut(key) {
            values.remove(&ordinal);
            if values.is_empty() {
                self.choices.remove(key);
            }
        }
    }
}

impl From<Record> for BTreeMap<String, String> {
    fn from(record: Record) -> Self {
        let line = |values: BTreeMap<u64, u64>| {
            let pairs: Vec<String> = values.iter().map(|(k, v)| format!("{k}:{v}")).collect();
            pairs.join(" ")
        };
        let choices = record.choices.into_iter();
        let mut lines: BTreeMap<_, _> = choices.map(|(key, values)| (key, line(values))).collect();
        if record.base != Base::default() {
            lines.insert(BASE.to_owned(), record.base.name().to_owned());
        }
        lines
    }
}

impl TryFrom<BTreeMap<String, String>> for Record {
    type Error = String;

    fn try_from(mut lines: BTreeMap<String, String>) -> Result<Self, String> {
        let base = match lines.remove(BASE) {
            None => Base::default(),
            Some(name) => parse_base(&name)?,
        };
        let mut record = Record::on(base);
        for (key, line) in lines {
            for pair in line.split_whitespace() {
                let parsed = pair.split_once(':').and_then(|(ordinal, value)| {
                    Some((ordinal.parse().ok()?, value.parse().ok()?))
                });
                let Some((ordinal, value)) = parsed else {
                    return Err(format!(
                        "choice `{pair}` of `{key}` is not of the form ordinal:value"
                    ));
                };
                record.note(&key, ordinal, value);
            }
        }
        Ok(record)
    }
}

fn parse_base(name: &str) -> Result<Base, String> {
    let known = Base::ALL.into_iter().find(|base| base.name() == name);
    known.ok_or_else(|| {
        let names = Base::ALL.map(|base| format!("`{}`", base.name()));
        format!("unknown base of choices `{name}`; {}", names.join(" or "))
    })
}

/// A record that is being replayed: what is asked for is ticked off.
#[derive(Debug)]
pub(super) struct Replayed {
    pub(super) base: Base,
    listed: BTreeMap<String, BTreeMap<u64, Listed>>,
}

#[derive(Debug)]
struct Listed {
    value: u64,
    asked: Cell<bool>,
}

impl Replayed {
    pub(super) fn new(record: Record) -> Self {
        let listed = |values: BTreeMap<u64, u64>| {
            let values = values.into_iter();
            let asked = || Cell::new(false);
            let fresh = move |(ordinal, value)| {
                let asked = asked();
                (ordinal, Listed { value, asked })
            };
            values.map(fresh).collect()
        };
        let choices = record.choices.into_iter();
        Replayed {
            base: record.base,
            listed: choices.map(|(key, values)| (key, listed(values))).collect(),
        }
    }

    /// The value of one choice, which has been asked for now.
    pub(super) fn ask(&self, key: &str, ordinal: u64) -> Option<u64> {
        let listed = self.listed.get(key)?.get(&ordinal)?;
        listed.asked.set(true);
        Some(listed.value)
    }

    /// How many choices the run has not asked for.
    pub(super) fn unused(&self) -> u64 {
        let listed = self.listed.values().flat_map(BTreeMap::values);
        listed.filter(|listed| !listed.asked.get()).count() as u64
    }
}

/// How a run differs from the record that it was replayed from: the run that was recorded and
/// this one are not the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordDivergence {
    /// How many choices the record did not have, so that they came from the seed. None on the
    /// default base, where a choice that is not listed is meant to be the default.
    pub missing: u64,
    /// How many choices of the record the run never asked for.
    pub unused: u64,
}

impl RecordDivergence {
    /// Whether the run is the one that was recorded, as far as choices tell.
    pub fn is_none(self) -> bool {
        self == RecordDivergence::default()
    }
}
