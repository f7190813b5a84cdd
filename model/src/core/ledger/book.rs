//! What the ledger remembers, and what each command does to it. Pure.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{
    BEGUN_WITHIN, JournalPage, KEPT_FOR, LEASE, LedgerAnswer, LedgerCommand, MAX_STEPS, MessageKey,
    Rival, Status,
};
use crate::core::{ids::RunId, message::AgentEventKind, time::Time};

/// Messages that the ledger holds at most.
pub const MAX_ENTRIES: usize = 200_000;

/// Events of one run at most: its steps, and the one that starts it.
const MAX_JOURNAL: usize = MAX_STEPS as usize + 1;

/// The ledger.
#[derive(Debug, Default)]
pub struct Book {
    entries: BTreeMap<MessageKey, MessageEntry>,
    /// In the order of claiming.
    claimed: VecDeque<(Time, MessageKey)>,
    /// When it was last asked.
    asked: Time,
    /// From when on it calls runs silent: a while after a time in which it could not be asked.
    judges_from: Time,
}

#[derive(Debug)]
struct MessageEntry {
    owner: RunId,
    leased_until: Time,
    journal: Vec<AgentEventKind>,
    end: Option<RunOutcome>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RunOutcome {
    Completed,
    Failed,
}

impl Book {
    /// Nothing claimed yet.
    pub fn new() -> Self {
        Book::default()
    }

    /// Carries out one command, as one step.
    pub fn execute(&mut self, now: Time, key: &MessageKey, command: LedgerCommand) -> LedgerAnswer {
        self.forget_old(now);
        self.note_asked(now);
        match command {
            LedgerCommand::Claim { owner, rival, age } => self.claim(now, key, owner, rival, age),
            LedgerCommand::Append { owner, seq, kind } => {
                self.owned(key, owner, |entry| entry.append(now, seq, kind))
            }
            LedgerCommand::Renew { owner } => self.owned(key, owner, |entry| entry.renew(now)),
            LedgerCommand::Fail { owner } => self.owned(key, owner, MessageEntry::fail),
            LedgerCommand::FailIfSilent => match self.entries.get_mut(key) {
                None => LedgerAnswer::Unknown,
                Some(entry) if entry.is_silent(now, self.judges_from) => entry.fail(),
                Some(_) => LedgerAnswer::NotYours,
            },
            LedgerCommand::Read { from } => match self.entries.get(key) {
                None => LedgerAnswer::Unknown,
                Some(entry) => LedgerAnswer::Page(entry.page(now, self.judges_from, from)),
            },
        }
    }

    fn claim(
        &mut self,
        now: Time,
        key: &MessageKey,
        owner: RunId,
        rival: Rival,
        age: Duration,
    ) -> LedgerAnswer {
        if let Some(entry) = self.entries.get(key) {
            if entry.owner == owner {
                return LedgerAnswer::Done;
            }
            let free = match rival {
                Rival::Respected => false,
                Rival::SucceededIfSilent => entry.is_silent(now, self.judges_from),
                Rival::Displaced => true,
            };
            if !free {
                return LedgerAnswer::Taken;
            }
        } else if age > BEGUN_WITHIN {
            return LedgerAnswer::TooOld;
        } else if self.entries.len() >= MAX_ENTRIES {
            return LedgerAnswer::Full;
        } else {
            self.claimed.push_back((now, key.clone()));
        }
        self.entries
            .insert(key.clone(), MessageEntry::new(now, owner));
        LedgerAnswer::Done
    }

    /// A run that is alive renews its lease more often than this. If no command came for so long,
    /// the ledger could not be asked, and what it has not heard says nothing.
    fn note_asked(&mut self, now: Time) {
        if now.since(self.asked) > LEASE / 2 {
            self.judges_from = now + LEASE;
        }
        self.asked = now;
    }

    fn owned(
        &mut self,
        key: &MessageKey,
        owner: RunId,
        act: impl FnOnce(&mut MessageEntry) -> LedgerAnswer,
    ) -> LedgerAnswer {
        match self.entries.get_mut(key) {
            None => LedgerAnswer::Unknown,
            Some(entry) if entry.owner != owner => LedgerAnswer::NotYours,
            Some(entry) => act(entry),
        }
    }

    /// Forgets what was claimed longer than [`KEPT_FOR`] ago, as the keys of Redis expire, and says
    /// what that was. Every command does so first.
    pub fn forget_old(&mut self, now: Time) -> Vec<MessageKey> {
        let mut forgotten = Vec::new();
        while let Some((claimed, _)) = self.claimed.front()
            && now.since(*claimed) > KEPT_FOR
        {
            if let Some((_, key)) = self.claimed.pop_front() {
                self.entries.remove(&key);
                forgotten.push(key);
            }
        }
        forgotten
    }
}

impl MessageEntry {
    fn new(now: Time, owner: RunId) -> Self {
        MessageEntry {
            owner,
            leased_until: now + LEASE,
            journal: Vec::new(),
            end: None,
        }
    }

