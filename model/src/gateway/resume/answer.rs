//! The answer to one message on its way to one connection: what the journal of the run has, and
//! what comes, in order, until its end.

use std::{future::Future, pin::Pin, rc::Rc, time::Duration};

use super::Asked;
use crate::{
    core::{
        ledger::{Answer, Command, Page, Status},
        message::{AgentEvent, ErrorCode, Request},
    },
    design::{EventDelivery, SilentRun},
    event::TaskName,
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

/// How often the journal of a run that goes on elsewhere is read, and how soon an event is sent
/// again that nobody took.
pub const POLL_EVERY: Duration = Duration::from_millis(250);

/// Messages that one connection is being answered at the same time. More than a client's own queue
/// holds (protocol.md 7.1).
pub const MAX_ANSWERS: usize = 128;

/// How giving an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    /// With the last event or an error, or with the connection.
    All,
    /// The run is silent, and somebody else is to execute the message.
    NotYet,
}

/// The answer to one message, being given to one connection.
struct Answering<E: Env> {
    asked: Rc<Asked<E>>,
    to: Rc<Addressee<E>>,
    /// The number of the event that comes next.
    next: u32,
}

impl<E: Env> Asked<E> {
    /// Gives the connection the answer to the message, where there are journals. A connection that
    /// is being given it already is given it once.
    pub(crate) fn answer(self: &Rc<Self>) {
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
            next: self.request.after.map_or(0, |seq| seq + 1),
        };
        self.connection
            .spawn_owned(TaskName::Answer, answering.give());
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
                let request = Request {
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
            let read = Command::Read { from: self.next };
            let given = match self.ask(read).await {
                Ok(Answer::Page(page)) => self.pass_on(page).await,
                // Forgotten: whatever became of it, no more is heard of it.
                Ok(Answer::Unknown) => Some(self.say_failed().await),
                // Without Redis nothing is known; the next look may find more.
                Err(_) => None,
                Ok(answer @ (Answer::Done | Answer::Taken | Answer::Full | Answer::NotYours)) => {
                    panic!("the ledger answered a look with {answer:?}")
                }
            };
            match given {
                Some(given) => return given,
                None if self.pause().await => {}
                None => return Given::All,
            }
        }
    }

    /// Sends what a page has; says how giving ended if it did.
    async fn pass_on(&mut self, page: Page) -> Option<Given> {
        for kind in page.events {
            let event = AgentEvent {
                run: page.run,
                message: self.asked.request.id.clone(),
                seq: self.next,
                event: kind,
                recovered: self.asked.request.after.is_some(),
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
                SilentRun::ExecutedAgain => Some(Given::NotYet),
                SilentRun::Failed => {
                    // If it cannot be asked, or the run has spoken again, the next look tells.
                    let _ = self.ask(Command::FailIfSilent).await;
                    None
                }
            },
        }
    }

    /// Sends one event; false if the connection is over.
    async fn send(&self, event: AgentEvent) -> bool {
        let container = &self.asked.container;
        match container.design.event_delivery {
            EventDelivery::Inline => {
                // What nobody took stays in the journal, and is taken from there again.
                while hand_over(container, &self.to, event.clone()).await == Handed::ToNobody {
                    if !self.pause().await {
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
                        // Nobody waits for it.
                        Handed::Over | Handed::ToNobody => {}
                    }
                };
                let name = TaskName::EventDelivery;
                container.env.spawn(name, Some(asker), task);
                true
            }
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
    async fn pause(&self) -> bool {
        let pause = self.asked.container.env.sleep(POLL_EVERY);
        match first(self.to.connection.over(), pause).await {
            First::Left(()) => false,
            First::Right(()) => true,
        }
    }

    async fn ask(&self, command: Command) -> Result<Answer, CallError> {
        let env = &self.asked.container.env;
        let key = self.asked.key();
        calls::ask_ledger(env, self.to.asker, &key, command, POLL_EVERY).await
    }
}

/// The message is to be executed by somebody else than the run that is silent. Boxed, because
/// that may come to giving the answer again.
fn ask_again<E: Env>(asked: &Asked<E>, request: Request) -> Pin<Box<dyn Future<Output = ()>>> {
    let (container, connection) = (asked.container.clone(), asked.connection.clone());
    let (user, handler) = (asked.user.clone(), asked.handler);
    Box::pin(async move { agent::start(&container, &connection, user, request, handler).await })
}
