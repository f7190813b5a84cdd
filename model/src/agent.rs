//! Agent runs: from a client's message to the five critical events (protocol.md 7.3, 7.4).

use std::{cell::Cell, collections::BTreeSet, rc::Rc, time::Duration};

use crate::{
    calls,
    connection::Connection,
    container::Container,
    delivery::{self, Outbox, Told},
    design::AgentRunPlace,
    env::{self, AgentStep, CallError, Env, Reply},
    environment::MANAGER_SEND_TIMEOUT,
    event::Event,
    ids::{MessageId, RunId, UserId},
    message::{AgentEvent, AgentEventKind, ErrorCode, Request},
    router::AgentHandler,
    time::Time,
    wait::{First, Signal, first, timeout},
};

/// Steps after which a run is cut off.
pub const MAX_STEPS: u32 = 100;

/// Time after which a run is cut off. The total of 7.4 is 300 s; the rest is for the last event
/// and for telling the client.
pub const RUN_LIMIT: Duration = Duration::from_secs(280);

/// Time that one step may take (7.4, gap between two events).
pub const STEP_LIMIT: Duration = Duration::from_secs(30);

/// Pauses before the further tries of one step.
const STEP_RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(200)];

/// Pause between two events of the canned answer (6.3).
const CANNED_GAP: Duration = Duration::from_millis(100);

/// The canned answer of the fallback handler: all five events (6.3).
const CANNED_STEPS: [AgentStep; 4] = [
    AgentStep::Think,
    AgentStep::ToolStarted,
    AgentStep::ToolFinished,
    AgentStep::Done,
];

/// What the runs of one container share.
#[derive(Debug, Default)]
pub struct Runs {
    started: Cell<u32>,
    /// Set when the container is going away: every run ends as soon as its step allows, with an
    /// explicit failure.
    pub stop: Signal,
}

impl Runs {
    /// No run yet.
    pub fn new() -> Self {
        Runs::default()
    }

    fn next_id(&self) -> RunId {
        let id = RunId(self.started.get());
        self.started.set(id.0 + 1);
        id
    }
}

/// Starts the run that a message asks for, and waits for its end or not as the design says. A
/// container that has too many runs, or is going away, refuses the message.
pub(crate) async fn start<E: Env>(
    container: &Rc<Container<E>>,
    connection: &Rc<Connection<E>>,
    user: UserId,
    request: Request,
    handler: AgentHandler,
) {
    if container.is_draining() {
        return refuse(connection, request.id).await;
    }
    let message = request.id.clone();
    let (owner, asker) = (container.clone(), connection.clone());
    let run = execute(owner, asker, user, request, handler);
    match container.design.agent_run {
        AgentRunPlace::Inline => run.await,
        AgentRunPlace::OwnTask => {
            if container.spawn_run(connection, run).is_err() {
                refuse(connection, message).await;
            }
        }
    }
}

/// Tells the client that its message starts no run here and now.
pub(crate) async fn refuse<E: Env>(connection: &Connection<E>, message: MessageId) {
    let error = ErrorCode::ServiceUnavailable;
    connection.emit(Event::MessageRefused {
        socket: connection.socket_id(),
        message: Some(message.clone()),
        error,
    });
    connection.send_error(error, Some(message)).await;
}

/// One run, from its first event to its end. Always ends explicitly: complete, or with an error
/// message to whoever hears of it by then.
async fn execute<E: Env>(
    container: Rc<Container<E>>,
    connection: Rc<Connection<E>>,
    user: UserId,
    request: Request,
    handler: AgentHandler,
) {
    let id = container.agent_runs.next_id();
    let socket = connection.socket_id();
    container.env.emit(Event::RunStarted {
        socket,
        run: id,
        message: request.id.clone(),
        user: user.clone(),
    });
    let outboxes = &container.outboxes;
    let outbox = outboxes.open(id, &connection, user, request.thread);
    let mut run = Run {
        deadline: container.env.now() + RUN_LIMIT,
        container: &container,
        connection: &connection,
        outbox,
        id,
        message: request.id.clone(),
        handler,
        progress: Progress::default(),
    };
    let outcome = run.play().await;
    let outbox = run.outbox;
    if outcome.is_err() {
        let address = outbox.address();
        let told = address.send_error(ErrorCode::AgentFailed, Some(request.id));
        // A peer that does not read must not keep the run alive.
        timeout(&container.env, MANAGER_SEND_TIMEOUT, told).await;
    }
    container.env.emit(Event::RunEnded {
        socket,
        run: id,
        complete: outcome.is_ok(),
    });
    outboxes.close(&outbox);
}

struct Run<'a, E: Env> {
    container: &'a Rc<Container<E>>,
    connection: &'a Rc<Connection<E>>,
    outbox: Rc<Outbox<E>>,
    id: RunId,
    message: MessageId,
    handler: AgentHandler,
    progress: Progress,
    deadline: Time,
}

/// Why a run did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RunFailure {
    /// The supervisor gave no answer.
    Call(CallError),
    /// The supervisor's steps make no accepted order of events.
    OutOfOrder,
    /// More than [`MAX_STEPS`] steps.
    TooLong,
    /// An event did not reach the client.
    NotDelivered,
    /// The container is going away.
    Stopping,
}

