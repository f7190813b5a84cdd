//! What the world reports to.

use super::event::{Actor, Fact};

/// Takes the facts of a run, in the order in which they become true. The world knows nothing else
/// of what is done with them; in a run they are numbered, stamped with time and step, and shown to
/// digest, invariants, marks and figures.
pub trait EventSink {
    /// Something became true, here and now.
    fn emit(&self, actor: Actor, fact: Fact);
}
