//! A. Before accept, and accept itself (docs/protocol.md#stage-a).
//!
//! docs/protocol.md#step-1 is the balancer's, docs/protocol.md#step-2 the
//! [`crate::gateway::middleware`]'s.

use std::{cell::Cell, rc::Rc, time::Duration};

use crate::{
    core::{
        breaker::{CallResult, Ladder},
        close::{INTERNAL_ERROR, NORMAL, TRY_AGAIN_LATER},
        token,
    },
    design::{AcceptPolicy, PostAcceptSleep, RegistryCreation},
    event::{Blame, Breaker, BreakerState, CloseCause, Event, Limit, StartupPhase, TaskName},
    port::{
        env::{Env, Task},
        socket::{Socket, SocketError},
        wait::{First, first},
    },
};

use super::{Endpoint, Leave};

/// Why a try to accept failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NotAccepted {
    Transport(SocketError),
    TimedOut,
}

impl NotAccepted {
    fn cause(self) -> CloseCause {
        match self {
            Self::Transport(error) => error.cause(),
            Self::TimedOut => CloseCause::NotReady,
        }
    }

    /// Which side was at fault: the client only if it is gone.
    fn blame(self) -> Blame {
        match self {
            Self::Transport(SocketError::PeerGone) => Blame::Client,
            Self::Transport(
                SocketError::AcceptFirst
                | SocketError::ReceiveAfterDisconnect
                | SocketError::TwoReceivers
                | SocketError::AcceptTwice
                | SocketError::SendBeforeAccept
                | SocketError::SendAfterClose,
            )
            | Self::TimedOut => Blame::Server,
        }
    }
}

impl<E: Env> Endpoint<E> {
    pub(super) async fn accept(&self) -> Result<(), Leave> {
        // 4.
        self.fetch_registry().await?;
        // The subprotocol is chosen before anything is awaited.
        let answer = self.container.design.subprotocol_answer;
        let subprotocol = token::select_subprotocol(self.connection.socket().upgrade(), answer);

        // 5.
        match self.container.design.accept {
            AcceptPolicy::Direct => self.accept_directly(subprotocol).await?,
            AcceptPolicy::BreakerWithRetries => self.accept_behind_breaker(subprotocol).await?,
            AcceptPolicy::Twice => {
                self.accept_directly(subprotocol).await?;
                self.accept_directly(subprotocol).await?;
            }
            AcceptPolicy::NotAwaited => self.accept_unawaited(subprotocol),
        }

        // Accepted all the same, because a close before accept cannot say why.
        if self.container.is_draining() {
            self.connection.end(CloseCause::GoingAway).await;
            return Err(Leave::because(CloseCause::GoingAway));
        }

        // 6.
        let sleep = match self.container.design.post_accept_sleep {
            PostAcceptSleep::None => None,
            PostAcceptSleep::HundredMs => Some(Duration::from_millis(100)),
            PostAcceptSleep::TwoHundredMs => Some(Duration::from_millis(200)),
        };
        if let Some(sleep) = sleep.filter(|_| self.container.environment.is_cloud()) {
            self.container.sleep(sleep).await;
        }
        Ok(())
    }

    /// Where the registry comes late, a connection that comes early is closed, and the client
    /// learns no more than HTTP 403 (docs/protocol.md#close-codes).
    async fn fetch_registry(&self) -> Result<(), Leave> {
        match self.container.design.registry_creation {
            RegistryCreation::WithProcess => return Ok(()),
            RegistryCreation::DuringStartup => {}
        }
        if self.container.app.phase() >= StartupPhase::Finalize {
            return Ok(());
        }
        let reason = "Connection state initialization failed";
        let leave = self.close(INTERNAL_ERROR, reason, CloseCause::ServerFault);
        Err(leave.await)
    }

    /// A failure is logged, and the endpoint returns without a close: the client sees HTTP 500.
    async fn accept_directly(&self, subprotocol: Option<&'static str>) -> Result<(), Leave> {
        self.connection
            .socket()
            .accept(subprotocol)
            .await
            .map_err(|error| Leave::because(NotAccepted::Transport(error).cause()))?;
        self.connection.accepted(subprotocol);
        Ok(())
    }

    fn accept_unawaited(&self, subprotocol: Option<&'static str>) {
        let connection = self.connection.clone();
        self.connection.spawn_owned(TaskName::Accept, async move {
            // A failure is logged.
            if connection.socket().accept(subprotocol).await.is_ok() {
                connection.accepted(subprotocol);
            }
        });
    }

    async fn accept_behind_breaker(&self, subprotocol: Option<&'static str>) -> Result<(), Leave> {
        let now = self.container.env.now();
        let admission = self.container.accept_breaker.borrow_mut().admit(now);
        self.breaker_moved(admission.moved());
        if !admission.is_admitted() {
            self.connection.emit(Event::BreakerRefused {
                socket: self.connection.socket_id(),
                breaker: Breaker::Accept,
            });
            let reason = "Service temporarily unavailable";
            let leave = self.close(TRY_AGAIN_LATER, reason, CloseCause::NotReady);
            return Err(leave.await);
        }

        let ladder = Ladder::accept(self.container.environment);
        let mut failed = 0;
        loop {
            let error = match self.try_to_accept(subprotocol, ladder.per_try).await {
                Ok(()) => {
                    self.record_accept(Ok(()));
                    self.connection.accepted(subprotocol);
                    return Ok(());
                }
                Err(error) => error,
            };
            failed += 1;
            match ladder.delay_after(failed) {
                Some(delay) => self.container.env.sleep(delay).await,
                None => {
                    self.connection.reached(Limit::AcceptTries, failed);
                    self.record_accept(Err(error.blame()));
                    let reason = "Connection establishment failed - graceful retry";
                    return Err(self.close(NORMAL, reason, error.cause()).await);
                }
            }
        }
    }

    /// One try in a task of its own, which the time-out cancels wherever it stands: also between
    /// the two halves of accept. If both are due at once the time-out wins, and that the
    /// accept was handed over is forgotten.
    async fn try_to_accept(
        &self,
        subprotocol: Option<&'static str>,
        limit: Duration,
    ) -> Result<(), NotAccepted> {
        let result = Rc::new(Cell::new(Err(NotAccepted::TimedOut)));
        let accept = {
            let connection = self.connection.clone();
            let result = result.clone();
            async move {
                let accepted = connection.socket().accept(subprotocol).await;
                result.set(accepted.map_err(NotAccepted::Transport));
            }
        };
        let task = self.connection.spawn(TaskName::Accept, accept);
        match first(self.container.env.sleep(limit), task.finished()).await {
            First::Right(()) => result.get(),
            First::Left(()) => {
                task.cancel();
                task.finished().await;
                Err(NotAccepted::TimedOut)
            }
        }
    }

    fn record_accept(&self, outcome: Result<(), Blame>) {
        let now = self.container.env.now();
        let mut breaker = self.container.accept_breaker.borrow_mut();
        let moved = match outcome {
            Ok(()) => breaker.record(CallResult::Success, now),
            Err(_) => breaker.record(CallResult::Failure, now),
        };
        let failures = breaker.failures();
        drop(breaker);
        if let Err(blame) = outcome {
            self.connection.emit(Event::BreakerFed {
                socket: self.connection.socket_id(),
                breaker: Breaker::Accept,
                blame,
                failures,
            });
        }
        self.breaker_moved(moved);
    }

    fn breaker_moved(&self, moved: Option<BreakerState>) {
        if let Some(to) = moved {
            let breaker = Breaker::Accept;
            self.connection.emit(Event::BreakerMoved { breaker, to });
        }
    }
}
