//! One line per event: number, virtual time, actor, what.

use gatesim_sim::trace::event::TraceEvent;

use super::{TimelineRow, TimelineView, TracedRun, marker};
use crate::output::Style;

/// An event by itself, without its run.
pub fn line(entry: &TraceEvent) -> String {
    line_with(entry, &entry.fact.row().line())
}

/// An event of a run.
pub fn line_of(run: &TracedRun<'_>, entry: &TraceEvent) -> String {
    line_with(entry, &run.text(entry))
}

/// A heading, one line per event, the violations between them.
pub fn lines(view: &TimelineView<'_>, style: Style) -> Vec<String> {
    let heading = format!(
        "{:>6} {:>14} {:<12} {}",
        "event", "time (s)", "actor", "what"
    );
    let rows = view.rows().map(|row| match (row, marker(row)) {
        (TimelineRow::Event(entry), _) => line_of(&view.run, entry),
        (TimelineRow::Violation(_) | TimelineRow::Panic(_), text) => {
            style.bad(&text.unwrap_or_default())
        }
    });
    std::iter::once(style.strong(&heading))
        .chain(rows)
        .collect()
}

fn line_with(entry: &TraceEvent, text: &str) -> String {
    format!(
        "{:>6} {:>14} {:<12} {text}",
        entry.number, entry.time, entry.actor
    )
}

#[cfg(test)]
mod tests {
    use gatesim_sim::plan::Plan;

    use super::*;
    use crate::target::{catalog, failure::tests::failed_outcome};

    #[test]
    fn violations_stand_behind_their_events() {
        let outcome = failed_outcome();
        let plan: Plan = catalog::scenario("golden-path").unwrap().plan(0);
        let view = TimelineView {
            run: TracedRun {
                outcome: &outcome,
                plan: &plan,
                headline: outcome.violations.first(),
            },
            parts: &[],
            range: 0..outcome.events,
        };
        insta::assert_snapshot!("timeline", lines(&view, Style::Plain).join("\n"));
    }
}
