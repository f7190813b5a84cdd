//! Lines for the protocol's own events.

use gatesim_model::{
    core::ids::SocketId,
    event::{Component, Event, LockName},
};

use super::message_name;
use crate::trace::event::Actor;

/// One arm for each event, in the order of their declaration.
pub(super) fn describe(event: &Event) -> String {
    match event {
        Event::EndpointStarted { socket } => format!("{socket} endpoint started"),
        Event::Accepted {
            socket,
            subprotocol,
            offered,
        } => match (subprotocol, offered) {
            (Some(subprotocol), _) => format!("{socket} accepted with {subprotocol}"),
            (None, true) => format!("{socket} accepted without the subprotocol that it offered"),
            (None, false) => format!("{socket} accepted"),
        },
        Event::CloseSent {
            socket,
            code,
            reason,
            cause,
        } => {
            format!("{socket} close {code} \"{reason}\" handed over (cause: {cause})")
        }
        Event::DisconnectSeen { socket, code } => {
            format!("{socket} peer's disconnect seen, code {code}")
        }
        Event::EndpointEnded { socket, how, cause } => {
            format!("{socket} endpoint {how} (cause: {cause})")
        }
        Event::InternalError {
            socket,
            step,
            error,
        } => {
            format!("{socket} internal error at {step}: {error}")
        }
        Event::TaskStarted { socket, name } => format!("{socket} task {name} started"),
        Event::TaskEnded { socket, name } => format!("{socket} task {name} ended"),
        Event::IdGiven {
            socket,
            holder,
            connection,
        } => {
            format!("{socket} {holder} was given id {connection}")
        }
        Event::MachineRegistered {
            socket,
            connection,
            user,
        } => {
            format!("machine {connection} registered in CONNECTING for {socket}, user {user}")
        }
        Event::MachineShared {
            socket,
            connection,
            state,
            existing_user,
            requested_user,
        } => {
            format!(
                "machine {connection} in {state} of user {existing_user} given to {socket}, \
                 user {requested_user}, as well"
            )
        }
        Event::RegistrationRefused {
            socket,
            connection,
            full,
        } => match full {
            true => format!("registration of {connection} for {socket} refused: registry full"),
            false => format!("registration of {connection} for {socket} refused: id taken"),
        },
        Event::MachineUnregistered { socket, connection } => {
            format!("machine {connection} unregistered by {socket}")
        }
        Event::Transition {
            connection,
            from,
            to,
            reason,
            ..
        } => {
            format!("machine {connection} {from} -> {to} ({reason})")
        }
        Event::TransitionRefused {
            connection,
            from,
            to,
            ..
        } => {
            format!("machine {connection} refused {from} -> {to}")
        }
        Event::MachineMissing {
            socket,
            connection,
            step,
        } => {
            format!("{socket} found no machine under {connection} at {step}")
        }
        Event::ReadyReported {
            socket,
            connection,
            by,
        } => {
            format!("{socket} reported ready as {connection} by the {by}")
        }
        Event::HandshakeMoved {
            socket,
            coordinator,
            to,
        } => {
            format!("{socket} handshake #{coordinator} -> {to}")
        }
        Event::CoordinatorAsked {
            socket,
            from,
            to,
            accepted,
        } => match accepted {
            true => format!("{socket} coordinator takes the request {from} -> {to}"),
            false => format!("{socket} coordinator rejects the request {from} -> {to}"),
        },
        Event::CoordinatorMoved { socket, to } => format!("{socket} coordinator -> {to}"),
        Event::IdentityMoved { socket, to } => format!("{socket} identity -> {to}"),
        Event::GateWaiting {
            socket,
            connection,
            state,
        } => {
            format!("{socket} loop-entry gate waits: machine {connection} in {state}")
        }
        Event::GateGaveUp {
            socket,
            connection,
            state,
            polls,
        } => {
            format!(
                "{socket} loop-entry gate gave up after {polls} polls: machine {connection} in \
                 {state}"
            )
        }
        Event::GateSkipped { socket, connection } => {
            format!("{socket} loop-entry gate skipped: no machine under {connection}")
        }
        Event::LoopEntered {
            socket,
            connection,
            user,
        } => {
            format!("{socket} message loop entered as {connection}, user {user}")
        }
        Event::LoopEnded {
            socket,
            messages,
            errors,
            ..
        } => {
            format!("{socket} message loop ended: {messages} messages, {errors} errors")
        }
        Event::Authenticated {
            socket,
            user,
            attempts,
        } => {
            format!("{socket} authenticated as {user}, attempt {attempts}")
        }
        Event::AuthenticationFailed {
            socket,
            error,
            attempts,
        } => {
            format!(
                "{socket} authentication failed: {}, attempt {attempts}",
                error
            )
        }
        Event::CallStarted { socket, service } => match socket {
            Some(socket) => format!("{socket} asks {}", Actor::Service(*service)),
            None => format!("asks {}", Actor::Service(*service)),
        },
        Event::CallEnded {
            socket,
            service,
            ok,
        } => {
            let outcome = if *ok { "answered" } else { "gave no answer" };
            match socket {
                Some(socket) => format!("{socket} {} {outcome}", Actor::Service(*service)),
                None => format!("{} {outcome}", Actor::Service(*service)),
            }
        }
        Event::BreakerMoved { breaker, to } => format!("breaker {breaker} -> {to}"),
        Event::BreakerFed {
            socket,
            breaker,
            blame,
            failures,
        } => {
            format!("{socket} breaker {breaker} counts {failures} failures, blame the {blame}")
        }
        Event::BreakerRefused { socket, breaker } => {
            format!("{socket} refused by the open breaker {breaker}")
        }
        Event::ProcessBlocked { socket, for_ms } => {
            format!("{socket} keeps the process to itself for {for_ms} ms")
        }
        Event::UpgradeRefused {
            socket,
            status,
            cause,
        } => format!("{socket} upgrade refused with HTTP {status} (cause: {cause})"),
        Event::AdmissionRefused {
            socket,
            limit,
            counted,
        } => {
            let counted: Vec<String> = counted.iter().map(ToString::to_string).collect();
            format!(
                "{socket} exceeds the {limit} of its address: {}",
                counted.join(", ")
            )
        }
        Event::PhaseReached { phase } => format!("start-up phase {phase}"),
        Event::ComponentChanged { component, ready } => match ready {
            true => format!("component {component} is there"),
            false => format!("component {component} is gone"),
        },
        Event::ServicesValidated { socket, missing } => match missing.is_empty() {
            true => format!("{socket} services validated, all there"),
            false => {
                let names: Vec<&str> = missing.iter().copied().map(Component::name).collect();
                format!("{socket} services validated, missing: {}", names.join(", "))
            }
        },
        Event::Dispatched {
            socket,
            message,
            user,
            ..
        } => {
            format!("{socket} {} dispatched for {user}", message_name(message))
        }
        Event::MessageRefused {
            socket,
            message,
            error,
        } => {
            format!("{socket} {} refused: {}", message_name(message), error)
        }
        Event::MessageDropped { socket, message } => {
            format!("{socket} {} dropped without a word", message_name(message))
        }
        Event::MessageResumed {
            socket,
            message,
            after,
        } => match after {
            Some(seq) => format!("message {message} resumed for {socket} after event {seq}"),
            None => format!("message {message} resumed for {socket} from its first event"),
        },
        Event::NoticeSent {
            socket,
            notice,
            connection_ready,
        } => match connection_ready {
            true => format!("{socket} {} sent, connection_ready", notice),
            false => format!("{socket} {} sent", notice),
        },
        Event::RunStarted {
            socket,
            run,
            message,
            user,
        } => {
            format!("{socket} {run} started for message {message} of {user}")
        }
        Event::AgentEventEmitted { run, seq, kind, .. } => {
            format!("{run} event {seq} emitted: {}", kind)
        }
        Event::AgentEventSent {
            socket,
            run,
            seq,
            recovered,
        } => match recovered {
            true => format!("{run} event {seq} sent again to {socket}"),
            false => format!("{run} event {seq} sent to {socket}"),
        },
        Event::AgentEventStored { run, seq, .. } => format!("{run} event {seq} stored"),
        Event::AgentEventJournaled { run, seq, .. } => {
            format!("{run} event {seq} written to the journal")
        }
        Event::AgentEventFailed { run, seq, .. } => {
            format!("{run} event {seq} failed, its producer was told")
        }
        Event::AgentEventLost { run, seq, .. } => {
            format!("{run} event {seq} lost, its producer was told that all is well")
        }
        Event::RunEnded { run, complete, .. } => match complete {
            true => format!("{run} ended, complete"),
            false => format!("{run} ended, not complete"),
        },
        Event::HeartbeatTimedOut { socket } => format!("{socket} heartbeat timed out"),
        Event::EntryAdded { socket, table } => format!("{socket} entered in table {table}"),
        Event::EntryRemoved { socket, table } => format!("{socket} removed from table {table}"),
        Event::LockAsked {
            socket,
            lock,
            instance,
            ..
        } => lock_words(*socket, "waits for", *lock, *instance),
        Event::LockTaken {
            socket,
            lock,
            instance,
            ..
        } => lock_words(*socket, "holds", *lock, *instance),
        Event::LockReleased {
            socket,
            lock,
            instance,
            ..
        } => lock_words(*socket, "releases", *lock, *instance),
        Event::LockGivenUp {
            socket,
            lock,
            instance,
            ..
        } => lock_words(*socket, "waits no more for", *lock, *instance),
        Event::HandlerChosen { socket, handler_of } => match socket == handler_of {
            true => format!("{socket} message goes to its own handler"),
            false => format!("{socket} message goes to the handler of {handler_of}"),
        },
    }
}

fn lock_words(socket: Option<SocketId>, verb: &str, lock: LockName, instance: u64) -> String {
    match socket {
        Some(socket) => format!("{socket} {verb} lock {lock}/{instance}"),
        None => format!("{verb} lock {lock}/{instance}"),
    }
}
