//! Fixed sleeps that wait for a socket to settle.
//!
//! Implements docs/protocol.md#step-9 and docs/protocol.md#auth-handshake-timing.

use std::iter;

use crate::{core::environment::Environment, port::env::Env};

/// Sleeps after the first handshake. The growing ones end early if the socket is connected.
pub(crate) async fn stabilise(
    env: &impl Env,
    environment: Environment,
    is_connected: impl Fn() -> bool,
) {
    let sleeps = environment.stabilisation();
    env.sleep(sleeps.first).await;
    for delay in sleeps.progressive {
        if is_connected() {
            break;
        }
        env.sleep(*delay).await;
    }
    if let Some(second) = sleeps.second {
        env.sleep(second).await;
    }
}

/// Gives a socket that is not connected time before authentication, which goes on regardless.
pub(crate) async fn wait_for_handshake(
    env: &impl Env,
    environment: Environment,
    is_connected: impl Fn() -> bool,
) {
    let (fix, further) = environment.auth_handshake_fix();
    for pause in iter::once(&fix).chain(further) {
        if is_connected() {
            return;
        }
        env.sleep(*pause).await;
    }
}
