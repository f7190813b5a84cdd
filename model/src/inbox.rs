//! Frames that a reader task has received and the message loop has not yet handled.

use std::{cell::RefCell, collections::VecDeque, sync::Arc};

use tokio::sync::Notify;

/// More than a client's own queue holds (100, protocol.md 7.1), so that a client that flushes it
/// on open is not refused.
pub const MAX_WAITING_FRAMES: usize = 128;

/// A bounded queue in the order of arrival. One task puts in, one takes out.
#[derive(Debug, Default)]
pub struct Inbox {
    frames: RefCell<VecDeque<Arc<str>>>,
    arrived: Notify,
}

/// The queue is full; the frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Inbox {
    /// Puts a frame in.
    ///
    /// # Errors
    /// If [`MAX_WAITING_FRAMES`] are waiting.
    pub fn push(&self, text: Arc<str>) -> Result<(), Full> {
        let mut frames = self.frames.borrow_mut();
        if frames.len() == MAX_WAITING_FRAMES {
            return Err(Full);
        }
        frames.push_back(text);
        self.arrived.notify_one();
        Ok(())
    }

    /// Takes the oldest frame out, waiting for one if there is none. Nothing is lost if the
    /// wait is cancelled.
    pub async fn pop(&self) -> Arc<str> {
        loop {
            if let Some(text) = self.frames.borrow_mut().pop_front() {
                return text;
            }
            self.arrived.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_keeps_the_order() {
        let inbox = Inbox::default();
        for n in 0..MAX_WAITING_FRAMES {
            inbox.push(n.to_string().into()).unwrap();
        }
        assert_eq!(inbox.push("one too many".into()), Err(Full));
        assert_eq!(inbox.frames.borrow_mut().pop_front().as_deref(), Some("0"));
        inbox.push("room again".into()).unwrap();
    }
}
