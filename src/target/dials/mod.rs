//! The values of a plan: their names, their defaults, and plans in which some are set.
//!
//! Every part of a plan is taken to pieces by name, so that a new field does not compile before its
//! default is said here. The default of an amount is the least that its unit allows.

mod name;
#[cfg(test)]
mod tests;

pub use name::{DialName, Part};

use std::collections::BTreeMap;

use gatesim_sim::{
    plan::{
        A_DAY_MS, AmountVisitor, BalancerPlan, BalancingPolicy, ClientPlan, ContainerPlan,
        FaultPlan, HeaderPlan, HeaderPolicy, Leaving, LinkPlan, MessagePlan, NoisePlan, Plan,
        Program, Range, ServicePlan, ServicesPlan, Token, TokenPlace, USUAL_GIVE_UP_MS,
        USUAL_WINDOW, Unit, with_numbers_mut,
    },
    scheduler::Strategy,
};

/// A value that is not the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dial {
    /// Which: its place among all values of the plan.
    pub place: usize,
    /// What it is called.
    pub name: DialName,
    /// The amount that it is; none if it is none.
    pub value: Option<DialValue>,
    /// What it is set to, at best.
    pub default: Setting,
    /// From which value it can be lowered step by step. None if there is nothing between what it
    /// is and the default.
    pub amount: Option<u64>,
}

/// The amount that a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DialValue {
    /// In the plan.
    pub now: u64,
    /// By default; none for what has no default that every run could have.
    pub default: Option<u64>,
    /// The least and the greatest that are allowed.
    pub bounds: (u64, u64),
    /// Its unit; empty for a plain number.
    pub unit: &'static str,
}

impl DialValue {
    fn of<U: Unit>(value: U, default: Option<u64>) -> Self {
        DialValue {
            now: value.amount(),
            default,
            bounds: (U::LEAST, U::MOST),
            unit: U::NAME,
        }
    }
}

/// What a value is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// An amount.
    To(u64),
    /// The one default.
    Default,
    /// What it is.
    Kept,
}

/// The default latency of a link or service, in microseconds, unless it has less. Without any, a
/// whole run would happen in one instant, and its order would be hard to read.
const DEFAULT_LATENCY_US: u64 = 1_000;

/// The values of a plan that are not the default.
pub fn non_default(plan: &Plan) -> Vec<Dial> {
    let mut dials = all(plan);
    dials.retain(|dial| dial.default != Setting::Kept);
    dials
}

/// The values of a plan that are not the default, and those that have none.
pub fn all(plan: &Plan) -> Vec<Dial> {
    let mut walk = DialWalk::new(&NOTHING);
    walk.plan(&mut plan.clone());
    walk.found
}

/// Nothing is set.
static NOTHING: BTreeMap<usize, Setting> = BTreeMap::new();

/// The plan with some values set.
pub fn with(plan: &Plan, settings: &BTreeMap<usize, Setting>) -> Plan {
    let mut plan = plan.clone();
    DialWalk::new(settings).plan(&mut plan);
    plan
}

/// One pass over all values of a plan.
struct DialWalk<'a> {
    place: usize,
    part: Part,
    found: Vec<Dial>,
    settings: &'a BTreeMap<usize, Setting>,
}

impl<'a> DialWalk<'a> {
    fn new(settings: &'a BTreeMap<usize, Setting>) -> Self {
        DialWalk {
            place: 0,
            part: Part::Run,
            found: Vec::new(),
            settings,
        }
    }

    /// What follows belongs to this part.
    fn of(&mut self, part: Part) -> &mut Self {
        self.part = part;
        self
    }

    fn find(&mut self, field: &'static str, default: Setting, value: Option<DialValue>) {
        let (place, part) = (self.place, self.part);
        self.found.push(Dial {
            place,
            name: DialName { part, field },
            value,
            default,
            amount: match default {
                Setting::To(_) => value.map(|value| value.now),
                Setting::Default | Setting::Kept => None,
            },
        });
    }

