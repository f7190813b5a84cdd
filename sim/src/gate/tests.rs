//! The gate against madsim itself. What schedules mean is tested where they are used.

use std::future::pending;

use madsim::runtime::Runtime;

use super::*;

/// madsim frees no task that is pending when its runtime ends, so a sweep would grow with every
/// seed if a run left one behind.
#[test]
fn no_shell_outlives_the_run() {
    Runtime::with_seed_and_config(1, madsim::Config::default()).block_on(async {
        let tasks = || Handle::current().metrics().num_tasks();
        let before = tasks();
        let choices = Choices::new(1, false, None);
        let gate = Gate::new(choices, Strategy::Uniform, 1_000, Time(u64::MAX));
        for container in 0..3 {
            let actor = Actor::Container(container);
            gate.spawn(ProcessId(actor), actor, "waits", pending());
            gate.spawn(ProcessId(actor), actor, "ends", std::future::ready(()));
        }
        let killed = ProcessId(Actor::Container(1));
        let gate_of_killer = Rc::clone(&gate);
        gate.spawn(
            ProcessId(Actor::World),
            Actor::World,
            "killer",
            async move { gate_of_killer.kill(killed) },
        );
        assert_eq!(gate.run().await, FinishReason::Stuck);
        assert!(tasks() > before, "the waiting tasks are still there");
        gate.dismantle().await;
        assert_eq!(tasks(), before);
    });
}
