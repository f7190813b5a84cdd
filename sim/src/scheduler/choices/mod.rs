//! Choices by key: no draw comes from a shared stream.
//!
//! A choice is addressed by *(seed, entity, purpose, instance, ordinal)* and hashed, so taking
//! away a fault, adding a log line or an await leaves every other choice where it was. A
//! [`Stream`] is the first four parts, hashed once; the ordinal counts its draws. Keys are hashed as
//! bytes; as text they stand where a person meets them: in records and capsules, and in `why`.
//!
//! Choices can be recorded, and a run can be replayed from an edited record. A choice that the
//! record does not have falls back to the record's [`Base`]; what the record and the run do not
//! have in common is counted as [`RecordDivergence`].

use std::{
    cell::{Cell, RefCell},
    ops::RangeInclusive,
    rc::Rc,
};

use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::trace::event::Actor;

mod instances;
mod key;
mod perturb;
mod purpose;
mod record;

pub use perturb::{Perturb, WHOLE};
pub use purpose::Purpose;
pub use record::{Base, Record, RecordDivergence};

use instances::Instances;
use key::KeyBytes;
use record::Replayed;

/// Chances are drawn in thousandths; the last one happens only if everything does.
const LAST_OF_A_THOUSAND: u64 = 999;

/// All choices of one run.
#[derive(Debug)]
pub struct Choices {
    seed: u64,
    instances: RefCell<Instances>,
    record: Option<RefCell<Record>>,
    replayed: Option<Replayed>,
    missing: Cell<u64>,
    perturb: Option<Perturb>,
}

impl Choices {
    /// Choices made by `seed`; kept if `record`; taken from `replayed` where it has them.
    pub fn new(seed: u64, record: bool, replayed: Option<Record>) -> Rc<Self> {
        Rc::new(Choices {
            seed,
            instances: RefCell::default(),
            record: record.then(RefCell::default),
            replayed: replayed.map(Replayed::new),
            missing: Cell::default(),
            perturb: None,
        })
    }

    /// The same choices, some of those of timing resampled.
    pub fn perturbed(self: Rc<Self>, perturb: Perturb) -> Rc<Self> {
        let mut choices = Rc::into_inner(self).expect("there is no stream yet");
        choices.perturb = Some(perturb);
        Rc::new(choices)
    }

    /// Makes the next stream of this entity and purpose the `instance`-th, regardless of those
    /// before it: for streams that are numbered by a plan, so that a missing one does not shift the
    /// others.
    pub fn number_next(&self, entity: Actor, purpose: Purpose, instance: u32) {
        let hash = self.hash(entity, purpose);
        self.instances.borrow_mut().set_next(hash, instance);
    }

    /// The hash of the first three parts of a key.
    fn hash(&self, entity: Actor, purpose: Purpose) -> u64 {
        let mut key = KeyBytes::of(entity);
        purpose.push_to(&mut key);
        xxh3_64_with_seed(key.as_slice(), self.seed)
    }

    /// A new stream of choices. Asking again for the same entity and purpose gives the next
    /// instance, with choices of its own.
    pub fn stream(self: &Rc<Self>, entity: Actor, purpose: Purpose) -> Stream {
        let hash = self.hash(entity, purpose);
        let instance = self.instances.borrow_mut().next(hash);
        // Only a run that records or replays needs the key as text.
        let is_text_needed = self.record.is_some() || self.replayed.is_some();
        Stream {
            purpose,
            instance,
            base: xxh3_64_with_seed(&instance.to_le_bytes(), hash),
            key: is_text_needed.then(|| format!("{entity}/{purpose}/{instance}").into()),
            perturb: self.perturb.filter(|_| purpose.is_timing()),
            next: 0,
            choices: Rc::clone(self),
        }
    }

    /// What was recorded, and how far the run diverged from the record that it was replayed from.
    pub fn finish(&self) -> (Record, RecordDivergence) {
        let record = self.record.as_ref().map(RefCell::take).unwrap_or_default();
        let divergence = RecordDivergence {
            missing: self.missing.get(),
            unused: self.replayed.as_ref().map_or(0, Replayed::unused),
        };
        (record, divergence)
    }

