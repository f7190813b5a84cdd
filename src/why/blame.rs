//! What decides besides order: a fault, an input, an answer of the design. Each is taken away in
//! turn, and the run made again.

use gatesim_model::design::Design;
use gatesim_sim::{
    plan::{Millis, Plan, Token, Unit},
    trace::event::TraceEvent,
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

/// What can be taken away of what a client does.
#[derive(Clone, Copy)]
enum Edit {
    /// A good token in place of its own.
    Token,
    /// A message.
    Message(usize),
    /// All noise.
    Noise,
    /// The client.
    Client,
    /// Nothing, but it comes so much later.
    Later(u64),
}

impl Edit {
    fn made(self, plan: &Plan, client: u32) -> Plan {
        let mut plan = plan.clone();
        if let Edit::Client = self {
            plan.retain_clients(|number| number != client);
        }
        if let Some(client) = plan.client_mut(client) {
            match self {
                Edit::Token => client.token = Token::Valid,
                Edit::Message(place) => drop(client.messages.remove(place)),
                Edit::Noise => client.noise.clear(),
                Edit::Client => {}
                Edit::Later(later_ms) => client.start_ms = client.start_ms.plus(later_ms),
            }
        }
        plan
    }

    /// What is taken away, as it stands behind "passes without".
    fn what(self, plan: &Plan, client: u32) -> String {
        match self {
            Edit::Token => {
                let token = match plan.client(client).map(|client| client.token) {
                    Some(Token::Valid) | None => "good",
                    Some(Token::Expired) => "expired",
                    Some(Token::Invalid) => "bad",
                    Some(Token::Missing) => "missing",
                };
                format!("the {token} token of client {client}")
            }
            Edit::Message(place) => format!("message {place} of client {client}"),
            Edit::Noise => format!("the noise of client {client}"),
            Edit::Client | Edit::Later(_) => format!("client {client}"),
        }
    }
}

/// What clients do without which the run passes.
pub fn inputs(trials: &Trials<'_>, symptom: &Symptom) -> Vec<Part> {
    let plan = &trials.target().plan;
    let mut edits = Vec::new();
    for (number, client) in plan.clients() {
        if client.token != Token::Valid {
            edits.push((number, Edit::Token));
        }
        edits.extend((0..client.messages.len()).map(|place| (number, Edit::Message(place))));
        if !client.noise.is_empty() {
            edits.push((number, Edit::Noise));
        }
    }
    // What a client does says more than that it is there.
    if plan.clients.len() > 1 {
        edits.extend(plan.clients().map(|(number, _)| (number, Edit::Client)));
    }
    // Made one by one: there may be tens of thousands.
    let make = |index: usize| {
        let (client, edit) = edits[index];
        Variation::plan(edit.made(plan, client))
    };
    let passes = trials.each_of(edits.len(), make, |_, outcome| symptom.is_gone(outcome));
    let decide = keep(edits, &passes).into_iter();
    let part = |(client, edit): (u32, Edit)| {
        let later_ms = matches!(edit, Edit::Client).then_some(LATER_MS);
        let passes = |later_ms: &u64| {
            let later = Variation::plan(Edit::Later(*later_ms).made(plan, client));
            trials.one(later, |outcome| symptom.is_gone(outcome)) == Some(true)
        };
        Part {
            what: edit.what(plan, client),
            client,
            later_ms: later_ms.filter(passes),
        }
    };
    decide.map(part).collect()
}

/// A time that does not come: what begins then is left out, and everything else keeps its number.
fn never(plan: &Plan) -> Millis {
    Millis::nearest(plan.time_limit_ms.get() + 1)
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
pub fn answers(trials: &Trials<'_>, symptom: &Symptom, trace: &[TraceEvent]) -> Vec<Remedy> {
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
                    (divergence(trace, &outcome.trace), order)
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
fn divergence(failing: &[TraceEvent], passing: &[TraceEvent]) -> u64 {
    let same = |(a, b): &(&TraceEvent, &TraceEvent)| a.fact == b.fact && a.time == b.time;
    failing.iter().zip(passing).take_while(same).count() as u64
}

/// What comes before the event of the violation where the run passes, and does not where it fails.
fn fixed_order(symptom: &Symptom, failing: &[TraceEvent], passing: &[TraceEvent]) -> Option<Fixed> {
    let mark = symptom.mark.as_ref()?;
    let event = mark.title.clone();
    // If it happens several times, the one that is meant.
    let place = |trace: &[TraceEvent]| {
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
    let concerns = |entry: &&TraceEvent| {
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
