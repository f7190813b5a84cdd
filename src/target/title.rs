//! What a run is called in outputs.

use std::fmt;

use gatesim_sim::plan::Plan;

use crate::target::{catalog, run_name::RunName};

/// The name of a run, if the name gives this run; the file that it is in, if the plan there is another.
///
/// A file keeps its plan, while the plan that a name gives follows the scenario. So a capsule and a name may give
/// two runs, and only one of them may be called by the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunTitle {
    shown: String,
    made_from: Option<RunName>,
}

impl RunTitle {
    /// Of a run that its name gives.
    pub fn of_name(run: &RunName) -> Self {
        RunTitle {
            shown: run.to_string(),
            made_from: None,
        }
    }

    /// Of the run of a plan in a file, which was made from a run name.
    pub fn of_file(file: &str, run: &RunName, plan: &Plan) -> Self {
        let same = catalog::scenario(&run.scenario).is_ok_and(|one| one.plan(run.seed) == *plan);
        match same {
            true => RunTitle::of_name(run),
            false => RunTitle {
                shown: file.to_owned(),
                made_from: Some(run.clone()),
            },
        }
    }

    /// The name from which it was made, if that gives another run.
    pub fn other_name(&self) -> Option<String> {
        self.made_from.as_ref().map(RunName::to_string)
    }

    /// The same in words.
    pub fn made_from(&self) -> Option<String> {
        let name = self.made_from.as_ref()?;
        Some(format!("{name}, which gives another plan"))
    }
}

impl fmt::Display for RunTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_by_a_name_only_if_the_name_gives_its_plan() {
        let run: RunName = "golden-path@v2:12".parse().unwrap();
        let mut plan = catalog::scenario("golden-path").unwrap().plan(12);
        let title = |plan: &Plan| {
            let title = RunTitle::of_file("kept.toml", &run, plan);
            (title.to_string(), title.made_from())
        };
        assert_eq!(title(&plan), ("golden-path@v2:12".to_owned(), None));
        plan.clients.truncate(0);
        let made_from = "golden-path@v2:12, which gives another plan".to_owned();
        assert_eq!(title(&plan), ("kept.toml".to_owned(), Some(made_from)));
    }
}
