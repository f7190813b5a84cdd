//! One arm for each event of the protocol, and the lines of what a process has once: breakers,
//! handlers, coordinator, runs.

use gatesim_model::{
    core::{
        ids::{RunId, SocketId},
        message::Notice,
    },
    event::{AdmissionLimit, Breaker, BreakerState, Event, IdHolder, Table},
};

use super::{Lines, LoggedProcess, LoggedRun, Wording, head};

/// How the isolated managers of the later revisions call themselves.
const PATTERN: &str = "factory pattern";
/// How long the endpoint waits for the start-up to complete (`docs/protocol.md#step-21`).
const STARTUP_WAIT_SECONDS: u32 = 5;

impl Lines<'_> {
    pub(super) fn protocol(&mut self, process: &mut LoggedProcess, event: &Event) {
        match event {
            Event::DisconnectSeen { socket, code } => {
                let id = process.id(*socket);
                self.debug(format!("WebSocket disconnected: {id} ({code}: )"));
            }
            Event::EndpointEnded { socket, .. } => {
                let id = process.id(*socket);
                self.debug(format!("WebSocket cleanup completed: {id} using {PATTERN}"));
                process.connections.remove(socket);
            }
            Event::InternalError {
                socket,
                step,
                error,
            } => self.internal_error(process, *socket, *step, error),
            Event::IdGiven {
                socket,
                holder,
                connection,
            } => {
                let known = process.connection(*socket);
                match holder {
                    IdHolder::Socket => known.id = Some(connection.clone()),
                    IdHolder::Manager => known.manager_id = Some(connection.clone()),
                    IdHolder::MessageLoop | IdHolder::Monitor | IdHolder::Heartbeat => {}
                }
            }
            Event::MachineRegistered {
                socket,
                connection,
                user,
            } => self.registered(process, *socket, connection, user),
            Event::MachineShared {
                connection,
                state,
                existing_user,
                requested_user,
                ..
            } => self.shared(connection, *state, (existing_user, requested_user)),
            Event::MachineUnregistered { socket, connection } => {
                self.unregistered(process, *socket, connection);
            }
            Event::Transition {
                socket,
                connection,
                from,
                to,
                reason,
            } => self.transition(process, *socket, connection, (*from, *to), reason),
            Event::TransitionRefused {
                connection,
                from,
                to,
                ..
            } => self.refused(connection, *from, *to),
            Event::MachineMissing {
                connection, step, ..
            } => self.missing(connection, *step),
            Event::HandshakeMoved {
                socket,
                coordinator,
                to,
            } => self.handshake(process, *socket, *coordinator, *to),
            Event::CoordinatorAsked {
                socket,
                from,
                to,
                accepted: false,
            } => {
                let id = process.id(*socket);
                self.warning(format!(
                    "PHASE 4 FIX: Transition rejected: {from} -> {to} by endpoint (connection: \
                     {id})"
                ));
            }
            Event::GateWaiting {
                socket,
                connection,
                state,
            } => self.gate_waits(process, *socket, connection, *state),
            Event::GateGaveUp {
                connection, state, ..
            } => self.gate_gave_up(connection, *state),
            Event::LoopEntered {
                socket, connection, ..
            } => self.loop_entered(process, *socket, connection),
            Event::LoopEnded {
                socket,
                connection,
                messages,
                errors,
            } => self.loop_ended(process, *socket, connection, (*messages, *errors)),
            Event::Authenticated { socket, user, .. } => {
                process.connection(*socket).user = Some(user.clone());
                let (head, id) = (head(user.as_str()), process.id(*socket));
                self.info(format!(
                    "[OK] SSOT AUTHENTICATION SUCCESS: user={head}..., client_id={id}"
                ));
            }
            Event::AuthenticationFailed { error, .. } => self.error(format!(
                "🔒 SSOT AUTHENTICATION FAILED: {} - token failed on {}",
                error, self.log.environment
            )),
            Event::BreakerFed {
                breaker, failures, ..
            } => {
                process.failures.insert(*breaker, *failures);
            }
            Event::BreakerMoved { breaker, to } => self.breaker(process, *breaker, *to),
            Event::BreakerRefused { breaker, .. } => match breaker {
                Breaker::Module => self.error(
                    "🔌 Circuit breaker OPEN - rejecting WebSocket connection: Service temporarily \
                     unavailable",
                ),
                Breaker::Accept | Breaker::AuthLocal | Breaker::AuthClient => {}
            },
            Event::AdmissionRefused {
                socket,
                limit,
                counted,
            } => match limit {
                AdmissionLimit::Pool => self.warning(format!(
                    "🚫 CONNECTION LIMIT: Client {socket} has {}/{} connections",
                    counted.len(),
                    self.log.environment.connections_per_address()
                )),
                AdmissionLimit::Rate => self.warning(format!(
                    "🚫 RATE LIMIT: Client {socket} exceeded connection rate limit"
                )),
            },
            Event::NoticeSent { socket, notice, .. } => self.notice(process, *socket, *notice),
            Event::EntryAdded { socket, table } => self.entered(process, *socket, *table),
            Event::EntryRemoved { socket, table } => self.left(process, *socket, *table),
            Event::HeartbeatTimedOut { .. } => self.warning("WebSocket heartbeat timeout"),
            Event::RunStarted { run, user, .. } => {
                let run_of_user = LoggedRun {
                    user: user.clone(),
                    kinds: Default::default(),
                };
                process.runs.insert(*run, run_of_user);
            }
            Event::AgentEventEmitted { run, seq, kind, .. } => {
                if let Some(run) = process.runs.get_mut(run) {
                    run.kinds.insert(*seq, *kind);
                }
            }
            Event::AgentEventStored { run, seq, .. } => {
                let (user, kind) = undelivered(process, *run, *seq);
                self.critical(format!(
                    "CRITICAL ERROR: No WebSocket connections found for user {user}. User will not \
                     receive message: {kind}"
                ));
            }
            Event::AgentEventFailed { run, seq, .. } => {
                let (user, _) = undelivered(process, *run, *seq);
                self.critical(format!(
                    "COMPLETE MESSAGE DELIVERY FAILURE: All 1 connections failed for user {user}"
                ));
            }
            Event::AgentEventLost { run, seq, .. } => {
                let (user, kind) = undelivered(process, *run, *seq);
                self.critical(format!(
                    "CRITICAL EVENT LOST - Connection dead for user {user}, event: {kind}"
                ));
            }
            Event::RunEnded { run, .. } => {
                process.runs.remove(run);
            }
            // The service logged nothing of these, or nothing whose shape is known.
            _ => {}
        }
    }

    fn breaker(&mut self, process: &mut LoggedProcess, breaker: Breaker, to: BreakerState) {
        let failures = process.failures.get(&breaker).copied().unwrap_or_default();
        match (to, breaker) {
            (BreakerState::Open, Breaker::AuthLocal) => self.warning(format!(
                "CIRCUIT BREAKER: OPENED after {failures} consecutive failures"
            )),
            (BreakerState::Open, Breaker::Accept | Breaker::Module | Breaker::AuthClient) => {
                self.warning(format!(
                    "⚡ Circuit breaker OPENED - {failures} failures detected for {breaker}"
                ));
            }
            (BreakerState::HalfOpen, _) => {
                self.info("🔄 Circuit breaker moving to HALF_OPEN state for recovery attempt")
            }
            (BreakerState::Closed, _) => {
                process.failures.remove(&breaker);
                self.info("✅ Circuit breaker CLOSED - service recovered");
            }
        }
    }

    fn notice(&mut self, process: &LoggedProcess, socket: SocketId, notice: Notice) {
        let environment = self.log.environment;
        match notice {
            Notice::ConnectionEstablished => self.info(format!(
                "WebSocket connection fully established for user {} in {environment} using \
                 {PATTERN}",
                process.user(socket)
            )),
            Notice::DegradedMode => self.warning(format!(
                "Startup not complete after {STARTUP_WAIT_SECONDS}s in {environment} - using \
                 graceful degradation"
            )),
            Notice::DegradedModeActive
            | Notice::Initializing
            | Notice::ConnectionRecovery
            | Notice::ServerShutdown => {}
        }
    }

    fn entered(&mut self, process: &mut LoggedProcess, socket: SocketId, table: Table) {
        match table {
            Table::Router => process.handlers += 1,
            Table::Coordinator => {
                let user = head(&process.user(socket));
                let id = process.id(socket);
                self.info(format!(
                    "PHASE 4 FIX: Registered connection {id} for user {user}"
                ));
            }
            Table::Manager => {
                let known = process.connection(socket);
                let id = match known.manager_id.clone() {
                    Some(id) => id.to_string(),
                    None => process.id(socket),
                };
                match self.log.wording {
                    Wording::Early | Wording::Migrating => {
                        self.info(format!("Registered connection with isolated manager: {id}"))
                    }
                    Wording::PassThrough => self.info(format!(
                        "PASS-THROUGH FIX: Registered connection with isolated manager using \
                         preliminary ID: {id}"
                    )),
                }
            }
            Table::ManagerFactory
            | Table::Monitor
            | Table::IdManager
            | Table::Pool
            | Table::SleepWrapper => {}
        }
    }

    fn left(&mut self, process: &mut LoggedProcess, socket: SocketId, table: Table) {
        match table {
            Table::Router => {
                process.handlers = process.handlers.saturating_sub(1);
                self.info("Removed AgentMessageHandler for disconnected WebSocket");
                self.info(format!(
                    "Handler cleanup complete. Remaining handlers: {}",
                    process.handlers
                ));
            }
            Table::Coordinator => {
                let id = process.id(socket);
                self.info(format!("PHASE 4 FIX: Unregistered connection {id}"));
            }
            Table::Manager
            | Table::ManagerFactory
            | Table::Monitor
            | Table::IdManager
            | Table::Pool
            | Table::SleepWrapper => {}
        }
    }
}

/// Whose event it was, and of which kind.
fn undelivered(process: &LoggedProcess, run: RunId, seq: u32) -> (String, &'static str) {
    let known = process.runs.get(&run);
    let user = known.map_or("None".to_owned(), |run| run.user.to_string());
    let kind = known.and_then(|run| run.kinds.get(&seq).copied());
    (user, kind.map_or("agent_event", Into::into))
}
