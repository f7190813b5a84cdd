//! Every exit code, in one place.

use std::process::ExitCode;

/// How a command ended. The numbers are an interface: scripts and CI branch on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for ran and held.
    Held = 0,
    /// A violation was found, a limit of a scenario was exceeded, or a capsule no longer reproduces.
    Violated = 1,
    /// Bad usage, configuration or file.
    Unusable = 2,
    /// The same run gave two traces. No other result can be trusted.
    NonDeterministic = 3,
    /// There was nothing to run.
    NothingRan = 4,
    /// Everything held, but vacuously: no connection became ready or no answer arrived, runs were cut
    /// off by their limits, a fault never happened, what an invariant judges never occurred, or a
    /// rare state was reached too rarely. The other codes take precedence: a sweep whose runs do not
    /// repeat (3), that was interrupted (130) or that ran nothing (4) shows nothing about what it
    /// has not tested, and one that found a violation (1) was not vacuous. Each design is judged in
    /// each scenario in which all its runs held.
    FloorMissed = 5,
    /// A bug in the tool itself.
    ToolBug = 70,
    /// Interrupted; what had been found until then was written.
    Interrupted = 130,
}

impl Exit {
    /// Every code, in ascending order.
    pub const ALL: [Exit; 8] = [
        Self::Held,
        Self::Violated,
        Self::Unusable,
        Self::NonDeterministic,
        Self::NothingRan,
        Self::FloorMissed,
        Self::ToolBug,
        Self::Interrupted,
    ];

    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// One line for the help text.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Held => "everything asked for ran and held",
            Self::Violated => {
                "a violation was found, a limit of a scenario was exceeded, or a capsule no longer \
                 reproduces"
            }
            Self::Unusable => "usage, configuration or file error",
            Self::NonDeterministic => "non-determinism: the same run gave two traces",
            Self::NothingRan => "nothing ran",
            Self::FloorMissed => {
                "held without having tested: no connection ready or no answer, runs cut off, a fault \
                 that never happened, an invariant without anything to judge, a rare state reached \
                 too rarely, or a defect not found"
            }
            Self::ToolBug => "a bug in the tool",
            Self::Interrupted => "interrupted; partial results written",
        }
    }

    /// The table of exit codes as the help text shows it.
    pub fn table() -> String {
        let mut text = String::from("Exit codes:\n");
        for exit in Self::ALL {
            text.push_str(&format!("  {:>3}  {}\n", exit.code(), exit.meaning()));
        }
        text
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_that_scripts_rely_on() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 3, 4, 5, 70, 130]);
    }
}
