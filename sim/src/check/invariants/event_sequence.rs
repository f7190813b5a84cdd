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
    flaw: Option<&'static str>,
}

impl EventSequence {
    pub(super) fn add(&mut self, kind: AgentEventKind) {
        let first = self.kinds.is_empty();
        let over = self.kinds.contains(&AgentEventKind::AgentCompleted);
        let mut flaw = match kind {
            AgentEventKind::AgentStarted => (!first).then_some("agent_started is not first"),
            AgentEventKind::AgentThinking
            | AgentEventKind::ToolExecuting
            | AgentEventKind::ToolCompleted
            | AgentEventKind::AgentCompleted => first.then_some("agent_started is not first"),
        };
        if over {
            flaw = Some("an event follows agent_completed");
        }
        match kind {
            AgentEventKind::ToolExecuting => self.open_tools += 1,
            AgentEventKind::ToolCompleted => match self.open_tools.checked_sub(1) {
                Some(open) => self.open_tools = open,
                None => flaw = Some("a tool_completed has no tool_executing"),
            },
            AgentEventKind::AgentStarted
            | AgentEventKind::AgentThinking
            | AgentEventKind::AgentCompleted => {}
        }
        self.kinds.insert(kind);
        self.flaw = self.flaw.or(flaw);
    }

    /// Why the sequence is not complete; none if it is.
    pub(super) fn incomplete(&self) -> Option<&'static str> {
        if self.flaw.is_some() {
            self.flaw
        } else if !self.kinds.contains(&AgentEventKind::AgentCompleted) {
            Some("agent_completed is missing")
        } else if self.open_tools > 0 {
            Some("a tool_executing has no tool_completed")
        } else if self.kinds.len() < 3 {
            Some("there are too few kinds of events")
        } else {
            None
        }
    }
}
