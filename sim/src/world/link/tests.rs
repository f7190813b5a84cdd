//! One connection, two ends, nothing around it.

use std::time::Duration;

use gatesim_model::core::message::Frame;

use super::*;
use crate::{
    plan::{Count, Micros, Millis, PerMille, Range, USUAL_WINDOW},
    testing::{Bench, Log, ms, note},
};

const NEAR: Actor = Actor::Client(0);
/// The usual window, in frames.
const WINDOW: usize = USUAL_WINDOW as usize;

const FAR: Actor = Actor::Balancer;

/// Both ends of a link with this latency in microseconds.
fn link(
    scheduler: &Rc<Scheduler>,
    least: u64,
    most: u64,
    loss_per_mille: u32,
) -> (LinkEnd, LinkEnd) {
    let socket = SocketId::first(0);
    let plan = LinkPlan {
        loss_per_mille: PerMille::new(loss_per_mille),
        give_up_ms: Millis::new(30_000),
        ..LinkPlan::plain(Range::new(least, most))
    };
    connection(scheduler, socket, (NEAR, FAR), plan)
}

fn text(number: usize) -> Packet {
    Packet::frame(Frame::Text(number.to_string().into()))
}

fn shown(incoming: &Incoming) -> String {
    match incoming {
        Incoming::Packet(Packet::Frame {
            frame: Frame::Text(text),
            ..
        }) => text.to_string(),
        Incoming::Packet(packet) => format!("{packet:?}"),
        Incoming::Fin => "FIN".to_owned(),
        Incoming::Reset => "RST".to_owned(),
    }
}

fn spawn(scheduler: &Rc<Scheduler>, name: &'static str, task: impl Future<Output = ()> + 'static) {
    let process = crate::scheduler::ProcessId(Actor::World);
    scheduler.spawn(process, Actor::World, name, task);
}

/// Logs what arrives at `end`, from `after` on, up to FIN or RST, and then keeps the end.
fn read(scheduler: &Rc<Scheduler>, log: &Log, end: LinkEnd, after: Duration) {
    let (sleeper, log) = (Rc::clone(scheduler), Rc::clone(log));
    spawn(scheduler, "reader", async move {
        sleeper.sleep(after).await;
        loop {
            let incoming = end.receive().await;
            let at = sleeper.now().as_millis();
            note(&log, format!("{} at {at}", shown(&incoming)));
            match incoming {
                Incoming::Packet(_) => {}
                Incoming::Fin | Incoming::Reset => break,
            }
        }
        std::future::pending::<()>().await;
    });
}

#[test]
fn frames_are_pipelined_and_stay_in_order() {
    for seed in 0..20 {
        let bench = Bench {
            seed,
            ..Bench::default()
        };
        let ran = bench.run(|scheduler, log| {
            let (near, far) = link(scheduler, 1_000, 50_000, 0);
            read(scheduler, log, far, Duration::ZERO);
            spawn(scheduler, "writer", async move {
                for number in 0..20 {
                    near.send(text(number)).await.unwrap();
                }
                near.fin();
                assert_eq!(near.send(text(20)).await, Err(Broken::Pipe));
            });
        });
        let (what, at): (Vec<_>, Vec<u64>) = ran
            .log
            .iter()
            .map(|line| line.split_once(" at ").unwrap())
            .map(|(what, at)| (what.to_owned(), at.parse::<u64>().unwrap()))
            .unzip();
        let mut expected: Vec<_> = (0..20).map(|number| number.to_string()).collect();
        expected.push("FIN".to_owned());
        assert_eq!(what, expected, "seed {seed}");
        assert!(at.is_sorted() && at[20] <= 50, "seed {seed}: {at:?}");
    }
}

#[test]
fn a_sender_waits_while_the_window_is_full() {
    let ran = Bench::default().run(|scheduler, log| {
        let (near, far) = link(scheduler, 1_000, 1_000, 0);
        let (writing, sent) = (Rc::clone(scheduler), Rc::clone(log));
        spawn(scheduler, "writer", async move {
            for number in 0..=WINDOW {
                near.send(text(number)).await.unwrap();
                if number + 1 >= WINDOW {
                    let at = writing.now().as_millis();
                    note(&sent, format!("{} sent at {at}", number + 1));
                }
            }
            near.fin();
        });
        read(scheduler, log, far, ms(500));
    });
    assert_eq!(ran.log[0], "64 sent at 0");
    let place = ran.log.iter().position(|line| line == "65 sent at 500");
    assert!(place.is_some(), "{:?}", ran.log);
    assert_eq!(ran.log.last().unwrap(), "FIN at 501");
    assert_eq!(ran.log.len(), 2 + WINDOW + 2);
}

