//! The values of a plan that are not what they are by default.
//!
//! Every part of a plan is taken to pieces by name, so that a new field does not compile before its
//! default is said here. The default of an amount is the least that its unit allows.

use std::collections::BTreeMap;

use gatesim_sim::{
    plan::{
        A_DAY_MS, AmountVisitor, BalancerPlan, BalancingPolicy, ClientPlan, ContainerPlan, Count,
        FaultPlan, HeaderPlan, HeaderPolicy, Leaving, LinkPlan, MessagePlan, Millis, NoisePlan,
        Plan, Program, Range, ServicePlan, ServicesPlan, Token, TokenPlace, USUAL_GIVE_UP_MS,
        USUAL_WINDOW, Unit,
    },
    scheduler::Strategy,
};

/// A value that is not the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dial {
    /// Which: its place among all values of the plan.
    pub place: usize,
    /// What it is set to, at best.
    pub default: Setting,
    /// From which value it can be lowered step by step. None if there is nothing between what it
    /// is and the default.
    pub amount: Option<u64>,
}

/// What a value is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// An amount.
    To(u64),
    /// The one default.
    Default,
}

/// The default latency of a link or service, in microseconds, unless it has less. Without any, a
/// whole run would happen in one instant, and its order would be hard to read.
const DEFAULT_LATENCY_US: u64 = 1_000;

/// The values of a plan that are not the default.
pub fn non_default(plan: &Plan) -> Vec<Dial> {
    let mut walk = DialWalk {
        place: 0,
        found: Vec::new(),
        settings: &BTreeMap::new(),
    };
    walk.plan(&mut plan.clone());
    walk.found
}

/// The plan with some values set.
pub fn with(plan: &Plan, settings: &BTreeMap<usize, Setting>) -> Plan {
    let mut plan = plan.clone();
    let mut walk = DialWalk {
        place: 0,
        found: Vec::new(),
        settings,
    };
    walk.plan(&mut plan);
    plan
}

/// One pass over all values of a plan.
struct DialWalk<'a> {
    place: usize,
    found: Vec<Dial>,
    settings: &'a BTreeMap<usize, Setting>,
}

impl DialWalk<'_> {
    /// An amount whose default is `least`.
    fn amount_from<U: Unit>(&mut self, value: &mut U, least: u64) {
        if value.amount() > least {
            self.found.push(Dial {
                place: self.place,
                default: Setting::To(least),
                amount: Some(value.amount()),
            });
        }
        match self.settings.get(&self.place) {
            Some(Setting::To(amount)) => *value = U::nearest(*amount),
            Some(Setting::Default) => *value = U::nearest(least),
            None => {}
        }
        self.place += 1;
    }

    /// The default or not.
    fn switch<T: PartialEq>(&mut self, value: &mut T, default: T) {
        let differs = *value != default;
        if differs {
            self.found.push(Dial {
                place: self.place,
                default: Setting::Default,
                amount: None,
            });
        }
        if differs && self.settings.contains_key(&self.place) {
            *value = default;
        }
        self.place += 1;
    }

    /// First one value instead of several, then the least.
    fn range<U: Unit>(&mut self, range: &mut Range<U>, default: u64) {
        let mut most = range.most;
        self.switch(&mut most, range.least);
        let width = most.amount() - range.least.amount();
        let mut least = range.least;
        self.amount_from(&mut least, default);
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
            // None is the default.
            environment: _,
            strategy,
            // Cut where the violation is; it has no default.
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
            policy,
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
        self.switch(policy, BalancingPolicy::Random);
        self.amount(cookie_loss_per_mille);
        let default_headers = HeaderPlan::default();
        self.switch(headers, default_headers);
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
        self.range(latency_us, DEFAULT_LATENCY_US);
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
        self.range(latency_us, DEFAULT_LATENCY_US);
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
            // Capacities have no default that every run could have.
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
            // Whose it is: none is the default.
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
        kind.visit_amounts(self);
    }
}

impl AmountVisitor for DialWalk<'_> {
    fn amount<U: Unit>(&mut self, value: &mut U) {
        self.amount_from(value, U::LEAST);
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
    fn a_value_that_is_set_is_the_default_and_nothing_else_has_changed() {
        for seed in 0..20 {
            let plan = plan("chaos", seed);
            let dials = non_default(&plan);
            assert!(dials.len() > 20, "{dials:?}");
            assert_eq!(with(&plan, &BTreeMap::new()), plan);
            for dial in &dials {
                let settings = BTreeMap::from([(dial.place, dial.default)]);
                let changed = with(&plan, &settings);
                assert_ne!(changed, plan, "{dial:?}");
                let left = non_default(&changed);
                let still = left.iter().any(|other| other.place == dial.place);
                assert!(!still, "{dial:?} is still there");
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
    fn with_everything_turned_down_nothing_differs() {
        for scenario in ["chaos", "golden-path", "header-strip", "hostile-middlebox"] {
            let plan = plan(scenario, 3);
            let settings = non_default(&plan)
                .iter()
                .map(|d| (d.place, d.default))
                .collect();
            let defaults = with(&plan, &settings);
            assert_eq!(non_default(&defaults), [], "{scenario}");
            assert_eq!(defaults.clients.len(), plan.clients.len());
        }
    }
}
