//! The search for a smaller run: what is tried, and in which order.
//!
//! Cheap and large steps first: the end of the run is cut off, random choices get their defaults,
//! clients, faults and containers are removed in halves, then one by one; then values are reduced.
//! This repeats until a whole round changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_sim::{
    Options,
    plan::{Millis, Plan, Unit},
    scheduler::choices::{Base, Record},
};

use crate::target::dials::{self, Dial, Setting};

use super::{
    candidate::Candidate,
    ddmin,
    elements::{self, Element, ElementKind},
    goal::{Goal, Hit},
    schedule,
    trials::{CandidateTrials, Stopped},
};

/// The values of listed choices are reduced if there are at most this many.
const MAX_LOWERED_CHOICES: usize = 32;

/// The search, and the smallest run that it has found.
pub struct ShrinkSearch<'a> {
    trials: &'a CandidateTrials<'a>,
    goal: &'a Goal,
    /// The smallest run so far.
    pub best: Candidate,
    hit: Hit,
}

impl<'a> ShrinkSearch<'a> {
    /// Begins with a run that fails as required.
    pub fn new(trials: &'a CandidateTrials<'a>, goal: &'a Goal, from: Candidate, hit: Hit) -> Self {
        ShrinkSearch {
            trials,
            goal,
            best: from,
            hit,
        }
    }

    /// Searches to the end. If it is stopped, `best` is the smallest run so far.
    pub fn run(&mut self) -> Result<(), Stopped> {
        self.cut_end()?;
        self.offer(|best| Some(best.with_only(Record::on(Base::Default))))?;
        let mut settled = None;
        loop {
            self.cut_end()?;
            for kind in [
                ElementKind::Clients,
                ElementKind::Faults,
                ElementKind::Containers,
                ElementKind::Messages,
            ] {
                self.take_out(|element| element.kind() == kind)?;
            }
            self.reset_values()?;
            self.remove_choices()?;
            // Values that depend on each other could be reduced alternately without end; what matters
            // is that nothing can be removed after they were reduced.
            if settled.as_ref() == Some(&self.best) {
                return Ok(());
            }
            self.reduce_values()?;
            settled = Some(self.best.clone());
        }
    }

    /// An element that can be removed.
    pub fn superfluous(&self) -> Result<Option<Element>, Stopped> {
        let elements = elements::elements(&self.best);
        let without = |n: usize| elements::without(&self.best, &BTreeSet::from([&elements[n]]));
        let found = self.trials.first(elements.len(), without)?;
        Ok(found.map(|(n, _)| elements[n].clone()))
    }

    // --- the end ------------------------------------------------------------------------------

    /// What happens after the violation cannot have caused it. It is tried nevertheless, because the
    /// plan tells clients how long to stay connected.
    fn cut_end(&mut self) -> Result<(), Stopped> {
        let end_ms = self.end_ms();
        let cut = |plan: &Plan| Plan {
            time_limit_ms: Millis::nearest(end_ms),
            ..plan.clone()
        };
        if end_ms < self.best.plan.time_limit_ms.get() {
            self.offer(|best| Some(with_plan(best, cut(&best.plan))))?;
        }
        let late: BTreeSet<Element> = late(&self.best.plan, end_ms);
        self.take_out(|element| late.contains(element))
    }

    /// The first whole millisecond after the violation.
    fn end_ms(&self) -> u64 {
        self.hit.time.0.div_ceil(1_000_000).max(1)
    }

    // --- elements -----------------------------------------------------------------

    fn take_out(&mut self, which: impl Fn(&Element) -> bool) -> Result<(), Stopped> {
        let mut things = elements::elements(&self.best);
        things.retain(which);
        self.minimise(&things, |base, gone| {
            elements::without(base, &gone.iter().copied().collect())
        })
    }

    // --- values -------------------------------------------------------------------------------

