//! Choices by key: no draw comes from a shared stream.
//!
//! A choice is addressed by *(seed, entity, purpose, instance, ordinal)* and hashed, so taking
//! away a fault, adding a log line or an await leaves every other choice where it was. A
//! [`Stream`] is the first four parts, hashed once; the ordinal counts its draws.
//!
//! Choices can be recorded, and a run can be replayed from an edited record. A choice that the
//! record does not have falls back to the seed and is counted as [`Drift`].

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt::{self, Write},
    ops::RangeInclusive,
    rc::Rc,
};

use gatesim_model::env::Service;
use rand::{Rng, RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::event::Actor;

/// What a choice is for. The names are part of every key: renaming one is seed-breaking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// The tie-break of a task's turn, by the name of the task.
    Turn(&'static str),
    /// The tie-break of a frame's delivery on a link, by the receiving end.
    Delivery(Actor),
    /// The latency of a frame on the link to this receiver.
    Latency(Actor),
    /// Whether a frame on the link to this receiver is lost once and sent again.
    Loss(Actor),
    /// The tie-break of the moment at which the writer to this receiver gives up.
    GiveUp(Actor),
    /// The latency of the packets that open a connection to this receiver.
    Opening(Actor),
    /// Where the balancer sends an upgrade.
    Route,
    /// Whether the balancer changes the headers of an upgrade.
    Headers,
    /// Behind which of its addresses the balancer hides a client.
    Address,
    /// Whether an upgrade arrives without its cookie.
    CookieLoss,
    /// Whether the balancer delivers an upgrade twice, and when.
    Duplicate,
    /// Which frames to this receiver the balancer holds while others pass, and for how long.
    Reorder(Actor),
    /// How long the balancer holds an upgrade.
    UpgradeHold,
    /// How long the balancer holds the end of a connection before the container hears of it.
    CloseHold,
    /// How long the server takes between the two halves of accept.
    Accept,
    /// How long a service takes.
    ServiceLatency(Service),
    /// Whether a service fails a call.
    ServiceFailure(Service),
    /// Whether a service gives a wrong answer.
    ServiceError(Service),
    /// The random part of ids.
    Fresh,
    /// The jitter of a client's reconnect.
    Backoff,
    /// Anything a plan draws from its scenario, by field.
    Plan(&'static str),
    /// Anything a plan draws for a fault, by kind and field.
    PlanFault(&'static str, &'static str),
    /// How heavy a kind of fault is in a swarm.
    Swarm(&'static str),
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Purpose::Turn(task) => write!(f, "turn/{task}"),
            Purpose::Delivery(to) => write!(f, "delivery/{to}"),
            Purpose::Latency(to) => write!(f, "latency/{to}"),
            Purpose::Loss(to) => write!(f, "loss/{to}"),
            Purpose::GiveUp(to) => write!(f, "give-up/{to}"),
            Purpose::Opening(to) => write!(f, "opening/{to}"),
            Purpose::Route => f.write_str("route"),
            Purpose::Headers => f.write_str("headers"),
            Purpose::Address => f.write_str("address"),
            Purpose::CookieLoss => f.write_str("cookie-loss"),
            Purpose::Duplicate => f.write_str("duplicate"),
            Purpose::Reorder(to) => write!(f, "reorder/{to}"),
            Purpose::UpgradeHold => f.write_str("upgrade-hold"),
            Purpose::CloseHold => f.write_str("close-hold"),
            Purpose::Accept => f.write_str("accept"),
            Purpose::ServiceLatency(service) => write!(f, "{}-latency", Actor::Service(*service)),
            Purpose::ServiceFailure(service) => write!(f, "{}-failure", Actor::Service(*service)),
            Purpose::ServiceError(service) => write!(f, "{}-error", Actor::Service(*service)),
            Purpose::Fresh => f.write_str("fresh"),
            Purpose::Backoff => f.write_str("backoff"),
            Purpose::Plan(field) => write!(f, "plan/{field}"),
            Purpose::PlanFault(kind, field) => write!(f, "plan/{kind}.{field}"),
            Purpose::Swarm(kind) => write!(f, "swarm/{kind}"),
        }
    }
}

/// All choices of one run.
#[derive(Debug)]
pub struct Choices {
    seed: u64,
    instances: RefCell<BTreeMap<(Actor, Purpose), u32>>,
    /// Reused: the key of the stream that is being made.
    key: RefCell<String>,
    record: Option<RefCell<Record>>,
    replayed: Option<Record>,
    drift: RefCell<Drift>,
}

impl Choices {
    /// Choices made by `seed`; kept if `record`; taken from `replayed` where it has them.
    pub fn new(seed: u64, record: bool, replayed: Option<Record>) -> Rc<Self> {
        Rc::new(Choices {
            seed,
            instances: RefCell::default(),
            key: RefCell::default(),
            record: record.then(RefCell::default),
            replayed,
            drift: RefCell::default(),
        })
    }

    /// A new stream of choices. Asking again for the same entity and purpose gives the next
    /// instance, with choices of its own.
    pub fn stream(self: &Rc<Self>, entity: Actor, purpose: Purpose) -> Stream {
        let mut instances = self.instances.borrow_mut();
        let next = instances.entry((entity, purpose)).or_default();
        let instance = *next;
        *next += 1;
        drop(instances);
        let mut key = self.key.borrow_mut();
        key.clear();
        write!(key, "{entity}/{purpose}/{instance}").expect("a string takes any text");
        Stream {
            base: xxh3_64_with_seed(key.as_bytes(), self.seed),
            // Only a run that records or replays needs the key again.
            key: (self.record.is_some() || self.replayed.is_some()).then(|| key.as_str().into()),
            next: 0,
            choices: Rc::clone(self),
        }
    }

    /// What was recorded and what was missing.
    pub fn finish(&self) -> (Record, Drift) {
        let record = self.record.as_ref().map(RefCell::take).unwrap_or_default();
        (record, self.drift.take())
    }

    fn settle(&self, key: &str, ordinal: u64, range: RangeInclusive<u64>, drawn: u64) -> u64 {
        let mut value = drawn;
        if let Some(replayed) = &self.replayed {
            match replayed.value(key, ordinal) {
                Some(recorded) => value = recorded.clamp(*range.start(), *range.end()),
                None => self.drift.borrow_mut().missing += 1,
            }
        }
        if let Some(record) = &self.record {
            record.borrow_mut().note(key, ordinal, value);
        }
        value
    }
}

/// The choices of one entity for one purpose.
#[derive(Clone, Debug)]
pub struct Stream {
    base: u64,
    key: Option<Rc<str>>,
    next: u64,
    choices: Rc<Choices>,
}

impl Stream {
    /// The next choice, uniform over `range`.
    pub fn draw(&mut self, range: RangeInclusive<u64>) -> u64 {
        let ordinal = self.next;
        self.next += 1;
        self.draw_at(ordinal, range)
    }

    /// The choice with this ordinal, uniform over `range`.
    pub fn draw_at(&self, ordinal: u64, range: RangeInclusive<u64>) -> u64 {
        let drawn = match *range.start() == *range.end() {
            true => *range.start(),
            false => self.generator(ordinal).random_range(range.clone()),
        };
        match &self.key {
            None => drawn,
            Some(key) => self.choices.settle(key, ordinal, range, drawn),
        }
    }

    /// The tie-break with this ordinal: 32 bits, no range to keep to.
    pub fn tie_break(&self, ordinal: u64) -> u32 {
        let drawn = (self.hash(ordinal) >> 32) as u32;
        match &self.key {
            None => drawn,
            Some(key) => {
                let range = 0..=u64::from(u32::MAX);
                self.choices.settle(key, ordinal, range, drawn.into()) as u32
            }
        }
    }

    /// Whether something happens that happens `per_mille` times in a thousand.
    pub fn chance(&mut self, per_mille: u32) -> bool {
        match per_mille {
            0 => false,
            _ => self.draw(0..=999) < u64::from(per_mille),
        }
    }

    fn hash(&self, ordinal: u64) -> u64 {
        xxh3_64_with_seed(&ordinal.to_le_bytes(), self.base)
    }

    fn generator(&self, ordinal: u64) -> impl Rng {
        Xoshiro256PlusPlus::seed_from_u64(self.hash(ordinal))
    }
}

/// Every choice of a run: key, then ordinal, then value.
///
/// In a file one key is one line of `ordinal:value` pairs, so that a person can edit it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    try_from = "BTreeMap<String, String>",
    into = "BTreeMap<String, String>"
)]
pub struct Record {
    choices: BTreeMap<String, BTreeMap<u64, u64>>,
}