    /// `default` is the value on the default base, if the choice has one; `resampled` stands above
    /// all else.
    fn settle(
        &self,
        key: &str,
        ordinal: u64,
        range: RangeInclusive<u64>,
        drawn: u64,
        default: Option<u64>,
        resampled: Option<u64>,
    ) -> u64 {
        let mut value = drawn;
        if let Some(replayed) = &self.replayed {
            let listed = replayed.ask(key, ordinal);
            value = match (listed, replayed.base, default) {
                (Some(recorded), _, _) => recorded.clamp(*range.start(), *range.end()),
                (None, Base::Default, Some(default)) => default,
                (None, Base::Default, None) => drawn,
                (None, Base::Seed, _) => {
                    self.missing.set(self.missing.get() + 1);
                    drawn
                }
            };
        }
        let value = resampled.unwrap_or(value);
        if let Some(record) = &self.record {
            record.borrow_mut().note(key, ordinal, value);
        }
        value
    }
}

/// The choices of one entity for one purpose.
#[derive(Clone, Debug)]
pub struct Stream {
    purpose: Purpose,
    instance: u32,
    base: u64,
    key: Option<Rc<str>>,
    perturb: Option<Perturb>,
    next: u64,
    choices: Rc<Choices>,
}

impl Stream {
    /// Which stream of its entity and purpose it is.
    pub fn instance(&self) -> u32 {
        self.instance
    }

    /// The next choice, uniform over `range`. The least is the default.
    pub fn draw(&mut self, range: RangeInclusive<u64>) -> u64 {
        let least = *range.start();
        let resampled = self.resampled(self.next);
        self.draw_next(range, least, resampled)
    }

    /// The tie-break with this ordinal: 32 bits, no range to keep to. By default all are
    /// equal, so that turns are taken in the order of arrival.
    pub fn tie_break(&self, ordinal: u64) -> u32 {
        let high = |hash: u64| hash >> 32;
        let drawn = high(self.hash(ordinal));
        let resampled = self.resampled(ordinal).map(high);
        let settled = match &self.key {
            None => resampled.unwrap_or(drawn),
            Some(key) => {
                let range = 0..=u64::from(u32::MAX);
                (self.choices).settle(key, ordinal, range, drawn, Some(0), resampled)
            }
        };
        settled as u32
    }

    /// Whether something happens that happens `per_mille` times in a thousand. By default it does
    /// not, unless it always does. Whether it does is not a question of timing, so it is not
    /// resampled.
    pub fn chance(&mut self, per_mille: u32) -> bool {
        match per_mille {
            0 => false,
            _ => {
                let range = 0..=LAST_OF_A_THOUSAND;
                self.draw_next(range, LAST_OF_A_THOUSAND, None) < u64::from(per_mille)
            }
        }
    }

    fn draw_next(
        &mut self,
        range: RangeInclusive<u64>,
        default: u64,
        resampled: Option<u64>,
    ) -> u64 {
        let ordinal = self.next;
        self.next += 1;
        let within = |hash: u64| match *range.start() == *range.end() {
            true => *range.start(),
            false => Xoshiro256PlusPlus::seed_from_u64(hash).random_range(range.clone()),
        };
        let drawn = within(self.hash(ordinal));
        let resampled = resampled.map(within);
        match &self.key {
            None => resampled.unwrap_or(drawn),
            Some(key) => {
                let default = self.purpose.has_default_value().then_some(default);
                (self.choices).settle(key, ordinal, range, drawn, default, resampled)
            }
        }
    }

    /// The hash of a choice that is resampled.
    fn resampled(&self, ordinal: u64) -> Option<u64> {
        self.perturb?.hash(self.base, ordinal)
    }

