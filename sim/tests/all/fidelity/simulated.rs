//! Scripts over simulated links.

use std::{
    cell::RefCell, collections::BTreeMap, future::Future, pin::Pin, rc::Rc, task::Context,
    time::Duration,
};

use gatesim_model::{
    core::{ids::SocketId, message::Frame, time::Time},
    port::wait::{First, first},
};
use gatesim_sim::{
    plan::{LinkPlan, Millis, Range},
    scheduler::{ProcessId, Scheduler, Strategy, choices::Choices},
    trace::{
        event::{Actor, Fact, FinishReason},
        sink::EventSink,
    },
    world::{
        link::{Broken, Incoming, LinkEnd, Packet},
        network::{Listener, Network, Unconnected},
    },
};
use madsim::runtime::Runtime;

use super::script::{Line, Outcome, Side, Step, Verb};

/// How long a step is tried before it counts as blocked.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long a connection that was asked for is waited for.
const LONG_PATIENCE: Duration = Duration::from_secs(2);

/// How long the network needs to come to rest.
const REST: Duration = Duration::from_millis(20);

/// How long an end waits for acknowledgements; a script that waits, waits longer.
const GIVE_UP: Duration = Duration::from_secs(60);

/// The one-way latency of every link, in microseconds.
const LATENCY_US: u64 = 1_000;

type Connecting = Pin<Box<dyn Future<Output = Result<LinkEnd, Unconnected>>>>;

/// The network of one script.
struct Host {
    scheduler: Rc<Scheduler>,
    network: Rc<Network>,
    listener: Rc<Listener>,
    connecting: BTreeMap<Side, Connecting>,
    ends: BTreeMap<Side, LinkEnd>,
}

/// Scripts look at sockets, not at events.
struct Unobserved;

impl EventSink for Unobserved {
    fn emit(&self, _: Actor, _: Fact) {}
}

/// What came of every step.
pub fn play(lines: &[Line]) -> Vec<Outcome> {
    let run_here = || {
        Runtime::with_seed_and_config(1, madsim::Config::default()).block_on(async {
            let choices = Choices::new(1, false, None);
            let limit = Time::ZERO + Duration::from_secs(3600);
            let scheduler = Scheduler::new(choices, Strategy::Uniform, 1_000_000, limit);
            let network = Rc::new(Network::new(Rc::clone(&scheduler), Rc::new(Unobserved)));
            let outcomes = Rc::new(RefCell::new(Vec::new()));
            let mut host = Host {
                listener: network.listener(Actor::Balancer),
                scheduler: Rc::clone(&scheduler),
                network,
                connecting: BTreeMap::new(),
                ends: BTreeMap::new(),
            };
            let (lines, played) = (lines.to_vec(), Rc::clone(&outcomes));
            scheduler.spawn(
                ProcessId(Actor::World),
                Actor::World,
                "script",
                async move {
                    for line in lines {
                        let outcome = host.step(line.step).await;
                        played.borrow_mut().push(outcome);
                        if !line.at_once {
                            host.scheduler.sleep(REST).await;
                        }
                    }
                    host.scheduler.finish(FinishReason::Done);
                    // Ends that were not closed outlive the script.
                    std::future::pending::<()>().await;
                },
            );
            assert_eq!(scheduler.run().await, FinishReason::Done);
            scheduler.dismantle().await;
            outcomes.take()
        })
    };
    // Every runtime has a thread of its own.
    std::thread::scope(|scope| scope.spawn(run_here).join().unwrap())
}

impl Host {
    async fn step(&mut self, step: Step) -> Outcome {
        match step {
            Step::Listen { backlog } => self.listener.open_with(backlog.into()),
            Step::Unlisten => self.listener.close(),
            Step::Partition => self.each_way(|network, from, to| network.partition(from, to)),
            Step::PartitionUp => self.network.partition(Actor::Client(0), Actor::Balancer),
            Step::PartitionDown => self.network.partition(Actor::Balancer, Actor::Client(0)),
            Step::Repair => self.each_way(|network, from, to| network.repair(from, to)),
            Step::Wait => self.scheduler.sleep(3 * GIVE_UP).await,
            Step::End { side, verb } => return self.act(side, verb).await,
        }
        Outcome::Ok
    }

