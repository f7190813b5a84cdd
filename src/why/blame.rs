//! Decisive factors besides order: faults, inputs, answers of the design. Each is removed or changed in
//! turn, and the run is re-executed.

use gatesim_model::design::Design;
use gatesim_sim::{
    plan::{Millis, Plan, Token, Unit},
    trace::event::TraceEvent,
};

use super::{
    graph::weight,
    symptom::{EventIdentity, Symptom},
    trials::{Trials, Variation},
};

/// How much later a client starts, to test whether its timing decides.
const LATER_MS: u64 = 1_000;

/// An input by a client without which the run passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInput {
    /// What it is, to follow "passes without".
    pub what: String,
    /// The client.
    pub client: u32,
    /// The delay with which the run passes as well, if it does.
    pub later_ms: Option<u64>,
}

/// An answer of the design, and the one with which the run passes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AnswerChange {
    /// The question's key.
    pub question: &'static str,
    /// The answer of the design.
    pub answer: &'static str,
    /// The answer of the reference.
    pub passes_with: &'static str,
}

/// Changes with which together the run passes, and their first effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// One, or a minimal set.
    pub changes: Vec<AnswerChange>,
    /// The number of events before the run diverges.
    pub diverges_at: u64,
    /// How the order of events differs.
    pub order: Option<Fixed>,
}

/// The difference in the order of events with which the run passes, as JSON in `order` of a decisive
/// answer: `{"kind": "before", "event": E, "other": O}` if E no longer precedes O, `{"kind": "gone",
/// "event": E, "time": N}` if E does not happen an N-th time. Both are titles of events.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Fixed {
    /// Without the change, `event` always precedes `other`.
    Before {
        /// The event of the violation.
        event: String,
        /// The event that precedes it in the run that passes.
        other: String,
    },
    /// The event does not happen in the run that passes.
    Gone {
        /// The event of the violation.
        event: String,
        /// Its ordinal among events with the same identity.
        time: u64,
    },
}

