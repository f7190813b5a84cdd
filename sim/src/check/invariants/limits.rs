//! The bounds that the invariants hold the protocol to.
//!
//! A bound is what the protocol could promise from its own time-outs, rounded up, and what the plan
//! takes on the way: latency, losses, slow links and slow readers, what the balancer holds. It is the
//! same for every design, and marks the point from which waiting is a defect. Sections cited with `#`
//! are those of `docs/protocol.md`.

use std::{collections::BTreeSet, time::Duration};

use gatesim_model::core::environment::Environment;

use crate::plan::{ClientPlan, FaultKind, FaultPlan, Millis, PerMille, Plan, Token};

/// Declared bounds, all in virtual time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From accept to PROCESSING_READY or an explicit close (I-08).
    ///
    /// In cloud environments: 1.6 s of fixed waits, 12.5 s of authentication ladder with its call
    /// times, 5 s of waiting for start-up and about 4 s of polls for services (`#setup-time`,
    /// `#auth-ladders`, `#timing-constants`) make less than 30 s. Elsewhere the ladder is short and
    /// nothing waits for start-up: 10 s. In addition the time between the halves of the accept
    /// (`accept_us`).
    pub setup: Duration,
    /// From the end of the transport to the point when nothing of the connection is left (I-09).
    ///
    /// The longest step of an orderly end is a last send into a dead connection, for which the
    /// manager allows 5 s (`#delivery-4`).
    pub cleanup: Duration,
    /// From PROCESSING_READY to the state coordinator having left INITIALIZING (I-16): a hundred
    /// ticks of its 10 ms poller (`#state-coordinator`).
    pub coordinator: Duration,
    /// From the end of the transport to no view calling the connection ready or active (I-16).
    ///
    /// Twice the clean-up: entries that merely stay are reported as left behind first.
    pub gone: Duration,
    /// From the emission of an agent event to its fate (I-12), and from a user's return to the
    /// replay of what was stored: the largest gap that the event validator accepts
    /// (`#event-timing`), and for the frames before it the time that a full way needs to become empty.
    pub delivery: Duration,
    /// From the start of an agent run to its end (I-12): the total that
    /// `#event-timing` allows.
    pub run: Duration,
    /// Silence after which the heartbeat declares the peer dead: interval and time-out (I-20).
    pub patience: Duration,
    /// From the last frame of a peer to the end of its connection at the server (I-20): the
    /// heartbeat's interval and time-out, and as slack 5 s for a frame to be read and 5 s for a
    /// last send (`#delivery-4`, `#heartbeat`). A ping leaves when the frames before it have left.
    pub silence: Duration,
    /// From asking for a lock to acquiring it (I-15): three holders before, each with a send of 5 s
    /// (`#delivery-4`).
    pub lock: Duration,
    /// The window in which attempts are counted (I-17).
    pub attempts_window: Duration,
    /// Attempts of one client within the window, at most (I-17).
    ///
    /// A back-off that is not reset before the connection holds (`#reconnection`) makes in one minute: in the
    /// cloud, where nothing is tried within 3 s, attempts after 0, 3, 6, 9, 13, 21, 37 s; that
    /// is 7. Elsewhere, with 1 s and a cap of 10 s, after 0, 1, 2, 3, 4, 5, 7, 10, 16, 26, 36, 46,
    /// 56 s; that is 13. Half as many again are allowed for what a client starts again for good
    /// reasons, a token refresh for example.
    pub attempts: usize,
    /// How long a welcomed connection must have lasted to count as one that held (I-17): the
    /// longest loop-entry wait (`#timing-loop-entry`) and some time on the way.
    pub settled: Duration,
    /// From the end of all faults, or of a connection after it, to the next welcome (I-15): the
    /// longest pause between attempts (`#reconnection`: 30 s, elsewhere 10 s), the longest time that a
    /// breaker stays open (`#circuit-breakers`: 60 s; 30 s, the authenticator's, where the one around accept is quicker),
    /// the set-up, and the way of an upgrade to a container and of a welcome back.
    pub reconnected: Duration,
    /// From the end of all faults, or the sending of a message, or the last event about it, to the
    /// next event about it (I-15): a welcome, the largest gap between two events
    /// (`#event-timing`), and the way of a message to a container and of an event back, each behind as
    /// many frames as fit.
    pub answered: Duration,
    /// From the end of all faults to the point by which no client waits any more, and until which
    /// clients stay that are still owed something: a connection, and an answer over it.
    pub converged: Duration,
    /// What the plan makes true of clients and stops.
    pub(super) known: KnownOfPlan,
}

/// What the judges know from the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KnownOfPlan {
    /// Clients whose tokens are good for ever.
    pub(super) good_tokens: BTreeSet<u32>,
    /// Whether nothing hides a token from the gateway, and the authentication service never calls a
    /// good one bad.
    pub(super) tokens_arrive: bool,
    /// Whether each stop that is asked for leaves at least [`TO_STOP`].
    pub(super) stops_have_time: bool,
}

/// What an orderly stop needs: 3 s for messages that are being handled and 2 s for the ends of
/// connections (`#shutdown`), twice.
const TO_STOP: Duration = Duration::from_secs(10);