impl Record {
    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.choices.is_empty()
    }

    /// How many choices there are.
    pub fn len(&self) -> usize {
        self.choices.values().map(BTreeMap::len).sum()
    }

    /// The value of one choice.
    pub fn value(&self, key: &str, ordinal: u64) -> Option<u64> {
        self.choices.get(key)?.get(&ordinal).copied()
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
}

impl From<Record> for BTreeMap<String, String> {
    fn from(record: Record) -> Self {
        let line = |values: BTreeMap<u64, u64>| {
            let pairs: Vec<String> = values.iter().map(|(k, v)| format!("{k}:{v}")).collect();
            pairs.join(" ")
        };
        record
            .choices
            .into_iter()
            .map(|(key, values)| (key, line(values)))
            .collect()
    }
}

impl TryFrom<BTreeMap<String, String>> for Record {
    type Error = String;

    fn try_from(lines: BTreeMap<String, String>) -> Result<Self, String> {
        let mut record = Record::default();
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

/// Choices that a replay asked for and the record did not have: the run that was recorded and
/// the run that was replayed are not the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// How many choices fell back to the seed.
    pub missing: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_depends_on_its_key_only() {
        let alone = Choices::new(7, false, None);
        let mut first = alone.stream(Actor::Client(1), Purpose::Backoff);
        let expected: Vec<u64> = (0..4).map(|_| first.draw(0..=1_000_000)).collect();

        let crowded = Choices::new(7, false, None);
        let mut other = crowded.stream(Actor::Client(0), Purpose::Backoff);
        let mut second = crowded.stream(Actor::Client(1), Purpose::Backoff);
        let drawn: Vec<u64> = (0..4)
            .map(|_| {
                other.draw(0..=9);
                second.draw(0..=1_000_000)
            })
            .collect();
        assert_eq!(expected, drawn);
    }

    #[test]
    fn instances_entities_purposes_and_seeds_differ() {
        let choices = Choices::new(7, false, None);
        let draw = |choices: &Rc<Choices>, entity, purpose| {
            choices.stream(entity, purpose).draw(0..=u64::MAX)
        };
        let mut values = vec![
            draw(&choices, Actor::Client(1), Purpose::Backoff),
            draw(&choices, Actor::Client(1), Purpose::Backoff),
            draw(&choices, Actor::Client(2), Purpose::Backoff),
            draw(&choices, Actor::Client(1), Purpose::Fresh),
            draw(
                &Choices::new(8, false, None),
                Actor::Client(1),
                Purpose::Backoff,
            ),
        ];
        values.sort_unstable();
        values.dedup();
        assert_eq!(values.len(), 5);
    }

    #[test]
    fn a_record_replays_and_counts_what_it_does_not_have() {
        let recorded = Choices::new(7, true, None);
        let mut stream = recorded.stream(Actor::Balancer, Purpose::Route);
        let values: Vec<u64> = (0..3).map(|_| stream.draw(0..=99)).collect();
        let (record, _) = recorded.finish();
        assert_eq!(record.len(), 3);

        let replayed = Choices::new(1234, false, Some(record));
        let mut stream = replayed.stream(Actor::Balancer, Purpose::Route);
        assert_eq!(
            values,
            (0..3).map(|_| stream.draw(0..=99)).collect::<Vec<_>>()
        );
        stream.draw(0..=99);
        assert_eq!(replayed.finish().1, Drift { missing: 1 });
    }

    #[test]
    fn a_record_survives_its_file_form() {
        let mut record = Record::default();
        record.note("client0/backoff/0", 0, 17);
        record.note("client0/backoff/0", 3, 4);
        let text = toml::to_string(&record).unwrap();
        assert_eq!(text, "\"client0/backoff/0\" = \"0:17 3:4\"\n");
        assert_eq!(toml::from_str::<Record>(&text).unwrap(), record);
        let error = toml::from_str::<Record>("\"x\" = \"0=17\"")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`0=17` of `x` is not of the form ordinal:value"),
            "{error}"
        );
    }

    /// The values themselves are part of what a seed means: if this fails, every seed has
    /// changed, and the change log must say so.
    #[test]
    fn known_values() {
        let choices = Choices::new(1, false, None);
        let mut stream = choices.stream(Actor::Client(0), Purpose::Backoff);
        let drawn: Vec<u64> = (0..3).map(|_| stream.draw(0..=999)).collect();
        assert_eq!(
            (drawn, stream.tie_break(0)),
            (vec![502, 289, 102], 4_161_189_737)
        );
    }
}