#[test]
fn an_abort_fails_senders_and_leaves_what_has_arrived() {
    let ran = Bench::default().run(|scheduler, log| {
        let (near, far) = link(scheduler, 1_000, 1_000, 0);
        let far = Rc::new(far);
        let (blocked, failed, writing) = (Rc::clone(&far), Rc::clone(log), Rc::clone(scheduler));
        spawn(scheduler, "blocked", async move {
            let mut sent = 0;
            while blocked.send(text(sent)).await.is_ok() {
                sent += 1;
            }
            let at = writing.now().as_millis();
            note(&failed, format!("failed after {sent} at {at}"));
        });
        let sleeper = Rc::clone(scheduler);
        spawn(scheduler, "aborting", async move {
            near.send(text(1)).await.unwrap();
            sleeper.sleep(ms(10)).await;
            near.reset();
            assert!(matches!(near.receive().await, Incoming::Fin));
        });
        let (sleeper, log) = (Rc::clone(scheduler), Rc::clone(log));
        spawn(scheduler, "reader", async move {
            sleeper.sleep(ms(100)).await;
            note(&log, shown(&far.receive().await));
            note(&log, shown(&far.receive().await));
        });
    });
    assert_eq!(ran.log, ["failed after 64 at 11", "1", "FIN"]);
}

#[test]
fn an_end_that_is_dropped_closes() {
    let ran = Bench::default().run(|scheduler, log| {
        let (near, far) = link(scheduler, 1_000, 1_000, 0);
        drop(near);
        read(scheduler, log, far, Duration::ZERO);
    });
    assert_eq!(ran.log, ["FIN at 1"]);
}

#[test]
fn data_for_an_end_that_is_gone_is_answered_by_an_abort() {
    let ran = Bench::default().run(|scheduler, log| {
        let (near, far) = link(scheduler, 1_000, 1_000, 0);
        let (sleeper, log) = (Rc::clone(scheduler), Rc::clone(log));
        far.fin();
        drop(far);
        spawn(scheduler, "writer", async move {
            note(&log, shown(&near.receive().await));
            sleeper.sleep(ms(100)).await;
            assert_eq!(near.send(text(1)).await, Ok(()));
            assert_eq!(near.send(text(2)).await, Ok(()));
            sleeper.sleep(ms(100)).await;
            assert_eq!(near.send(text(3)).await, Err(Broken::Pipe));
        });
    });
    assert_eq!(ran.log, ["FIN"]);
    // Both frames and one RST: it is not said twice.
    assert_eq!(ran.now, ms(201));
}

#[test]
fn the_peer_of_a_device_that_vanishes_is_told_nothing() {
    let ran = Bench::default().run(|scheduler, log| {
        let (near, far) = link(scheduler, 1_000, 1_000, 0);
        near.vanish();
        let far = Rc::new(far);
        let writer = Rc::clone(&far);
        spawn(scheduler, "writer", async move {
            for number in 0..WINDOW {
                writer.send(text(number)).await.unwrap();
            }
            std::future::pending::<()>().await;
        });
        let log = Rc::clone(log);
        spawn(scheduler, "reader", async move {
            note(&log, shown(&far.receive().await));
        });
    });
    // Only the patience of the end that stays ends it.
    assert_eq!(ran.log, ["RST"]);
    assert_eq!(ran.now, ms(30_000));
}

