//! Agent runs: from a client's message to the five critical events (docs/protocol.md#routing,
//! docs/protocol.md#event-delivery).

mod progress;
pub mod runs;

use std::{future::pending, rc::Rc, time::Duration};

use crate::{
    core::{
        environment::MANAGER_SEND_TIMEOUT,
        ids::{MessageId, RunId, SocketId, UserId},
        ledger::MAX_STEPS,
        message::{AgentEvent, AgentEventKind, ErrorCode, RunRequest},
        time::Time,
    },
    design::{AgentRunPlace, RunOrder},
    event::{Event, Limit, LimitValue},
    gateway::{
        calls,
        connection::Connection,
        container::Container,
        delivery::{
            self,
            outbox::{DeliveryReport, Outbox},
        },
        journal::{Journal, Journals},
        resume::{Asked, Claim, MAX_ANSWERS},
        router::AgentHandler,
    },
    port::{
        env::{self, AgentStep, CallError, Env, Reply},
        wait::{First, first, timeout},
    },
};

use progress::RunProgress;

/// Time after which a run is cut off. The total of the original is 300 s
/// (docs/protocol.md#event-timing); the rest is for the last event
/// and for telling the client.
pub const RUN_LIMIT: Duration = Duration::from_secs(280);

/// Time that one step may take, with all its tries (docs/protocol.md#event-timing).
pub const STEP_LIMIT: Duration = Duration::from_secs(30);

/// Pauses before the further tries of one step.
const STEP_RETRY_DELAYS: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(200)];

/// Pause between two events of the canned answer (docs/protocol.md#fallback-handler).
const CANNED_GAP: Duration = Duration::from_millis(100);

/// The canned answer of the fallback handler: all five events (docs/protocol.md#fallback-handler).
const CANNED_STEPS: [AgentStep; 4] = [
    AgentStep::Think,
    AgentStep::ToolStarted,
    AgentStep::ToolFinished,
    AgentStep::Done,
];

/// Starts the run that a message asks for, and waits for its end or not as the design says. A
/// container that has too many runs, or is going away, refuses the message.
pub(crate) async fn start<E: Env>(
    container: &Rc<Container<E>>,
    connection: &Rc<Connection<E>>,
    user: UserId,
    request: RunRequest,
    handler: AgentHandler,
) {
    if container.is_draining() {
        return refuse(connection, request.id).await;
    }
    if connection.answers() >= MAX_ANSWERS {
        connection.reached(Limit::Answers, MAX_ANSWERS);
        return refuse(connection, request.id).await;
    }
    let message = request.id.clone();
    let asked = Rc::new(Asked {
        container: container.clone(),
        connection: connection.clone(),
        user,
        request,
        handler,
    });
    let run = execute_once(asked);
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
    refuse_with(connection, message, ErrorCode::ServiceUnavailable).await;
}

async fn refuse_with<E: Env>(connection: &Connection<E>, message: MessageId, error: ErrorCode) {
    connection.emit(Event::MessageRefused {
        socket: connection.socket_id(),
        message: Some(message.clone()),
        error,
    });
    connection.send_error(error, Some(message)).await;
}

/// Executes a message unless another run has claimed it, and starts its answer.
async fn execute_once<E: Env>(asked: Rc<Asked<E>>) {
    let run = asked.container.agent_runs.next_id();
    match asked.claim(run).await {
        Claim::Ours => {
            let journal = asked.journal(run);
            // Its events have the numbers of another run than those that the client may have.
            asked.answer(None);
            execute(&asked, run, journal).await;
        }
        Claim::Taken => {
            asked.connection.emit(Event::MessageResumed {
                socket: asked.connection.socket_id(),
                message: asked.request.id.clone(),
                after: asked.request.after,
            });
            asked.answer(asked.request.after);
        }
        Claim::Unavailable => refuse(&asked.connection, asked.request.id.clone()).await,
        Claim::TooOld => {
            let error = ErrorCode::OutcomeUnknown;
            refuse_with(&asked.connection, asked.request.id.clone(), error).await;
        }
        Claim::Forgotten => asked.connection.emit(Event::MessageDropped {
            socket: asked.connection.socket_id(),
            message: Some(asked.request.id.clone()),
        }),
    }
}

/// One run, from its first event to its end. Always ends explicitly: complete, or with an error
/// message to the connection that listens by then.
async fn execute<E: Env>(asked: &Asked<E>, id: RunId, journal: Option<Rc<Journal>>) {
    let (container, socket) = (&asked.container, asked.connection.socket_id());
    container.env.emit(Event::RunStarted {
        socket,
        run: id,
        message: asked.request.id.clone(),
        user: asked.user.clone(),
    });
    let voice = match journal {
        Some(journal) => Voice::Journal(Writing {
            journals: &container.journals,
            journal,
        }),
        None => Voice::Outbox(container.outboxes.open(
            id,
            &asked.connection,
            asked.user.clone(),
            asked.request.thread.clone(),
        )),
    };
    let mut run = AgentRun {
        deadline: container.env.now() + RUN_LIMIT,
        asked,
        voice,
        id,
        progress: RunProgress::default(),
    };
    let mut end = ReportedEnd {
        env: &container.env,
        socket,
        run: id,
        complete: false,
    };
    let outcome = run.play().await;
    if outcome.is_err() {
        run.fail().await;
    }
    end.complete = outcome.is_ok();
    drop(end);
    match run.voice {
        Voice::Journal(writing) => drop(writing),
        Voice::Outbox(outbox) => container.outboxes.close(&outbox),
    }
}

