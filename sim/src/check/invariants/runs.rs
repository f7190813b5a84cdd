//! Every event of an agent run is delivered, stored and replayed, or reported to its producer as
//! failed; and every run ends (I-12).
//!
//! Knows from: the events of runs (`RunStarted` to `RunEnded`, `AgentEvent...`), the welcome of the user's
//! next connection, and the tasks and endpoint that a run needs to go on.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gatesim_model::{
    core::{
        ids::{MessageId, RunId, SocketId, UserId},
        message::AgentEventKind,
        time::Time,
    },
    event::{Event, ReadySource, TaskName},
};

use super::{
    deadlines::Deadlines,
    event_sequence::EventSequence,
    limits::Limits,
    rule::{Findings, Rule},
    view::{LiveConnection, LiveView, container_of},
};
use crate::{
    check::per_client::PerClient,
    trace::{
        event::{Fact, TraceEvent, WorldEvent},
        vocabulary::Subject,
    },
};

/// Follows each event from emission to its fate, and each run to its end.
///
/// An event is *settled* when it has been handed to a transport that had not ended, or reported to
/// its producer as failed. A stored event waits for its user's next ready connection to the same
/// container, and must be settled within a bound from then on. The end of a container ends its
/// runs.
pub(super) struct FiveEventsComplete {
    delivery_bound: Duration,
    run_bound: Duration,
    runs: BTreeMap<RunKey, FollowedRun>,
    owners: PerClient<SocketId, RunOwner>,
    stored: BTreeMap<(u32, UserId), BTreeSet<EventKey>>,
    due: Deadlines<RunDeadline>,
}

/// Container and run.
type RunKey = (u32, RunId);
/// Run and sequence number.
type EventKey = (RunKey, u32);

struct FollowedRun {
    socket: SocketId,
    user: UserId,
    message: MessageId,
    sequence: EventSequence,
    unsettled: BTreeMap<u32, UnsettledState>,
    progress: JudgedRun,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum JudgedRun {
    Going,
    Ended,
}

/// What an event that is not settled waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UnsettledState {
    Fate,
    Replay,
}

/// The runs that a connection started and that go on, and the tasks it has for them.
struct RunOwner {
    container: u32,
    runs: BTreeSet<RunKey>,
    tasks: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum RunDeadline {
    End(RunKey),
    Fate(EventKey),
    /// The user's connection that should have been given the stored event.
    Replay(EventKey, SocketId),
}

impl FiveEventsComplete {
    pub(super) fn new(limits: &Limits) -> Self {
        FiveEventsComplete {
            delivery_bound: limits.delivery,
            run_bound: limits.run,
            runs: BTreeMap::new(),
            owners: PerClient::new(),
            stored: BTreeMap::new(),
            due: Deadlines::new(),
        }
    }

    fn start(&mut self, entry: &TraceEvent, key: RunKey, run: FollowedRun) {
        self.owner(run.socket, key.0).runs.insert(key);
        self.due
            .arm(RunDeadline::End(key), entry.time + self.run_bound);
        self.runs.insert(key, run);
    }

    fn owner(&mut self, socket: SocketId, container: u32) -> &mut RunOwner {
        self.owners.entry(socket).or_insert_with(|| RunOwner {
            container,
            runs: BTreeSet::new(),
            tasks: 0,
        })
    }

    fn emit(&mut self, entry: &TraceEvent, key: EventKey, kind: AgentEventKind) {
        if let Some(run) = self.runs.get_mut(&key.0) {
            run.sequence.add(kind);
            run.unsettled.insert(key.1, UnsettledState::Fate);
            self.due
                .arm(RunDeadline::Fate(key), entry.time + self.delivery_bound);
        }
    }

    fn store(&mut self, key: EventKey) {
        if let Some(run) = self.runs.get_mut(&key.0) {
            run.unsettled.insert(key.1, UnsettledState::Replay);
            let shelf = (key.0.0, run.user.clone());
            self.stored.entry(shelf).or_default().insert(key);
            self.due.disarm(&RunDeadline::Fate(key));
        }
    }

    fn settle(&mut self, key: EventKey) {
        self.due.disarm(&RunDeadline::Fate(key));
        let Some(run) = self.runs.get_mut(&key.0) else {
            return;
        };
        if run.unsettled.remove(&key.1) == Some(UnsettledState::Replay) {
            let shelf = (key.0.0, run.user.clone());
            if let Some(events) = self.stored.get_mut(&shelf) {
                events.remove(&key);
                if events.is_empty() {
                    self.stored.remove(&shelf);
                }
            }
        }
        self.forget_if_over(key.0);
    }

