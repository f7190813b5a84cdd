//! The search for a smaller run: what is tried, and in which order.
//!
//! Cheap and large steps first: the end of the run is cut off, everything that happens by chance is
//! made quiet, clients, faults and containers go in halves. Then singly, then values are turned
//! down. All of it again, until a whole round changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_sim::{
    Options,
    plan::{Millis, Plan, Unit},
    scheduler::choices::{Base, Record},
};

use super::{
    ddmin,
    dials::{self, Dial, Turn},
    elements::{self, Element, Kind},
    goal::{Goal, Hit},
    schedule,
    subject::Subject,
    trials::{Stopped, Trials},
};

/// Listed choices whose values are turned down; of more than these nobody reads the values.
const MAX_LOWERED_CHOICES: usize = 32;

/// The search, and the smallest run that it has found.
pub struct Search<'a> {
    trials: &'a Trials<'a>,
    goal: &'a Goal,
    /// The smallest run so far.
    pub best: Subject,
    hit: Hit,
}

impl<'a> Search<'a> {
    /// Begins at a run that fails as it must.
    pub fn new(trials: &'a Trials<'a>, goal: &'a Goal, from: Subject, hit: Hit) -> Self {
        Search {
            trials,
            goal,
            best: from,
            hit,
        }
    }

    /// Searches to the end. What was found until then is there if it is stopped.
    pub fn run(&mut self) -> Result<(), Stopped> {
        self.cut_end()?;
        self.offer(|best| Some(best.quiet(Record::on(Base::Default))))?;
        let mut settled = None;
        loop {
            self.cut_end()?;
            for kind in [
                Kind::Clients,
                Kind::Faults,
                Kind::Containers,
                Kind::Messages,
            ] {
                self.take_out(|element| element.kind() == kind)?;
            }
            self.turn_quiet()?;
            self.choose_less()?;
            // Values that depend on each other could be turned down by turns for ever; what matters
            // is that nothing can be taken out once they are down.
            if settled.as_ref() == Some(&self.best) {
                return Ok(());
            }
            self.turn_down()?;
            settled = Some(self.best.clone());
        }
    }

    /// An element that could still go.
    pub fn superfluous(&self) -> Result<Option<Element>, Stopped> {
        let elements = elements::elements(&self.best);
        let without = |n: usize| elements::without(&self.best, &BTreeSet::from([&elements[n]]));
        let found = self.trials.first(elements.len(), without)?;
        Ok(found.map(|(n, _)| elements[n].clone()))
    }

    // --- the end ------------------------------------------------------------------------------

    /// What happens after the violation cannot have led to it; still, it is tried and not assumed,
    /// because clients know from the plan how long to stay.
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

    /// The millisecond in which the violation is over.
    fn end_ms(&self) -> u64 {
        self.hit.time.0.div_ceil(1_000_000).max(1)
    }

    // --- what is there or not -----------------------------------------------------------------

    fn take_out(&mut self, which: impl Fn(&Element) -> bool) -> Result<(), Stopped> {
        let mut things = elements::elements(&self.best);
        things.retain(which);
        self.minimise(&things, |base, gone| {
            elements::without(base, &gone.iter().copied().collect())
        })
    }

    // --- values -------------------------------------------------------------------------------

    /// Values that need not be what they are become quiet at once.
    fn turn_quiet(&mut self) -> Result<(), Stopped> {
        let dials = dials::loud(&self.best.plan);
        self.minimise(&dials, |base, gone| {
            let turns = gone.iter().map(|dial| (dial.place, dial.quiet)).collect();
            turned(base, &turns)
        })
    }

    /// Values that must be there become as small as they can.
    fn turn_down(&mut self) -> Result<(), Stopped> {
        self.close_gaps()?;
        for Dial { place, quiet, .. } in dials::loud(&self.best.plan) {
            // Turning one may have made another quiet, or less loud.
            let now = dials::loud(&self.best.plan);
            let Some(amount) = now.iter().find(|dial| dial.place == place) else {
                continue;
            };
            if let (Turn::To(least), Some(amount)) = (quiet, amount.amount) {
                self.lower(least, amount, |best, value| {
                    turned(best, &BTreeMap::from([(place, Turn::To(value))]))
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
        self.turn_choices_down()
    }

    /// What follows upon something else after a while follows sooner, with all that comes after it.
    fn close_gaps(&mut self) -> Result<(), Stopped> {
        let mut done = 0;
        loop {
            let schedule = schedule::moments(&self.best.plan);
            let Some(&at) = schedule.get(done) else {
                return Ok(());
            };
            let gap = at - done.checked_sub(1).map_or(0, |before| schedule[before]);
            let before = self.best.plan.clone();
            self.lower(0, gap, |best, value| {
                let plan = schedule::sooner(&before, at, gap - value);
                plan.check().is_ok().then(|| with_plan(best, plan))
            })?;
            // Two moments that have become one are passed together.
            let left = schedule::moments(&self.best.plan).len();
            done += 1 - (schedule.len() - left).min(1);
        }
    }

    fn turn_choices_down(&mut self) -> Result<(), Stopped> {
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

    /// Lists every choice that the run makes, with everything else quiet, unless that is so
    /// already; then takes choices off the list: all of a purpose, of an entity, of a key, one.
    fn choose_less(&mut self) -> Result<(), Stopped> {
        if !self.best.is_quiet() {
            self.offer(|best| Some(best.quiet(Record::on(Base::Default))))?;
        }
        if !self.best.is_quiet() {
            let options = Options {
                record: true,
                ..self.goal.options()
            };
            let recorded = self.trials.run(&self.best, &options);
            self.offer(|best| Some(best.quiet(recorded.choices.clone())))?;
        }
        if !self.best.is_quiet() {
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
        self.take_out(|element| element.kind() == Kind::Choices)
    }

    // --- trying -------------------------------------------------------------------------------

    /// Takes one candidate if it does.
    fn offer(&mut self, make: impl Fn(&Subject) -> Option<Subject> + Sync) -> Result<(), Stopped> {
        self.first(1, |best, _| make(best)).map(|_| ())
    }

    /// Takes the first of several candidates that does, and says which it was.
    fn first(
        &mut self,
        count: usize,
        make: impl Fn(&Subject, usize) -> Option<Subject> + Sync,
    ) -> Result<Option<usize>, Stopped> {
        self.trials.tell(self.best.in_words());
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

    /// Takes out as many things as can go; `take` makes what is left without some of them.
    fn minimise<T: Sync>(
        &mut self,
        things: &[T],
        take: impl Fn(&Subject, &[&T]) -> Option<Subject> + Sync,
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

    /// Makes a value as small as it can be; `make` makes a run with another value.
    fn lower(
        &mut self,
        least: u64,
        known: u64,
        make: impl Fn(&Subject, u64) -> Option<Subject> + Sync,
    ) -> Result<(), Stopped> {
        ddmin::least(least, known, |probes| {
            self.first(probes.len(), |best, n| make(best, probes[n]))
        })
        .map(|_| ())
    }
}

/// What begins only after the end.
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

fn turned(subject: &Subject, turns: &BTreeMap<usize, Turn>) -> Option<Subject> {
    let plan = dials::turned(&subject.plan, turns);
    plan.check().is_ok().then(|| with_plan(subject, plan))
}

fn with_plan(subject: &Subject, plan: Plan) -> Subject {
    Subject {
        plan,
        choices: subject.choices.clone(),
    }
}

fn listed(subject: &Subject) -> impl Iterator<Item = (&str, u64, u64)> {
    subject.choices.iter().flat_map(Record::listed)
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