/// Reports the end of a run when it is dropped: also when the run is cancelled in the middle,
/// because its container stops before the run could be failed.
struct ReportedEnd<'a, E: Env> {
    env: &'a E,
    socket: SocketId,
    run: RunId,
    complete: bool,
}

impl<E: Env> Drop for ReportedEnd<'_, E> {
    fn drop(&mut self) {
        self.env.emit(Event::RunEnded {
            socket: self.socket,
            run: self.run,
            complete: self.complete,
        });
    }
}

/// Where the events of a run go.
enum Voice<'a, E: Env> {
    /// To its journal, from which connections read.
    Journal(Writing<'a>),
    /// To the connection that asked, or its successor.
    Outbox(Rc<Outbox<E>>),
}

/// A journal that is being written; closed when the run is over, however it ended.
struct Writing<'a> {
    journals: &'a Journals,
    journal: Rc<Journal>,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.journals.close(&self.journal);
    }
}

struct AgentRun<'a, E: Env> {
    asked: &'a Asked<E>,
    voice: Voice<'a, E>,
    id: RunId,
    progress: RunProgress,
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
    /// Another task has declared the run over.
    Overtaken,
}

impl<E: Env> AgentRun<'_, E> {
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
        self.reached(Limit::RunSteps, MAX_STEPS);
        Err(RunFailure::TooLong)
    }

    /// Emits one event and hands it to the delivery.
    async fn emit(&mut self, kind: AgentEventKind) -> Result<(), RunFailure> {
        let container = &self.asked.container;
        let seq = match container.design.run_order {
            RunOrder::Checked => self.progress.next(kind)?,
            RunOrder::Believed => self.progress.count(),
        };
        container.env.emit(Event::AgentEventEmitted {
            socket: self.asked.connection.socket_id(),
            run: self.id,
            seq,
            kind,
        });
        let told = match &self.voice {
            Voice::Journal(writing) => writing.journal.append(&container.env, seq, kind).await,
            Voice::Outbox(outbox) => {
                let event = AgentEvent {
                    run: self.id,
                    message: self.asked.request.id.clone(),
                    seq,
                    event: kind,
                    recovered: false,
                };
                delivery::deliver(container, outbox, event).await
            }
        };
        match told {
            DeliveryReport::Delivered => Ok(()),
            DeliveryReport::NotDelivered => Err(RunFailure::NotDelivered),
        }
    }

    /// Tells the connection that listens that there will be no answer.
    async fn fail(&self) {
        let container = &self.asked.container;
        match &self.voice {
            Voice::Journal(writing) => writing.journal.fail(&container.env).await,
            Voice::Outbox(outbox) => {
                let address = outbox.address();
                let message = self.asked.request.id.clone();
                let told = address.send_error(ErrorCode::AgentFailed, Some(message));
                // A peer that does not read must not keep the run alive.
                let told = timeout(&container.env, MANAGER_SEND_TIMEOUT, told).await;
                if told.is_none() {
                    self.reached(Limit::SendTime, MANAGER_SEND_TIMEOUT);
                }
            }
        }
    }

    /// The next step of the agent, from the supervisor or from the canned answer.
    async fn step(&self, step: u32) -> Result<AgentStep, RunFailure> {
        let container = &self.asked.container;
        let next = async {
            match self.asked.handler {
                AgentHandler::Supervisor => self.ask(step).await.map_err(RunFailure::Call),
                AgentHandler::Fallback => {
                    container.env.sleep(CANNED_GAP).await;
                    let canned = CANNED_STEPS.get(step as usize).copied();
                    Ok(canned.unwrap_or(AgentStep::Done))
                }
            }
        };
        let cut_short = async {
            match first(container.agent_runs.stop.wait(), self.loss()).await {
                First::Left(()) => RunFailure::Stopping,
                First::Right(()) => RunFailure::Overtaken,
            }
        };
        match first(cut_short, next).await {
            First::Left(failure) => Err(failure),
            First::Right(step) => step,
        }
    }

    /// Completes when the run has lost its lease. Where there are journals, this also renews the
    /// lease between events.
    async fn loss(&self) {
        match &self.voice {
            Voice::Journal(writing) => {
                writing.journal.keep_lease(&self.asked.container.env).await;
            }
            Voice::Outbox(_) => pending().await,
        }
    }

    /// Asks the supervisor, again after a failure, within the limits of the step and of the run.
    async fn ask(&self, step: u32) -> Result<AgentStep, CallError> {
        let env = &self.asked.container.env;
        let mut delays = STEP_RETRY_DELAYS.iter();
        let deadline = self.deadline.min(env.now() + STEP_LIMIT);
        loop {
            let request = env::Request::NextAgentStep {
                run: self.id,
                message: self.asked.request.id.clone(),
                step,
            };
            let limit = deadline.since(env.now());
            let socket = Some(self.asked.connection.socket_id());
            let error = match calls::ask(env, socket, request, limit).await {
                Ok(Reply::AgentStep(step)) => return Ok(step),
                Ok(reply @ (Reply::Alive | Reply::Token(_) | Reply::Ledger(_))) => {
                    panic!("the supervisor answered a step with {reply:?}")
                }
                Err(error) => error,
            };
            match delays.next() {
                Some(delay) if env.now() < deadline => env.sleep(*delay).await,
                Some(_) if deadline == self.deadline => {
                    self.reached(Limit::RunTime, RUN_LIMIT);
                    return Err(error);
                }
                // That its time was over was reported by the call.
                Some(_) => return Err(error),
                None => {
                    self.reached(Limit::StepTries, STEP_RETRY_DELAYS.len() + 1);
                    return Err(error);
                }
            }
        }
    }

    fn reached(&self, limit: Limit, value: impl Into<LimitValue>) {
        self.asked.connection.reached(limit, value);
    }
}
