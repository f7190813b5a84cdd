//! What starts, serves and stops a container.

use std::{future, rc::Rc, time::Duration};

use crate::{
    core::{close::TRY_AGAIN_LATER, message::Notice},
    design::{DrainPace, ShutdownPolicy, StopInSetup},
    event::{CloseCause, EndpointEnd, Limit, TaskName},
    gateway::{
        connection::{Connection, Transport},
        container::{Container, Lifecycle},
        delivery, endpoint,
        middleware::{self, Passed},
        startup,
    },
    port::{
        env::{Env, Task},
        limits,
        socket::SocketError,
        wait::timeout,
    },
};

/// How long agent runs may go on after the container was asked to stop.
pub const DRAIN_GRACE: Duration = Duration::from_secs(3);
/// How long runs may take to fail, and endpoints to clean up once their connections are closed.
pub const DRAIN_CLEAN_UP: Duration = Duration::from_secs(2);

/// Over how long the closes are spread, where they are: half of the time for cleaning up.
const CLOSES_SPREAD_OVER: Duration = Duration::from_secs(1);

impl<E: Env> Container<E> {
    /// Serves one connection from its upgrade to its end: first the middleware, which may answer
    /// the upgrade itself, then the endpoint. Returning without a close before makes the server end
    /// the session normally; [`EndpointEnd::Raised`] makes it drop the transport.
    pub async fn serve(self: Rc<Self>, socket: Rc<E::Socket>) -> EndpointEnd {
        match middleware::pass(&self, &*socket).await {
            Passed::On => endpoint::serve(self, socket).await,
            Passed::Answered => EndpointEnd::Returned,
        }
    }

    /// Runs the start-up phases and starts the tasks that look after the container.
    pub async fn start(self: &Rc<Self>) {
        startup::run(self).await;
    }

    /// The container was asked to stop (SIGTERM). Returns when the process exits: once its
    /// connections are closed and its tasks have ended, within [`DRAIN_GRACE`] and
    /// [`DRAIN_CLEAN_UP`], or as the design has it otherwise.
    pub async fn terminate(self: &Rc<Self>) {
        match self.design.shutdown {
            ShutdownPolicy::Ignored => future::pending().await,
            ShutdownPolicy::ExitsAtOnce => {}
            ShutdownPolicy::Drained => {
                self.finish_runs().await;
                self.close_all();
                self.clean_up().await;
            }
            ShutdownPolicy::DrainedUntilAFailure => {
                self.finish_runs().await;
                if self.close_in_turn().await.is_ok() {
                    self.clean_up().await;
                }
            }
        }
    }

    /// Takes on nothing more, tells the clients, and lets runs come to their end, in force if need be.
    async fn finish_runs(self: &Rc<Self>) {
        self.lifecycle.set(Lifecycle::Draining);
        for connection in self.live_connections() {
            let told = connection.clone();
            connection.spawn_owned(TaskName::Notice, async move {
                if told.is_ready() {
                    // If this fails, the close informs the peer.
                    let _ = told.send_notice(Notice::ServerShutdown).await;
                } else {
                    interrupt(&told).await;
                }
            });
        }
        let runs = self.runs.take();
        let ended = timeout(&self.env, DRAIN_GRACE, all_finished::<E>(&runs)).await;
        limits::in_time(&self.env, None, Limit::DrainTime, DRAIN_GRACE, ended);
        // Runs that did not finish end explicitly, as failures; only then is force used.
        self.agent_runs.stop.set();
        let ended = timeout(&self.env, DRAIN_CLEAN_UP, all_finished::<E>(&runs)).await;
        limits::in_time(
            &self.env,
            None,
            Limit::DrainCleanUpTime,
            DRAIN_CLEAN_UP,
            ended,
        );
        for run in &runs {
            run.cancel();
        }
        delivery::give_up(self);
    }

    fn close_all(&self) {
        let connections = self.live_connections();
        let count = connections.len().max(1) as u32;
        for (connection, place) in connections.into_iter().zip(0..) {
            let pause = match self.design.drain_pace {
                DrainPace::AtOnce => None,
                DrainPace::Spread => Some(CLOSES_SPREAD_OVER * place / count),
            };
            let ended = connection.clone();
            connection.spawn_owned(TaskName::Shutdown, async move {
                if let Some(pause) = pause {
                    ended.env.sleep(pause).await;
                }
                end_if_accepted(&ended).await;
            });
        }
    }

    /// Closes one connection after the other, in any state; one that is not accepted yet cannot
    /// take a close frame.
    async fn close_in_turn(&self) -> Result<(), SocketError> {
        for connection in self.live_connections() {
            match connection.transport() {
                Transport::Upgrading => return Err(SocketError::SendBeforeAccept),
                Transport::Open | Transport::Closed | Transport::PeerGone => {
                    connection.end(CloseCause::GoingAway).await;
                }
            }
        }
        Ok(())
    }

    /// Waits until every endpoint has cleaned up, and stops what looks after the container.
    async fn clean_up(&self) {
        let cleaned_up = async {
            while !self.live.borrow().is_empty() {
                self.env.sleep(Duration::from_millis(10)).await;
            }
        };
        let cleaned_up = timeout(&self.env, DRAIN_CLEAN_UP, cleaned_up).await;
        limits::in_time(
            &self.env,
            None,
            Limit::DrainCleanUpTime,
            DRAIN_CLEAN_UP,
            cleaned_up,
        );
        for task in self.background.take().values() {
            task.cancel();
        }
    }
}

/// Ends a connection whose set-up is not complete.
async fn interrupt<E: Env>(connection: &Connection<E>) {
    match connection.design.stop_in_setup {
        StopInSetup::GoingAway => end_if_accepted(connection).await,
        StopInSetup::GoingAwayUnaccepted => connection.end(CloseCause::GoingAway).await,
        StopInSetup::StepFailed => match connection.transport() {
            Transport::Upgrading => {}
            Transport::Open | Transport::Closed | Transport::PeerGone => {
                let reason = "Handshake coordination failed - service temporarily unavailable";
                let cause = CloseCause::GoingAway;
                connection.close(TRY_AGAIN_LATER, reason, cause).await;
            }
        },
    }
}

/// A connection that is still being accepted is not touched: a close before accept cannot say why,
/// and its endpoint closes it right after.
async fn end_if_accepted<E: Env>(connection: &Connection<E>) {
    match connection.transport() {
        Transport::Upgrading => {}
        Transport::Open | Transport::Closed | Transport::PeerGone => {
            connection.end(CloseCause::GoingAway).await;
        }
    }
}

async fn all_finished<E: Env>(tasks: &[E::Task]) {
    for task in tasks {
        task.finished().await;
    }
}
