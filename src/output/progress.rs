//! The progress bar: on standard error, and only if that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Redraws per second; more would cost time and show nothing.
const REDRAWS_PER_SECOND: u8 = 5;

/// A bar if the number is known, a counter otherwise. Hidden unless standard error is a
/// terminal.
pub struct ProgressDisplay(ProgressBar);

impl ProgressDisplay {
    /// For `count` of `things`, or for `budget` of time.
    pub fn new(things: &str, count: Option<u64>, budget: Option<Duration>) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND);
        let bar = ProgressBar::with_draw_target(count, target);
        let template = match (count, budget) {
            (Some(_), _) => {
                format!(
                    "{{elapsed_precise}} [{{bar:40}}] {{human_pos}}/{{human_len}} {things}, \
                     {{per_sec}}, {{eta}} left"
                )
            }
            (None, Some(budget)) => {
                format!("{{elapsed_precise}} of {budget:?}, {{human_pos}} {things}, {{per_sec}}")
            }
            (None, None) => format!("{{elapsed_precise}} {{human_pos}} {things}, {{per_sec}}"),
        };
        bar.set_style(
            ProgressStyle::with_template(&template)
                .expect("the templates are constants")
                .progress_chars("=> "),
        );
        ProgressDisplay(bar)
    }

    /// For a search of unknown length, with a message that says what it has found so far.
    pub fn searching(budget: Duration) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND);
        let bar = ProgressBar::with_draw_target(None, target);
        let template = format!(
            "{{elapsed_precise}} of at most {budget:?}, {{human_pos}} runs, {{per_sec}}: {{msg}}"
        );
        bar.set_style(ProgressStyle::with_template(&template).expect("the template is a constant"));
        ProgressDisplay(bar)
    }

    /// Sets the message beside the numbers.
    pub fn set_message(&self, text: String) {
        self.0.set_message(text);
    }

    /// Counts one more.
    pub fn finished_one(&self) {
        self.0.inc(1);
    }

    /// Removes the bar, so that results start on a clean line.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}
