//! Where a run came from, and the commands that ask for it again.

use crate::target::run_name::{RunName, shell_word};

/// Where a run came from, and so how to ask for it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Its name says everything.
    Name,
    /// A plan file, run under the design of the run's name.
    Plan {
        /// Path.
        file: String,
    },
    /// A capsule.
    Capsule {
        /// Path.
        file: String,
    },
}

impl Origin {
    /// The command that replays the run, ready to paste.
    pub fn replay_command(&self, run: &RunName) -> String {
        format!("gatesim replay {}", self.arguments(run))
    }

    /// The command that writes the run's plan to a file, ready to paste.
    pub fn save_plan_command(&self, run: &RunName) -> String {
        format!("{} --save-plan plan.toml", self.replay_command(run))
    }

    /// The command that explains the run.
    pub fn why_command(&self, run: &RunName) -> String {
        format!("gatesim why {}", self.arguments(run))
    }

    /// The command that shrinks the run.
    pub fn shrink_command(&self, run: &RunName) -> String {
        format!("gatesim shrink {}", self.arguments(run))
    }

    /// The command that keeps the run; none if it is kept already.
    pub fn keep_command(&self, run: &RunName, why: &str) -> Option<String> {
        match self {
            Origin::Name | Origin::Plan { .. } => Some(format!(
                "gatesim corpus add {} --why {}",
                self.arguments(run),
                shell_word(why)
            )),
            Origin::Capsule { .. } => None,
        }
    }

    fn arguments(&self, run: &RunName) -> String {
        match self {
            Origin::Name => shell_word(&run.to_string()),
            Origin::Plan { file } => {
                format!("{} --design {}", shell_word(file), shell_word(&run.design))
            }
            Origin::Capsule { file } => shell_word(file),
        }
    }
}
