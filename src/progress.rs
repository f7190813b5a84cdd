//! How far a sweep has come: on standard error, and only if somebody is watching.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Redraws per second; more would cost time and show nothing.
const REDRAWS_PER_SECOND: u8 = 5;

/// A bar if the number of runs is known, a counter otherwise. Hidden unless standard error is a
/// terminal.
pub struct Progress(ProgressBar);

impl Progress {
    /// For `count` runs, or for `budget` of time.
    pub fn new(count: Option<u64>, budget: Option<Duration>) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND);
        let bar = ProgressBar::with_draw_target(count, target);
        let template = match (count, budget) {
            (Some(_), _) => {
                "{elapsed_precise} [{bar:40}] {human_pos}/{human_len} runs, {per_sec}, {eta} left"
                    .to_owned()
            }
            (None, Some(budget)) => {
                format!("{{elapsed_precise}} of {budget:?}, {{human_pos}} runs, {{per_sec}}")
            }
            (None, None) => "{elapsed_precise} {human_pos} runs, {per_sec}".to_owned(),
        };
        bar.set_style(
            ProgressStyle::with_template(&template)
                .expect("the templates are constants")
                .progress_chars("=> "),
        );
        Progress(bar)
    }

    /// One more run is over.
    pub fn finished_one(&self) {
        self.0.inc(1);
    }

    /// Removes the bar, so that results start on a clean line.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}