    /// Values that are not needed get their defaults.
    fn reset_values(&mut self) -> Result<(), Stopped> {
        let dials = dials::non_default(&self.best.plan);
        self.minimise(&dials, |base, gone| {
            let settings = gone.iter().map(|dial| (dial.place, dial.default)).collect();
            with_settings(base, &settings)
        })
    }

    /// Values that are needed become as small as possible.
    fn reduce_values(&mut self) -> Result<(), Stopped> {
        self.close_gaps()?;
        for Dial { place, default, .. } in dials::non_default(&self.best.plan) {
            // Reducing one may have reset or reduced another.
            let now = dials::non_default(&self.best.plan);
            let Some(amount) = now.iter().find(|dial| dial.place == place) else {
                continue;
            };
            if let (Setting::To(least), Some(amount)) = (default, amount.amount) {
                self.lower(least, amount, |best, value| {
                    with_settings(best, &BTreeMap::from([(place, Setting::To(value))]))
                })?;
            }
        }
        let limit = self.best.plan.time_limit_ms.get();
        self.lower(1, limit, |best, time_limit_ms| {
            let plan = best.plan.clone();
            let plan = Plan {
                time_limit_ms: Millis::nearest(time_limit_ms),
                ..plan
            };
            Some(with_plan(best, plan))
        })?;
        self.reduce_choices()
    }

    /// Shortens the gaps between the times of a plan; everything after a gap moves with it.
    fn close_gaps(&mut self) -> Result<(), Stopped> {
        let mut done = 0;
        loop {
            let schedule = schedule::times(&self.best.plan);
            let Some(&at) = schedule.get(done) else {
                return Ok(());
            };
            let gap = at - done.checked_sub(1).map_or(0, |before| schedule[before]);
            let before = self.best.plan.clone();
            self.lower(0, gap, |best, value| {
                let plan = schedule::earlier(&before, at, gap - value);
                plan.check().is_ok().then(|| with_plan(best, plan))
            })?;
            // Two times that have become equal are passed together.
            let left = schedule::times(&self.best.plan).len();
            done += 1 - (schedule.len() - left).min(1);
        }
    }

    fn reduce_choices(&mut self) -> Result<(), Stopped> {
        let listed: Vec<(String, u64, u64)> = listed(&self.best)
            .map(|(key, ordinal, value)| (key.to_owned(), ordinal, value))
            .collect();
        if listed.len() > MAX_LOWERED_CHOICES {
            return Ok(());
        }
        for (key, ordinal, value) in listed {
            self.lower(0, value, |best, value| {
                let mut lower = best.clone();
                lower.choices.as_mut()?.note(&key, ordinal, value);
                Some(lower)
            })?;
        }
        Ok(())
    }

    // --- choices ------------------------------------------------------------------------------

    /// Lists every choice of the run, with defaults for all others, unless that was done before; then
    /// removes choices from the list: all of a purpose, of an entity, of a key, one.
    fn remove_choices(&mut self) -> Result<(), Stopped> {
        if !self.best.has_default_choices() {
            self.offer(|best| Some(best.with_only(Record::on(Base::Default))))?;
        }
        if !self.best.has_default_choices() {
            let options = Options {
                record: true,
                ..self.goal.options()
            };
            let recorded = self.trials.run(&self.best, &options);
            self.offer(|best| Some(best.with_only(recorded.choices.clone())))?;
        }
        if !self.best.has_default_choices() {
            return Ok(());
        }
        for part in [purpose, entity, whole] {
            let mut groups: BTreeMap<&str, BTreeSet<Element>> = BTreeMap::new();
            let best = self.best.clone();
            for (key, ordinal, _) in listed(&best) {
                let element = Element::Choice {
                    key: key.to_owned(),
                    ordinal,
                };
                groups.entry(part(key)).or_default().insert(element);
            }
            let groups: Vec<BTreeSet<Element>> = groups.into_values().collect();
            self.minimise(&groups, |base, gone| {
                elements::without(base, &gone.iter().flat_map(|group| group.iter()).collect())
            })?;
        }
        self.take_out(|element| element.kind() == ElementKind::Choices)
    }

