//! The journals of the runs that go on in this container.
//!
//! The journal proper is in the ledger that all containers share; this is the copy that the
//! connections of this container listen to. An event is in it once it is in the ledger, so no
//! connection is told what would be lost with this container.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use tokio::sync::Notify;

use crate::{
    core::{
        ids::{RunId, SocketId},
        ledger::{JournalPage, LEASE, LedgerAnswer, LedgerCommand, MessageKey, Status},
        message::AgentEventKind,
    },
    design::JournalNews,
    event::Event,
    gateway::{calls, delivery::outbox::DeliveryReport},
    port::env::Env,
};

/// How long a run tries to write an event down before it fails: as long as a short outage of
/// Redis lasts, and less than the event may take (docs/protocol.md#event-timing).
const APPEND_LIMIT: Duration = Duration::from_secs(20);

/// How often a run without events renews its lease: three times before it expires.
const RENEW_EVERY: Duration = Duration::from_secs(2);

/// How long a run tries to record that it has failed. If it cannot, the expiry of its lease shows
/// the same somewhat later.
const FAIL_LIMIT: Duration = Duration::from_secs(1);

/// The journals of one container, by message.
#[derive(Debug)]
pub struct Journals {
    listeners: JournalNews,
    by_message: RefCell<BTreeMap<MessageKey, Rc<Journal>>>,
}

/// The events of one run so far.
#[derive(Debug)]
pub(crate) struct Journal {
    key: MessageKey,
    run: RunId,
    asker: SocketId,
    events: RefCell<Vec<AgentEventKind>>,
    status: Cell<Status>,
    listeners: JournalNews,
    news: Notify,
}

impl Journals {
    /// No run yet. `listeners` are told of news.
    pub fn new(listeners: JournalNews) -> Self {
        Journals {
            listeners,
            by_message: RefCell::default(),
        }
    }

    /// A run has claimed its message.
    pub(crate) fn open(&self, key: MessageKey, run: RunId, asker: SocketId) -> Rc<Journal> {
        let journal = Rc::new(Journal {
            key: key.clone(),
            run,
            asker,
            events: RefCell::default(),
            status: Cell::new(Status::Running),
            listeners: self.listeners,
            news: Notify::new(),
        });
        self.by_message.borrow_mut().insert(key, journal.clone());
        journal
    }

    /// The run is over. A connection that still listens has the journal.
    pub(crate) fn close(&self, journal: &Rc<Journal>) {
        journal.end(Status::Failed);
        let mut by_message = self.by_message.borrow_mut();
        let kept = by_message.get(&journal.key);
        if kept.is_some_and(|kept| Rc::ptr_eq(kept, journal)) {
            by_message.remove(&journal.key);
        }
    }

    /// The journal of a message that is being executed here.
    pub(crate) fn of(&self, key: &MessageKey) -> Option<Rc<Journal>> {
        self.by_message.borrow().get(key).cloned()
    }
}

/// Whether the run still owns its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ownership {
    /// It does, and what it asked for was done.
    Ours,
    /// It was declared over, displaced, or forgotten.
    Lost,
}

impl Journal {
    /// Writes one event down.
    pub(crate) async fn append<E: Env>(
        &self,
        env: &E,
        seq: u32,
        kind: AgentEventKind,
    ) -> DeliveryReport {
        let (socket, run) = (self.asker, self.run);
        let command = LedgerCommand::Append {
            owner: run,
            seq,
            kind,
        };
        match self.ask(env, command, APPEND_LIMIT).await {
            Some(Ownership::Ours) => {}
            // Declared over, or displaced; or Redis is down.
            Some(Ownership::Lost) | None => {
                let failed = Event::AgentEventFailed { socket, run, seq };
                env.emit(failed);
                return DeliveryReport::NotDelivered;
            }
        }
        self.events.borrow_mut().push(kind);
        env.emit(Event::AgentEventJournaled { socket, run, seq });
        match kind {
            AgentEventKind::AgentCompleted => self.end(Status::Completed),
            AgentEventKind::AgentStarted
            | AgentEventKind::AgentThinking
            | AgentEventKind::ToolExecuting
            | AgentEventKind::ToolCompleted => self.tell(),
        }
        DeliveryReport::Delivered
    }

    /// Renews the lease again and again. Completes when it is lost: another task has declared the
    /// run over, and its events are no longer accepted.
    pub(crate) async fn keep_lease<E: Env>(&self, env: &E) {
        loop {
            env.sleep(RENEW_EVERY).await;
            let command = LedgerCommand::Renew { owner: self.run };
            match self.ask(env, command, LEASE).await {
                Some(Ownership::Lost) => return,
                // Without Redis no other container can read the lease either.
                Some(Ownership::Ours) | None => {}
            }
        }
    }

    /// Records that the run has failed, if that is possible, and tells the connections that listen
    /// here.
    pub(crate) async fn fail<E: Env>(&self, env: &E) {
        let command = LedgerCommand::Fail { owner: self.run };
        // The run has ended, whichever answer comes.
        self.ask(env, command, FAIL_LIMIT).await;
        self.end(Status::Failed);
    }

    /// Asks for what only the owner of the run may do; none if Redis gave no answer.
    async fn ask<E: Env>(
        &self,
        env: &E,
        command: LedgerCommand,
        limit: Duration,
    ) -> Option<Ownership> {
        let answer = calls::ask_ledger(env, self.asker, &self.key, command, limit);
        match answer.await.ok()? {
            LedgerAnswer::Done => Some(Ownership::Ours),
            LedgerAnswer::NotYours | LedgerAnswer::Unknown => Some(Ownership::Lost),
            answer @ (LedgerAnswer::Taken
            | LedgerAnswer::Full
            | LedgerAnswer::TooOld
            | LedgerAnswer::Page(_)) => {
                panic!("the ledger answered the owner of a run with {answer:?}")
            }
        }
    }

    /// The first end counts.
    fn end(&self, status: Status) {
        match self.status.get() {
            Status::Running | Status::Silent => {
                self.status.set(status);
                self.tell();
            }
            Status::Completed | Status::Failed => {}
        }
    }

    /// There is news.
    fn tell(&self) {
        match self.listeners {
            JournalNews::EveryListener => self.news.notify_waiters(),
            JournalNews::OneListener => self.news.notify_one(),
        }
    }

    /// What there is from event `from` on; waits until there is anything, or the run is over.
    pub(crate) async fn read(&self, from: u32) -> JournalPage {
        loop {
            // Registered before the look, and nothing suspends in between: no news is lost.
            let news = self.news.notified();
            let page = self.page(from);
            if !page.events.is_empty() || page.status != Status::Running {
                return page;
            }
            news.await;
        }
    }

    fn page(&self, from: u32) -> JournalPage {
        let events = self.events.borrow();
        JournalPage {
            run: self.run,
            events: events.get(from as usize..).unwrap_or_default().to_vec(),
            status: self.status.get(),
        }
    }
}
