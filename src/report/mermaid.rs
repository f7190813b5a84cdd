//! One run as a Mermaid sequence diagram, short enough to be read in an issue: what led to the
//! violation, or the last notable events before it.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_sim::{check::Violation, plan::Plan, run::outcome::Outcome};

use crate::report::chart::{
    Chart, Event,
    arrow::{Arrow, ArrowKind},
    lane::{LaneKind, title},
    prominence::Prominence,
    window::Window,
};

/// Events of a diagram; beyond this nobody reads it.
const MAX_EVENTS: usize = 40;

/// Characters of a label; GitHub draws longer ones over each other.
const MAX_LABEL: usize = 110;

/// The diagram of a traced run. `slice` is what led to the violation, if that is known.
pub fn diagram(
    plan: &Plan,
    outcome: &Outcome,
    told: Option<&Violation>,
    slice: Option<&[u64]>,
) -> String {
    let chart = Chart::new(plan, outcome, told, &Window::WHOLE);
    let told = drawn(&chart, slice);
    let arrows = Arrows::among(&chart, &told);
    let mut lines = vec!["sequenceDiagram".to_owned()];
    let lanes = lanes(&chart, &told, &arrows);
    lines.extend(participants(&chart, &lanes));
    // From the first to the last, for what concerns the run.
    let everybody = (lanes.first().zip(lanes.last()))
        .map(|(first, last)| format!("{},{}", chart.lanes[*first].name, chart.lanes[*last].name));
    let mut before: Option<&Event> = None;
    for event in chart.events.iter().filter(|e| told.contains(&e.number)) {
        // The time, where it has gone on: a sequence diagram has no axis.
        let moved = before.is_none_or(|before| before.time_ns != event.time_ns);
        lines.extend(arrows.lines(&chart, event, moved, everybody.as_deref()));
        before = Some(event);
    }
    lines.join("\n") + "\n"
}

/// The events that are drawn: of the slice or of the story, the last before the violation.
fn drawn(chart: &Chart, slice: Option<&[u64]>) -> BTreeSet<u64> {
    let end = chart.focus.unwrap_or(u64::MAX);
    let in_story = |event: &&Event| match slice {
        Some(slice) => slice.contains(&event.number),
        None => event.prominence == Prominence::Notable,
    };
    let story: Vec<u64> = (chart.events.iter())
        .filter(|event| event.number == end || (event.number <= end && in_story(event)))
        .map(|event| event.number)
        .collect();
    let latest = &story[story.len().saturating_sub(MAX_EVENTS)..];
    latest.iter().copied().collect()
}

/// The lanes of which something is drawn.
fn lanes(chart: &Chart, told: &BTreeSet<u64>, arrows: &Arrows) -> BTreeSet<usize> {
    let mut used: BTreeSet<usize> = arrows.lanes();
    let events = chart.events.iter().filter(|e| told.contains(&e.number));
    used.extend(events.filter_map(|event| event.lane));
    used
}

fn participants(chart: &Chart, lanes: &BTreeSet<usize>) -> Vec<String> {
    (lanes.iter())
        .map(|&lane| {
            let lane = &chart.lanes[lane];
            let kind = match lane.kind {
                LaneKind::Client => "actor",
                LaneKind::Balancer | LaneKind::Container | LaneKind::Service => "participant",
            };
            format!("    {kind} {} as {}", lane.name, title(lane.name))
        })
        .collect()
}

/// The arrows between events that are drawn, by the event at whose place they are drawn.
struct Arrows<'a> {
    /// Drawn where they arrive; what never arrives, where it was sent.
    at: BTreeMap<u64, Vec<&'a Arrow>>,
    /// Senders whose arrow is drawn elsewhere.
    senders: BTreeSet<u64>,
}

impl<'a> Arrows<'a> {
    fn among(chart: &'a Chart, told: &BTreeSet<u64>) -> Self {
        let drawn: Vec<&Arrow> = (chart.arrows.iter())
            .filter(|arrow| told.contains(&arrow.to.unwrap_or(arrow.from)))
            .collect();
        let mut at: BTreeMap<u64, Vec<&Arrow>> = BTreeMap::new();
        for arrow in &drawn {
            let place = arrow.to.unwrap_or(arrow.from);
            at.entry(place).or_default().push(arrow);
        }
        Arrows {
            at,
            senders: drawn.iter().map(|arrow| arrow.from).collect(),
        }
    }

