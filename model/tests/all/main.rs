//! The pure core compared with the original gateway.
//!
//! `model/tests/vectors` holds what the original answered to sequences of random operations. Each
//! recording is replayed against the model, step by step, and every step must agree.

mod breaker;
mod coordinator;
mod handshake;
mod identity;
mod machine;
mod message_queue;
mod readiness;
mod replay;