    fn hash(&self, ordinal: u64) -> u64 {
        xxh3_64_with_seed(&ordinal.to_le_bytes(), self.base)
    }
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
        assert_eq!(
            replayed.finish().1,
            RecordDivergence {
                missing: 1,
                unused: 0
            }
        );
    }

    #[test]
    fn what_a_record_lists_and_the_run_never_asks_for_is_counted() {
        let mut record = Record::default();
        record.note("balancer/route/0", 0, 7);
        record.note("balancer/route/0", 1, 8);
        record.note("balancer/root/0", 0, 9);
        let replayed = Choices::new(7, false, Some(record));
        let mut stream = replayed.stream(Actor::Balancer, Purpose::Route);
        assert_eq!(stream.draw(0..=99), 7);
        let (missing, unused) = (0, 2);
        assert_eq!(replayed.finish().1, RecordDivergence { missing, unused });
    }

    #[test]
    fn the_default_base_takes_the_least_lets_nothing_happen_and_breaks_no_tie() {
        let client = Actor::Client(0);
        let mut record = Record::on(Base::Default);
        record.note("client0/route/0", 1, 30);
        let defaults = Choices::new(7, false, Some(record));
        let mut route = defaults.stream(client, Purpose::Route);
        let mut loss = defaults.stream(client, Purpose::Loss(client));
        let ties = defaults.stream(client, Purpose::Turn("client"));
        assert_eq!([route.draw(20..=99), route.draw(20..=99)], [20, 30]);
        assert_eq!(
            [1, 999, 1_000].map(|often| loss.chance(often)),
            [false, false, true]
        );
        assert_eq!([ties.tie_break(0), ties.tie_break(1)], [0, 0]);
        assert_eq!(defaults.finish().1, RecordDivergence::default());

        let seeded = Choices::new(7, false, None);
        let id = |choices: &Rc<Choices>| {
            let mut fresh = choices.stream(client, Purpose::Fresh);
            fresh.draw(0..=u64::MAX)
        };
        assert_eq!(id(&defaults), id(&seeded));
    }

    #[test]
    fn a_numbered_stream_does_not_shift_when_another_is_missing() {
        let draw = |numbers: &[u32]| -> Vec<u64> {
            let choices = Choices::new(7, false, None);
            let stream = |&number: &u32| {
                choices.number_next(Actor::World, Purpose::Turn("fault"), number);
                let mut stream = choices.stream(Actor::World, Purpose::Turn("fault"));
                stream.draw(0..=u64::MAX)
            };
            numbers.iter().map(stream).collect()
        };
        let [all, some] = [draw(&[0, 1, 2]), draw(&[0, 2])];
        assert_eq!([all[0], all[2]], [some[0], some[1]]);
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

        let record = record.rebased(Base::Default);
        let text = toml::to_string(&record).unwrap();
        assert!(text.contains("base = \"default\"\n"), "{text}");
        assert_eq!(toml::from_str::<Record>(&text).unwrap(), record);
        let error = toml::from_str::<Record>("base = \"loud\"")
            .unwrap_err()
            .to_string();
        let expected = "unknown base of choices `loud`; `seed` or `default`";
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn timing_is_resampled_by_key_and_nothing_else_is() {
        let client = Actor::Client(0);
        let draw = |perturb: Option<Perturb>, purpose| -> Vec<u64> {
            let mut choices = Choices::new(7, false, None);
            if let Some(perturb) = perturb {
                choices = choices.perturbed(perturb);
            }
            let mut stream = choices.stream(client, purpose);
            (0..1_000).map(|_| stream.draw(0..=u64::MAX)).collect()
        };
        let changed = |perturb: Perturb, purpose: Purpose| {
            let [before, after] = [None, Some(perturb)].map(|perturb| draw(perturb, purpose));
            before.iter().zip(&after).filter(|(a, b)| a != b).count()
        };
        let of = |salt, per_mille| Perturb { salt, per_mille };
        let latency = Purpose::Latency(client);
        assert_eq!(changed(of(1, 0), latency), 0);
        assert!((30..=70).contains(&changed(of(1, 50), latency)));
        assert_eq!(changed(of(1, WHOLE), latency), 1_000);
        assert_eq!(changed(of(1, WHOLE), Purpose::Fresh), 0);
        assert_eq!(changed(of(1, WHOLE), Purpose::Route), 0);
        assert_ne!(
            draw(Some(of(1, 50)), latency),
            draw(Some(of(2, 50)), latency)
        );

        let chances = |choices: Rc<Choices>| -> Vec<bool> {
            let mut stream = choices.stream(client, Purpose::Reorder(client));
            (0..100).map(|_| stream.chance(300)).collect()
        };
        assert_eq!(
            chances(Choices::new(7, false, None)),
            chances(Choices::new(7, false, None).perturbed(of(1, WHOLE)))
        );
    }

    #[test]
    fn what_is_resampled_stands_above_a_record_and_is_recorded() {
        let stream = |choices: &Rc<Choices>| choices.stream(Actor::Balancer, Purpose::CloseDelay);
        let mut record = Record::on(Base::Default);
        record.note("balancer/close-delay/0", 0, 7);
        let (salt, per_mille) = (3, WHOLE);
        let perturbed = Choices::new(7, true, Some(record)).perturbed(Perturb { salt, per_mille });
        let drawn = stream(&perturbed).draw(0..=1_000_000);
        let (record, divergence) = perturbed.finish();
        assert_ne!(drawn, 7);
        let listed: Vec<_> = record.listed().collect();
        assert_eq!(listed, [("balancer/close-delay/0", 0, drawn)]);
        assert_eq!(divergence, RecordDivergence::default());
    }

    #[test]
    fn every_purpose_has_a_tag_of_its_own() {
        let mut tags = Purpose::TAGS.to_vec();
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), Purpose::TAGS.len());
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
            (vec![557, 591, 738], 4_219_654_915)
        );
    }
}