    fn each_way(&self, apply: impl Fn(&Network, Actor, Actor)) {
        apply(&self.network, Actor::Client(0), Actor::Balancer);
        apply(&self.network, Actor::Balancer, Actor::Client(0));
    }

    async fn act(&mut self, side: Side, verb: Verb) -> Outcome {
        match verb {
            Verb::Connect => {
                let connecting = connect(Rc::clone(&self.network), side);
                self.connecting.insert(side, Box::pin(connecting));
                self.established(side, PATIENCE).await
            }
            Verb::Established => self.established(side, LONG_PATIENCE).await,
            Verb::Accept => match self.patiently(self.listener.accept()).await {
                Some(end) => {
                    self.ends.insert(side, end);
                    Outcome::Ok
                }
                None => Outcome::Blocked,
            },
            Verb::Send => self.send(side).await,
            Verb::Fill => loop {
                match self.send(side).await {
                    Outcome::Ok => {}
                    other => return other,
                }
            },
            Verb::Read => self.read(side).await,
            Verb::Drain => loop {
                match self.read(side).await {
                    Outcome::Data => {}
                    other => return other,
                }
            },
            Verb::Fin => {
                self.ends[&side].fin();
                Outcome::Ok
            }
            Verb::Close => {
                self.ends.remove(&side).expect("an end closes once").close();
                Outcome::Ok
            }
            Verb::Abort => {
                self.ends.remove(&side).expect("an end closes once").reset();
                Outcome::Ok
            }
            Verb::Vanish => {
                self.ends
                    .remove(&side)
                    .expect("an end closes once")
                    .vanish();
                Outcome::Ok
            }
        }
    }

    async fn patiently<T>(&self, attempt: impl Future<Output = T>) -> Option<T> {
        match first(attempt, self.scheduler.sleep(PATIENCE)).await {
            First::Left(done) => Some(done),
            First::Right(()) => None,
        }
    }

    async fn established(&mut self, side: Side, patience: Duration) -> Outcome {
        let mut connecting = self.connecting.remove(&side).expect("it was asked for");
        let sleep = self.scheduler.sleep(patience);
        let asking = std::future::poll_fn(|cx: &mut Context<'_>| connecting.as_mut().poll(cx));
        match first(asking, sleep).await {
            First::Left(Ok(end)) => {
                self.ends.insert(side, end);
                Outcome::Ok
            }
            First::Left(Err(Unconnected::Refused)) => Outcome::Refused,
            First::Left(Err(Unconnected::TimedOut)) => Outcome::TimedOut,
            First::Right(()) => {
                self.connecting.insert(side, connecting);
                Outcome::Blocked
            }
        }
    }

    async fn send(&self, side: Side) -> Outcome {
        let packet = Packet::frame(Frame::Ping);
        match self.patiently(self.ends[&side].send(packet)).await {
            Some(Ok(())) => Outcome::Ok,
            Some(Err(Broken::Reset)) => Outcome::Reset,
            Some(Err(Broken::Pipe)) => Outcome::BrokenPipe,
            None => Outcome::Blocked,
        }
    }

    async fn read(&self, side: Side) -> Outcome {
        match self.patiently(self.ends[&side].receive()).await {
            Some(Incoming::Packet(_)) => Outcome::Data,
            Some(Incoming::Fin) => Outcome::Eof,
            Some(Incoming::Reset) => Outcome::Reset,
            None => Outcome::Blocked,
        }
    }
}

async fn connect(network: Rc<Network>, side: Side) -> Result<LinkEnd, Unconnected> {
    let peer = match side {
        Side::A | Side::B => 0,
        Side::C | Side::D => 1,
    };
    let socket = SocketId::first(peer);
    let plan = LinkPlan {
        give_up_ms: Millis::new(GIVE_UP.as_millis() as u64),
        ..LinkPlan::plain(Range::new(LATENCY_US, LATENCY_US))
    };
    network
        .connect(socket, Actor::Client(peer), Actor::Balancer, plan)
        .await
}
