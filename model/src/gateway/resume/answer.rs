//! The answer to one message on its way to one connection: what the journal of the run has, and
//! what comes, in order, until its end.

use std::{future::Future, pin::Pin, rc::Rc, time::Duration};

use super::Asked;
use crate::{
    core::{
        ledger::{JournalPage, LEASE, LedgerAnswer, LedgerCommand, Status},
        message::{AgentEvent, ErrorCode, RunRequest},
    },
    design::{EventDelivery, JournalReading, ResumePoint, SilentRun},
    event::{Limit, TaskName},
    gateway::{
        agent, calls,
        emission::{Addressee, Handed, hand_over},
        journal::Journal,
    },
    port::{
        env::{CallError, Env},
        wait::{First, first},
    },
};

/// How often the journal of a run that goes on elsewhere is read, and how soon an event that was
/// not taken is sent again.
pub const POLL_EVERY: Duration = Duration::from_millis(250);

/// Messages that one connection is being answered at the same time. More than a client's own queue
/// holds (docs/protocol.md#client-queues).
pub const MAX_ANSWERS: usize = 128;

/// How giving an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    /// With the last event or an error, or with the connection.
    All,
    /// The run is silent, and another run is to execute the message.
    NotYet,
}

/// The answer to one message, being given to one connection.
struct Answering<E: Env> {
    asked: Rc<Asked<E>>,
    to: Rc<Addressee<E>>,
    /// The number of the event that comes next.
    next: u32,
    /// The client has events of this run already.
    recovered: bool,
}

impl<E: Env> Asked<E> {
    /// Gives the connection the answer to the message, where there are journals: what follows event
    /// `after` of the run. A connection that is being given it already is given it once.
    pub(crate) fn answer(self: &Rc<Self>, after: Option<u32>) {
        if !self.is_journaled() || !self.connection.begin_answer(&self.request.id) {
            return;
        }
        let answering = Answering {
            asked: self.clone(),
            to: Rc::new(Addressee {
                user: self.user.clone(),
                thread: self.request.thread.clone(),
                asker: self.connection.socket_id(),
                connection: self.connection.clone(),
            }),
            next: self.resumes_behind(after),
            recovered: after.is_some(),
        };
        self.connection
            .spawn_owned(TaskName::Answer, answering.give());
    }
}

impl<E: Env> Asked<E> {
    /// The number of the first event that a client is given which says that it has those up to
    /// `after`.
    fn resumes_behind(&self, after: Option<u32>) -> u32 {
        let Some(latest) = after else {
            return 0;
        };
        match self.container.design.resume_point {
            ResumePoint::BehindTheLast => latest + 1,
            ResumePoint::Start => 0,
            ResumePoint::OneTooFar => latest + 2,
        }
    }
}

impl<E: Env> Drop for Answering<E> {
    fn drop(&mut self) {
        self.asked.connection.end_answer(&self.asked.request.id);
    }
}

impl<E: Env> Answering<E> {
    async fn give(mut self) {
        let asked = self.asked.clone();
        let given = match asked.container.journals.of(&asked.key()) {
            Some(journal) => self.listen(&journal).await,
            None => self.poll().await,
        };
        match given {
            Given::All => {}
            Given::NotYet => {
                let request = RunRequest {
                    after: self.next.checked_sub(1),
                    ..asked.request.clone()
                };
                drop(self);
                ask_again(&asked, request).await;
            }
        }
    }

    /// From a run of this container.
    async fn listen(&mut self, journal: &Journal) -> Given {
        loop {
            let page = match first(self.to.connection.over(), journal.read(self.next)).await {
                First::Left(()) => return Given::All,
                First::Right(page) => page,
            };
            if let Some(given) = self.pass_on(page).await {
                return given;
            }
        }
    }

