//! The connection state machine and its registry (`docs/protocol.md#connection-state-machine`,
//! `docs/protocol.md#registry`).

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use gatesim_model::{
    core::{
        ids::{ConnectionId, SocketId},
        machine::{Callback, CallbackFailed, Executed, OnFailure, Proposal},
        registry::{Registration, Registry, SharedMachine},
        state::ConnectionState,
        time::Time,
    },
    gateway::readiness::{Lookup, MissingMachine, is_connection_ready_for_messages},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::replay::{Replay, millis, replay};

const OWNER: SocketId = SocketId::first(0);
/// More machines than any recording has.
const CAPACITY: usize = 100;

struct Machines {
    registry: Registry,
    /// Every machine that was made, in that order.
    made: Vec<SharedMachine>,
    /// How often each callback was called.
    calls: Rc<RefCell<BTreeMap<&'static str, u32>>>,
    /// Whether the next move fails from inside.
    fault: Rc<Cell<bool>>,
    now: Time,
}

#[derive(Deserialize)]
struct Setup {}

#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Op {
    Register {
        id: String,
        user: String,
        cbs: Vec<CallbackName>,
    },
    Get {
        id: String,
    },
    Ready {
        id: String,
    },
    Unregister {
        id: String,
    },
    Operational,
    ByState {
        state: ConnectionState,
    },
    Cleanup,
    Transition {
        m: usize,
        to: ConnectionState,
        reason: Reason,
    },
    /// A move in the middle of which something raises.
    Fault {
        m: usize,
        to: ConnectionState,
        reason: Reason,
    },
    Execute {
        m: usize,
        from: ConnectionState,
        to: ConnectionState,
        reason: Reason,
    },
    Force {
        m: usize,
        reason: Reason,
    },
    User {
        m: usize,
        user: String,
    },
    AddCallback {
        m: usize,
        cb: CallbackName,
    },
    Advance {
        ms: u64,
    },
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reason {
    R0,
    R1,
    R2,
    R3,
    R4,
}

impl Reason {
    fn text(self) -> &'static str {
        match self {
            Reason::R0 => "r0",
            Reason::R1 => "r1",
            Reason::R2 => "r2",
            Reason::R3 => "r3",
            Reason::R4 => "r4",
        }
    }
}

/// A callback that returns or one that raises.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CallbackName {
    Ok0,
    Ok1,
    Bad0,
}

impl CallbackName {
    fn text(self) -> &'static str {
        match self {
            CallbackName::Ok0 => "ok0",
            CallbackName::Ok1 => "ok1",
            CallbackName::Bad0 => "bad0",
        }
    }
}