/// Faults without which the run passes, by number.
pub fn faults(trials: &Trials, symptom: &Symptom) -> Vec<u32> {
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

/// A change of what a client does.
#[derive(Clone, Copy)]
enum ClientEdit {
    /// A valid token instead of its own.
    Token,
    /// Without a message.
    Message(usize),
    /// Without noise.
    Noise,
    /// Without the client.
    Client,
    /// The client starts later, by so many milliseconds.
    Later(u64),
}

impl ClientEdit {
    fn made(self, plan: &Plan, client: u32) -> Plan {
        let mut plan = plan.clone();
        if let ClientEdit::Client = self {
            plan.retain_clients(|number| number != client);
        }
        if let Some(client) = plan.client_mut(client) {
            match self {
                ClientEdit::Token => client.token = Token::Valid,
                ClientEdit::Message(place) => drop(client.messages.remove(place)),
                ClientEdit::Noise => client.noise.clear(),
                ClientEdit::Client => {}
                ClientEdit::Later(later_ms) => client.start_ms = client.start_ms.plus(later_ms),
            }
        }
        plan
    }

    /// What is removed, to follow "passes without".
    fn what(self, plan: &Plan, client: u32) -> String {
        match self {
            ClientEdit::Token => {
                let token = match plan.client(client).map(|client| client.token) {
                    Some(Token::Valid) | None => "valid",
                    Some(Token::Expired) => "expired",
                    Some(Token::Invalid) => "invalid",
                    Some(Token::Missing) => "missing",
                };
                format!("the {token} token of client {client}")
            }
            ClientEdit::Message(place) => format!("message {place} of client {client}"),
            ClientEdit::Noise => format!("the noise of client {client}"),
            ClientEdit::Client | ClientEdit::Later(_) => format!("client {client}"),
        }
    }
}

/// Inputs by clients without which the run passes.
pub fn inputs(trials: &Trials, symptom: &Symptom) -> Vec<ClientInput> {
    let plan = &trials.target().plan;
    let mut edits = Vec::new();
    for (number, client) in plan.clients() {
        if client.token != Token::Valid {
            edits.push((number, ClientEdit::Token));
        }
        edits.extend((0..client.messages.len()).map(|place| (number, ClientEdit::Message(place))));
        if !client.noise.is_empty() {
            edits.push((number, ClientEdit::Noise));
        }
    }
    // An input of a client explains more than its presence.
    if plan.clients.len() > 1 {
        edits.extend(
            plan.clients()
                .map(|(number, _)| (number, ClientEdit::Client)),
        );
    }
    // Made one at a time: there may be tens of thousands.
    let make = |index: usize| {
        let (client, edit) = edits[index];
        Variation::plan(edit.made(plan, client))
    };
    let passes = trials.each_of(edits.len(), make, |_, outcome| symptom.is_gone(outcome));
    let decide = keep(edits, &passes).into_iter();
    let part = |(client, edit): (u32, ClientEdit)| {
        let later_ms = matches!(edit, ClientEdit::Client).then_some(LATER_MS);
        let passes = |later_ms: &u64| {
            let later = Variation::plan(ClientEdit::Later(*later_ms).made(plan, client));
            trials.one(later, |outcome| symptom.is_gone(outcome)) == Some(true)
        };
        ClientInput {
            what: edit.what(plan, client),
            client,
            later_ms: later_ms.filter(passes),
        }
    };
    decide.map(part).collect()
}

/// A time after the end: what begins then never happens, and everything else keeps its number.
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

/// Answers of the design that differ from the reference, where the run passes with that of the
/// reference; the one that diverges latest first. If no single one suffices, a minimal set.
pub fn answers(trials: &Trials, symptom: &Symptom, trace: &[TraceEvent]) -> Vec<Remedy> {
    let design = &trials.target().design;
    let reference = Design::builtin("reference").expect("it is built in");
    let sound = reference.answers().into_iter();
    let changes: Vec<AnswerChange> = design
        .answers()
        .into_iter()
        .zip(sound)
        .filter(|((_, answer), (_, passes_with))| answer != passes_with)
        .map(|((question, answer), (_, passes_with))| AnswerChange {
            question,
            answer,
            passes_with,
        })
        .collect();
    let remedy = |changes: Vec<AnswerChange>| {
        let variation = Variation::design(changed(design, &changes));
        trials
            .one(variation, |outcome| {
                (symptom.is_gone(outcome) || symptom.is_another(outcome)).then(|| {
                    let order = fixed_order(symptom, trace, &outcome.trace);
                    (common_prefix(trace, &outcome.trace), order)
                })
            })
            .flatten()
            .map(|(diverges_at, order)| Remedy {
                changes,
                diverges_at,
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
    // A missed deadline with another cause counts only if the symptom disappears with no answer.
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
    remedies.sort_by_key(|remedy| std::cmp::Reverse(remedy.diverges_at));
    remedies
}

/// Removes changes while the run passes with the rest.
fn fewest(trials: &Trials, symptom: &Symptom, mut changes: Vec<AnswerChange>) -> Vec<AnswerChange> {
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

fn changed(design: &Design, changes: &[AnswerChange]) -> Design {
    changes.iter().fold(design.clone(), |design, change| {
        design
            .with(change.question, change.passes_with)
            .expect("question and answer are those of a design")
    })
}

/// The number of events that two traces have in common before they diverge.
fn common_prefix(failing: &[TraceEvent], passing: &[TraceEvent]) -> u64 {
    let same = |(a, b): &(&TraceEvent, &TraceEvent)| a.fact == b.fact && a.time == b.time;
    failing.iter().zip(passing).take_while(same).count() as u64
}

/// The event that precedes that of the violation in the passing run, but not in the failing one.
fn fixed_order(symptom: &Symptom, failing: &[TraceEvent], passing: &[TraceEvent]) -> Option<Fixed> {
    let mark = symptom.mark.as_ref()?;
    let event = mark.title.clone();
    // The occurrence with the same ordinal.
    let place = |trace: &[TraceEvent]| {
        let mut like_it = (0..)
            .zip(trace)
            .filter(|(_, entry)| EventIdentity::of(entry) == *mark);
        like_it
            .nth(symptom.count.checked_sub(1)?)
            .map(|(place, _): (usize, _)| place)
    };
    let failed_at = place(failing)?;
    let Some(passed_at) = place(passing) else {
        let time = symptom.count as u64;
        return Some(Fixed::Gone { event, time });
    };
    let before: Vec<EventIdentity> = failing[..failed_at].iter().map(EventIdentity::of).collect();
    let concerns = |entry: &&TraceEvent| {
        let other = EventIdentity::of(entry);
        let same = other
            .sockets
            .iter()
            .any(|socket| mark.sockets.contains(socket));
        same && !before.contains(&other)
    };
    // Of several with the same weight, the nearest.
    let other = passing[..passed_at]
        .iter()
        .filter(concerns)
        .max_by_key(|entry| weight(entry))?;
    Some(Fixed::Before {
        event,
        other: EventIdentity::of(other).title,
    })
}