    /// From a run of another container, or one that is over.
    async fn poll(&mut self) -> Given {
        loop {
            let read = LedgerCommand::Read { from: self.next };
            let given = match self.ask(read).await {
                Ok(LedgerAnswer::Page(page)) => self.pass_on(page).await,
                // Forgotten: there is nothing more to read.
                Ok(LedgerAnswer::Unknown) => Some(self.say_failed().await),
                // Without Redis nothing is known; the next look may find more.
                Err(_) => None,
                Ok(
                    answer @ (LedgerAnswer::Done
                    | LedgerAnswer::Taken
                    | LedgerAnswer::Full
                    | LedgerAnswer::TooOld
                    | LedgerAnswer::NotYours),
                ) => {
                    panic!("the ledger answered a look with {answer:?}")
                }
            };
            match given {
                Some(given) => return given,
                None if self.pause(self.reads_every()).await => {}
                None => return Given::All,
            }
        }
    }

    /// Sends the events of a page; returns how the answer ended if it did.
    async fn pass_on(&mut self, page: JournalPage) -> Option<Given> {
        for kind in page.events {
            let event = AgentEvent {
                run: page.run,
                message: self.asked.request.id.clone(),
                seq: self.next,
                event: kind,
                recovered: self.recovered,
            };
            if !self.send(event).await {
                return Some(Given::All);
            }
            self.next += 1;
        }
        match page.status {
            Status::Running => None,
            Status::Completed => Some(Given::All),
            Status::Failed => Some(self.say_failed().await),
            Status::Silent => match self.asked.container.design.silent_run {
                SilentRun::Awaited => None,
                SilentRun::ExecutedAgain => {
                    self.lease_is_over();
                    Some(Given::NotYet)
                }
                SilentRun::Failed => {
                    self.lease_is_over();
                    // If it cannot be asked, or the run has continued, the next read shows it.
                    let _ = self.ask(LedgerCommand::FailIfSilent).await;
                    None
                }
            },
        }
    }

    fn lease_is_over(&self) {
        self.to.connection.reached(Limit::Lease, LEASE);
    }

    /// Sends one event; false if the connection is over.
    async fn send(&self, event: AgentEvent) -> bool {
        let container = &self.asked.container;
        match container.design.event_delivery {
            EventDelivery::Inline => {
                // What was not taken stays in the journal, and is read from there again.
                while hand_over(container, &self.to, event.clone()).await == Handed::NotTaken {
                    if !self.pause(POLL_EVERY).await {
                        return false;
                    }
                }
                true
            }
            EventDelivery::Detached => {
                let (carrier, to) = (container.clone(), self.to.clone());
                let asker = to.asker;
                let task = async move {
                    match hand_over(&carrier, &to, event).await {
                        // It is not awaited.
                        Handed::Over | Handed::NotTaken => {}
                    }
                };
                let name = TaskName::EventDelivery;
                container.env.spawn(name, Some(asker), task);
                true
            }
        }
    }

    fn reads_every(&self) -> Duration {
        match self.asked.container.design.journal_reading {
            JournalReading::Often => POLL_EVERY,
            JournalReading::EveryMinute => Duration::from_secs(60),
        }
    }

    async fn say_failed(&self) -> Given {
        let message = self.asked.request.id.clone();
        let connection = &self.to.connection;
        connection
            .send_error(ErrorCode::AgentFailed, Some(message))
            .await;
        Given::All
    }

    /// Waits before another look; false if the connection is over.
    async fn pause(&self, time: Duration) -> bool {
        let pause = self.asked.container.env.sleep(time);
        match first(self.to.connection.over(), pause).await {
            First::Left(()) => false,
            First::Right(()) => true,
        }
    }

    async fn ask(&self, command: LedgerCommand) -> Result<LedgerAnswer, CallError> {
        let env = &self.asked.container.env;
        let key = self.asked.key();
        calls::ask_ledger(env, self.to.asker, &key, command, POLL_EVERY).await
    }
}

/// The message is to be executed by another run than the silent one. Boxed, because
/// that may come to giving the answer again.
fn ask_again<E: Env>(asked: &Asked<E>, request: RunRequest) -> Pin<Box<dyn Future<Output = ()>>> {
    let (container, connection) = (asked.container.clone(), asked.connection.clone());
    let (user, handler) = (asked.user.clone(), asked.handler);
    Box::pin(async move { agent::start(&container, &connection, user, request, handler).await })
}
