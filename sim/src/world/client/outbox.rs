//! The messages of a client: those that wait for their time, and those that wait for an answer
//! (`docs/protocol.md#client-queues`).
//!
//! Left out: the browser's bounds on its queues (100 messages, 50 while a token is renewed). A plan
//! bounds the messages of a client, and no scenario comes near.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use gatesim_model::{
    core::{
        ids::{MessageId, RunId},
        message::{ClientMessage, Frame, RunRequest},
        time::Time,
    },
    design::ClientResend,
};

use crate::{
    plan::{ClientPlan, MessageKind, MessagePlan, Millis, NoiseKind},
    world::service::message_id,
};

/// Something to hand to a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A message, for the first time.
    Message { id: MessageId, frame: Frame },
    /// A message that was handed over before and not answered; `after` is the last event of its
    /// run that arrived.
    Again {
        id: MessageId,
        after: Option<u32>,
        frame: Frame,
    },
    /// What no client should send.
    Noise(Frame),
}

/// The messages of one client, by their place in its plan.
#[derive(Debug)]
pub(super) struct ClientOutbox {
    resend: ClientResend,
    client: u32,
    messages: Vec<MessagePlan>,
    numbers: BTreeMap<MessageId, u32>,
    /// Not yet handed over, in the order of the times from which on they may be.
    waiting: VecDeque<(Time, Scheduled)>,
    /// Handed over and not answered.
    unanswered: BTreeMap<u32, AnswerProgress>,
    /// Of these, what is to be sent again on the present connection.
    again: VecDeque<u32>,
    /// Taken for answered, and not: the client does not ask for the rest, and its user waits for it.
    settled: BTreeSet<u32>,
}

#[derive(Clone, Copy, Debug)]
enum Scheduled {
    Message(u32),
    Noise(NoiseKind),
}

/// How far the run of a message has come, as its client knows.
#[derive(Clone, Copy, Debug)]
struct AnswerProgress {
    /// When the message was handed over for the first time.
    since: Time,
    latest: Option<(RunId, u32)>,
}

impl ClientOutbox {
    /// What `plan` says for the client with this number, which starts at `start`.
    pub(super) fn new(resend: ClientResend, plan: &ClientPlan, client: u32, start: Time) -> Self {
        let due = |at_ms: Millis| start + at_ms.duration();
        let messages = plan.messages.iter().zip(0..);
        let noise = plan.noise.iter();
        let mut waiting: Vec<(Time, Scheduled)> = messages
            .clone()
            .map(|(message, n)| (due(message.at_ms), Scheduled::Message(n)))
            .chain(noise.map(|noise| (due(noise.at_ms), Scheduled::Noise(noise.kind))))
            .collect();
        // Messages keep their order, also where the times in a plan do not grow.
        waiting.sort_by_key(|&(at, _)| at);
        ClientOutbox {
            resend,
            client,
            numbers: messages.map(|(_, n)| (message_id(client, n), n)).collect(),
            messages: plan.messages.to_vec(),
            waiting: waiting.into(),
            unanswered: BTreeMap::new(),
            again: VecDeque::new(),
            settled: BTreeSet::new(),
        }
    }

    /// Nothing left to send, and no answer to wait for.
    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.unanswered.is_empty() && self.settled.is_empty()
    }

    /// When there is something to hand over next, if ever.
    pub(super) fn next_due(&self) -> Option<Time> {
        match self.again.is_empty() {
            false => Some(Time::ZERO),
            true => self.waiting.front().map(|&(at, _)| at),
        }
    }

    /// A new connection can be used: what was handed to an old one may never have arrived.
    pub(super) fn reconnected(&mut self) {
        match self.resend {
            ClientResend::Never => {}
            ClientResend::UntilAnswered => self.again = self.unanswered.keys().copied().collect(),
        }
    }

    /// The next thing to hand over by `now`; it leaves the queue even if it is lost on the way.
    pub(super) fn pop(&mut self, now: Time) -> Option<Item> {
        while let Some(number) = self.again.pop_front() {
            // It may have been answered since.
            if let Some(progress) = self.unanswered.get(&number) {
                let after = progress.latest.map(|(_, seq)| seq);
                let (id, frame) = self.compose(number, after, now.since(progress.since));
                return Some(Item::Again { id, after, frame });
            }
        }
        let (_, waiting) = self.waiting.pop_front_if(|(at, _)| *at <= now)?;
        Some(match waiting {
            Scheduled::Message(number) => {
                let progress = AnswerProgress {
                    since: now,
                    latest: None,
                };
                self.unanswered.insert(number, progress);
                let (id, frame) = self.compose(number, None, Duration::ZERO);
                Item::Message { id, frame }
            }
            Scheduled::Noise(kind) => Item::Noise(noise(kind)),
        })
    }

    /// An event of a run arrived. A message that was executed again has a new run, whose events
    /// are counted from the beginning.
    pub(super) fn progressed(&mut self, id: &MessageId, run: RunId, seq: u32) {
        if let Some(progress) = self.progress(id) {
            progress.latest = match progress.latest {
                Some((known, latest)) if known == run => Some((run, latest.max(seq))),
                Some(_) | None => Some((run, seq)),
            };
        }
    }

    /// The message is answered in full, or reported as failed.
    pub(super) fn answered(&mut self, id: &MessageId) {
        if let Some(number) = self.numbers.get(id) {
            self.unanswered.remove(number);
            self.settled.remove(number);
        }
    }

    /// The client asks for a message no more, whether or not it is answered.
    pub(super) fn settled(&mut self, id: &MessageId) {
        if let Some(number) = self.numbers.get(id)
            && self.unanswered.remove(number).is_some()
        {
            self.settled.insert(*number);
        }
    }

    fn progress(&mut self, id: &MessageId) -> Option<&mut AnswerProgress> {
        self.unanswered.get_mut(self.numbers.get(id)?)
    }

    fn compose(&self, number: u32, after: Option<u32>, age: Duration) -> (MessageId, Frame) {
        let plan = &self.messages[number as usize];
        let id = message_id(self.client, number);
        let request = RunRequest {
            id: id.clone(),
            thread: plan.thread.map(|n| format!("thread{n}").into()),
            after,
            age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
            text: "x".repeat(plan.text_bytes.size()).into(),
        };
        let message = match plan.kind {
            MessageKind::StartAgent => ClientMessage::StartAgent(request),
            MessageKind::UserMessage => ClientMessage::UserMessage(request),
            MessageKind::Chat => ClientMessage::Chat(request),
        };
        (id, message.to_frame())
    }
}