    fn append(&mut self, now: Time, seq: u32, kind: AgentEventKind) -> LedgerAnswer {
        let next = self.journal.len();
        match self.end {
            None if seq as usize == next && next < MAX_JOURNAL => {
                self.journal.push(kind);
                self.leased_until = now + LEASE;
                if kind == AgentEventKind::AgentCompleted {
                    self.end = Some(RunOutcome::Completed);
                }
                LedgerAnswer::Done
            }
            // The answer to the first try was lost.
            None | Some(RunOutcome::Completed) if (seq as usize) < next => LedgerAnswer::Done,
            None | Some(RunOutcome::Completed | RunOutcome::Failed) => LedgerAnswer::NotYours,
        }
    }

    fn renew(&mut self, now: Time) -> LedgerAnswer {
        match self.end {
            None => {
                self.leased_until = now + LEASE;
                LedgerAnswer::Done
            }
            Some(RunOutcome::Completed | RunOutcome::Failed) => LedgerAnswer::NotYours,
        }
    }

    fn fail(&mut self) -> LedgerAnswer {
        match self.end {
            None | Some(RunOutcome::Failed) => {
                self.end = Some(RunOutcome::Failed);
                LedgerAnswer::Done
            }
            Some(RunOutcome::Completed) => LedgerAnswer::NotYours,
        }
    }

    fn is_silent(&self, now: Time, judges_from: Time) -> bool {
        self.end.is_none() && now > self.leased_until.max(judges_from)
    }