#[derive(Debug, Deserialize, PartialEq)]
struct Seen {
    /// What the operation returned.
    res: Value,
    dump: Dump,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Dump {
    machines: Vec<Machine>,
    /// The registered ids, each with the number of its machine.
    keys: BTreeSet<(String, usize)>,
    /// Machines, operational ones, machines by state.
    stats: (usize, usize, BTreeMap<ConnectionState, usize>),
    calls: BTreeMap<String, u32>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Machine {
    id: String,
    user: String,
    state: ConnectionState,
    failures: u32,
    total: u32,
    failed: u32,
    completed: BTreeSet<ConnectionState>,
    history: Vec<(ConnectionState, ConnectionState, String, u64)>,
    setup: u64,
    last: u64,
    can: bool,
    ready: bool,
    operational: bool,
}

impl Machines {
    fn register(&mut self, id: &str, user: &str, callbacks: &[CallbackName]) -> Value {
        for name in callbacks {
            self.calls.borrow_mut().entry(name.text()).or_default();
        }
        let registration = self
            .registry
            .register(&id.into(), &user.into(), OWNER, self.now);
        let (how, machine) = match registration {
            Registration::New(machine) => {
                let fault = self.fault();
                let callbacks = callbacks.iter().map(|&name| self.callback(name));
                for callback in callbacks.chain([fault]) {
                    machine.borrow_mut().add_callback(callback);
                }
                self.made.push(machine.clone());
                ("new", machine)
            }
            Registration::Existing { machine, .. } => ("existing", machine),
            Registration::Full => panic!("a recording has more machines than {CAPACITY}"),
        };
        let user = machine.borrow().user().to_string();
        json!([how, self.number(&machine), user])
    }

    fn callback(&self, name: CallbackName) -> Callback {
        let calls = self.calls.clone();
        Callback {
            name: name.text(),
            on_failure: OnFailure::Ignore,
            run: Rc::new(move |_| {
                *calls.borrow_mut().entry(name.text()).or_default() += 1;
                match name {
                    CallbackName::Ok0 | CallbackName::Ok1 => Ok(()),
                    CallbackName::Bad0 => Err(CallbackFailed),
                }
            }),
        }
    }

    fn fault(&self) -> Callback {
        let fault = self.fault.clone();
        Callback {
            name: "fault",
            on_failure: OnFailure::RollBack,
            run: Rc::new(move |_| match fault.get() {
                true => Err(CallbackFailed),
                false => Ok(()),
            }),
        }
    }

    fn number(&self, machine: &SharedMachine) -> usize {
        let mut made = self.made.iter();
        made.position(|other| Rc::ptr_eq(other, machine))
            .expect("every machine is noted")
    }

    fn transition(&mut self, number: usize, to: ConnectionState, reason: Reason) -> Value {
        let mut machine = self.made[number].borrow_mut();
        machine
            .request(to, reason.text(), self.now)
            .reports_success()
            .into()
    }

    fn apply(&mut self, op: &Op) -> Value {
        match op {
            Op::Register { id, user, cbs } => self.register(id, user, cbs),
            Op::Get { id } => {
                let machine = self.registry.get(&id.as_str().into());
                machine.map(|machine| self.number(&machine)).into()
            }
            Op::Ready { id } => {
                let id: ConnectionId = id.as_str().into();
                let lookup = Lookup::of(&self.registry, Some(&id));
                is_connection_ready_for_messages(lookup, MissingMachine::NotReady).into()
            }
            Op::Unregister { id } => {
                let removed = self.registry.unregister(&id.as_str().into());
                removed.is_some().into()
            }
            Op::Operational => {
                let operational = self.registry.operational();
                operational.map(|(id, _)| id.to_string()).collect()
            }
            Op::ByState { state } => {
                let in_state = self.registry.by_state(*state);
                in_state.map(|(id, _)| id.to_string()).collect()
            }
            Op::Cleanup => self.registry.cleanup_closed().len().into(),
            Op::Transition { m, to, reason } => self.transition(*m, *to, *reason),
            Op::Fault { m, to, reason } => {
                self.fault.set(true);
                let success = self.transition(*m, *to, *reason);
                self.fault.set(false);
                success
            }
            Op::Execute {
                m,
                from,
                to,
                reason,
            } => {
                let proposal = Proposal {
                    from: *from,
                    to: *to,
                    reason: reason.text(),
                };
                let mut machine = self.made[*m].borrow_mut();
                match machine.execute_transition(&proposal, self.now) {
                    Executed::NotAllowed | Executed::Stale { .. } => false.into(),
                    Executed::Asked(moved) => moved.reports_success().into(),
                }
            }
            Op::Force { m, reason } => {
                let mut machine = self.made[*m].borrow_mut();
                machine.force_failed(reason.text(), self.now);
                Value::Null
            }
            Op::User { m, user } => {
                let mut machine = self.made[*m].borrow_mut();
                machine.assign_user(user.as_str().into());
                Value::Null
            }
            Op::AddCallback { m, cb } => {
                self.calls.borrow_mut().entry(cb.text()).or_default();
                let callback = self.callback(*cb);
                self.made[*m].borrow_mut().add_callback(callback);
                Value::Null
            }
            Op::Advance { ms } => {
                self.now = self.now + Duration::from_millis(*ms);
                Value::Null
            }
        }
    }

    fn dump(&self) -> Dump {
        let stats = self.registry.stats();
        let machines = self.made.iter().map(|machine| self.dump_machine(machine));
        let mut keys = BTreeSet::new();
        for machine in &self.made {
            let id = machine.borrow().id().clone();
            if let Some(registered) = self.registry.get(&id) {
                keys.insert((id.to_string(), self.number(&registered)));
            }
        }
        assert_eq!(keys.len(), self.registry.len());
        let calls = self.calls.borrow();
        let calls = calls.iter().map(|(name, calls)| (name.to_string(), *calls));
        Dump {
            machines: machines.collect(),
            keys,
            stats: (stats.total, stats.operational, stats.by_state),
            calls: calls.collect(),
        }
    }

    fn dump_machine(&self, machine: &SharedMachine) -> Machine {
        let machine = machine.borrow();
        let history = machine.history().map(|change| {
            let reason = change.reason.to_string();
            (change.from, change.to, reason, change.at.as_millis())
        });
        Machine {
            id: machine.id().to_string(),
            user: machine.user().to_string(),
            state: machine.state(),
            failures: machine.failures(),
            total: machine.metrics().total,
            failed: machine.metrics().failed,
            completed: machine.completed().clone(),
            history: history.collect(),
            setup: millis(machine.setup_duration(self.now)),
            last: machine.last_transition().as_millis(),
            can: machine.can_process_messages(),
            ready: machine.is_ready_for_messages(),
            operational: machine.is_ready_for_messages(),
        }
    }
}

impl Replay for Machines {
    type Setup = Setup;
    type Op = Op;
    type Seen = Seen;

    fn start(_: Setup) -> Self {
        Machines {
            registry: Registry::with_capacity(CAPACITY),
            made: Vec::new(),
            calls: Rc::default(),
            fault: Rc::default(),
            now: Time::ZERO,
        }
    }

    fn step(&mut self, op: &Op) -> Seen {
        let res = self.apply(op);
        let dump = self.dump();
        Seen { res, dump }
    }
}

#[test]
fn machines_and_their_registry() {
    insta::assert_snapshot!(replay::<Machines>("machine"), @"2660 steps: 2660 agree");
}
