//! Which invariants each design breaks in each scenario, beside what `docs/protocol.md` says of it,
//! as a Markdown file.

use std::collections::{BTreeMap, BTreeSet};

use gatesim_sim::check::invariants::Invariant;

use crate::{
    output::labels,
    sweep::{happened::Happened, result::SweepResult, tally::PairTally},
    target::defects::Catalogue,
};

/// The whole file.
pub fn markdown(result: &SweepResult, catalogue: &Catalogue) -> String {
    let cells = Cells::of(result);
    let mut text = introduction(result);
    text.push_str(&overview(&cells));
    for design in &cells.designs {
        text.push_str(&section(design, &cells, catalogue));
    }
    text.push_str(&happened(result));
    text
}

/// The tallies by design and scenario, and the order in which both were asked for.
struct Cells<'a> {
    designs: Vec<&'a str>,
    scenarios: Vec<&'a str>,
    tallies: BTreeMap<(&'a str, &'a str), &'a PairTally>,
}

impl<'a> Cells<'a> {
    fn of(result: &'a SweepResult) -> Self {
        let mut cells = Cells {
            designs: Vec::new(),
            scenarios: Vec::new(),
            tallies: BTreeMap::new(),
        };
        for (pair, tally) in result.work.pairs.iter().zip(&result.harvest.tallies) {
            let (design, scenario) = (&*pair.design_reference, &*pair.scenario_reference);
            if !cells.designs.contains(&design) {
                cells.designs.push(design);
            }
            if !cells.scenarios.contains(&scenario) {
                cells.scenarios.push(scenario);
            }
            cells.tallies.insert((design, scenario), tally);
        }
        cells
    }

    fn tally(&self, design: &'a str, scenario: &'a str) -> &'a PairTally {
        self.tallies[&(design, scenario)]
    }

    fn broken_by(&self, design: &'a str) -> BTreeSet<Invariant> {
        self.scenarios
            .iter()
            .flat_map(|scenario| self.tally(design, scenario).broken_in.keys())
            .copied()
            .collect()
    }
}

fn introduction(result: &SweepResult) -> String {
    let runs: u64 = result.harvest.tallies.iter().map(|tally| tally.runs).sum();
    format!(
        "# What each design breaks in each scenario\n\n\
         Written by `gatesim sweep --table FILE`; do not edit. {runs} runs, seeds from {} on. For each \
         design, the share of the runs of a scenario in which an invariant broke, rounded up. *Fact \
         sheet* names the defects by which the revision ought to break it; where the two disagree, \
         the last column says why.\n\n",
        result.work.first_seed
    )
}

fn overview(cells: &Cells) -> String {
    let mut text = format!(
        "Invariants broken, of {}:\n\n{}",
        Invariant::ALL.len(),
        heading("design", &cells.scenarios, &[])
    );
    for design in &cells.designs {
        let counts = cells.scenarios.iter().map(|scenario| {
            let tally = cells.tally(design, scenario);
            match (tally.runs, tally.broken_in.len()) {
                (0, _) => "not run".to_owned(),
                (_, 0) => String::new(),
                (_, broken) => broken.to_string(),
            }
        });
        text.push_str(&row(&format!("`{design}`"), counts));
    }
    text.push('\n');
    text
}

fn section(design: &str, cells: &Cells, catalogue: &Catalogue) -> String {
    let broken = cells.broken_by(design);
    let expected: BTreeMap<Invariant, Vec<&str>> =
        catalogue.expected_of(design).into_iter().collect();
    let mut text = format!("## {design}\n\n");
    if broken.is_empty() && expected.is_empty() {
        text.push_str("Holds everything.\n\n");
        return text;
    }
    text.push_str(&heading(
        "invariant",
        &cells.scenarios,
        &["fact sheet", "why they disagree"],
    ));
    for invariant in labels::in_order() {
        let defects = expected.get(&invariant);
        if !broken.contains(&invariant) && defects.is_none() {
            continue;
        }
        let shares = cells.scenarios.iter().map(|scenario| {
            let tally = cells.tally(design, scenario);
            let count = tally.broken_in.get(&invariant).copied();
            count.map_or_else(String::new, |count| labels::percent(count, tally.runs))
        });
        let why = if broken.contains(&invariant) == defects.is_some() {
            ""
        } else {
            let known = catalogue.explanation(design, invariant);
            known.unwrap_or("**not explained**")
        };
        let defects = defects.map_or_else(String::new, |ids| ids.join(" "));
        let name = format!("{} `{invariant}`", labels::label(invariant));
        text.push_str(&row(&name, shares.chain([defects, why.to_owned()])));
    }
    text.push('\n');
    text
}