    fn page(&self, now: Time, judges_from: Time, from: u32) -> JournalPage {
        let events = self.journal.get(from as usize..).unwrap_or_default();
        JournalPage {
            run: self.owner,
            events: events.to_vec(),
            status: match self.end {
                None if self.is_silent(now, judges_from) => Status::Silent,
                None => Status::Running,
                Some(RunOutcome::Completed) => Status::Completed,
                Some(RunOutcome::Failed) => Status::Failed,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AgentEventKind::{AgentCompleted, AgentStarted, AgentThinking};

    const SECOND: Duration = Duration::from_secs(1);

    /// A book, and its answers to a sequence of commands at growing times.
    struct Script {
        book: Book,
        now: Time,
    }

    impl Script {
        fn new() -> Self {
            Script {
                book: Book::new(),
                now: Time::ZERO,
            }
        }

        /// Time goes by, in which other messages are asked about.
        fn after(&mut self, pause: Duration) -> &mut Self {
            let until = self.now + pause;
            while until.since(self.now) > SECOND {
                self.now = self.now + SECOND;
                self.ask_about("other", LedgerCommand::FailIfSilent);
            }
            self.now = until;
            self
        }

        /// Time goes by, in which no command gets through.
        fn unreachable_for(&mut self, pause: Duration) -> &mut Self {
            self.now = self.now + pause;
            self
        }

        fn ask(&mut self, command: LedgerCommand) -> LedgerAnswer {
            self.ask_about("m", command)
        }

        fn ask_about(&mut self, message: &str, command: LedgerCommand) -> LedgerAnswer {
            let key = MessageKey {
                user: "ada".into(),
                message: message.into(),
            };
            self.book.execute(self.now, &key, command)
        }

        fn claim(&mut self, run: u32, rival: Rival) -> LedgerAnswer {
            self.claim_again(run, rival, Duration::ZERO)
        }

        fn claim_again(&mut self, run: u32, rival: Rival, age: Duration) -> LedgerAnswer {
            let owner = RunId(run);
            self.ask(LedgerCommand::Claim { owner, rival, age })
        }

        fn append(&mut self, run: u32, seq: u32, kind: AgentEventKind) -> LedgerAnswer {
            let owner = RunId(run);
            self.ask(LedgerCommand::Append { owner, seq, kind })
        }

        fn page(&mut self, from: u32) -> (Vec<AgentEventKind>, Status) {
            match self.ask(LedgerCommand::Read { from }) {
                LedgerAnswer::Page(page) => (page.events, page.status),
                answer => panic!("{answer:?}"),
            }
        }
    }

    #[test]
    fn one_claim_holds_and_may_be_repeated() {
        let mut script = Script::new();
        assert_eq!(script.claim(1, Rival::Respected), LedgerAnswer::Done);
        assert_eq!(script.claim(2, Rival::Respected), LedgerAnswer::Taken);
        assert_eq!(script.claim(1, Rival::Respected), LedgerAnswer::Done);
        script.append(1, 0, AgentStarted);
        script.append(1, 1, AgentThinking);
        script.append(1, 2, AgentCompleted);
        assert_eq!(script.claim(2, Rival::Respected), LedgerAnswer::Taken);
        let whole = vec![AgentStarted, AgentThinking, AgentCompleted];
        assert_eq!(script.page(0), (whole, Status::Completed));
        assert_eq!(script.page(2), (vec![AgentCompleted], Status::Completed));
        assert_eq!(script.page(9), (vec![], Status::Completed));
    }

    #[test]
    fn appending_twice_is_appending_once() {
        let mut script = Script::new();
        script.claim(1, Rival::Respected);
        for _ in 0..2 {
            assert_eq!(script.append(1, 0, AgentStarted), LedgerAnswer::Done);
        }
        assert_eq!(script.page(0), (vec![AgentStarted], Status::Running));
        for _ in 0..2 {
            assert_eq!(script.append(1, 1, AgentCompleted), LedgerAnswer::Done);
        }
        assert_eq!(script.append(1, 2, AgentThinking), LedgerAnswer::NotYours);
        assert_eq!(script.append(2, 2, AgentThinking), LedgerAnswer::NotYours);
    }

    #[test]
    fn any_container_may_end_a_silent_run() {
        let mut script = Script::new();
        script.claim(1, Rival::Respected);
        script.after(LEASE).append(1, 0, AgentStarted);
        assert_eq!(script.after(LEASE).page(1), (vec![], Status::Running));
        // It was not checked: the run may go on.
        assert_eq!(
            script.after(SECOND).append(1, 1, AgentThinking),
            LedgerAnswer::Done
        );
        assert_eq!(
            script.ask(LedgerCommand::FailIfSilent),
            LedgerAnswer::NotYours
        );
        let silent = script.after(LEASE + SECOND).page(2);
        assert_eq!(silent, (vec![], Status::Silent));
        assert_eq!(script.ask(LedgerCommand::FailIfSilent), LedgerAnswer::Done);
        assert_eq!(script.page(2), (vec![], Status::Failed));
        assert_eq!(script.append(1, 2, AgentCompleted), LedgerAnswer::NotYours);
        let owner = RunId(1);
        assert_eq!(
            script.ask(LedgerCommand::Renew { owner }),
            LedgerAnswer::NotYours
        );
        assert_eq!(
            script.ask(LedgerCommand::Fail { owner }),
            LedgerAnswer::Done
        );
    }

    #[test]
    fn an_outage_of_the_ledger_does_not_count_against_a_run() {
        let mut script = Script::new();
        script.claim(1, Rival::Respected);
        let first = script.unreachable_for(LEASE + SECOND).page(0);
        assert_eq!(first, (vec![], Status::Running));
        assert_eq!(
            script.claim(2, Rival::SucceededIfSilent),
            LedgerAnswer::Taken
        );
        // It is given time to say that it is there.
        assert_eq!(script.after(LEASE).page(0), (vec![], Status::Running));
        assert_eq!(script.after(SECOND).page(0), (vec![], Status::Silent));
    }

    #[test]
    fn effect_of_a_claim_on_an_earlier_one() {
        let table = [
            (Rival::Respected, SECOND, LedgerAnswer::Taken),
            (Rival::Respected, LEASE + SECOND, LedgerAnswer::Taken),
            (Rival::SucceededIfSilent, SECOND, LedgerAnswer::Taken),
            (Rival::SucceededIfSilent, LEASE + SECOND, LedgerAnswer::Done),
            (Rival::Displaced, SECOND, LedgerAnswer::Done),
        ];
        for (rival, pause, expected) in table {
            let mut script = Script::new();
            script.claim(1, Rival::Respected);
            let answer = script.after(pause).claim(2, rival);
            assert_eq!(answer, expected, "{rival:?} after {pause:?}");
        }
    }

    #[test]
    fn a_message_is_forgotten_in_the_end() {
        let mut script = Script::new();
        script.claim(1, Rival::Respected);
        script.after(KEPT_FOR + SECOND);
        assert_eq!(script.append(1, 0, AgentStarted), LedgerAnswer::Unknown);
    }

    #[test]
    fn what_may_have_been_forgotten_is_not_begun() {
        let again = |script: &mut Script, age| script.claim_again(2, Rival::Respected, age);
        let mut script = Script::new();
        script.claim(1, Rival::Respected);
        script.after(KEPT_FOR);
        assert_eq!(again(&mut script, KEPT_FOR), LedgerAnswer::Taken);
        script.after(SECOND);
        assert_eq!(again(&mut script, KEPT_FOR + SECOND), LedgerAnswer::TooOld);
        assert_eq!(again(&mut script, BEGUN_WITHIN), LedgerAnswer::Done);
    }
}
