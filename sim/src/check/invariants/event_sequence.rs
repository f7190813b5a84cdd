//! Whether the events of a run are complete and in an accepted order; a part of [`super::runs`]
//! (I-12).

use std::collections::BTreeSet;

use gatesim_model::core::message::AgentEventKind;

/// The kinds of events that a run has emitted, judged as the event validator does
/// (`docs/protocol.md#event-order`): first `agent_started`, last `agent_completed`, tools in pairs,
/// three kinds or more.
#[derive(Default)]
pub(super) struct EventSequence {
    kinds: BTreeSet<AgentEventKind>,
    open_tools: u32,
    flaws: BTreeSet<&'static str>,
}

impl EventSequence {
    pub(super) fn add(&mut self, kind: AgentEventKind) {
        let first = self.kinds.is_empty();
        let over = self.kinds.contains(&AgentEventKind::AgentCompleted);
        if first != (kind == AgentEventKind::AgentStarted) {
            self.flaws.insert("agent_started is not first");
        }
        if over {
            self.flaws.insert("an event follows agent_completed");
        }
        match kind {
            AgentEventKind::ToolExecuting => self.open_tools += 1,
            AgentEventKind::ToolCompleted => match self.open_tools.checked_sub(1) {
                Some(open) => self.open_tools = open,
                None => {
                    self.flaws.insert("a tool_completed has no tool_executing");
                }
            },
            AgentEventKind::AgentStarted
            | AgentEventKind::AgentThinking
            | AgentEventKind::AgentCompleted => {}
        }
        self.kinds.insert(kind);
    }

    /// Every reason why the sequence is not complete; none if it is.
    pub(super) fn flaws(&self) -> impl Iterator<Item = &'static str> {
        let completed = self.kinds.contains(&AgentEventKind::AgentCompleted);
        let missing = [
            (!completed, "agent_completed is missing"),
            (
                self.open_tools > 0,
                "a tool_executing has no tool_completed",
            ),
            (self.kinds.len() < 3, "there are too few kinds of events"),
        ];
        let missing = missing.into_iter().filter(|(is_so, _)| *is_so);
        (self.flaws.iter().copied()).chain(missing.map(|(_, flaw)| flaw))
    }
}
