//! What decides besides order: a fault, an input, an answer of the design. Each is taken away in
//! turn, and the run made again.

use gatesim_model::design::Design;
use gatesim_sim::{
    event::Entry,
    plan::{Plan, Token},
};

use super::{
    graph::weight,
    trials::{Mark, Symptom, Trials, Variation},
};

/// How much later a client comes, to see whether it is its time that decides.
const LATER_MS: u64 = 1_000;

/// Something in the plan without which the run passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is, as it stands behind "passes without".
    pub what: String,
    /// Whose it is.
    pub client: u32,
    /// Whether it is enough that it comes so much later.
    pub later_ms: Option<u64>,
}

/// An answer of the design, and the one with which the run passes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// The question's key.
    pub question: &'static str,
    /// What the design answers.
    pub answer: &'static str,
    /// What the reference answers.
    pub passes_with: &'static str,
}

/// Changes that together let the run pass, and what they change first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// One, or the fewest that were found to do.
    pub changes: Vec<Change>,
    /// The number of events before the run is another one.
    pub parts_at: u64,
    /// How the order of events differs.
    pub order: Option<Fixed>,
}

/// What is different where the run passes, and so what decides.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "fixed", rename_all = "kebab-case")]
pub enum Fixed {
    /// The one event always comes before the other, or the other never comes.
    Before {
        /// The event of the violation.
        event: String,
        /// What comes before it where the run passes.
        other: String,
    },
    /// The event does not happen where the run passes.
    Gone {
        /// The event of the violation.
        event: String,
        /// For which time it happens.
        time: u64,
    },
}

/// Faults without which the run passes, by number.
pub fn faults(trials: &Trials<'_>, symptom: &Symptom) -> Vec<u32> {
    let plan = &trials.target().plan;
    let numbers: Vec<u32> = plan.faults().map(|(number, _)| number).collect();
    let without = |number: &u32| {
        let mut plan = plan.clone();
        let late = never(&plan);
        if let Some(fault) = plan.fault_mut(*number) {
            fault.at_ms = late;
        }
        Variation::plan(plan)
    };
    let variations: Vec<Variation> = numbers.iter().map(without).collect();
    let passes = trials.each(&variations, |_, outcome| symptom.is_gone(outcome));
    keep(numbers, &passes)
}

/// What clients do without which the run passes.
pub fn inputs(trials: &Trials<'_>, symptom: &Symptom) -> Vec<Part> {
    let plan = &trials.target().plan;
    let mut parts = Vec::new();
    let mut clients = Vec::new();
    for (number, client) in plan.clients() {
        let part = |what: String| Part {
            what,
            client: number,
            later_ms: None,
        };
        if client.token != Token::Valid {
            let token = match client.token {
                Token::Valid => "good",
                Token::Expired => "expired",
                Token::Invalid => "bad",
                Token::Missing => "missing",
            };
            let better = edited(plan, number, |client| client.token = Token::Valid);
            parts.push((
                part(format!("the {token} token of client {number}")),
                better,
            ));
        }
        for place in 0..client.messages.len() {
            let without = edited(plan, number, |client| {
                client.messages.remove(place);
            });
            parts.push((part(format!("message {place} of client {number}")), without));
        }
        if !client.noise.is_empty() {
            let without = edited(plan, number, |client| client.noise.clear());
            parts.push((part(format!("the noise of client {number}")), without));
        }
        if plan.clients.len() > 1 {
            let without = edited(plan, number, |client| client.start_ms = never(plan));
            clients.push((part(name_of(number)), without));
        }
    }
    // What a client does says more than that it is there.
    parts.append(&mut clients);
    let variations: Vec<Variation> = parts
        .iter()
        .map(|(_, plan)| Variation::plan(plan.clone()))
        .collect();
    let passes = trials.each(&variations, |_, outcome| symptom.is_gone(outcome));
    let mut parts = keep(parts.into_iter().map(|(part, _)| part).collect(), &passes);
    for part in &mut parts {
        if part.what == name_of(part.client) {
            let later = edited(plan, part.client, |client| client.start_ms += LATER_MS);
            let passes = trials.one(Variation::plan(later), |outcome| symptom.is_gone(outcome));
            part.later_ms = (passes == Some(true)).then_some(LATER_MS);
        }
    }
    parts
}

/// A time that does not come: what begins then is left out, and everything else keeps its number.
fn never(plan: &Plan) -> u64 {
    plan.time_limit_ms + 1
}

fn name_of(client: u32) -> String {
    format!("client {client}")
}

fn edited(plan: &Plan, number: u32, edit: impl Fn(&mut gatesim_sim::plan::ClientPlan)) -> Plan {
    let mut plan = plan.clone();
    if let Some(client) = plan.client_mut(number) {
        edit(client);
    }
    plan
}

