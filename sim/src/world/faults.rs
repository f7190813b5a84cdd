//! Faults: what each of them does to the world, and how all of them end when the world is healed.
//!
//! A run has two phases. In the first, faults begin and end as the plan says. At the healing, which
//! comes with the end of the last fault unless the plan has an earlier or a later time,
//! every fault in force ends at once and none begins any more; containers that were kept from
//! completing their start-up are replaced. When all of them have had the time to be in service
//! [`WorldEvent::FaultsHealed`] is emitted, and from then on the world must converge.

use std::{rc::Rc, time::Duration};

use gatesim_model::{
    core::time::Time,
    port::{
        env::Service,
        wait::{First, first},
    },
};

use crate::{
    plan::{Direction, FaultKind, FaultPlan, Millis, Towards},
    scheduler::ProcessId,
    trace::event::{Actor, Impairment, WorldEvent},
    world::{context::Context, fleet::Fleet, network::Network, service::BackingServices},
};

/// Injects the faults of a plan.
pub struct Faults {
    pub context: Rc<Context>,
    pub network: Rc<Network>,
    pub services: Rc<BackingServices>,
    pub fleet: Rc<Fleet>,
}

impl Faults {
    /// Ends every fault at the time that the plan says, and tells when the world is whole.
    pub(crate) async fn heal(self: Rc<Self>, at: Duration, whole_by: Duration) {
        self.context.scheduler.sleep_until(Time::ZERO + at).await;
        self.context.healing.set();
        for (n, container) in self.context.plan.containers() {
            if container.is_impaired() && self.fleet.is_running(n) {
                self.fleet.crash(n);
                self.fleet.boot_if_down(n);
            }
        }
        self.context
            .scheduler
            .sleep_until(Time::ZERO + whole_by)
            .await;
        self.context.emit(Actor::World, WorldEvent::FaultsHealed);
    }

