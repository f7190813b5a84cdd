//! The values of a plan that can be quieter than they are.
//!
//! Every part of a plan is taken to pieces by name, so that a new field does not compile before
//! somebody has said here what its quiet value is.

use std::collections::BTreeMap;

use gatesim_sim::{
    plan::{
        A_DAY_MS, BalancerPlan, ClientPlan, ContainerPlan, Count, FaultKind, FaultPlan, HeaderPlan,
        HeaderPolicy, Leaving, LinkPlan, MessagePlan, Millis, NoisePlan, Plan, Program, Range,
        ServicePlan, ServicesPlan, Token, TokenPlace, USUAL_GIVE_UP_MS, USUAL_WINDOW, Unit,
    },
    scheduler::Strategy,
};

/// A value that is not quiet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dial {
    /// Which: its place among all values of the plan, quiet or not.
    pub place: usize,
    /// What it is turned to, at best.
    pub quiet: Turn,
    /// How it can be turned down little by little: from this value. None if there is nothing
    /// between what it is and what is quiet.
    pub amount: Option<u64>,
}

/// What a value is turned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// An amount.
    To(u64),
    /// The one value that is quiet.
    Quiet,
}

/// The latency of a quiet link or service, in microseconds, unless it has less. None at all would
/// put a whole run into one instant, in which nobody could tell what comes after what.
const QUIET_LATENCY_US: u64 = 1_000;

/// The values of a plan that are not quiet.
pub fn loud(plan: &Plan) -> Vec<Dial> {
    let mut walk = Walk {
        place: 0,
        loud: Vec::new(),
        turns: &BTreeMap::new(),
    };
    walk.plan(&mut plan.clone());
    walk.loud
}

/// The plan with some values turned.
pub fn turned(plan: &Plan, turns: &BTreeMap<usize, Turn>) -> Plan {
    let mut plan = plan.clone();
    let mut walk = Walk {
        place: 0,
        loud: Vec::new(),
        turns,
    };
    walk.plan(&mut plan);
    plan
}

/// One way through all values of a plan.
struct Walk<'a> {
    place: usize,
    loud: Vec<Dial>,
    turns: &'a BTreeMap<usize, Turn>,
}

