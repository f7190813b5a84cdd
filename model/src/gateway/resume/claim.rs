//! Which run executes a message.

use std::{rc::Rc, time::Duration};

use super::Asked;
use crate::{
    core::{
        ids::RunId,
        ledger::{BEGUN_WITHIN, KEPT_FOR, LedgerAnswer, LedgerCommand, MAX_ENTRIES, Rival},
    },
    design::{LateRepetition, LedgerOutage, MessageLedger, SilentRun, UndeliveredEvents},
    event::Limit,
    gateway::{calls, journal::Journal},
    port::env::Env,
};

/// How long a claim may take before the message is refused.
pub const CLAIM_LIMIT: Duration = Duration::from_secs(3);

/// What happened to the attempt to execute a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It is this run's to execute.
    Ours,
    /// Another run executes it, or has done so.
    Taken,
    /// Unknown, or the ledger is full.
    Unavailable,
    /// Another run may have executed it so long ago that this is forgotten.
    TooOld,
    /// Unknown, and the message is not thought of any more.
    Forgotten,
}

impl<E: Env> Asked<E> {
    /// Claims the message for a run.
    pub(crate) async fn claim(&self, run: RunId) -> Claim {
        let design = &self.container.design;
        let rival = match design.message_ledger {
            MessageLedger::None => Rival::Displaced,
            MessageLedger::PerContainer => match self.claim_here(run) {
                Claim::Ours => Rival::Displaced,
                claim @ (Claim::Taken | Claim::Unavailable | Claim::TooOld | Claim::Forgotten) => {
                    return claim;
                }
            },
            MessageLedger::SharedStore | MessageLedger::PerConnection => match design.silent_run {
                SilentRun::Awaited | SilentRun::Failed => Rival::Respected,
                SilentRun::ExecutedAgain => Rival::SucceededIfSilent,
            },
            MessageLedger::LookedUpFirst => match self.is_known().await {
                true => return Claim::Taken,
                false => Rival::Displaced,
            },
        };
        match design.message_ledger {
            MessageLedger::SharedStore
            | MessageLedger::PerConnection
            | MessageLedger::LookedUpFirst => {}
            // A journal is kept in the ledger, whichever part records the claim.
            MessageLedger::None | MessageLedger::PerContainer if self.is_journaled() => {}
            MessageLedger::None | MessageLedger::PerContainer => return Claim::Ours,
        }
        let (env, socket) = (&self.container.env, self.connection.socket_id());
        let command = self.command(run, rival);
        match calls::ask_ledger(env, socket, &self.key(), command, CLAIM_LIMIT).await {
            Ok(answer) => {
                match &answer {
                    LedgerAnswer::Full => {
                        self.connection.reached(Limit::LedgerEntries, MAX_ENTRIES);
                    }
                    LedgerAnswer::TooOld => {
                        self.connection.reached(Limit::MessageAge, BEGUN_WITHIN);
                    }
                    _ => {}
                }
                understood(&answer)
            }
            Err(_) => match design.ledger_outage {
                LedgerOutage::Executed => Claim::Ours,
                LedgerOutage::Refused => Claim::Unavailable,
                LedgerOutage::Dropped => Claim::Forgotten,
            },
        }
    }

    /// Whether the ledger knows the message at present.
    async fn is_known(&self) -> bool {
        let (env, socket) = (&self.container.env, self.connection.socket_id());
        let look = LedgerCommand::Read { from: 0 };
        let answer = calls::ask_ledger(env, socket, &self.key(), look, CLAIM_LIMIT).await;
        matches!(answer, Ok(LedgerAnswer::Page(_)))
    }

    fn claim_here(&self, run: RunId) -> Claim {
        let command = self.command(run, Rival::Respected);
        let now = self.container.env.now();
        let mut claims = self.container.claims.borrow_mut();
        for _ in claims.forget_old(now) {
            self.connection.reached(Limit::ClaimRetention, KEPT_FOR);
        }
        understood(&claims.execute(now, &self.key(), command))
    }

    fn command(&self, owner: RunId, rival: Rival) -> LedgerCommand {
        let age = match self.container.design.late_repetition {
            LateRepetition::Executed => Duration::ZERO,
            LateRepetition::Refused => self.request.age(),
        };
        LedgerCommand::Claim { owner, rival, age }
    }

    /// The journal of the run that executes the message, where there are journals.
    pub(crate) fn journal(&self, run: RunId) -> Option<Rc<Journal>> {
        let journals = &self.container.journals;
        let socket = self.connection.socket_id();
        self.is_journaled()
            .then(|| journals.open(self.key(), run, socket))
    }

    pub(super) fn is_journaled(&self) -> bool {
        match self.container.design.undelivered_events {
            UndeliveredEvents::Journaled => true,
            UndeliveredEvents::Lost
            | UndeliveredEvents::RetryRaises
            | UndeliveredEvents::KeptTwice
            | UndeliveredEvents::Failed
            | UndeliveredEvents::StoredAndReplayed => false,
        }
    }
}

fn understood(answer: &LedgerAnswer) -> Claim {
    match answer {
        LedgerAnswer::Done => Claim::Ours,
        LedgerAnswer::Taken => Claim::Taken,
        LedgerAnswer::Full => Claim::Unavailable,
        LedgerAnswer::TooOld => Claim::TooOld,
        LedgerAnswer::NotYours | LedgerAnswer::Page(_) | LedgerAnswer::Unknown => {
            panic!("the ledger answered a claim with {answer:?}")
        }
    }
}
