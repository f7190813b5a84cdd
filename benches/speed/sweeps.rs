//! The simulator at work: runs of a scenario in this process, and sweeps by the tool itself, in a
//! process of its own as a person would start it.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use gatesim_model::design::Design;
use gatesim_sim::{
    Options,
    plan::{Plan, scenario::Scenario},
    run,
};

/// How often the memory of a sweep is looked at; its peak is kept by the system.
const MEMORY_INTERVAL: Duration = Duration::from_millis(5);

/// The first seeds of a scenario, planned, under `reference`.
pub struct Runs {
    design: Design,
    plans: Vec<Plan>,
}

impl Runs {
    /// The first `seeds` seeds of the scenario with this name and text.
    pub fn new(name: &str, text: &str, seeds: u64) -> Self {
        let scenario = Scenario::parse(name, name, text).expect("built-in scenarios are sound");
        Runs {
            design: Design::builtin("reference").expect("the reference design is built in"),
            plans: (0..seeds).map(|seed| scenario.plan(seed)).collect(),
        }
    }

    /// The same clients in runs of `connections` each.
    pub fn split(&self, connections: usize) -> Self {
        let mut plans = Vec::new();
        for whole in &self.plans {
            let mut rest = whole.clone();
            let clients = std::mem::take(&mut rest.clients);
            plans.extend(clients.chunks(connections).map(|clients| Plan {
                clients: clients.to_vec().into(),
                ..rest.clone()
            }));
        }
        Runs {
            design: self.design.clone(),
            plans,
        }
    }

    /// Clients of all runs.
    pub fn clients(&self) -> usize {
        self.plans.iter().map(|plan| plan.clients.len()).sum()
    }

    /// How many there are.
    pub fn seeds(&self) -> u64 {
        self.plans.len() as u64
    }

    /// Runs all of them, one after the other, and adds up the counts.
    pub fn run(&self, invariants: bool) -> Counts {
        let options = Options {
            invariants,
            ..Options::default()
        };
        let mut counts = Counts::default();
        for plan in &self.plans {
            let outcome = run(&self.design, plan, &options);
            counts.steps += outcome.steps;
            counts.events += outcome.events;
            counts.frames += outcome.figures.frames;
        }
        counts
    }
}

/// What several runs did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Scheduler steps.
    pub steps: u64,
    /// Events seen.
    pub events: u64,
    /// Text frames exchanged.
    pub frames: u64,
}

/// One sweep of `golden-path` on `reference` by the tool itself.
#[derive(Clone, Copy)]
pub struct Sweep {
    /// How many seeds, over all shares.
    pub seeds: u64,
    /// Runs at a time, in one process.
    pub jobs: usize,
}

impl Sweep {
    /// Does it, in one process.
    pub fn run(self) -> u64 {
        wait(self.start("1/1"));
        self.seeds
    }

    /// Does it in so many processes at a time, each with an equal share of the seeds.
    pub fn run_shared(self, processes: usize) -> u64 {
        let shares: Vec<Child> = (1..=processes)
            .map(|share| self.start(&format!("{share}/{processes}")))
            .collect();
        shares.into_iter().for_each(wait);
        self.seeds
    }

    /// The most memory that it holds at any time, in KiB; none where the system does not tell.
    pub fn peak_memory_kib(self) -> Option<u64> {
        let mut sweep = self.start("1/1");
        let mut peak = None;
        while sweep
            .try_wait()
            .expect("failed to look at the sweep")
            .is_none()
        {
            peak = high_water_mark_kib(sweep.id()).or(peak);
            thread::sleep(MEMORY_INTERVAL);
        }
        wait(sweep);
        peak
    }

    fn start(self, partition: &str) -> Child {
        Command::new(env!("CARGO_BIN_EXE_gatesim"))
            .args(["sweep", "golden-path", "--design", "reference"])
            .args(["--seeds", &self.seeds.to_string()])
            .args(["--jobs", &self.jobs.to_string()])
            .args(["--partition", partition])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("failed to start gatesim")
    }
}

fn wait(mut sweep: Child) {
    let status = sweep.wait().expect("failed to wait for the sweep");
    assert!(status.success(), "the sweep did not hold: {status}");
}

/// `VmHWM` of proc(5).
fn high_water_mark_kib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