    fn lanes(&self) -> BTreeSet<usize> {
        let ends = |arrow: &&Arrow| [arrow.from_lane, arrow.to_lane];
        self.at.values().flatten().flat_map(ends).collect()
    }

    /// An arrow, a note for what stays in its lane, and a note for each violation.
    fn lines(
        &self,
        chart: &Chart,
        event: &Event,
        moved: bool,
        everybody: Option<&str>,
    ) -> Vec<String> {
        let time = match moved {
            true => format!("{} ", seconds(event.time_ns)),
            false => String::new(),
        };
        let name = |lane: usize| chart.lanes[lane].name;
        let mut lines = Vec::new();
        let arrows = self.at.get(&event.number);
        for arrow in arrows.into_iter().flatten() {
            let (from, to) = (name(arrow.from_lane), name(arrow.to_lane));
            let line = match (arrow.to, arrow.kind) {
                (None, _) => "-x",
                (Some(_), ArrowKind::AgentEvent | ArrowKind::Answer | ArrowKind::Welcome) => "-->>",
                (Some(_), ArrowKind::Upgrade | ArrowKind::Message | ArrowKind::Close) => "->>",
            };
            let lost = if arrow.to.is_none() {
                ", never arrives"
            } else {
                ""
            };
            let label = format!("{time}{}{lost}", arrow.label);
            lines.push(format!("    {from}{line}{to}: {}", label_text(&label)));
        }
        // An arrow says what its ends say, but for an answer, which has a sender worth a note.
        if arrows.is_none()
            && (!self.senders.contains(&event.number))
            && let Some(lane) = event.lane
        {
            let text = label_text(&format!("{time}{}", event.text));
            lines.push(format!("    Note over {}: {text}", name(lane)));
        } else if event.lane.is_none() {
            let text = label_text(&format!("{time}{}", event.text));
            lines.extend(everybody.map(|over| format!("    Note over {over}: {text}")));
        }
        let broken = chart.violations.iter().filter(|v| v.event == event.number);
        for violation in broken {
            let over = event.lane.map(|lane| name(lane).to_string());
            let Some(over) = over.or(everybody.map(str::to_owned)) else {
                continue;
            };
            let text = label_text(&format!(
                "VIOLATION {}: {}",
                violation.invariant, violation.cause
            ));
            lines.push("    rect rgba(200, 40, 40, 0.2)".to_owned());
            lines.push(format!("    Note over {over}: {text}"));
            lines.push("    end".to_owned());
        }
        lines
    }
}

/// Seconds with milliseconds: an issue needs no more.
fn seconds(ns: u64) -> String {
    format!("{}.{:03} s", ns / 1_000_000_000, ns / 1_000_000 % 1_000)
}

/// A text that Mermaid takes for a text: what begins an entity, ends a statement or a line is
/// written as an entity.
fn label_text(text: &str) -> String {
    let mut label = String::new();
    for c in text.chars().take(MAX_LABEL) {
        match c {
            '#' | ';' | '<' | '>' | '&' | '%' | '`' => label += &format!("#{};", c as u32),
            '\n' | '\r' => label.push(' '),
            _ => label.push(c),
        }
    }
    if text.chars().count() > MAX_LABEL {
        label.push('…');
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::tests::{sample_outcome, sample_plan};

    fn told(outcome: &Outcome, slice: Option<&[u64]>) -> String {
        diagram(&sample_plan(), outcome, outcome.violations.first(), slice)
    }

    #[test]
    fn the_story_before_the_violation() {
        insta::assert_snapshot!("story", told(&sample_outcome(), None));
    }

    #[test]
    fn a_slice_is_all_that_is_drawn() {
        let slice = [2, 3, 4, 6];
        insta::assert_snapshot!("slice", told(&sample_outcome(), Some(&slice)));
    }

    #[test]
    fn a_run_that_holds_is_told_to_its_end() {
        let outcome = Outcome {
            violations: Vec::new(),
            ..sample_outcome()
        };
        let diagram = told(&outcome, None);
        assert!(diagram.contains("never arrives"), "{diagram}");
        assert!(diagram.contains("run over"), "{diagram}");
    }

    #[test]
    fn labels_are_labels() {
        assert_eq!(
            label_text("c0#1; <b>\n%%"),
            "c0#35;1#59; #60;b#62; #37;#37;"
        );
        let long = label_text(&"é".repeat(MAX_LABEL + 1));
        assert_eq!(long.chars().count(), MAX_LABEL + 1);
    }
}
