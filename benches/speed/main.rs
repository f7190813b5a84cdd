//! How fast the simulator is, and what its parts cost.
//!
//! `cargo bench` measures, `cargo bench -- --quick` measures roughly, `--json FILE` keeps the
//! result. Nothing is timed in a test, and a missed goal fails nothing: read the ratios.
//!
//! - [`bare`]: the yardsticks, tasks that only yield and a bare echo;
//! - [`sweeps`]: runs in this process, and sweeps by the tool itself;
//! - [`compare`]: interleaved rounds, medians, ratios; [`report`]: the table and the JSON.

mod bare;
mod compare;
mod report;
mod sweeps;

use std::path::PathBuf;

use clap::Parser;
use compare::interleave;
use report::{Goal, Report};
use sweeps::{Runs, Sweep};

const GOLDEN_PATH: &str = include_str!("../../seeds/scenarios/golden-path.toml");
const CHAOS: &str = include_str!("../../seeds/scenarios/chaos.toml");
const LOAD: &str = include_str!("../../seeds/scenarios/load.toml");

/// Connections of one run, few and many, whose cost per step is compared.
const FEW_CONNECTIONS: usize = 10;

/// Jobs whose gain over one is measured.
const JOBS: usize = 2;

/// Times that sweeps differ in length when their memory is compared.
const LONGER: u64 = 20;

/// Measures the simulator's speed.
#[derive(Parser)]
struct Args {
    /// Measure less and less exactly
    #[arg(long)]
    quick: bool,
    /// Write the result to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Given by `cargo bench`; without it figures may be rough
    #[arg(long, hide = true)]
    bench: bool,
}

/// How much is measured.
struct Amount {
    /// Rounds of short comparisons.
    rounds: usize,
    /// Rounds of whole sweeps.
    sweep_rounds: usize,
    /// Polls of tasks that only yield, per round.
    polls: u64,
    /// Seeds per round.
    golden_path_seeds: u64,
    /// Seeds per round.
    chaos_seeds: u64,
    /// Rounds of ten thousand connections.
    load_rounds: usize,
    /// Seeds per sweep.
    sweep_seeds: u64,
}

impl Amount {
    const FULL: Amount = Amount {
        rounds: 9,
        sweep_rounds: 3,
        polls: 500_000,
        golden_path_seeds: 500,
        chaos_seeds: 200,
        load_rounds: 5,
        sweep_seeds: 10_000,
    };
    const QUICK: Amount = Amount {
        rounds: 3,
        sweep_rounds: 1,
        polls: 100_000,
        golden_path_seeds: 100,
        chaos_seeds: 50,
        load_rounds: 1,
        sweep_seeds: 2_000,
    };
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let amount = match args.quick || !args.bench {
        true => Amount::QUICK,
        false => Amount::FULL,
    };
    let mut report = Report::default();
    scheduler(&amount, &mut report);
    golden_path(&amount, &mut report);
    chaos(&amount, &mut report);
    load(&amount, &mut report);
    jobs(&amount, &mut report);
    memory(&amount, &mut report);
    print!("{report}");
    args.json.map_or(Ok(()), |path| report.write_json(&path))
}

/// The same tasks under the scheduler and under madsim alone.
fn scheduler(amount: &Amount, report: &mut Report) {
    for tasks in [2, 10, 100] {
        let yields = amount.polls / tasks - 1;
        let [scheduler, madsim] = interleave(
            amount.rounds,
            [&mut || bare::gate_steps(tasks, yields), &mut || {
                bare::madsim_polls(tasks, yields)
            }],
        );
        report.figure(
            format!("scheduler alone, {tasks} tasks"),
            scheduler.rate(),
            "steps/s",
        );
        report.figure(
            format!("madsim alone, {tasks} tasks"),
            madsim.rate(),
            "polls/s",
        );
        report.ratio(
            format!("scheduler steps per madsim poll, {tasks} tasks"),
            scheduler.rate_over(&madsim),
            Goal::AtLeast(0.4),
        );
    }
}

