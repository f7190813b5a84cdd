//! What travels on a link, and what its reader and its writer are told.

use gatesim_model::{
    core::{
        ids::{MessageId, SocketId},
        message::Frame,
    },
    port::socket::Upgrade,
};

/// What travels on a link.
#[derive(Clone, Debug)]
pub enum Packet {
    /// The upgrade request, with the affinity cookie if the client has one.
    Upgrade {
        /// The request.
        upgrade: Box<Upgrade>,
        /// The container the cookie names.
        affinity: Option<u32>,
    },
    /// The answer to the upgrade.
    Response {
        /// 101, or an HTTP error.
        status: u16,
        /// The subprotocol chosen.
        subprotocol: Option<&'static str>,
        /// The cookie set by the balancer.
        affinity: Option<u32>,
        /// For the observer: which copy of the upgrade was answered.
        by: SocketId,
    },
    /// A frame, and for the observer which client message is in it.
    Frame {
        /// The frame.
        frame: Frame,
        /// The message.
        message: Option<MessageId>,
    },
}

impl Packet {
    /// A frame without a client message in it.
    pub fn frame(frame: Frame) -> Packet {
        Packet::Frame {
            frame,
            message: None,
        }
    }
}

/// What a reader gets.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// A packet.
    Packet(Packet),
    /// The peer will send no more, or the connection is over and that was told before. Told
    /// again at every call.
    Fin,
    /// The connection was aborted, or given up. Told once, to a reader or to a writer, as an
    /// operating system tells it.
    Reset,
}

/// Nothing can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The connection was aborted, or given up. Told once, to a reader or to a writer.
    Reset,
    /// This end has said that it will send no more, or the connection is over and that was
    /// told before, or the peer was known to read no more.
    Pipe,
}
