//! How far a command has come: on standard error, and only if somebody is watching.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Redraws per second; more would cost time and show nothing.
const REDRAWS_PER_SECOND: u8 = 5;

/// A bar if the number is known, a counter otherwise. Hidden unless standard error is a
/// terminal.
pub struct Progress(ProgressBar);

impl Progress {
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
        Progress(bar)
    }

    /// One more is over.
    pub fn finished_one(&self) {
        self.0.inc(1);
    }

    /// Removes the bar, so that results start on a clean line.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}
