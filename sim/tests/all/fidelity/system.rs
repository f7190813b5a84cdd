//! Scripts over TCP sockets of the operating system, on the loopback interface.
//!
//! Everything happens on one thread with sockets that do not block: what one end does has
//! reached the other before the call returns, so nothing depends on how fast the machine is
//! but the time after which a step counts as blocked.

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read},
    net::{Ipv4Addr, Shutdown, SocketAddr},
    thread,
    time::Duration,
};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::script::{Line, Outcome, Side, Step, Verb};

/// How often a step is tried before it counts as blocked, and how long is waited in between.
const TRIES: u32 = 25;
const PAUSE: Duration = Duration::from_millis(4);

/// How often a connection that was asked for is looked for: the kernel asks again after 1 s.
const LONG_TRIES: u32 = 20 * TRIES;

/// Bytes of one piece of data.
const PIECE: usize = 4096;

/// Pieces after which a window that is not full is a mistake of the test.
const MOST_PIECES: usize = 100_000;

/// The sockets of one script.
#[derive(Default)]
struct Host {
    listener: Option<Socket>,
    address: Option<SocketAddr>,
    ends: BTreeMap<Side, Socket>,
}

/// What came of every step.
pub fn play(lines: &[Line]) -> Vec<Outcome> {
    let mut host = Host::default();
    lines.iter().map(|line| host.step(line.step)).collect()
}

impl Host {
    fn step(&mut self, step: Step) -> Outcome {
        match step {
            Step::Listen { backlog } => {
                let listener = tcp();
                let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                listener.bind(&any.into()).unwrap();
                listener.listen(backlog.into()).unwrap();
                listener.set_nonblocking(true).unwrap();
                self.address = listener.local_addr().unwrap().as_socket();
                self.listener = Some(listener);
                Outcome::Ok
            }
            Step::Unlisten => {
                self.listener = None;
                Outcome::Ok
            }
            Step::Partition
            | Step::PartitionUp
            | Step::PartitionDown
            | Step::Repair
            | Step::Wait => {
                panic!("{step:?} needs a network of one's own")
            }
            Step::End { side, verb } => self.act(side, verb),
        }
    }

    fn act(&mut self, side: Side, verb: Verb) -> Outcome {
        match verb {
            Verb::Connect => self.connect(side),
            Verb::Established => patiently(LONG_TRIES, || established(&self.ends[&side])),
            Verb::Accept => self.accept(side),
            Verb::Send => patiently(TRIES, || send(&self.ends[&side])),
            Verb::Fill => {
                for _ in 0..MOST_PIECES {
                    // The kernel tries a full window now and then, and may find a little room.
                    match patiently(4 * TRIES, || send(&self.ends[&side])) {
                        Outcome::Ok => {}
                        other => return other,
                    }
                }
                panic!("the window has no end");
            }
            Verb::Read => patiently(TRIES, || read(&self.ends[&side])),
            Verb::Drain => loop {
                match patiently(TRIES, || read(&self.ends[&side])) {
                    Outcome::Data => {}
                    other => return other,
                }
            },
            Verb::Fin => {
                // An end without a connection says so; a script does not ask.
                let _ = self.ends[&side].shutdown(Shutdown::Write);
                Outcome::Ok
            }
            Verb::Close => {
                self.ends.remove(&side);
                Outcome::Ok
            }
            Verb::Abort => {
                let end = self.ends.remove(&side).expect("an end closes once");
                end.set_linger(Some(Duration::ZERO)).unwrap();
                Outcome::Ok
            }
            Verb::Vanish => panic!("this host stays where it is"),
        }
    }

    fn connect(&mut self, side: Side) -> Outcome {
        // A port that was free just before, if nothing ever listened.
        let address = *self.address.get_or_insert_with(|| {
            let free = tcp();
            let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            free.bind(&any.into()).unwrap();
            free.local_addr().unwrap().as_socket().unwrap()
        });
        let end = tcp();
        end.set_nonblocking(true).unwrap();
        let began = end.connect(&SockAddr::from(address));
        self.ends.insert(side, end);
        match began {
            Ok(()) => Outcome::Ok,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Outcome::Refused,
            Err(_) => patiently(TRIES, || established(&self.ends[&side])),
        }
    }

    fn accept(&mut self, side: Side) -> Outcome {
        let listener = self.listener.as_ref().expect("it listens");
        patiently(TRIES, || match listener.accept() {
            Ok((end, _)) => {
                end.set_nonblocking(true).unwrap();
                self.ends.insert(side, end);
                Ok(Outcome::Ok)
            }
            Err(error) => class(&error),
        })
    }
}

fn tcp() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
    // Small and fixed, so that a window is soon full.
    socket.set_send_buffer_size(16 * PIECE).unwrap();
    socket.set_recv_buffer_size(16 * PIECE).unwrap();
    socket
}

/// Not done yet, and worth another try.
struct NotYet;

fn patiently(tries: u32, mut attempt: impl FnMut() -> Result<Outcome, NotYet>) -> Outcome {
    for _ in 0..tries {
        match attempt() {
            Ok(outcome) => return outcome,
            Err(NotYet) => thread::sleep(PAUSE),
        }
    }
    Outcome::Blocked
}

fn established(end: &Socket) -> Result<Outcome, NotYet> {
    if let Some(error) = end.take_error().unwrap() {
        return class(&error);
    }
    end.peer_addr().map(|_| Outcome::Ok).map_err(|_| NotYet)
}

fn send(end: &Socket) -> Result<Outcome, NotYet> {
    // A part of a piece is as good as all of it: bytes are not counted.
    match end.send(&[0; PIECE]) {
        Ok(_) => Ok(Outcome::Ok),
        Err(error) => class(&error),
    }
}

fn read(mut end: &Socket) -> Result<Outcome, NotYet> {
    match end.read(&mut [0; PIECE]) {
        Ok(0) => Ok(Outcome::Eof),
        Ok(_) => Ok(Outcome::Data),
        Err(error) => class(&error),
    }
}

fn class(error: &std::io::Error) -> Result<Outcome, NotYet> {
    match error.kind() {
        ErrorKind::WouldBlock => Err(NotYet),
        ErrorKind::ConnectionReset => Ok(Outcome::Reset),
        ErrorKind::BrokenPipe => Ok(Outcome::BrokenPipe),
        ErrorKind::ConnectionRefused => Ok(Outcome::Refused),
        other => panic!("a socket may say {other}: {error}"),
    }
}