    /// An amount whose default is `least`.
    fn amount_from<U: Unit>(&mut self, field: &'static str, value: &mut U, least: u64) {
        if value.amount() > least {
            let known = DialValue::of(*value, Some(least));
            self.find(field, Setting::To(least), Some(known));
        }
        self.set(value, Some(least));
    }

    fn set<U: Unit>(&mut self, value: &mut U, default: Option<u64>) {
        let amount = match self.settings.get(&self.place) {
            Some(Setting::To(amount)) => Some(*amount),
            Some(Setting::Default) => default,
            Some(Setting::Kept) | None => None,
        };
        if let Some(amount) = amount {
            *value = U::nearest(amount);
        }
        self.place += 1;
    }

    /// An amount that is nothing special only at its default, which is not the least.
    fn amount_beside<U: Unit>(&mut self, field: &'static str, value: &mut U, default: u64) {
        if value.amount() != default {
            let known = DialValue::of(*value, Some(default));
            self.find(field, Setting::Default, Some(known));
        }
        self.set(value, Some(default));
    }

    /// An amount without a default that every run could have.
    fn capacity<U: Unit>(&mut self, field: &'static str, value: &mut U) {
        let known = DialValue::of(*value, None);
        self.find(field, Setting::Kept, Some(known));
        self.set(value, None);
    }

    /// The default or not.
    fn switch<T: PartialEq>(&mut self, field: &'static str, value: &mut T, default: T) {
        let differs = *value != default;
        if differs {
            self.find(field, Setting::Default, None);
        }
        if differs && self.settings.contains_key(&self.place) {
            *value = default;
        }
        self.place += 1;
    }

    /// First one value instead of several, then the least.
    fn range<U: Unit>(&mut self, field: &'static str, range: &mut Range<U>, default: u64) {
        let mut most = range.most;
        self.switch(field, &mut most, range.least);
        let width = most.amount() - range.least.amount();
        let mut least = range.least;
        self.amount_from(field, &mut least, default);
        *range = Range {
            least,
            most: U::nearest(least.amount() + width),
        };
    }