/// What a broken or a hostile client sends.
fn noise(kind: NoiseKind) -> Frame {
    Frame::Text(
        match kind {
            NoiseKind::NotJson => "start_agent please",
            NoiseKind::NotAnObject => "[1, 2, 3]",
            NoiseKind::NoType => r#"{"text": "hello"}"#,
            NoiseKind::WrongShape => r#"{"type": "start_agent", "id": 7}"#,
            NoiseKind::Control => "\u{0}\u{1}\u{fffd}\u{7f}",
            NoiseKind::UnknownType => r#"{"type": "dance", "step": 3}"#,
        }
        .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Count, NoisePlan};

    const RUN: RunId = RunId(7);

    fn outbox(resend: ClientResend, at_ms: &[u64], noise_ms: &[u64]) -> ClientOutbox {
        let message = |&at_ms: &u64| MessagePlan {
            at_ms: Millis::new(at_ms),
            kind: MessageKind::Chat,
            tools: Count::new(0),
            text_bytes: Count::new(1),
            thread: None,
        };
        let noise = |&at_ms: &u64| NoisePlan {
            at_ms: Millis::new(at_ms),
            kind: NoiseKind::NotJson,
        };
        let plan = ClientPlan {
            messages: at_ms.iter().map(message).collect(),
            noise: noise_ms.iter().map(noise).collect(),
            ..ClientPlan::silent(0)
        };
        ClientOutbox::new(resend, &plan, 3, Time::ZERO)
    }

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    /// What is handed over by a time, in words.
    fn popped(outbox: &mut ClientOutbox, ms: u64) -> Vec<String> {
        std::iter::from_fn(|| outbox.pop(at(ms)))
            .map(|item| match item {
                Item::Message { id, .. } => id.as_str().to_owned(),
                Item::Again { id, after, .. } => format!("{} after {after:?}", id.as_str()),
                Item::Noise(_) => "noise".to_owned(),
            })
            .collect()
    }

    #[test]
    fn everything_has_its_time() {
        let mut outbox = outbox(ClientResend::Never, &[10, 30], &[20]);
        assert_eq!(outbox.next_due(), Some(at(10)));
        assert_eq!(popped(&mut outbox, 5), [""; 0]);
        assert_eq!(popped(&mut outbox, 25), ["c3-m0", "noise"]);
        assert_eq!(popped(&mut outbox, 30), ["c3-m1"]);
        assert_eq!(outbox.next_due(), None);
        assert!(!outbox.is_done());
    }

    #[test]
    fn d59_a_message_is_gone_once_it_is_handed_over() {
        let mut outbox = outbox(ClientResend::Never, &[0], &[]);
        popped(&mut outbox, 0);
        outbox.reconnected();
        assert_eq!(popped(&mut outbox, 1), [""; 0]);
    }

    #[test]
    fn a_message_is_sent_again_until_it_is_answered() {
        let mut outbox = outbox(ClientResend::UntilAnswered, &[0, 0, 0], &[]);
        popped(&mut outbox, 0);
        outbox.answered(&"c3-m1".into());
        outbox.progressed(&"c3-m2".into(), RUN, 0);
        outbox.progressed(&"c3-m2".into(), RUN, 1);
        outbox.reconnected();
        let again = ["c3-m0 after None", "c3-m2 after Some(1)"];
        assert_eq!(popped(&mut outbox, 1), again);
        assert_eq!(popped(&mut outbox, 1), [""; 0]);
        outbox.answered(&"c3-m0".into());
        outbox.answered(&"c3-m2".into());
        outbox.answered(&"c9-m9".into());
        assert!(outbox.is_done());
    }

    #[test]
    fn a_new_run_is_counted_from_the_beginning() {
        let mut outbox = outbox(ClientResend::UntilAnswered, &[0], &[]);
        popped(&mut outbox, 0);
        outbox.progressed(&"c3-m0".into(), RUN, 5);
        outbox.progressed(&"c3-m0".into(), RUN, 4);
        outbox.reconnected();
        assert_eq!(popped(&mut outbox, 1), ["c3-m0 after Some(5)"]);
        outbox.progressed(&"c3-m0".into(), RunId(8), 0);
        outbox.reconnected();
        assert_eq!(popped(&mut outbox, 1), ["c3-m0 after Some(0)"]);
    }
}
