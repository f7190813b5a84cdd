//! Faults of a plan in words.

use crate::{
    plan::{Direction, FaultKind, Millis, Towards},
    trace::event::Actor,
};

/// What a fault does, to whom and for how long, in one line.
pub fn describe_fault(kind: &FaultKind) -> String {
    match kind {
        FaultKind::Crash { container, down_ms } => {
            format!("container{container} crashes, down for {}", time(*down_ms))
        }
        FaultKind::PowerLoss { container, down_ms } => {
            let down = time(*down_ms);
            format!("container{container} loses its host, down for {down}")
        }
        FaultKind::Terminate {
            container,
            grace_ms,
            down_ms,
        } => format!(
            "container{container} is asked to stop within {}, down for {}",
            time(*grace_ms),
            time(*down_ms)
        ),
        FaultKind::ScaleIn {
            container,
            grace_ms,
        } => {
            let grace = time(*grace_ms);
            format!("container{container} is asked to stop within {grace}, for good")
        }
        FaultKind::RollingDeploy { grace_ms, pause_ms } => format!(
            "containers are replaced one by one, each within {}, {} apart",
            time(*grace_ms),
            time(*pause_ms)
        ),
        FaultKind::Stall { container, for_ms } => {
            format!(
                "container{container} gets no processor for {}",
                time(*for_ms)
            )
        }
        FaultKind::ClockJump {
            container,
            towards,
            by_ms,
            for_ms,
        } => {
            let way = match towards {
                Towards::Future => "fast",
                Towards::Past => "slow",
            };
            let (by, lasting) = (time(*by_ms), time(*for_ms));
            format!("clock of container{container} {by} {way} for {lasting}")
        }
        FaultKind::ServiceDown { service, for_ms } => {
            format!("{} down for {}", Actor::Service(*service), time(*for_ms))
        }
        FaultKind::ServiceFlapping {
            service,
            down_ms,
            up_ms,
            for_ms,
        } => format!(
            "{} down for {} and up for {} in turn, for {}",
            Actor::Service(*service),
            time(*down_ms),
            time(*up_ms),
            time(*for_ms)
        ),
        FaultKind::ServiceSlow {
            service,
            factor,
            for_ms,
        } => format!(
            "{} takes {factor} times as long for {}",
            Actor::Service(*service),
            time(*for_ms)
        ),
        FaultKind::ServiceErrors {
            service,
            per_mille,
            for_ms,
        } => format!(
            "{} fails {per_mille} calls in a thousand for {}",
            Actor::Service(*service),
            time(*for_ms)
        ),
        FaultKind::AuthDenies { per_mille, for_ms } => format!(
            "auth calls {per_mille} good tokens in a thousand invalid for {}",
            time(*for_ms)
        ),
        FaultKind::SupervisorJumbles { per_mille, for_ms } => format!(
            "supervisor gives {per_mille} wrong answers in a thousand for {}",
            time(*for_ms)
        ),
        FaultKind::Partition {
            client,
            direction,
            for_ms,
        } => format!(
            "the link of client{client} carries nothing{} for {}",
            way(*direction),
            time(*for_ms)
        ),
        FaultKind::Reset { client } => format!("the connection of client{client} is reset"),
        FaultKind::BackendPartition {
            container,
            direction,
            for_ms,
        } => format!(
            "the link of container{container} carries nothing{} for {}",
            way(*direction),
            time(*for_ms)
        ),
        FaultKind::BackendReset { container } => {
            format!("the connections of container{container} are reset")
        }
    }
}

fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Up => " upwards",
        Direction::Down => " downwards",
        Direction::Both => "",
    }
}

fn time<const LEAST: u64>(ms: Millis<LEAST>) -> String {
    ms.to_string()
}