    /// The user has a ready connection again: what was stored must be settled within the bound.
    fn user_ready(&mut self, entry: &TraceEvent, container: u32, user: &UserId, socket: SocketId) {
        if let Some(events) = self.stored.get(&(container, user.clone())) {
            let at = entry.time + self.delivery_bound;
            for key in events {
                self.due.arm_once(RunDeadline::Replay(*key, socket), at);
            }
        }
    }

    fn end(&mut self, key: RunKey, complete: bool, found: &mut Findings) {
        self.due.disarm(&RunDeadline::End(key));
        let Some(run) = self.runs.get_mut(&key) else {
            return;
        };
        run.progress = JudgedRun::Ended;
        let socket = run.socket;
        for flaw in run.sequence.flaws().filter(|_| complete) {
            let cause = format_args!("run reported complete although {flaw}");
            found.add((socket, &run.message), cause, || {
                format!(
                    "{} of {socket} for message {} was reported complete although {flaw}.",
                    key.1, run.message
                )
            });
        }
        if let Some(owner) = self.owners.get_mut(&socket) {
            owner.runs.remove(&key);
            self.forget_owner_if_idle(socket);
        }
        self.forget_if_over(key);
    }

    fn forget_if_over(&mut self, key: RunKey) {
        if self
            .runs
            .get(&key)
            .is_some_and(|run| run.progress == JudgedRun::Ended && run.unsettled.is_empty())
        {
            self.runs.remove(&key);
        }
    }

    fn forget_owner_if_idle(&mut self, socket: SocketId) {
        if self
            .owners
            .get(&socket)
            .is_some_and(|owner| owner.tasks == 0 && owner.runs.is_empty())
        {
            self.owners.remove(&socket);
        }
    }

    /// A run whose endpoint has ended and that has no task of its own can never end.
    fn abandoned(&mut self, socket: SocketId, found: &mut Findings) {
        let owner = self.owners.get(&socket).filter(|owner| owner.tasks == 0);
        for key in owner.into_iter().flat_map(|owner| &owner.runs) {
            // Said here, and not again when its bound has passed.
            self.due.disarm(&RunDeadline::End(*key));
            if let Some(run) = self.runs.get(key) {
                found.add((socket, &run.message), "run abandoned", || {
                    format!(
                        "The endpoint of {socket} and its tasks ended in the middle of {} for \
                         message {}: the run will never end.",
                        key.1, run.message
                    )
                });
            }
        }
    }

    fn task_ended(&mut self, view: &LiveView, socket: SocketId, found: &mut Findings) {
        let Some(owner) = self.owners.get_mut(&socket) else {
            return;
        };
        owner.tasks = owner.tasks.saturating_sub(1);
        let endpoint_runs = view
            .connection(socket)
            .is_some_and(|connection| connection.endpoint_ended.is_none());
        if !endpoint_runs {
            self.abandoned(socket, found);
        }
        self.forget_owner_if_idle(socket);
    }

    fn container_gone(&mut self, container: u32) {
        self.runs.retain(|key, _| key.0 != container);
        // A task may not have begun its run yet.
        self.owners.retain(|_, owner| owner.container != container);
        self.stored.retain(|key, _| key.0 != container);
        let runs = &self.runs;
        self.due.retain(|due| match due {
            RunDeadline::End(run)
            | RunDeadline::Fate((run, _))
            | RunDeadline::Replay((run, _), _) => runs.contains_key(run),
        });
    }
}

impl Rule for FiveEventsComplete {
    fn subjects(&self) -> u32 {
        Subject::Run.bit() | Subject::Ready.bit() | Subject::Holding.bit() | Subject::Life.bit()
    }