impl Walk<'_> {
    /// The less the quieter.
    fn amount<U: Unit>(&mut self, value: &mut U) {
        self.amount_from(value, U::LEAST);
    }

    fn amount_from<U: Unit>(&mut self, value: &mut U, least: u64) {
        if value.amount() > least {
            self.loud.push(Dial {
                place: self.place,
                quiet: Turn::To(least),
                amount: Some(value.amount()),
            });
        }
        match self.turns.get(&self.place) {
            Some(Turn::To(amount)) => *value = U::nearest(*amount),
            Some(Turn::Quiet) => *value = U::nearest(least),
            None => {}
        }
        self.place += 1;
    }

    /// Quiet or not.
    fn switch<T: PartialEq>(&mut self, value: &mut T, quiet: T) {
        let is_loud = *value != quiet;
        if is_loud {
            self.loud.push(Dial {
                place: self.place,
                quiet: Turn::Quiet,
                amount: None,
            });
        }
        if is_loud && self.turns.contains_key(&self.place) {
            *value = quiet;
        }
        self.place += 1;
    }

    /// First one value instead of several, then the less the quieter.
    fn range<U: Unit>(&mut self, range: &mut Range<U>, quiet: u64) {
        let mut most = range.most;
        self.switch(&mut most, range.least);
        let width = most.amount() - range.least.amount();
        let mut least = range.least;
        self.amount_from(&mut least, quiet);
        *range = Range {
            least,
            most: U::nearest(least.amount() + width),
        };
    }

    fn optional_amount<U: Unit>(&mut self, value: &mut Option<U>) {
        self.switch(value, None);
        // Counted whether it is there or not: places must not depend on values.
        match value {
            Some(amount) => self.amount_from(amount, 1),
            None => self.place += 1,
        }
    }

    fn plan(&mut self, plan: &mut Plan) {
        let Plan {
            scenario: _,
            // Seeds what is kept apart by chance: names.
            seed: _,
            // Neither is quieter than the other.
            environment: _,
            strategy,
            // Cut where the violation is, which is neither here nor there as quiet goes.
            time_limit_ms: _,
            heal_at_ms,
            aftermath_ms,
            balancer,
            services,
            backend_link,
            containers,
            clients,
            faults,
        } = plan;
        self.optional_amount(heal_at_ms);
        self.amount(aftermath_ms);
        self.switch(strategy, Strategy::Fifo);
        self.balancer(balancer);
        let ServicesPlan {
            auth,
            redis,
            database,
            supervisor,
        } = services;
        for service in [auth, redis, database, supervisor] {
            self.service(service);
        }
        self.link(backend_link);
        containers.iter_mut().for_each(|one| self.container(one));
        clients.iter_mut().for_each(|one| self.client(one));
        faults.iter_mut().for_each(|one| self.fault(one));
    }

    fn balancer(&mut self, balancer: &mut BalancerPlan) {
        let BalancerPlan {
            upgrade_hold_us,
            close_hold_us,
            affinity,
            cookie_loss_per_mille,
            headers,
            retries,
            answer_timeout_ms,
            duplicate_per_mille,
            duplicate_after_us,
            idle_timeout_ms,
            drain_ms,
            addresses,
            reorder,
        } = balancer;
        self.range(upgrade_hold_us, 0);
        self.range(close_hold_us, 0);
        self.switch(affinity, true);
        self.amount(cookie_loss_per_mille);
        let quiet_headers = HeaderPlan::default();
        self.switch(headers, quiet_headers);
        let HeaderPlan {
            per_mille: _,
            authorization,
            subprotocols,
            others,
        } = headers;
        for policy in [authorization, subprotocols, others] {
            self.switch(policy, HeaderPolicy::Keep);
        }
        self.amount(retries);
        self.switch(answer_timeout_ms, Millis::new(A_DAY_MS));
        self.amount(duplicate_per_mille);
        self.range(duplicate_after_us, 0);
        self.switch(idle_timeout_ms, Millis::new(A_DAY_MS));
        self.switch(drain_ms, Millis::new(A_DAY_MS));
        self.amount(addresses);
        self.switch(reorder, None);
    }

    fn service(&mut self, service: &mut ServicePlan) {
        let ServicePlan {
            latency_us,
            error_per_mille,
        } = service;
        self.range(latency_us, QUIET_LATENCY_US);
        self.amount(error_per_mille);
    }

    fn link(&mut self, link: &mut LinkPlan) {
        let LinkPlan {
            latency_us,
            loss_per_mille,
            give_up_ms,
            window,
            frame_us,
        } = link;
        self.range(latency_us, QUIET_LATENCY_US);
        self.amount(loss_per_mille);
        self.switch(give_up_ms, Millis::new(USUAL_GIVE_UP_MS));
        self.switch(window, Count::nearest(USUAL_WINDOW));
        self.amount(frame_us);
    }

    fn container(&mut self, container: &mut ContainerPlan) {
        let ContainerPlan {
            number: _,
            start_ms,
            listen_after_ms,
            in_service_after_ms,
            phase_ms,
            never_ready,
            hangs_in,
            // Capacities: there is no telling which is quiet.
            registry_capacity: _,
            managers_per_user: _,
            queue_capacity: _,
            accept_us,
            for_tests,
        } = container;
        self.amount(start_ms);
        self.amount(listen_after_ms);
        self.amount(in_service_after_ms);
        phase_ms.iter_mut().for_each(|phase| self.amount(phase));
        self.switch(never_ready, Vec::new());
        self.switch(hangs_in, None);
        self.range(accept_us, 0);
        self.switch(for_tests, false);
    }

    fn client(&mut self, client: &mut ClientPlan) {
        let ClientPlan {
            number: _,
            start_ms,
            // Whose it is: none is quieter than the other.
            user: _,
            token,
            program,
            carries,
            token_life_ms,
            token_after_ms,
            link,
            messages,
            noise,
            reads_every_ms,
            patience_ms,
            leaves,
        } = client;
        self.amount(start_ms);
        self.switch(token, Token::Valid);
        self.switch(program, Program::Browser);
        self.switch(carries, TokenPlace::Subprotocol);
        self.optional_amount(token_life_ms);
        self.amount(token_after_ms);
        self.link(link);
        for message in messages {
            let MessagePlan {
                at_ms,
                kind: _,
                tools,
                text_bytes,
                thread,
            } = message;
            self.amount(at_ms);
            self.amount(tools);
            self.amount(text_bytes);
            self.switch(thread, None);
        }
        for NoisePlan { at_ms, kind: _ } in noise {
            self.amount(at_ms);
        }
        self.amount(reads_every_ms);
        self.amount(patience_ms);
        self.switch(leaves, Leaving::Close);
    }

    fn fault(&mut self, fault: &mut FaultPlan) {
        let FaultPlan {
            number: _,
            kind,
            at_ms,
        } = fault;
        self.amount(at_ms);
        match kind {
            FaultKind::Crash {
                container: _,
                down_ms: ms,
            }
            | FaultKind::PowerLoss {
                container: _,
                down_ms: ms,
            }
            | FaultKind::ScaleIn {
                container: _,
                grace_ms: ms,
            }
            | FaultKind::Stall {
                container: _,
                for_ms: ms,
            }
            | FaultKind::ServiceDown {
                service: _,
                for_ms: ms,
            }
            | FaultKind::Partition {
                client: _,
                direction: _,
                for_ms: ms,
            }
            | FaultKind::BackendPartition {
                container: _,
                direction: _,
                for_ms: ms,
            } => self.amount(ms),
            FaultKind::Terminate {
                container: _,
                grace_ms,
                down_ms,
            } => {
                self.amount(grace_ms);
                self.amount(down_ms);
            }
            FaultKind::RollingDeploy { grace_ms, pause_ms } => {
                self.amount(grace_ms);
                self.amount(pause_ms);
            }
            FaultKind::ClockJump {
                container: _,
                towards: _,
                by_ms,
                for_ms,
            } => {
                self.amount(by_ms);
                self.amount(for_ms);
            }
            FaultKind::ServiceFlapping {
                service: _,
                down_ms,
                up_ms,
                for_ms,
            } => {
                self.amount(down_ms);
                self.amount(up_ms);
                self.amount(for_ms);
            }
            FaultKind::ServiceSlow {
                service: _,
                factor,
                for_ms,
            } => {
                self.amount(factor);
                self.amount(for_ms);
            }
            FaultKind::ServiceErrors {
                service: _,
                per_mille,
                for_ms,
            }
            | FaultKind::AuthDenies { per_mille, for_ms }
            | FaultKind::SupervisorJumbles { per_mille, for_ms } => {
                self.amount(per_mille);
                self.amount(for_ms);
            }
            FaultKind::Reset { client: _ } | FaultKind::BackendReset { container: _ } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::catalog;

    fn plan(scenario: &str, seed: u64) -> Plan {
        catalog::scenario(scenario).unwrap().plan(seed)
    }

    #[test]
    fn what_is_turned_down_is_quiet_and_nothing_else_has_changed() {
        for seed in 0..20 {
            let plan = plan("chaos", seed);
            let dials = loud(&plan);
            assert!(dials.len() > 20, "{dials:?}");
            assert_eq!(turned(&plan, &BTreeMap::new()), plan);
            for dial in &dials {
                let turns = BTreeMap::from([(dial.place, dial.quiet)]);
                let quieter = turned(&plan, &turns);
                assert_ne!(quieter, plan, "{dial:?}");
                let left = loud(&quieter);
                let still = left.iter().any(|other| other.place == dial.place);
                assert!(!still, "{dial:?} is still loud");
                let others = |dials: &[Dial]| -> Vec<usize> {
                    let places = dials.iter().map(|other| other.place);
                    places.filter(|place| *place != dial.place).collect()
                };
                let gone: Vec<usize> = others(&dials)
                    .into_iter()
                    .filter(|place| !others(&left).contains(place))
                    .collect();
                // The parts of a header plan and the amount of an option go with the whole.
                assert!(gone.len() <= 3, "{dial:?} took {gone:?} with it");
            }
        }
    }

    #[test]
    fn with_everything_turned_down_nothing_is_loud() {
        for scenario in ["chaos", "golden-path", "header-strip", "hostile-middlebox"] {
            let plan = plan(scenario, 3);
            let turns = loud(&plan).iter().map(|d| (d.place, d.quiet)).collect();
            let quiet = turned(&plan, &turns);
            assert_eq!(loud(&quiet), [], "{scenario}");
            assert_eq!(quiet.clients.len(), plan.clients.len());
        }
    }
}
