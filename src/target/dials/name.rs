//! What the values of a plan are called.

use std::fmt;

/// The name of a value: a field of a part of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DialName {
    /// The part.
    pub part: Part,
    /// The field, as plans spell it.
    pub field: &'static str,
}

/// A part of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// What concerns the run as a whole.
    Run,
    /// The balancer.
    Balancer,
    /// A backing service.
    Service(&'static str),
    /// The link between balancer and containers.
    BackendLink,
    /// A container.
    Container(u32),
    /// A client.
    Client(u32),
    /// The link of a client.
    Link(u32),
    /// A message of a client, by its index.
    Message(u32, usize),
    /// A frame that no client should send, by its index.
    Noise(u32, usize),
    /// A fault.
    Fault(u32),
}

impl fmt::Display for DialName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.field)?;
        match self.part {
            Part::Run => Ok(()),
            Part::Balancer => f.write_str(" of the balancer"),
            Part::Service(name) => write!(f, " of {name}"),
            Part::BackendLink => f.write_str(" of the link to the containers"),
            Part::Container(number) => write!(f, " of container {number}"),
            Part::Client(number) => write!(f, " of client {number}"),
            Part::Link(number) => write!(f, " of the link of client {number}"),
            Part::Message(client, place) => write!(f, " of message {place} of client {client}"),
            Part::Noise(client, place) => write!(f, " of noise {place} of client {client}"),
            Part::Fault(number) => write!(f, " of fault {number}"),
        }
    }
}
