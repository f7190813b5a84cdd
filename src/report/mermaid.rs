//! One run as a Mermaid sequence diagram, short enough for an issue: the causal slice of the
//! violation, or the last notable events before it.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_sim::{
    check::Violation, plan::Plan, run::outcome::Outcome, trace::vocabulary::Prominence,
};

use crate::report::chart::{
    Chart, ChartEvent,
    arrow::{Arrow, ArrowKind},
    lane::{LaneKind, title},
    window::Window,
};

/// Most events of a diagram: more are unreadable.
const MAX_EVENTS: usize = 40;

/// Most characters of a label: GitHub draws longer ones over each other.
const MAX_LABEL: usize = 110;

/// The diagram of a traced run. `slice` are the events that led to the violation, if known.
pub fn diagram(
    plan: &Plan,
    outcome: &Outcome,
    violation: Option<&Violation>,
    slice: Option<&[u64]>,
) -> String {
    let chart = Chart::new(plan, outcome, violation, &Window::WHOLE);
    let shown = drawn(&chart, slice);
    let arrows = MermaidArrows::among(&chart, &shown);
    let mut lines = vec!["sequenceDiagram".to_owned()];
    let lanes = lanes(&chart, &shown, &arrows);
    lines.extend(participants(&chart, &lanes));
    // From the first lane to the last, for events of the whole run.
    let all_lanes = (lanes.first().zip(lanes.last()))
        .map(|(first, last)| format!("{},{}", chart.lanes[*first].name, chart.lanes[*last].name));
    let mut before: Option<&ChartEvent> = None;
    for event in chart.events.iter().filter(|e| shown.contains(&e.number)) {
        // The time, where it differs from that before: a sequence diagram has no axis.
        let moved = before.is_none_or(|before| before.time_ns != event.time_ns);
        lines.extend(arrows.lines(&chart, event, moved, all_lanes.as_deref()));
        before = Some(event);
    }
    lines.join("\n") + "\n"
}

/// The events that are drawn: the last ones before the violation that are in the slice or notable.
fn drawn(chart: &Chart, slice: Option<&[u64]>) -> BTreeSet<u64> {
    let end = chart.focus.unwrap_or(u64::MAX);
    let in_story = |event: &&ChartEvent| match slice {
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

/// The lanes with something drawn.
fn lanes(chart: &Chart, shown: &BTreeSet<u64>, arrows: &MermaidArrows) -> BTreeSet<usize> {
    let mut used: BTreeSet<usize> = arrows.lanes();
    let events = chart.events.iter().filter(|e| shown.contains(&e.number));
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

/// The arrows between events that are drawn, by the event at which they are drawn.
struct MermaidArrows<'a> {
    /// Drawn where they arrive; what never arrives is drawn where it was sent.
    at: BTreeMap<u64, Vec<&'a Arrow>>,
    /// Sending events whose arrow is drawn at another event.
    senders: BTreeSet<u64>,
}

impl<'a> MermaidArrows<'a> {
    fn among(chart: &'a Chart, shown: &BTreeSet<u64>) -> Self {
        let drawn: Vec<&Arrow> = (chart.arrows.iter())
            .filter(|arrow| shown.contains(&arrow.to.unwrap_or(arrow.from)))
            .collect();
        let mut at: BTreeMap<u64, Vec<&Arrow>> = BTreeMap::new();
        for arrow in &drawn {
            let place = arrow.to.unwrap_or(arrow.from);
            at.entry(place).or_default().push(arrow);
        }
        MermaidArrows {
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
        event: &ChartEvent,
        moved: bool,
        all_lanes: Option<&str>,
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
        // An arrow says what its ends say, except for an answer, whose sender gets a note.
        if arrows.is_none()
            && (!self.senders.contains(&event.number))
            && let Some(lane) = event.lane
        {
            let text = label_text(&format!("{time}{}", event.text));
            lines.push(format!("    Note over {}: {text}", name(lane)));
        } else if event.lane.is_none() {
            let text = label_text(&format!("{time}{}", event.text));
            lines.extend(all_lanes.map(|over| format!("    Note over {over}: {text}")));
        }
        let broken = chart.violations.iter().filter(|v| v.event == event.number);
        for violation in broken {
            let over = event.lane.map(|lane| name(lane).to_string());
            let Some(over) = over.or(all_lanes.map(str::to_owned)) else {
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

/// A text escaped for Mermaid: characters that begin an entity or end a statement or a line are
/// written as entities.
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

    fn diagram_of(outcome: &Outcome, slice: Option<&[u64]>) -> String {
        diagram(&sample_plan(), outcome, outcome.violations.first(), slice)
    }

    #[test]
    fn the_story_before_the_violation() {
        insta::assert_snapshot!("story", diagram_of(&sample_outcome(), None));
    }

    #[test]
    fn a_slice_is_all_that_is_drawn() {
        let slice = [2, 3, 4, 6];
        insta::assert_snapshot!("slice", diagram_of(&sample_outcome(), Some(&slice)));
    }

    #[test]
    fn a_run_that_holds_is_drawn_to_its_end() {
        let outcome = Outcome {
            violations: Vec::new(),
            ..sample_outcome()
        };
        let diagram = diagram_of(&outcome, None);
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