    fn optional_amount<U: Unit>(&mut self, field: &'static str, value: &mut Option<U>) {
        self.switch(field, value, None);
        // Counted whether it is there or not: places must not depend on values.
        match value {
            Some(amount) => self.amount_from(field, amount, 1),
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
        self.optional_amount("heal_at_ms", heal_at_ms);
        self.amount("aftermath_ms", aftermath_ms);
        self.switch("strategy", strategy, Strategy::Fifo);
        self.of(Part::Balancer).balancer(balancer);
        let ServicesPlan {
            auth,
            redis,
            database,
            supervisor,
        } = services;
        for (name, service) in [
            ("auth", auth),
            ("redis", redis),
            ("database", database),
            ("supervisor", supervisor),
        ] {
            self.of(Part::Service(name)).service(service);
        }
        self.of(Part::BackendLink).link(backend_link);
        for (number, container) in with_numbers_mut(containers) {
            self.of(Part::Container(number)).container(container);
        }
        for (number, client) in with_numbers_mut(clients) {
            self.client(number, client);
        }
        for (number, fault) in with_numbers_mut(faults) {
            self.of(Part::Fault(number)).fault(fault);
        }
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
        self.range("upgrade_hold_us", upgrade_hold_us, 0);
        self.range("close_hold_us", close_hold_us, 0);
        self.switch("affinity", affinity, true);
        self.switch("policy", policy, BalancingPolicy::Random);
        self.amount("cookie_loss_per_mille", cookie_loss_per_mille);
        let default_headers = HeaderPlan::default();
        self.switch("headers", headers, default_headers);
        let HeaderPlan {
            per_mille: _,
            authorization,
            subprotocols,
            others,
        } = headers;
        for (field, policy) in [
            ("authorization", authorization),
            ("subprotocols", subprotocols),
            ("others", others),
        ] {
            self.switch(field, policy, HeaderPolicy::Keep);
        }
        self.amount("retries", retries);
        self.amount_beside("answer_timeout_ms", answer_timeout_ms, A_DAY_MS);
        self.amount("duplicate_per_mille", duplicate_per_mille);
        self.range("duplicate_after_us", duplicate_after_us, 0);
        self.amount_beside("idle_timeout_ms", idle_timeout_ms, A_DAY_MS);
        self.amount_beside("drain_ms", drain_ms, A_DAY_MS);
        self.amount("addresses", addresses);
        self.switch("reorder", reorder, None);
    }

    fn service(&mut self, service: &mut ServicePlan) {
        let ServicePlan {
            latency_us,
            error_per_mille,
        } = service;
        self.range("latency_us", latency_us, DEFAULT_LATENCY_US);
        self.amount("error_per_mille", error_per_mille);
    }

    fn link(&mut self, link: &mut LinkPlan) {
        let LinkPlan {
            latency_us,
            loss_per_mille,
            give_up_ms,
            window,
            frame_us,
        } = link;
        self.range("latency_us", latency_us, DEFAULT_LATENCY_US);
        self.amount("loss_per_mille", loss_per_mille);
        self.amount_beside("give_up_ms", give_up_ms, USUAL_GIVE_UP_MS);
        self.amount_beside("window", window, USUAL_WINDOW);
        self.amount("frame_us", frame_us);
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
            registry_capacity,
            managers_per_user,
            queue_capacity,
            accept_us,
            for_tests,
        } = container;
        self.amount("start_ms", start_ms);
        self.amount("listen_after_ms", listen_after_ms);
        self.amount("in_service_after_ms", in_service_after_ms);
        phase_ms
            .iter_mut()
            .for_each(|phase| self.amount("phase", phase));
        self.switch("never_ready", never_ready, Vec::new());
        self.switch("hangs_in", hangs_in, None);
        self.capacity("registry_capacity", registry_capacity);
        self.capacity("managers_per_user", managers_per_user);
        self.capacity("queue_capacity", queue_capacity);
        self.range("accept_us", accept_us, 0);
        self.switch("for_tests", for_tests, false);
    }

    fn client(&mut self, number: u32, client: &mut ClientPlan) {
        self.of(Part::Client(number));
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
        self.amount("start_ms", start_ms);
        self.switch("token", token, Token::Valid);
        self.switch("program", program, Program::Browser);
        self.switch("carries", carries, TokenPlace::Subprotocol);
        self.optional_amount("token_life_ms", token_life_ms);
        self.amount("token_after_ms", token_after_ms);
        self.of(Part::Link(number)).link(link);
        for (place, message) in messages.iter_mut().enumerate() {
            self.of(Part::Message(number, place));
            let MessagePlan {
                at_ms,
                kind: _,
                tools,
                text_bytes,
                thread,
            } = message;
            self.amount("at_ms", at_ms);
            self.amount("tools", tools);
            self.amount("text_bytes", text_bytes);
            self.switch("thread", thread, None);
        }
        for (place, NoisePlan { at_ms, kind: _ }) in noise.iter_mut().enumerate() {
            self.of(Part::Noise(number, place));
            self.amount("at_ms", at_ms);
        }
        self.of(Part::Client(number));
        self.amount("reads_every_ms", reads_every_ms);
        self.amount("patience_ms", patience_ms);
        self.switch("leaves", leaves, Leaving::Close);
    }

    fn fault(&mut self, fault: &mut FaultPlan) {
        let FaultPlan {
            number: _,
            kind,
            at_ms,
        } = fault;
        self.amount("at_ms", at_ms);
        kind.visit_amounts(self);
    }
}

impl AmountVisitor for DialWalk<'_> {
    fn amount<U: Unit>(&mut self, field: &'static str, value: &mut U) {
        self.amount_from(field, value, U::LEAST);
    }
}