#[test]
fn frames_sent_during_a_partition_arrive_in_order_after_its_repair() {
    for seed in 0..20 {
        let bench = Bench {
            seed,
            ..Bench::default()
        };
        let ran = bench.run(|scheduler, log| {
            let (near, far) = link(scheduler, 1_000, 50_000, 0);
            read(scheduler, log, far, Duration::ZERO);
            let cutting = Rc::clone(scheduler);
            spawn(scheduler, "writer", async move {
                near.outgoing().set_partitioned(true);
                for number in 0..5 {
                    near.send(text(number)).await.unwrap();
                }
                cutting.sleep(ms(1_000)).await;
                near.outgoing().set_partitioned(false);
                for number in 5..10 {
                    near.send(text(number)).await.unwrap();
                }
                near.fin();
            });
        });
        let arrived = ran
            .log
            .iter()
            .map(|line| line.split_once(" at ").unwrap())
            .inspect(|(_, at)| assert!(at.parse::<u64>().unwrap() > 1_000, "seed {seed}"))
            .map(|(what, _)| what);
        let expected = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "FIN"];
        assert!(arrived.eq(expected), "seed {seed}: {:?}", ran.log);
    }
}

#[test]
fn a_lost_frame_arrives_one_retransmission_later() {
    let ran = Bench::default().run(|scheduler, log| {
        let (near, far) = link(scheduler, 1_000, 1_000, 1_000);
        read(scheduler, log, far, Duration::ZERO);
        spawn(scheduler, "writer", async move {
            near.send(text(0)).await.unwrap();
            std::future::pending::<()>().await;
        });
    });
    assert_eq!(ran.log, ["0 at 201"]);
}

#[test]
fn an_abort_with_something_unread_is_what_a_close_becomes() {
    let ran = Bench::default().run(|scheduler, log| {
        let (near, far) = link(scheduler, 1_000, 1_000, 0);
        let (sleeper, log) = (Rc::clone(scheduler), Rc::clone(log));
        spawn(scheduler, "both", async move {
            near.send(text(1)).await.unwrap();
            sleeper.sleep(ms(10)).await;
            drop(far);
            note(&log, shown(&near.receive().await));
            assert_eq!(near.send(text(2)).await, Err(Broken::Pipe));
        });
    });
    assert_eq!(ran.log, ["RST"]);
}

#[test]
fn a_sender_without_acknowledgements_gives_up() {
    let ran = Bench::default().run(|scheduler, log| {
        let (near, far) = link(scheduler, 1_000, 1_000, 0);
        let (sleeper, log) = (Rc::clone(scheduler), Rc::clone(log));
        spawn(scheduler, "writer", async move {
            sleeper.sleep(ms(10)).await;
            far.vanish();
            sleeper.sleep(ms(10)).await;
            near.send(text(1)).await.unwrap();
            let incoming = shown(&near.receive().await);
            note(&log, format!("{incoming} at {}", sleeper.now().as_millis()));
        });
    });
    assert_eq!(ran.log, ["RST at 30020"]);
}

#[test]
fn a_short_partition_costs_no_connection() {
    let ran = Bench::default().run(|scheduler, log| {
        let (near, far) = link(scheduler, 1_000, 1_000, 0);
        read(scheduler, log, far, Duration::ZERO);
        let sleeper = Rc::clone(scheduler);
        spawn(scheduler, "writer", async move {
            for number in 0..2 {
                near.outgoing().set_partitioned(true);
                near.send(text(number)).await.unwrap();
                sleeper.sleep(ms(20_000)).await;
                near.outgoing().set_partitioned(false);
                sleeper.sleep(ms(5_000)).await;
            }
            near.fin();
            std::future::pending::<()>().await;
        });
    });
    assert_eq!(ran.log, ["0 at 20001", "1 at 45001", "FIN at 50001"]);
}

#[test]
fn a_slow_link_spaces_frames() {
    let ran = Bench::default().run(|scheduler, log| {
        let slow = LinkPlan {
            frame_us: Micros::new(40_000),
            window: Count::new(2),
            ..LinkPlan::plain(Range::new(1_000, 1_000))
        };
        let socket = SocketId::first(0);
        let (near, far) = connection(scheduler, socket, (NEAR, FAR), slow);
        read(scheduler, log, far, Duration::ZERO);
        let (writing, sent) = (Rc::clone(scheduler), Rc::clone(log));
        spawn(scheduler, "writer", async move {
            for number in 0..4 {
                near.send(text(number)).await.unwrap();
            }
            note(&sent, format!("sent at {}", writing.now().as_millis()));
            std::future::pending::<()>().await;
        });
    });
    assert_eq!(
        ran.log,
        ["0 at 40", "1 at 80", "sent at 80", "2 at 120", "3 at 160"]
    );
}
