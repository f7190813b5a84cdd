//! The wall clock. It decides when a command with a budget stops and how fast it was; it never
//! reaches a run or standard output.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// A stopwatch, which runs from its creation.
#[derive(Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the tool may look at the wall clock; runs may not"
    )]
    pub fn start() -> Self {
        Stopwatch(Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Reads `90s`, `15m`, `8h` or `500ms`.
pub fn parse_budget(text: &str) -> anyhow::Result<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    let number: u64 = digits
        .parse()
        .with_context(|| format!("`{text}` is not a time such as 90s, 15m or 8h"))?;
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => bail!("`{text}` needs a unit: ms, s, m or h"),
    };
    let ms = number
        .checked_mul(unit_ms)
        .with_context(|| format!("`{text}` is too long"))?;
    if ms == 0 {
        bail!("`{text}` leaves no time to run anything");
    }
    Ok(Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_have_units() {
        assert_eq!(parse_budget("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(parse_budget("8h").unwrap(), Duration::from_secs(28_800));
        assert_eq!(parse_budget("500ms").unwrap(), Duration::from_millis(500));
        for bad in [
            "",
            "s",
            "8",
            "8d",
            "-1s",
            "1.5h",
            "0s",
            "99999999999999999999h",
        ] {
            assert!(parse_budget(bad).is_err(), "{bad}");
        }
    }
}