    fn observe(&mut self, view: &LiveView, entry: &TraceEvent, found: &mut Findings) {
        let at = |run: &RunId| (container_of(entry), *run);
        match &entry.fact {
            Fact::Protocol(Event::RunStarted {
                socket,
                run,
                message,
                user,
            }) => {
                let started = FollowedRun {
                    socket: *socket,
                    user: user.clone(),
                    message: message.clone(),
                    sequence: EventSequence::default(),
                    unsettled: BTreeMap::new(),
                    progress: JudgedRun::Going,
                };
                self.start(entry, at(run), started);
            }
            Fact::Protocol(Event::RunEnded { run, complete, .. }) => {
                self.end(at(run), *complete, found);
            }
            Fact::Protocol(Event::AgentEventEmitted { run, seq, kind, .. }) => {
                self.emit(entry, (at(run), *seq), *kind);
            }
            Fact::Protocol(Event::AgentEventSent {
                socket, run, seq, ..
            }) => {
                self.settle((at(run), *seq));
                if !has_transport(view, *socket) {
                    found.add(*socket, "event sent into an ended transport", || {
                        format!(
                            "Event {seq} of {run} was handed to {socket}, whose transport had \
                             ended, and counts as sent."
                        )
                    });
                }
            }
            Fact::Protocol(Event::AgentEventStored { run, seq, .. }) => {
                self.store((at(run), *seq));
            }
            Fact::Protocol(
                Event::AgentEventFailed { run, seq, .. }
                | Event::AgentEventJournaled { run, seq, .. },
            ) => {
                self.settle((at(run), *seq));
            }
            Fact::Protocol(Event::AgentEventLost { socket, run, seq }) => {
                found.add(*socket, "event lost without a report", || {
                    format!(
                        "Event {seq} of {run} could not be handed to {socket}, and its producer \
                         was told that it succeeded."
                    )
                });
            }
            Fact::Protocol(Event::ReadyReported {
                socket,
                by: ReadySource::Welcome,
                ..
            }) => {
                let connection = view.connection(*socket);
                if let Some(user) = connection.and_then(|connection| connection.user.as_ref()) {
                    self.user_ready(entry, container_of(entry), user, *socket);
                }
            }
            Fact::Protocol(Event::TaskStarted {
                socket,
                name: TaskName::AgentRun,
            }) => {
                self.owner(*socket, container_of(entry)).tasks += 1;
            }
            Fact::Protocol(Event::TaskEnded {
                socket,
                name: TaskName::AgentRun,
            }) => {
                self.task_ended(view, *socket, found);
            }
            Fact::Protocol(Event::EndpointEnded { socket, .. }) => self.abandoned(*socket, found),
            Fact::World(WorldEvent::ContainerGone { container, .. }) => {
                self.container_gone(*container);
            }
            Fact::Protocol(_) | Fact::World(_) => {}
        }
    }

    fn has_deadlines(&self) -> bool {
        true
    }

    fn deadline(&mut self, view: &LiveView, now: Time, found: &mut Findings) {
        let (run_bound, delivery_bound) = (self.run_bound, self.delivery_bound);
        let bound = |due: &RunDeadline| match due {
            RunDeadline::End(_) => run_bound,
            RunDeadline::Fate(_) | RunDeadline::Replay(..) => delivery_bound,
        };
        let stalled = |due: &RunDeadline, since| {
            let ((container, _), _) = match due {
                RunDeadline::End(run) => (*run, 0),
                RunDeadline::Fate(key) | RunDeadline::Replay(key, _) => *key,
            };
            view.stalled(container, since, now)
        };
        while let Some((time, due)) = self.due.missed(now, bound, stalled) {
            self.overdue(view, &due, found.at(time));
        }
    }
}

impl FiveEventsComplete {
    fn overdue(&self, view: &LiveView, due: &RunDeadline, found: &mut Findings) {
        let (RunDeadline::End(key)
        | RunDeadline::Fate((key, _))
        | RunDeadline::Replay((key, _), _)) = due;
        let Some(run) = self.runs.get(key) else {
            return;
        };
        let (socket, message) = (run.socket, &run.message);
        let about = (socket, message);
        match due {
            RunDeadline::End(_) => found.add(about, "run does not end", || {
                format!(
                    "{} of {socket} for message {message} has not ended after {} s.",
                    key.1,
                    self.run_bound.as_secs()
                )
            }),
            RunDeadline::Fate((_, seq)) => {
                found.add(about, "event neither sent, stored nor failed", || {
                    format!(
                        "Event {seq} of {} for message {message} was neither sent, stored nor \
                         failed within {} s.",
                        key.1,
                        self.delivery_bound.as_secs()
                    )
                });
            }
            // Gone again before the replay: the next connection has a bound of its own.
            RunDeadline::Replay((_, seq), socket)
                if run.unsettled.contains_key(seq)
                    && view.connection(*socket).is_some_and(LiveConnection::lives) =>
            {
                found.add((*socket, message), "stored event not replayed", || {
                    format!(
                        "{socket} of {} has been ready for {} s, and the stored event {seq} of {} \
                         for message {message} was not replayed.",
                        run.user,
                        self.delivery_bound.as_secs(),
                        key.1,
                    )
                });
            }
            RunDeadline::Replay(..) => {}
        }
    }
}

/// A transport that has ended accepts every send and delivers nothing.
fn has_transport(view: &LiveView, socket: SocketId) -> bool {
    view.connection(socket)
        .is_some_and(|connection| connection.transport_ended.is_none())
}
