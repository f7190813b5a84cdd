//! The contents of the page, and its data.

use gatesim_sim::{check::Violation, run::outcome::Outcome};
use serde::Serialize;

use super::{
    fill::{escape, fill, json_in_script},
    state::States,
};
use crate::{
    output::FORMAT,
    report::{
        chart::{Chart, window::Window},
        root_cause::RootCause,
    },
    target::{Target, failure::finish_name},
};

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// In the order of their dependencies.
const SCRIPTS: [&str; 4] = [
    include_str!("run.js"),
    include_str!("diagram.js"),
    include_str!("panels.js"),
    include_str!("main.js"),
];

/// The longest plan that is shown whole.
const MAX_PLAN_BYTES: usize = 100_000;

/// The report of one run.
pub struct HtmlPage<'a> {
    /// The run.
    pub target: &'a Target,
    /// What it did, with its trace.
    pub outcome: &'a Outcome,
    /// Why it failed.
    pub root_cause: Option<&'a RootCause>,
    /// How much of it is shown.
    pub window: Window,
}

/// What the script reads.
#[derive(Serialize)]
struct Data<'a> {
    format: u32,
    /// Number of the last event of the run.
    last: u64,
    #[serde(flatten)]
    chart: &'a Chart,
    state: States,
    #[serde(skip_serializing_if = "Option::is_none")]
    slice: Option<&'a [u64]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    race: Option<[u64; 2]>,
}