fn keep<T>(items: Vec<T>, passes: &[Option<bool>]) -> Vec<T> {
    let judged = items.into_iter().zip(passes);
    judged
        .filter(|(_, passes)| **passes == Some(true))
        .map(|(item, _)| item)
        .collect()
}

/// Answers of the design that the reference gives otherwise, and with which of its answers the
/// run passes; the one that changes least first. If no single one does, the fewest that do
/// together.
pub fn answers(trials: &Trials<'_>, symptom: &Symptom, trace: &[Entry]) -> Vec<Remedy> {
    let design = &trials.target().design;
    let reference = Design::builtin("reference").expect("it is built in");
    let sound = reference.answers().into_iter();
    let changes: Vec<Change> = design
        .answers()
        .into_iter()
        .zip(sound)
        .filter(|((_, answer), (_, passes_with))| answer != passes_with)
        .map(|((question, answer), (_, passes_with))| Change {
            question,
            answer,
            passes_with,
        })
        .collect();
    let remedy = |changes: Vec<Change>| {
        let variation = Variation::design(changed(design, &changes));
        trials
            .one(variation, |outcome| {
                (symptom.is_gone(outcome) || symptom.is_another(outcome)).then(|| {
                    let order = fixed_order(symptom, trace, &outcome.trace);
                    (parting(trace, &outcome.trace), order)
                })
            })
            .flatten()
            .map(|(parts_at, order)| Remedy {
                changes,
                parts_at,
                order,
            })
    };
    let singly: Vec<Variation> = changes
        .iter()
        .map(|change| Variation::design(changed(design, std::slice::from_ref(change))))
        .collect();
    let judged = trials.each(&singly, |_, outcome| {
        (symptom.is_gone(outcome), symptom.is_another(outcome))
    });
    let [gone, another] = [0, 1].map(|which| {
        let pick = |(gone, another): (bool, bool)| [gone, another][which];
        judged
            .iter()
            .map(|judged| judged.map(pick))
            .collect::<Vec<_>>()
    });
    // If what was left undone shows in another way now, the answer has done its part.
    let passes = if gone.contains(&Some(true)) {
        gone
    } else {
        another
    };
    let mut remedies: Vec<Remedy> = keep(changes.clone(), &passes)
        .into_iter()
        .filter_map(|change| remedy(vec![change]))
        .collect();
    if remedies.is_empty() {
        remedies.extend(remedy(fewest(trials, symptom, changes)));
    }
    remedies.sort_by_key(|remedy| std::cmp::Reverse(remedy.parts_at));
    remedies
}

/// Takes changes away for as long as the rest still lets the run pass.
fn fewest(trials: &Trials<'_>, symptom: &Symptom, mut changes: Vec<Change>) -> Vec<Change> {
    let design = &trials.target().design;
    let mut place = 0;
    while place < changes.len() {
        let mut fewer = changes.clone();
        fewer.remove(place);
        let variation = Variation::design(changed(design, &fewer));
        match trials.one(variation, |outcome| symptom.is_gone(outcome)) {
            Some(true) => changes = fewer,
            Some(false) => place += 1,
            None => break,
        }
    }
    changes
}

fn changed(design: &Design, changes: &[Change]) -> Design {
    changes.iter().fold(design.clone(), |design, change| {
        design
            .with(change.question, change.passes_with)
            .expect("question and answer are those of a design")
    })
}

/// How many events two traces have in common before they part.
fn parting(failing: &[Entry], passing: &[Entry]) -> u64 {
    let same = |(a, b): &(&Entry, &Entry)| a.fact == b.fact && a.time == b.time;
    failing.iter().zip(passing).take_while(same).count() as u64
}

/// What comes before the event of the violation where the run passes, and does not where it fails.
fn fixed_order(symptom: &Symptom, failing: &[Entry], passing: &[Entry]) -> Option<Fixed> {
    let mark = symptom.mark.as_ref()?;
    let event = mark.title.clone();
    // If it happens several times, the one that is meant.
    let place = |trace: &[Entry]| {
        let mut like_it = (0..)
            .zip(trace)
            .filter(|(_, entry)| Mark::of(entry) == *mark);
        like_it
            .nth(symptom.count.checked_sub(1)?)
            .map(|(place, _): (usize, _)| place)
    };
    let failed_at = place(failing)?;
    let Some(passed_at) = place(passing) else {
        let time = symptom.count as u64;
        return Some(Fixed::Gone { event, time });
    };
    let before: Vec<Mark> = failing[..failed_at].iter().map(Mark::of).collect();
    let concerns = |entry: &&Entry| {
        let other = Mark::of(entry);
        let same = other
            .sockets
            .iter()
            .any(|socket| mark.sockets.contains(socket));
        same && !before.contains(&other)
    };
    // Of several that say as much, the nearest.
    let other = passing[..passed_at]
        .iter()
        .filter(concerns)
        .max_by_key(|entry| weight(entry))?;
    Some(Fixed::Before {
        event,
        other: Mark::of(other).title,
    })
}