/// `golden-path` with and without invariants, and an echo that exchanges as many frames.
fn golden_path(amount: &Amount, report: &mut Report) {
    let runs = Runs::new("golden-path", GOLDEN_PATH, amount.golden_path_seeds);
    let counts = runs.run(true);
    let frames = counts.frames.div_ceil(runs.seeds());
    let [on, off, echo] = interleave(
        amount.rounds,
        [
            &mut || runs.run(true).steps,
            &mut || runs.run(false).steps,
            &mut || {
                (0..runs.seeds()).for_each(|seed| bare::echo(seed, frames));
                runs.seeds()
            },
        ],
    );
    describe_runs("golden-path", &runs, &on, &off, report);
    report.figure("golden-path, frames of a run", frames as f64, "frames");
    report.figure(
        format!("madsim echo of {frames} frames"),
        echo.rate(),
        "seeds/s",
    );
    report.ratio(
        "golden-path, time of a seed over that of the echo",
        on.time_over(&echo),
        Goal::AtMost(6.0),
    );
}

/// `chaos` with and without invariants.
fn chaos(amount: &Amount, report: &mut Report) {
    let runs = Runs::new("chaos", CHAOS, amount.chaos_seeds);
    let [on, off] = interleave(
        amount.rounds,
        [&mut || runs.run(true).steps, &mut || runs.run(false).steps],
    );
    describe_runs("chaos", &runs, &on, &off, report);
}

/// The clients of one `load` run all together, and the same clients in runs of a few each.
fn load(amount: &Amount, report: &mut Report) {
    let together = Runs::new("load", LOAD, 1);
    let apart = together.split(FEW_CONNECTIONS);
    let [many, few] = interleave(
        amount.load_rounds,
        [&mut || together.run(true).steps, &mut || {
            apart.run(true).steps
        }],
    );
    let connections = together.clients();
    for (measured, connections) in [(&many, connections), (&few, FEW_CONNECTIONS)] {
        let name = format!("load, {connections} connections in a run");
        report.figure(name, measured.rate(), "steps/s");
    }
    report.ratio(
        format!("load, time of a step at {connections} connections over that at {FEW_CONNECTIONS}"),
        few.rate_over(&many),
        Goal::AtMost(1.5),
    );
}

fn describe_runs(
    name: &str,
    runs: &Runs,
    on: &compare::Measured,
    off: &compare::Measured,
    report: &mut Report,
) {
    for (measured, how) in [(on, "invariants on"), (off, "invariants off")] {
        let seeds = runs.seeds() as f64 / measured.median().as_secs_f64();
        report.figure(format!("{name}, {how}"), seeds, "seeds/s");
        report.figure(format!("{name}, {how}"), measured.rate(), "steps/s");
    }
    report.ratio(
        format!("{name}, time with invariants over time without"),
        on.time_over(off),
        Goal::AtMost(1.15),
    );
}

/// The tool sweeping with one job and with several; and with as many processes of one job each,
/// which share nothing. Where those gain as little, the machine has no more to give.
fn jobs(amount: &Amount, report: &mut Report) {
    let seeds = amount.sweep_seeds;
    let sweep = |jobs| Sweep { seeds, jobs };
    let [one, several, apart] = interleave(
        amount.sweep_rounds,
        [
            &mut || sweep(1).run(),
            &mut || sweep(JOBS).run(),
            &mut || sweep(1).run_shared(JOBS),
        ],
    );
    let sweep = format!("sweep of {seeds} golden-path seeds");
    for (measured, how) in [
        (&one, "one job".to_owned()),
        (&several, format!("{JOBS} jobs")),
        (&apart, format!("{JOBS} processes")),
    ] {
        let seconds = measured.median().as_secs_f64();
        report.figure(format!("{sweep}, {how}"), seconds, "s");
    }
    report.ratio(
        format!("sweep, speed with {JOBS} jobs over one"),
        several.rate_over(&one),
        Goal::AtLeast(1.8),
    );
    report.ratio(
        format!("sweep, speed with {JOBS} processes over one"),
        apart.rate_over(&one),
        None,
    );
}

/// The most memory that a short and a long sweep hold.
fn memory(amount: &Amount, report: &mut Report) {
    let (few, many) = (amount.sweep_seeds / 10, amount.sweep_seeds / 10 * LONGER);
    let [Some(short), Some(long)] = [few, many].map(|seeds| {
        let sweep = Sweep { seeds, jobs: JOBS };
        sweep.peak_memory_kib()
    }) else {
        println!("memory is not measured: this system does not tell");
        return;
    };
    for (seeds, kib) in [(few, short), (many, long)] {
        let name = format!("sweep of {seeds} golden-path seeds, peak memory");
        report.figure(name, kib as f64 / 1024.0, "MiB");
    }
    report.ratio(
        format!("sweep, peak memory of {LONGER} times the seeds"),
        long as f64 / short as f64,
        Goal::AtMost(1.1),
    );
}