impl HtmlPage<'_> {
    /// The whole file.
    pub fn render(&self) -> anyhow::Result<String> {
        let chart = self.chart();
        let held = self.outcome.held();
        let verdict = if held { "HELD" } else { "FAILED" };
        let run = self.target.title.to_string();
        let data = serde_json::to_string(&self.data(&chart))?;
        let parts = [
            ("title", escape(&format!("{verdict} {run}"))),
            ("css", STYLE.to_owned()),
            ("verdict-class", verdict_class(held).to_owned()),
            ("verdict", verdict.to_owned()),
            ("run", escape(&run)),
            ("headline", self.headline(&chart)),
            (
                "reproduce",
                escape(&self.target.origin.replay_command(&self.target.run)),
            ),
            ("cut", cut_notice(&chart)),
            ("facts", self.facts()),
            (
                "plan-command",
                escape(&self.target.origin.save_plan_command(&self.target.run)),
            ),
            ("plan", escape(&self.plan()?)),
            ("data", json_in_script(&data)),
            ("js", SCRIPTS.concat()),
        ];
        Ok(fill(TEMPLATE, &parts))
    }

    fn data<'a>(&'a self, chart: &'a Chart) -> Data<'a> {
        let kept = self.window.choose(self.outcome, chart.focus);
        Data {
            format: FORMAT,
            last: self.outcome.events.saturating_sub(1),
            chart,
            state: States::of(&self.outcome.trace, &kept),
            slice: self
                .root_cause
                .map(|root_cause| root_cause.slice.as_slice()),
            race: self.root_cause.and_then(|root_cause| root_cause.race),
        }
    }

    /// The data alone, for snapshots.
    #[cfg(test)]
    pub fn json(&self) -> String {
        let chart = self.chart();
        serde_json::to_string_pretty(&self.data(&chart)).unwrap()
    }

    fn chart(&self) -> Chart {
        let violation = self.target.headline(self.outcome);
        Chart::new(&self.target.plan, self.outcome, violation, &self.window)
    }

    /// The headline.
    fn headline(&self, chart: &Chart) -> String {
        match (&self.outcome.panic, self.target.headline(self.outcome)) {
            (Some(panic), _) => format!(
                "<h1>panic <span class=\"cause\">in the model or the simulator</span></h1>\n  \
                 <p class=\"sentence\">{}</p>",
                escape(panic)
            ),
            (None, Some(violation)) => self.violation(violation, chart),
            (None, None) => "<h1>Every invariant held.</h1>".to_owned(),
        }
    }

    fn violation(&self, violation: &Violation, chart: &Chart) -> String {
        let mut lines = vec![
            format!(
                "<h1>{} <span class=\"cause\">{}</span></h1>",
                violation.invariant,
                escape(&violation.cause)
            ),
            format!("<p class=\"sentence\">{}</p>", escape(&violation.sentence)),
            "<dl class=\"points\">".to_owned(),
        ];
        let mut point = |name: &str, html: String| {
            lines.push(format!("<dt>{name}</dt><dd>{html}</dd>"));
        };
        if let Some(root_cause) = self.root_cause {
            let sentence = marked_up(&escape(&root_cause.sentence));
            let race = root_cause.race.map(|[first, second]| {
                let (first, second) = (jump(first, "first"), jump(second, "second"));
                format!(" <span class=\"pair\">({first}, {second})</span>")
            });
            point(
                "Why",
                format!(
                    "<span class=\"why\">{sentence}</span>{}",
                    race.unwrap_or_default()
                ),
            );
            let also: Vec<String> = (root_cause.also.iter())
                .map(|also| marked_up(&escape(also)))
                .collect();
            if !also.is_empty() {
                point("Or", also.join("; "));
            }
            if let Some(sentence) = &root_cause.other_timing {
                point("Timing", escape(sentence));
            }
        }
        let event = jump(violation.event, &format!("event {}", violation.event));
        point(
            "When",
            format!("{} s, step {}, {event}", violation.time, violation.step),
        );
        point("Rule", escape(violation.invariant.statement()));
        if let Some(capsule) = &self.target.capsule {
            point("Kept for", escape(&capsule.why));
        }
        let others: Vec<String> = (chart.violations.iter())
            .filter(|other| other.invariant != violation.invariant.name())
            .map(|other| jump(other.event, other.invariant))
            .collect();
        if !others.is_empty() {
            point("Also broken", others.join(", "));
        }
        lines.push("</dl>".to_owned());
        lines.join("\n  ")
    }

    /// The plan, or the beginning of one that is too long.
    fn plan(&self) -> anyhow::Result<String> {
        let mut text = toml::to_string(&self.target.plan)?;
        if text.len() > MAX_PLAN_BYTES {
            let end = text.floor_char_boundary(MAX_PLAN_BYTES);
            let end = text[..end].rfind('\n').unwrap_or_default();
            let lines = text[end..].lines().count() - 1;
            text.truncate(end);
            text += &format!("\n\n# {lines} more lines are omitted here.\n");
        }
        Ok(text)
    }

    /// Facts about the run as a whole.
    fn facts(&self) -> String {
        let (target, outcome) = (self.target, self.outcome);
        let made_from = target.title.made_from().map(|name| ("Made from", name));
        let facts = [
            ("Scenario", target.run.scenario.clone()),
            ("Design", target.run.design.clone()),
            ("Seed", target.run.seed.to_string()),
            ("Environment", target.plan.environment.to_string()),
            (
                "End",
                format!(
                    "{} after {} s of virtual time",
                    finish_name(outcome),
                    outcome.time
                ),
            ),
            (
                "Size",
                format!("{} steps, {} events", outcome.steps, outcome.events),
            ),
            ("Digest", format!("{}, the same twice", outcome.digest)),
        ];
        let lines = made_from.into_iter().chain(facts);
        let lines =
            lines.map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escape(&value)));
        format!("<dl class=\"points\">{}</dl>", lines.collect::<String>())
    }
}

fn verdict_class(held: bool) -> &'static str {
    if held { "held" } else { "violated" }
}

fn jump(event: u64, text: &str) -> String {
    format!(
        "<button type=\"button\" class=\"jump\" data-event=\"{event}\">{}</button>",
        escape(text)
    )
}

/// Names between asterisks are emphasised; answers between backquotes are code.
fn marked_up(text: &str) -> String {
    let named = between(text, '*', "em");
    between(&named, '`', "code")
}

fn between(text: &str, mark: char, element: &str) -> String {
    let mut pieces = text.split(mark);
    let mut html = pieces.next().unwrap_or_default().to_owned();
    for (n, piece) in pieces.enumerate() {
        let slash = if n % 2 == 0 { "" } else { "/" };
        html += &format!("<{slash}{element}>{piece}");
    }
    html
}

fn cut_notice(chart: &Chart) -> String {
    let Some(cut) = chart.cut else {
        return String::new();
    };
    let clients = match cut.clients_shown < cut.clients {
        true => format!(" and {} of its {} clients", cut.clients_shown, cut.clients),
        false => String::new(),
    };
    let place = match chart.focus {
        Some(_) => "around the violation",
        None => "from the beginning",
    };
    format!(
        "<p class=\"notice\">This run is too long to be shown whole: {} of its {} events{clients}, \
         {place}.</p>",
        cut.events_shown, cut.events
    )
}
