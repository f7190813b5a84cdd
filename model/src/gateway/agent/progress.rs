//! Which order of events a run may have.
//!
//! Implements docs/protocol.md#event-order.

use std::collections::BTreeSet;

use super::RunFailure;
use crate::core::message::AgentEventKind;

/// The accepted orders of events (docs/protocol.md#event-order): AGENT_STARTED first,
/// AGENT_COMPLETED last, each tool that answers was called, each tool that was called answers, and
/// three kinds at least.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RunProgress {
    events: u32,
    kinds: BTreeSet<AgentEventKind>,
    open_tools: u32,
}

impl RunProgress {
    /// The sequence number of the next event, if it may be of this kind.
    pub(super) fn next(&mut self, kind: AgentEventKind) -> Result<u32, RunFailure> {
        let started = self.kinds.contains(&AgentEventKind::AgentStarted);
        let over = self.kinds.contains(&AgentEventKind::AgentCompleted);
        let fits = match kind {
            AgentEventKind::AgentStarted => self.events == 0,
            AgentEventKind::AgentThinking | AgentEventKind::ToolExecuting => started && !over,
            AgentEventKind::ToolCompleted => self.open_tools > 0 && !over,
            AgentEventKind::AgentCompleted => {
                started && !over && self.open_tools == 0 && self.kinds.len() >= 2
            }
        };
        if !fits {
            return Err(RunFailure::OutOfOrder);
        }
        match kind {
            AgentEventKind::ToolExecuting => self.open_tools += 1,
            AgentEventKind::ToolCompleted => self.open_tools -= 1,
            AgentEventKind::AgentStarted
            | AgentEventKind::AgentThinking
            | AgentEventKind::AgentCompleted => {}
        }
        self.kinds.insert(kind);
        Ok(self.count())
    }

    /// The sequence number of the next event, of any kind.
    pub(super) fn count(&mut self) -> u32 {
        self.events += 1;
        self.events - 1
    }
}

#[cfg(test)]
mod tests {
    use super::{super::CANNED_STEPS, *};
    use crate::port::env::AgentStep;
    use AgentEventKind::*;

    fn accepted(kinds: &[AgentEventKind]) -> usize {
        let mut progress = RunProgress::default();
        let fits = |kind: &&AgentEventKind| progress.next(**kind).is_ok();
        kinds.iter().take_while(fits).count()
    }

    #[test]
    fn only_accepted_orders_come_to_an_end() {
        let table: &[(&[AgentEventKind], usize)] = &[
            (
                &[
                    AgentStarted,
                    AgentThinking,
                    ToolExecuting,
                    ToolCompleted,
                    AgentCompleted,
                ],
                5,
            ),
            (&[AgentStarted, AgentThinking, AgentCompleted], 3),
            (
                &[AgentStarted, ToolExecuting, ToolCompleted, AgentCompleted],
                4,
            ),
            (&[AgentThinking], 0),
            (&[AgentStarted, AgentStarted], 1),
            (&[AgentStarted, AgentCompleted], 1),
            (&[AgentStarted, ToolCompleted], 1),
            (&[AgentStarted, ToolExecuting, AgentCompleted], 2),
            (
                &[AgentStarted, AgentThinking, AgentCompleted, AgentThinking],
                3,
            ),
        ];
        for (kinds, expected) in table {
            assert_eq!(accepted(kinds), *expected, "{kinds:?}");
        }
    }

    #[test]
    fn the_canned_answer_is_an_accepted_order() {
        let mut kinds = vec![AgentStarted];
        kinds.extend(CANNED_STEPS.map(|step| match step {
            AgentStep::Think => AgentThinking,
            AgentStep::ToolStarted => ToolExecuting,
            AgentStep::ToolFinished => ToolCompleted,
            AgentStep::Done => AgentCompleted,
        }));
        assert_eq!(accepted(&kinds), kinds.len());
    }
}