/// In how many runs each fault happened, over all designs: the plans are the same.
fn happened(result: &SweepResult) -> String {
    let mut scenarios: BTreeMap<&str, (Happened, Vec<String>)> = BTreeMap::new();
    for (pair, tally) in result.pairs() {
        let scenario = scenarios.entry(&pair.scenario_reference);
        let (sum, _) =
            scenario.or_insert_with(|| (Happened::default(), pair.scenario.fault_names()));
        sum.merge(&tally.happened);
    }
    let mut text = format!(
        "## What happened\n\nIn how many runs each fault happened, over all designs.\n\n{}",
        heading(
            "scenario",
            &[],
            &["fault", "runs that were to have it", "happened", "why not"]
        )
    );
    scenarios.retain(|_, (_, names)| !names.is_empty());
    if scenarios.is_empty() {
        return String::new();
    }
    for (scenario, (sum, names)) in scenarios {
        for (fault, counts) in sum.named(names) {
            let cells = [
                format!("`{fault}`"),
                counts.drawn.to_string(),
                counts.happened.to_string(),
                counts.reasons().join(", "),
            ];
            text.push_str(&row(&format!("`{scenario}`"), cells.into_iter()));
        }
    }
    text
}

fn heading(first: &str, scenarios: &[&str], more: &[&str]) -> String {
    let columns = scenarios.iter().chain(more).map(|name| (*name).to_owned());
    let rule = "|---".repeat(1 + scenarios.len() + more.len());
    format!("{}{rule}|\n", row(first, columns))
}

fn row(first: &str, cells: impl Iterator<Item = String>) -> String {
    let mut text = format!("| {first} |");
    for cell in cells {
        text.push_str(&format!(" {cell} |"));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use gatesim_sim::{Options, run::outcome::Outcome};

    use super::*;
    use crate::{
        sweep::{
            acceptance::Acceptance,
            work::{Harvest, Limit, Pair, SweepWork},
        },
        target::{catalog, defects::Disagreement, failure::tests::failed_outcome},
    };

    /// A sweep of one scenario, one run under each design.
    fn swept(outcomes: &[(&str, Outcome)]) -> SweepResult {
        let pairs = outcomes.iter().map(|(design, _)| Pair {
            scenario_reference: "golden-path".to_owned(),
            design_reference: (*design).to_owned(),
            scenario: catalog::scenario("golden-path").unwrap(),
            design: catalog::design(design).unwrap(),
            every: 1,
        });
        let tallies = outcomes.iter().map(|(_, outcome)| {
            let mut tally = PairTally::default();
            tally.add(0, outcome);
            tally
        });
        SweepResult {
            work: SweepWork {
                pairs: pairs.collect(),
                first_seed: 0,
                partition: "1/1".parse().unwrap(),
                limit: Limit::Seeds(1),
                options: Options::default(),
                jobs: NonZeroUsize::MIN,
            },
            harvest: Harvest {
                tallies: tallies.collect(),
                unstable: Vec::new(),
            },
            acceptance: Acceptance::default(),
            failures: Vec::new(),
            divergences: Vec::new(),
            interrupted: false,
            elapsed: Default::default(),
        }
    }

    #[test]
    fn disagreements_are_explained_or_shown_as_not() {
        let mut catalogue = Catalogue::load().unwrap();
        catalogue
            .defects
            .retain(|defect| ["D01", "D60"].contains(&&*defect.id));
        catalogue.disagreements = vec![Disagreement {
            designs: vec!["v4".to_owned()],
            invariants: vec![Invariant::WelcomeAfterReady],
            because: "no client was welcomed".to_owned(),
        }];
        let held = Outcome {
            violations: Vec::new(),
            ..failed_outcome()
        };
        let result = swept(&[("v4", failed_outcome()), ("reference", held)]);
        let text = markdown(&result, &catalogue);
        let (_, tables) = text.split_once("## v4").unwrap();
        insta::assert_snapshot!("table", tables);
    }
}
