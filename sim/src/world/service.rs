//! Backing services: authentication, Redis, database, supervisor; each a process of its own.
//!
//! A call is a task of the service's process: it takes its time and answers, or it fails, or it
//! dies with the process, its work done or not. A service that is down refuses at once, as a
//! closed port does. What Redis keeps outlives its process.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use gatesim_model::{
    core::{
        ids::{MessageId, UserId},
        ledger::{Book, KEPT_FOR, MessageKey},
        time::Time,
    },
    port::env::{AgentStep, CallError, Reply, Request, Service, TokenVerdict},
};
use tokio::sync::oneshot;

use crate::{
    plan::Token,
    scheduler::{ProcessId, choices::Purpose},
    trace::event::{Actor, Impairment, WorldEvent},
    world::context::Context,
};

/// What the services know, and which of them are up.
pub struct BackingServices {
    context: Rc<Context>,
    down: BTreeMap<Service, Cell<bool>>,
    /// How they are impaired, by the number of the fault that impairs them.
    impairments: RefCell<BTreeMap<u32, (Service, Impairment)>>,
    /// Tools that the agent calls for each message.
    tools: BTreeMap<MessageId, u32>,
    /// What Redis keeps.
    ledger: RefCell<Book>,
}

impl BackingServices {
    /// All services up.
    pub fn new(context: Rc<Context>) -> Rc<Self> {
        let tools = context.plan.clients().flat_map(|(peer, client)| {
            let messages = client.messages.iter().zip(0..);
            messages.map(move |(message, number)| (message_id(peer, number), message.tools.get()))
        });
        Rc::new(BackingServices {
            down: Service::ALL
                .into_iter()
                .map(|service| (service, Cell::new(false)))
                .collect(),
            impairments: RefCell::default(),
            tools: tools.collect(),
            ledger: RefCell::default(),
            context,
        })
    }

    /// Whether a service refuses calls.
    pub fn is_down(&self, service: Service) -> bool {
        self.down[&service].get()
    }

    /// A fault impairs a service.
    pub fn impair(&self, fault: u32, service: Service, how: Impairment) {
        let mut impairments = self.impairments.borrow_mut();
        impairments.insert(fault, (service, how));
    }

    /// The fault is over.
    pub fn recover(&self, fault: u32) {
        self.impairments.borrow_mut().remove(&fault);
    }

    /// The condition of a service now, where `usual` errors in a thousand are normal. Of several
    /// impairments of one kind the worst counts.
    fn condition(&self, service: Service, usual: u32) -> Condition {
        let mut condition = Condition {
            slowness: 1,
            errors_per_mille: usual,
            wrong_per_mille: 0,
        };
        for (of, how) in self.impairments.borrow().values() {
            if *of == service {
                let (figure, value) = match how {
                    Impairment::Slow { factor } => (&mut condition.slowness, *factor),
                    Impairment::Erring { per_mille } => {
                        (&mut condition.errors_per_mille, *per_mille)
                    }
                    Impairment::Wrong { per_mille } => (&mut condition.wrong_per_mille, *per_mille),
                };
                *figure = value.max(*figure);
            }
        }
        condition
    }

    fn answer(&self, now: Time, request: &Request) -> Reply {
        match request {
            Request::ProbeAuth | Request::PingRedis | Request::CheckDatabase => Reply::Alive,
            Request::ValidateToken { token } => Reply::Token(judge(token, now)),
            Request::NextAgentStep { message, step, .. } => {
                let tools = self.tools.get(message).copied().unwrap_or_default();
                Reply::AgentStep(agent_step(tools, *step))
            }
            Request::Ledger { key, command } => {
                let mut ledger = self.ledger.borrow_mut();
                for MessageKey { message, .. } in ledger.forget_old(now) {
                    let after_ms = KEPT_FOR.as_millis() as u64;
                    let event = WorldEvent::MessageForgotten { message, after_ms };
                    self.context.emit(Actor::Service(Service::Redis), event);
                }
                Reply::Ledger(ledger.execute(now, key, *command))
            }
        }
    }

    /// A good token is called invalid, an agent leaves out a step. Requests that have no wrong
    /// answer get the right one.
    fn answer_wrongly(&self, now: Time, request: &Request) -> Reply {
        match request {
            Request::ValidateToken { .. } => Reply::Token(TokenVerdict::Invalid),
            Request::NextAgentStep { message, step, .. } => {
                let tools = self.tools.get(message).copied().unwrap_or_default();
                Reply::AgentStep(agent_step(tools, step + 1))
            }
            Request::ProbeAuth
            | Request::PingRedis
            | Request::CheckDatabase
            | Request::Ledger { .. } => self.answer(now, request),
        }
    }

