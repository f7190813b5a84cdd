//! What shrinking makes of failures, and how long it takes.
//!
//! `cargo bench --bench shrink` shrinks every capsule of the corpus and failures drawn from sweeps
//! of the revisions and of flipped decisions, with the tool itself; makes sure that each result
//! fails as its original did and has nothing to spare; and prints one line for each, then the
//! figures. `--table FILE` keeps them as Markdown. A missed goal fails nothing: read the figures.
//! A result that is wrong ends it at once.
//!
//! - [`sample`]: what is shrunk; [`result`]: what came of it.

mod result;
mod sample;

use std::{fs, path::PathBuf, time::Duration};

use clap::Parser;
use result::{Figures, Shrunk};
use sample::Sample;

/// Measures the shrinker.
#[derive(Parser)]
struct Args {
    /// Shrink this many failures of revisions and flipped decisions
    #[arg(long, value_name = "N", default_value_t = 100)]
    failures: usize,
    /// Leave the corpus out
    #[arg(long)]
    no_corpus: bool,
    /// Write the result to this file, as Markdown
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// Given by `cargo bench`; without it nothing is measured
    #[arg(long, hide = true)]
    bench: bool,
}

/// The time in which 95 of 100 are to be shrunk.
const GOAL: Duration = Duration::from_secs(15);

fn main() {
    let args = Args::parse();
    if !args.bench {
        println!("nothing is measured without `cargo bench`");
        return;
    }
    let mut samples = Vec::new();
    if !args.no_corpus {
        samples.extend(sample::corpus());
    }
    samples.extend(sample::failures(args.failures));
    let scratch = std::env::temp_dir().join(format!("gatesim-shrink-{}", std::process::id()));
    fs::create_dir_all(&scratch).expect("failed to make a directory");
    let mut lines = vec![Shrunk::heading()];
    println!("{}", lines[0]);
    let mut all = Vec::new();
    for Sample { target } in samples {
        let shrunk = Shrunk::measure(&target, &scratch.join("small.toml"));
        println!("{}", shrunk.line());
        lines.push(shrunk.line());
        all.push(shrunk);
    }
    fs::remove_dir_all(&scratch).expect("failed to remove a directory");
    let figures = Figures::of(&all).lines(GOAL);
    println!("\n{figures}");
    if let Some(path) = args.table {
        let text = format!(
            "# What shrinking makes of failures\n\n{figures}\n{}\n",
            lines.join("\n")
        );
        fs::write(&path, text).expect("failed to write the table");
    }
}
