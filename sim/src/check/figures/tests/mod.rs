//! Counting by hand-written event lists.

mod attempts;
mod messages;
mod owed;
mod population;

use std::time::Duration;

use gatesim_model::{
    core::{
        ids::{RunId, SocketId},
        message::AgentEventKind,
        time::Time,
    },
    event::{Component, Event, ReadySource},
    port::env::Service,
};

use super::{Figures, FiguresCollector};
use crate::{
    check::facts::REQUIRED_COMPONENTS,
    trace::event::{Actor, Fact, TraceEvent, WorldEvent},
};

const SOCKET: SocketId = SocketId::first(0);

/// A run with events at given milliseconds.
struct WatchedRun {
    collector: FiguresCollector,
    number: u64,
}

impl WatchedRun {
    /// Container 0 is in service and has every component.
    fn new() -> Self {
        let mut watched = WatchedRun {
            collector: FiguresCollector::default(),
            number: 0,
        };
        watched.world(0, WorldEvent::ContainerInService { container: 0 });
        for component in REQUIRED_COMPONENTS {
            let ready = true;
            watched.container(0, Event::ComponentChanged { component, ready });
        }
        watched
    }

    /// An attempt that is being set up since 20 ms.
    fn connecting() -> Self {
        let mut watched = WatchedRun::new();
        let socket = SOCKET;
        watched
            .world(10, WorldEvent::ClientConnecting { socket, user: 0 })
            .world(
                15,
                WorldEvent::UpgradeRouted {
                    socket,
                    container: 0,
                },
            )
            .container(
                20,
                Event::Accepted {
                    socket,
                    subprotocol: None,
                    offered: false,
                },
            );
        watched
    }

    fn welcomed(&mut self, sent_ms: u64, arrived_ms: u64) -> &mut Self {
        let connection = "ws_1".into();
        let by = ReadySource::Welcome;
        let socket = SOCKET;
        self.container(
            sent_ms,
            Event::ReadyReported {
                socket,
                connection,
                by,
            },
        )
        .world(arrived_ms, WorldEvent::ClientReady { socket })
    }

    fn container(&mut self, ms: u64, event: Event) -> &mut Self {
        self.add(ms, Actor::Container(0), Fact::Protocol(event))
    }

    fn world(&mut self, ms: u64, event: WorldEvent) -> &mut Self {
        self.add(ms, Actor::World, Fact::World(event))
    }

    fn add(&mut self, ms: u64, actor: Actor, fact: Fact) -> &mut Self {
        let number = self.number;
        self.number += 1;
        let time = Time(ms * 1_000_000);
        self.collector.observe(&TraceEvent {
            number,
            time,
            step: number,
            actor,
            fact,
        });
        self
    }

    fn figures(self) -> Figures {
        self.collector.finish()
    }
}