    /// A call of a service, for `caller`.
    pub fn call(
        self: &Rc<Self>,
        caller: Actor,
        request: Request,
    ) -> impl Future<Output = Result<Reply, CallError>> + 'static {
        let services = Rc::clone(self);
        async move {
            let context = &services.context;
            let service = request.service();
            let plan = *context.plan.services.of(service);
            let choices = context.scheduler.choices();
            let mut latency = choices.stream(caller, Purpose::ServiceLatency(service));
            let usual_errors = context.odds(plan.error_per_mille);
            let condition = services.condition(service, usual_errors);
            if services.is_down(service) {
                context
                    .scheduler
                    .sleep(plan.latency_us.least.duration())
                    .await;
                return Err(CallError::Refused);
            }
            let delay = Duration::from_micros(latency.draw(plan.latency_us.inclusive()))
                * condition.slowness;
            let fails = choices
                .stream(caller, Purpose::ServiceFailure(service))
                .chance(condition.errors_per_mille);
            let is_wrong = choices
                .stream(caller, Purpose::ServiceError(service))
                .chance(condition.wrong_per_mille);
            let (answer, answered) = oneshot::channel();
            let host = Rc::clone(&services);
            let process = ProcessId(Actor::Service(service));
            context
                .scheduler
                .spawn(process, caller, service_task(service), async move {
                    let scheduler = &host.context.scheduler;
                    // Half the time goes by before the work is done, half of it after.
                    scheduler.sleep(delay / 2).await;
                    let reply = match fails {
                        true => Err(CallError::ServerError),
                        false if is_wrong => Ok(host.answer_wrongly(scheduler.now(), &request)),
                        false => Ok(host.answer(scheduler.now(), &request)),
                    };
                    scheduler.sleep(delay - delay / 2).await;
                    // The caller may have given up.
                    let _ = answer.send(reply);
                });
            answered.await.unwrap_or(Err(CallError::Reset))
        }
    }

    /// Stops a service: calls on the way are reset, new ones refused.
    pub fn stop(&self, service: Service) {
        if !self.down[&service].replace(true) {
            let event = WorldEvent::ServiceDown { service };
            self.context.emit(Actor::World, event);
            let process = ProcessId(Actor::Service(service));
            self.context.scheduler.kill(process);
        }
    }

    /// Starts it again.
    pub fn start(&self, service: Service) {
        if self.down[&service].replace(false) {
            let event = WorldEvent::ServiceUp { service };
            self.context.emit(Actor::World, event);
        }
    }
}

/// What a call of a service has to expect.
struct Condition {
    /// How many times its usual time a call takes.
    slowness: u32,
    /// How many calls in a thousand end in a server error.
    errors_per_mille: u32,
    /// How many answers in a thousand are wrong.
    wrong_per_mille: u32,
}

/// The id of a client's message.
pub fn message_id(peer: u32, number: u32) -> MessageId {
    format!("c{peer}-m{number}").into()
}

/// The token a client offers, in three parts as a JWT has: header, user, quality.
/// A good one may have an end.
pub fn token_text(user: u32, token: Token, ends: Option<Time>) -> Option<String> {
    match token {
        Token::Valid => Some(match ends {
            None => format!("gatesim.user{user}.valid"),
            Some(ends) => format!("gatesim.user{user}.until{}", ends.as_millis()),
        }),
        Token::Expired => Some(format!("gatesim.user{user}.expired")),
        Token::Invalid => Some(format!("gatesim.user{user}.forged")),
        Token::Missing => None,
    }
}

fn judge(token: &str, now: Time) -> TokenVerdict {
    match token.split('.').collect::<Vec<_>>()[..] {
        ["gatesim", user, "valid"] => TokenVerdict::Valid {
            user: UserId::from(user),
        },
        ["gatesim", _, "expired"] => TokenVerdict::Expired,
        ["gatesim", user, until] => match until.strip_prefix("until").map(str::parse) {
            Some(Ok(ends)) if now.as_millis() < ends => TokenVerdict::Valid {
                user: UserId::from(user),
            },
            Some(Ok(_)) => TokenVerdict::Expired,
            Some(Err(_)) | None => TokenVerdict::Invalid,
        },
        _ => TokenVerdict::Invalid,
    }
}

/// Think once, then start and finish each tool, then be done.
fn agent_step(tools: u32, step: u32) -> AgentStep {
    match step {
        0 => AgentStep::Think,
        step if step > 2 * tools => AgentStep::Done,
        step if step % 2 == 1 => AgentStep::ToolStarted,
        _ => AgentStep::ToolFinished,
    }
}

fn service_task(service: Service) -> &'static str {
    match service {
        Service::Auth => "auth-call",
        Service::Redis => "redis-call",
        Service::Database => "database-call",
        Service::Supervisor => "supervisor-call",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_judged_by_what_they_are() {
        let judged = |token| token_text(7, token, None).map(|text| judge(&text, Time::ZERO));
        assert_eq!(
            judged(Token::Valid),
            Some(TokenVerdict::Valid {
                user: "user7".into()
            })
        );
        assert_eq!(judged(Token::Expired), Some(TokenVerdict::Expired));
        assert_eq!(judged(Token::Invalid), Some(TokenVerdict::Invalid));
        assert_eq!(judged(Token::Missing), None);
    }

    #[test]
    fn a_token_is_good_until_its_end() {
        let at = |ms| Time::ZERO + Duration::from_millis(ms);
        let text = token_text(7, Token::Valid, Some(at(500))).expect("it has one");
        let user = "user7".into();
        assert_eq!(judge(&text, at(499)), TokenVerdict::Valid { user });
        assert_eq!(judge(&text, at(500)), TokenVerdict::Expired);
    }

    #[test]
    fn an_agent_thinks_then_uses_each_tool_then_is_done() {
        use AgentStep::{Done, Think, ToolFinished, ToolStarted};
        let steps = |tools, count| {
            (0..count)
                .map(|step| agent_step(tools, step))
                .collect::<Vec<_>>()
        };
        assert_eq!(steps(0, 2), [Think, Done]);
        assert_eq!(
            steps(2, 6),
            [
                Think,
                ToolStarted,
                ToolFinished,
                ToolStarted,
                ToolFinished,
                Done
            ]
        );
    }
}