    /// One fault, from its beginning to its end.
    pub(crate) async fn inject(self: Rc<Self>, number: u32, fault: FaultPlan) {
        let beginning = self.context.scheduler.sleep_until(Time::ZERO + fault.at());
        match first(beginning, self.context.healing.wait()).await {
            First::Left(()) => {}
            First::Right(()) => return,
        }
        self.context
            .emit(Actor::World, WorldEvent::FaultApplied { fault: number });
        match fault.kind {
            FaultKind::Crash { container, down_ms } => {
                self.fleet.crash(container);
                self.lasting(down_ms.duration()).await;
                self.fleet.boot_if_down(container);
            }
            FaultKind::PowerLoss { container, down_ms } => {
                let (near, far) = (Actor::Balancer, Actor::Container(container));
                self.network.lose(near, far);
                self.fleet.crash(container);
                self.partition((near, far), Direction::Both, down_ms).await;
                self.fleet.boot_if_down(container);
            }
            FaultKind::Terminate {
                container,
                grace_ms,
                down_ms,
            } => {
                self.fleet.terminate(container, grace_ms.duration()).await;
                self.lasting(down_ms.duration()).await;
                self.fleet.boot_if_down(container);
            }
            FaultKind::ScaleIn {
                container,
                grace_ms,
            } => {
                self.fleet.retire(container);
                self.fleet.terminate(container, grace_ms.duration()).await;
            }
            FaultKind::RollingDeploy { grace_ms, pause_ms } => {
                self.roll(grace_ms.duration(), pause_ms.duration()).await;
            }
            FaultKind::Stall { container, for_ms } => {
                let pause = self
                    .context
                    .scheduler
                    .pause(ProcessId(Actor::Container(container)));
                self.context
                    .emit(Actor::World, WorldEvent::ContainerStalled { container });
                self.lasting(for_ms.duration()).await;
                drop(pause);
                self.context
                    .emit(Actor::World, WorldEvent::ContainerResumed { container });
            }
            FaultKind::ClockJump {
                container,
                towards,
                by_ms,
                for_ms,
            } => {
                let by = by_ms.get() as i64;
                let offset_ms = match towards {
                    Towards::Future => by,
                    Towards::Past => -by,
                };
                self.fleet.set_clock(container, offset_ms);
                self.lasting(for_ms.duration()).await;
                self.fleet.set_clock(container, 0);
            }
            FaultKind::ServiceDown { service, for_ms } => {
                self.services.stop(service);
                self.lasting(for_ms.duration()).await;
                self.services.start(service);
            }
            FaultKind::ServiceFlapping {
                service,
                down_ms,
                up_ms,
                for_ms,
            } => {
                let flapping = async {
                    loop {
                        self.services.stop(service);
                        self.context.scheduler.sleep(down_ms.duration()).await;
                        self.services.start(service);
                        self.context.scheduler.sleep(up_ms.duration()).await;
                    }
                };
                first(self.lasting(for_ms.duration()), flapping).await;
                self.services.start(service);
            }
            FaultKind::ServiceSlow {
                service,
                factor,
                for_ms,
            } => {
                let how = Impairment::Slow {
                    factor: factor.get(),
                };
                self.impair(number, service, how, for_ms).await;
            }
            FaultKind::ServiceErrors {
                service,
                per_mille,
                for_ms,
            } => {
                let how = Impairment::Erring {
                    per_mille: per_mille.get(),
                };
                self.impair(number, service, how, for_ms).await;
            }
            FaultKind::AuthDenies { per_mille, for_ms } => {
                let how = Impairment::Wrong {
                    per_mille: per_mille.get(),
                };
                self.impair(number, Service::Auth, how, for_ms).await;
            }
            FaultKind::SupervisorJumbles { per_mille, for_ms } => {
                let how = Impairment::Wrong {
                    per_mille: per_mille.get(),
                };
                self.impair(number, Service::Supervisor, how, for_ms).await;
            }
            FaultKind::Partition {
                client,
                direction,
                for_ms,
            } => {
                let ends = (Actor::Client(client), Actor::Balancer);
                self.partition(ends, direction, for_ms).await;
            }
            FaultKind::Reset { client } => {
                self.network.reset(Actor::Client(client), Actor::Balancer);
            }
            FaultKind::BackendPartition {
                container,
                direction,
                for_ms,
            } => {
                let ends = (Actor::Balancer, Actor::Container(container));
                self.partition(ends, direction, for_ms).await;
            }
            FaultKind::BackendReset { container } => {
                let to = Actor::Container(container);
                self.network.reset(Actor::Balancer, to);
            }
        }
    }

    /// How long something lasts: as long as the plan says, or until the healing.
    async fn lasting(&self, time: Duration) {
        let over = self.context.scheduler.sleep(time);
        match first(over, self.context.healing.wait()).await {
            First::Left(()) | First::Right(()) => {}
        }
    }

    /// Replaces one container after the other; the one that is at it when the world is healed is
    /// the last.
    async fn roll(self: &Rc<Self>, grace: Duration, pause: Duration) {
        for (container, plan) in self.context.plan.containers() {
            if self.context.healing.is_set() {
                return;
            }
            if !self.fleet.is_running(container) {
                continue;
            }
            self.fleet.terminate(container, grace).await;
            self.fleet.boot_if_down(container);
            self.lasting(plan.in_service_after_ms.duration() + pause)
                .await;
        }
    }

    async fn impair(&self, number: u32, service: Service, how: Impairment, for_ms: Millis) {
        self.services.impair(number, service, how);
        self.context
            .emit(Actor::World, WorldEvent::ServiceImpaired { service, how });
        self.lasting(for_ms.duration()).await;
        self.services.recover(number);
        self.context
            .emit(Actor::World, WorldEvent::ServiceRecovered { service, how });
    }

    async fn partition(&self, (near, far): (Actor, Actor), direction: Direction, for_ms: Millis) {
        let ways: &[(Actor, Actor)] = match direction {
            Direction::Up => &[(near, far)],
            Direction::Down => &[(far, near)],
            Direction::Both => &[(near, far), (far, near)],
        };
        for &(from, to) in ways {
            self.network.partition(from, to);
        }
        self.lasting(for_ms.duration()).await;
        for &(from, to) in ways {
            self.network.repair(from, to);
        }
    }
}
