//! Frames of one connection that overtake each other: what a middlebox does that takes messages
//! apart and carries them on several connections of its own. Which way it may do so is the
//! plan's: what a gateway sends has numbers, but browsers show events as they come, so a gateway is
//! only responsible for what it makes of the way up.

use std::{collections::BTreeMap, time::Duration};

use gatesim_model::core::{ids::SocketId, message::Frame, time::Time};

use super::Balancer;
use crate::{
    plan::ReorderPlan,
    scheduler::choices::{Purpose, Stream},
    trace::event::{Actor, WorldEvent},
    world::link::Packet,
};

/// Frames that are held at a time; the next one passes.
pub const HELD_FRAMES: usize = 8;

/// The frames of one direction that are held while others pass.
pub(super) struct Held {
    plan: Option<ReorderPlan>,
    choices: Stream,
    frames: BTreeMap<(Time, u64), Packet>,
    arrivals: u64,
}

impl Held {
    /// Nothing is held; `plan` is that of this direction.
    pub(super) fn new(
        balancer: &Balancer,
        socket: SocketId,
        towards: Actor,
        plan: Option<ReorderPlan>,
    ) -> Held {
        Held {
            plan,
            choices: balancer.stream(socket, Purpose::Reorder(towards)),
            frames: BTreeMap::new(),
            arrivals: 0,
        }
    }

    /// A frame has come: what passes now. Anything but text lets everything pass before it.
    pub(super) fn offer(
        &mut self,
        balancer: &Balancer,
        socket: SocketId,
        packet: Packet,
    ) -> Vec<Packet> {
        let Some(plan) = self.plan else {
            return vec![packet];
        };
        match &packet {
            Packet::Frame {
                frame: Frame::Text(_),
                ..
            } => {}
            Packet::Frame {
                frame: Frame::Ping | Frame::Pong | Frame::Close { .. },
                ..
            }
            | Packet::Upgrade { .. }
            | Packet::Response { .. } => {
                let mut all = self.take_all();
                all.push(packet);
                return all;
            }
        }
        if self.frames.len() < HELD_FRAMES && self.choices.chance(balancer.odds(plan.per_mille)) {
            let hold = Duration::from_micros(self.choices.draw(plan.hold_us.inclusive()));
            self.frames
                .insert((balancer.scheduler().now() + hold, self.arrivals), packet);
            self.arrivals += 1;
            return Vec::new();
        }
        let overtaken = self.frames.len() as u32;
        if overtaken > 0 {
            balancer.emit(WorldEvent::FrameOvertook { socket, overtaken });
        }
        vec![packet]
    }

    /// When the next held frame passes.
    pub(super) fn next(&self) -> Option<Time> {
        self.frames.first_key_value().map(|((at, _), _)| *at)
    }

    /// The held frame whose time has come.
    pub(super) fn take(&mut self) -> Option<Packet> {
        self.frames.pop_first().map(|(_, packet)| packet)
    }

    /// All that is held, in the order of its times.
    pub(super) fn take_all(&mut self) -> Vec<Packet> {
        std::mem::take(&mut self.frames).into_values().collect()
    }
}