impl<E: Env> Run<'_, E> {
    async fn play(&mut self) -> Result<(), RunFailure> {
        self.emit(AgentEventKind::AgentStarted).await?;
        for step in 0..MAX_STEPS {
            let kind = match self.step(step).await? {
                AgentStep::Think => AgentEventKind::AgentThinking,
                AgentStep::ToolStarted => AgentEventKind::ToolExecuting,
                AgentStep::ToolFinished => AgentEventKind::ToolCompleted,
                AgentStep::Done => return self.emit(AgentEventKind::AgentCompleted).await,
            };
            self.emit(kind).await?;
        }
        Err(RunFailure::TooLong)
    }

    /// Emits one event and hands it to the delivery.
    async fn emit(&mut self, kind: AgentEventKind) -> Result<(), RunFailure> {
        let seq = self.progress.next(kind)?;
        self.container.env.emit(Event::AgentEventEmitted {
            socket: self.connection.socket_id(),
            run: self.id,
            seq,
            kind,
        });
        let event = AgentEvent {
            run: self.id,
            message: self.message.clone(),
            seq,
            event: kind,
            recovered: false,
        };
        match delivery::deliver(self.container, &self.outbox, event).await {
            Told::Delivered => Ok(()),
            Told::NotDelivered => Err(RunFailure::NotDelivered),
        }
    }

    /// What the agent does next: the supervisor's word, or the canned answer's.
    async fn step(&self, step: u32) -> Result<AgentStep, RunFailure> {
        let next = async {
            match self.handler {
                AgentHandler::Supervisor => self.ask(step).await.map_err(RunFailure::Call),
                AgentHandler::Fallback => {
                    self.container.env.sleep(CANNED_GAP).await;
                    let canned = CANNED_STEPS.get(step as usize).copied();
                    Ok(canned.unwrap_or(AgentStep::Done))
                }
            }
        };
        match first(self.container.agent_runs.stop.wait(), next).await {
            First::Left(()) => Err(RunFailure::Stopping),
            First::Right(step) => step,
        }
    }

    /// Asks the supervisor, again after a failure, within the limits of the step and of the run.
    async fn ask(&self, step: u32) -> Result<AgentStep, CallError> {
        let env = &self.container.env;
        let mut delays = STEP_RETRY_DELAYS.iter();
        loop {
            let request = env::Request::NextAgentStep {
                run: self.id,
                message: self.message.clone(),
                step,
            };
            let limit = STEP_LIMIT.min(self.deadline.since(env.now()));
            let socket = Some(self.connection.socket_id());
            let error = match calls::ask(env, socket, request, limit).await {
                Ok(Reply::AgentStep(step)) => return Ok(step),
                Ok(reply @ (Reply::Alive | Reply::Token(_) | Reply::Ledger(_))) => {
                    panic!("the supervisor answered a step with {reply:?}")
                }
                Err(error) => error,
            };
            match delays.next() {
                Some(delay) if env.now() < self.deadline => env.sleep(*delay).await,
                Some(_) | None => return Err(error),
            }
        }
    }
}

/// The accepted orders of events (7.4): AGENT_STARTED first, AGENT_COMPLETED last, each tool
/// that answers was called, each tool that was called answers, and three kinds at least.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Progress {
    events: u32,
    kinds: BTreeSet<AgentEventKind>,
    open_tools: u32,
}

impl Progress {
    /// The sequence number of the next event, if it may be of this kind.
    fn next(&mut self, kind: AgentEventKind) -> Result<u32, RunFailure> {
        let started = self.kinds.contains(&AgentEventKind::AgentStarted);
        let over = self.kinds.contains(&AgentEventKind::AgentCompleted);
        let fits = match kind {
            AgentEventKind::AgentStarted => self.events == 0,
            AgentEventKind::AgentThinking | AgentEventKind::ToolExecuting => started && !over,
            AgentEventKind::ToolCompleted => self.open_tools > 0 && !over,
            AgentEventKind::AgentCompleted => {
                started && !over && self.open_tools == 0 && self.kinds.len() >= 2
            }
        };
        if !fits {
            return Err(RunFailure::OutOfOrder);
        }
        match kind {
            AgentEventKind::ToolExecuting => self.open_tools += 1,
            AgentEventKind::ToolCompleted => self.open_tools -= 1,
            AgentEventKind::AgentStarted
            | AgentEventKind::AgentThinking
            | AgentEventKind::AgentCompleted => {}
        }
        self.kinds.insert(kind);
        self.events += 1;
        Ok(self.events - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AgentEventKind::*;

    fn accepted(kinds: &[AgentEventKind]) -> usize {
        let mut progress = Progress::default();
        let fits = |kind: &&AgentEventKind| progress.next(**kind).is_ok();
        kinds.iter().take_while(fits).count()
    }

    #[test]
    fn only_accepted_orders_come_to_an_end() {
        let table: &[(&[AgentEventKind], usize)] = &[
            (
                &[
                    AgentStarted,
                    AgentThinking,
                    ToolExecuting,
                    ToolCompleted,
                    AgentCompleted,
                ],
                5,
            ),
            (&[AgentStarted, AgentThinking, AgentCompleted], 3),
            (
                &[AgentStarted, ToolExecuting, ToolCompleted, AgentCompleted],
                4,
            ),
            (&[AgentThinking], 0),
            (&[AgentStarted, AgentStarted], 1),
            (&[AgentStarted, AgentCompleted], 1),
            (&[AgentStarted, ToolCompleted], 1),
            (&[AgentStarted, ToolExecuting, AgentCompleted], 2),
            (
                &[AgentStarted, AgentThinking, AgentCompleted, AgentThinking],
                3,
            ),
        ];
        for (kinds, expected) in table {
            assert_eq!(accepted(kinds), *expected, "{kinds:?}");
        }
    }

    #[test]
    fn the_canned_answer_is_an_accepted_order() {
        let mut kinds = vec![AgentStarted];
        kinds.extend(CANNED_STEPS.map(|step| match step {
            AgentStep::Think => AgentThinking,
            AgentStep::ToolStarted => ToolExecuting,
            AgentStep::ToolFinished => ToolCompleted,
            AgentStep::Done => AgentCompleted,
        }));
        assert_eq!(accepted(&kinds), kinds.len());
    }
}
