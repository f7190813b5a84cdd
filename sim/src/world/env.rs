//! The surroundings that one container process offers to the protocol.

use std::{future::Future, rc::Rc, time::Duration};

use gatesim_model::{
    core::{ids::SocketId, time::Time},
    event::{Event, TaskName},
    port::env::{CallError, Env, Reply, Request},
};

use crate::{
    scheduler::{ProcessId, TaskHandle, choices::Purpose},
    trace::event::{Actor, Fact},
    world::{process::Process, socket::SimSocket},
};

/// The surroundings of one container process.
#[derive(Clone)]
pub struct SimEnv(pub Rc<Process>);

impl Env for SimEnv {
    type Socket = SimSocket;
    type Task = TaskHandle;

    fn now(&self) -> Time {
        self.0.clock()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + 'static {
        self.0.scheduler().sleep(duration)
    }

    fn block(&self, duration: Duration) -> impl Future<Output = ()> + 'static {
        self.0
            .scheduler()
            .block(ProcessId(self.0.actor()), duration)
    }

    fn spawn(
        &self,
        name: TaskName,
        socket: Option<SocketId>,
        future: impl Future<Output = ()> + 'static,
    ) -> TaskHandle {
        self.0.spawn(socket, name.name(), future)
    }

    fn call(
        &self,
        socket: Option<SocketId>,
        request: Request,
    ) -> impl Future<Output = Result<Reply, CallError>> + 'static {
        let caller = socket.map_or(self.0.actor(), Actor::Socket);
        self.0.services().call(caller, request)
    }

    fn emit(&self, event: Event) {
        self.0.emit(Fact::Protocol(event));
    }

    fn process(&self) -> u32 {
        self.0.number()
    }

    fn fresh(&self, socket: SocketId) -> u64 {
        // Keyed by connection: one client less leaves the ids of the others as they were.
        let choices = self.0.scheduler().choices();
        choices
            .stream(Actor::Socket(socket), Purpose::Fresh)
            .draw(0..=u64::MAX)
    }
}
