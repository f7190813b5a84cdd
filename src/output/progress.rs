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

    /// For runs that are tried one after the other, each as soon as the last one says which; the
    /// state of affairs is told beside them.
    pub fn searching(budget: Duration) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND);
        let bar = ProgressBar::with_draw_target(None, target);
        let template = format!(
            "{{elapsed_precise}} of at most {budget:?}, {{human_pos}} runs, {{per_sec}}: {{msg}}"
        );
        bar.set_style(ProgressStyle::with_template(&template).expect("the template is a constant"));
        Progress(bar)
    }

    /// Says what there is to say beside the numbers.
    pub fn tell(&self, text: String) {
        self.0.set_message(text);
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