impl KnownOfPlan {
    fn of(plan: &Plan) -> Self {
        let good = plan.clients().filter(|(_, client)| {
            client.token == Token::Valid
                && client.token_life_ms.is_none()
                && client.token_after_ms == Millis::default()
        });
        let denies = |fault: &FaultPlan| matches!(fault.kind, FaultKind::AuthDenies { .. });
        let stops = plan.faults.iter().map(|fault| fault.kind.grace());
        let mut stops = stops.filter(|grace| *grace > Duration::ZERO);
        KnownOfPlan {
            good_tokens: good.map(|(number, _)| number).collect(),
            tokens_arrive: plan.balancer.headers.per_mille == PerMille::default()
                && !plan.faults.iter().any(denies),
            stops_have_time: stops.all(|grace| grace >= TO_STOP),
        }
    }
}

impl Limits {
    /// The bounds for a plan.
    pub fn of(plan: &Plan) -> Self {
        Limits {
            known: KnownOfPlan::of(plan),
            ..Self::with(plan.environment, &WayTimes::of(plan))
        }
    }

    fn with(environment: Environment, way: &WayTimes) -> Self {
        let (setup, attempts, reconnect, breaker) = match environment {
            Environment::Testing | Environment::Development => (10, 20, 10, 30),
            Environment::Staging => (30, 11, 30, 30),
            Environment::Production => (30, 11, 30, 60),
        };
        // Interval and time-out (`#heartbeat`), stated here because the gateway's own are judged.
        let patience = Duration::from_secs(match environment {
            Environment::Testing | Environment::Development => 25 + 60,
            Environment::Staging => 20 + 90,
            Environment::Production => 20 + 75,
        });
        let setup = Duration::from_secs(setup) + way.accept;
        // A message on its way up, and what is said of it on its way down.
        let delivery = Duration::from_secs(30) + 2 * (way.frame + way.queue);
        let reconnected = Duration::from_secs(reconnect + breaker) + setup + way.opening;
        let answered = reconnected + delivery;
        Limits {
            setup,
            cleanup: Duration::from_secs(5),
            coordinator: Duration::from_secs(1),
            gone: Duration::from_secs(10),
            delivery,
            run: Duration::from_secs(300),
            patience,
            silence: patience + Duration::from_secs(10) + way.queue,
            lock: Duration::from_secs(15),
            attempts_window: Duration::from_secs(60),
            attempts,
            settled: Duration::from_secs(5),
            reconnected,
            answered,
            converged: reconnected + answered,
            known: KnownOfPlan::default(),
        }
    }

    /// The bounds for an environment, where nothing takes time on the way, stops have time, and the
    /// tokens of these clients are good.
    #[cfg(test)]
    pub(crate) fn without_way(environment: Environment, good_tokens: BTreeSet<u32>) -> Self {
        Limits {
            known: KnownOfPlan {
                good_tokens,
                tokens_arrive: true,
                stops_have_time: true,
            },
            ..Self::with(environment, &WayTimes::default())
        }
    }
}

/// What the way between a container and the client with the slowest link takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct WayTimes {
    /// One frame, if no other is before it: the greatest latency of both links, a retransmission where
    /// frames are lost, and how long the balancer holds one that others overtake.
    frame: Duration,
    /// Until the frames before one that is sent last are gone, if there are as many as fit: the windows
    /// of both links and one in the hands of the balancer, each as long as the slowest link or the
    /// slowest reader takes over it. No time, unless one of them needs some.
    queue: Duration,
    /// From asking for a connection to the first frames over it: both links are opened, the balancer
    /// holds the upgrade, the server takes its time over the accept; upgrade and welcome are on
    /// their way, the latter behind [`BEFORE_WELCOME`] frames.
    opening: Duration,
    /// Between the halves of the accept.
    accept: Duration,
}

/// Frames of a container before its welcome: the answer to the upgrade and notices of the set-up.
const BEFORE_WELCOME: u32 = 4;

impl WayTimes {
    fn of(plan: &Plan) -> Self {
        let most = |times: &mut dyn Iterator<Item = Duration>| times.max().unwrap_or_default();
        let (near, far) = (
            || plan.clients.iter().map(|one| one.link),
            plan.backend_link,
        );
        let held = plan
            .balancer
            .reorder
            .map(|reorder| reorder.hold_us.most.duration());
        let frame =
            most(&mut near().map(|link| link.slowest())) + far.slowest() + held.unwrap_or_default();
        let pace = |client: &ClientPlan| {
            client
                .link
                .frame_us
                .duration()
                .max(client.reads_every_ms.duration())
        };
        let pace = most(&mut plan.clients.iter().map(pace)).max(far.frame_us.duration());
        let window = near()
            .map(|link| link.window.get())
            .max()
            .unwrap_or_default();
        let accept = most(
            &mut plan
                .containers
                .iter()
                .map(|one| one.accept_us.most.duration()),
        );
        let opened = most(&mut near().map(|link| link.opening())) + far.opening();
        let held = plan.balancer.upgrade_hold_us.most.duration();
        WayTimes {
            frame,
            queue: pace * (window + far.window.get() + 1),
            opening: opened + held + accept + 2 * frame + pace * BEFORE_WELCOME,
            accept,
        }
    }
}