    // --- attempts -------------------------------------------------------------------------------

    /// Accepts a candidate if it fails as required.
    fn offer(
        &mut self,
        make: impl Fn(&Candidate) -> Option<Candidate> + Sync,
    ) -> Result<(), Stopped> {
        self.first(1, |best, _| make(best)).map(|_| ())
    }

    /// Accepts the first of several candidates that fails as required, and returns its index.
    fn first(
        &mut self,
        count: usize,
        make: impl Fn(&Candidate, usize) -> Option<Candidate> + Sync,
    ) -> Result<Option<usize>, Stopped> {
        self.trials.set_message(self.best.in_words());
        let best = &self.best;
        let Some((n, hit)) = self.trials.first(count, |n| make(best, n))? else {
            return Ok(None);
        };
        if let Some(found) = make(best, n) {
            self.best = found;
            self.hit = hit;
        }
        Ok(Some(n))
    }

    /// Removes as many things as possible; `take` makes the candidate without some of them.
    fn minimise<T: Sync>(
        &mut self,
        things: &[T],
        take: impl Fn(&Candidate, &[&T]) -> Option<Candidate> + Sync,
    ) -> Result<(), Stopped> {
        let base = self.best.clone();
        ddmin::minimise(things.len(), |kept, parts| {
            self.first(parts.len(), |_, n| {
                let left: BTreeSet<usize> = ddmin::without(kept, &parts[n]).into_iter().collect();
                let gone: Vec<&T> = (things.iter().enumerate())
                    .filter(|(place, _)| !left.contains(place))
                    .map(|(_, thing)| thing)
                    .collect();
                take(&base, &gone)
            })
        })
        .map(|_| ())
    }

    /// Makes a value as small as possible; `make` makes the candidate with another value.
    fn lower(
        &mut self,
        least: u64,
        known: u64,
        make: impl Fn(&Candidate, u64) -> Option<Candidate> + Sync,
    ) -> Result<(), Stopped> {
        ddmin::least(least, known, |probes| {
            self.first(probes.len(), |best, n| make(best, probes[n]))
        })
        .map(|_| ())
    }
}

/// The elements that begin only after the end.
fn late(plan: &Plan, end_ms: u64) -> BTreeSet<Element> {
    let mut late = BTreeSet::new();
    for (number, fault) in plan.faults() {
        if fault.at_ms.get() > end_ms {
            late.insert(Element::Fault(number));
        }
    }
    for (number, client) in plan.clients() {
        if client.start_ms.get() > end_ms {
            late.insert(Element::Client(number));
        }
        let is_late = |at_ms: Millis| client.start_ms.get() + at_ms.get() > end_ms;
        for (place, message) in client.messages.iter().enumerate() {
            if is_late(message.at_ms) {
                let client = number;
                late.insert(Element::Message { client, place });
            }
        }
        for (place, noise) in client.noise.iter().enumerate() {
            if is_late(noise.at_ms) {
                let client = number;
                late.insert(Element::Noise { client, place });
            }
        }
    }
    late
}

fn with_settings(candidate: &Candidate, settings: &BTreeMap<usize, Setting>) -> Option<Candidate> {
    let plan = dials::with(&candidate.plan, settings);
    plan.check().is_ok().then(|| with_plan(candidate, plan))
}

fn with_plan(candidate: &Candidate, plan: Plan) -> Candidate {
    Candidate {
        plan,
        choices: candidate.choices.clone(),
    }
}

fn listed(candidate: &Candidate) -> impl Iterator<Item = (&str, u64, u64)> {
    candidate.choices.iter().flat_map(Record::listed)
}

/// The kind of purpose of a choice: a key is entity, purpose, instance.
fn purpose(key: &str) -> &str {
    key.split('/').nth(1).unwrap_or(key)
}

/// The entity of a choice.
fn entity(key: &str) -> &str {
    key.split('/').next().unwrap_or(key)
}

fn whole(key: &str) -> &str {
    key
}
