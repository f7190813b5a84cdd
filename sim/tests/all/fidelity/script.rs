//! The language of the table: what each side does, one step after the other.

use std::fmt;

/// The side that acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Connects.
    A,
    /// What the server accepts first.
    B,
    /// Connects after `a`.
    C,
    /// What the server accepts next.
    D,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::A => "a",
            Side::B => "b",
            Side::C => "c",
            Side::D => "d",
        })
    }
}

/// What an end does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Asks for a connection.
    Connect,
    /// Waits, for seconds, for a connection that was asked for and is not there yet.
    Established,
    /// Takes the next connection that waits at the listener.
    Accept,
    /// Hands over one piece of data.
    Send,
    /// Hands over data until no more is taken.
    Fill,
    /// Asks for one piece of data.
    Read,
    /// Asks for data until there is none; tells what came instead.
    Drain,
    /// Says that it will send no more.
    Fin,
    /// Closes; what is on the way still arrives.
    Close,
    /// Closes with a reset.
    Abort,
    /// Is gone with its host; the peer is told nothing.
    Vanish,
}

impl Verb {
    const ALL: [Verb; 11] = [
        Verb::Connect,
        Verb::Established,
        Verb::Accept,
        Verb::Send,
        Verb::Fill,
        Verb::Read,
        Verb::Drain,
        Verb::Fin,
        Verb::Close,
        Verb::Abort,
        Verb::Vanish,
    ];
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verb::Connect => "connect",
            Verb::Established => "established",
            Verb::Accept => "accept",
            Verb::Send => "send",
            Verb::Fill => "fill",
            Verb::Read => "read",
            Verb::Drain => "drain",
            Verb::Fin => "fin",
            Verb::Close => "close",
            Verb::Abort => "abort",
            Verb::Vanish => "vanish",
        })
    }
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The server listens; this many connections and one more may wait.
    Listen { backlog: u16 },
    /// The server stops listening.
    Unlisten,
    /// Nothing passes between `a` and the server.
    Partition,
    /// Nothing passes from `a` to the server.
    PartitionUp,
    /// Nothing passes from the server to `a`.
    PartitionDown,
    /// Everything passes again.
    Repair,
    /// All patience is over.
    Wait,
    /// An end does something.
    End { side: Side, verb: Verb },
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// Data came.
    Data,
    /// The peer sends no more.
    Eof,
    /// The connection was reset.
    Reset,
    /// There is no connection to send on.
    BrokenPipe,
    /// Nothing listens.
    Refused,
    /// Nothing came of it in the time that a script waits.
    Blocked,
    /// Nothing answered, however long it was waited.
    TimedOut,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Ok => "ok",
            Outcome::Data => "data",
            Outcome::Eof => "eof",
            Outcome::Reset => "reset",
            Outcome::BrokenPipe => "pipe",
            Outcome::Refused => "refused",
            Outcome::Blocked => "blocked",
            Outcome::TimedOut => "timed out",
        })
    }
}

/// A step, and whether the network comes to rest before the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// What is done.
    pub step: Step,
    /// Joined to the next by `&`.
    pub at_once: bool,
}

/// A named list of steps.
pub struct Script {
    /// What it is about.
    pub name: String,
    /// In order.
    pub lines: Vec<Line>,
}

/// Every script of a table.
pub fn parse(table: &str) -> Vec<Script> {
    table
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next().expect("a line has a name").to_owned();
            let mut lines: Vec<Line> = Vec::new();
            for word in words {
                match word {
                    "&" => lines.last_mut().expect("& joins two steps").at_once = true,
                    word => lines.push(Line {
                        step: step(word),
                        at_once: false,
                    }),
                }
            }
            Script { name, lines }
        })
        .collect()
}

fn step(word: &str) -> Step {
    let (side, what) = word.split_once('.').expect("a step is side.what");
    let side = match (side, what) {
        ("l", "listen") => return Step::Listen { backlog: 128 },
        ("l", "listen0") => return Step::Listen { backlog: 0 },
        ("l", "close") => return Step::Unlisten,
        ("n", "partition") => return Step::Partition,
        ("n", "partition-up") => return Step::PartitionUp,
        ("n", "partition-down") => return Step::PartitionDown,
        ("n", "repair") => return Step::Repair,
        ("n", "wait") => return Step::Wait,
        ("a", _) => Side::A,
        ("b", _) => Side::B,
        ("c", _) => Side::C,
        ("d", _) => Side::D,
        (side, _) => panic!("there is no side {side}"),
    };
    let verb = Verb::ALL.into_iter().find(|verb| verb.to_string() == what);
    Step::End {
        side,
        verb: verb.unwrap_or_else(|| panic!("there is no verb {what}")),
    }
}
