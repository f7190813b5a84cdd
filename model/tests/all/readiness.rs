//! The readiness functions (`docs/protocol.md#readiness-functions`), every combination of what they
//! look at.

use gatesim_model::{
    core::environment::Environment,
    gateway::readiness::{
        Attribute, Lookup, SocketView, is_websocket_connected, is_websocket_connected_and_ready,
    },
    port::socket::TransportState,
};
use serde::Deserialize;

use crate::{handshake::pattern_name, replay::lines};

/// Environment, client_state, application_state, what the socket has, the look-up of the machine;
/// then connected, connected and ready, and the patterns logged.
type Case = (
    Environment,
    Option<State>,
    Option<State>,
    Vec<Has>,
    Machine,
    bool,
    bool,
    Vec<String>,
);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum State {
    Connecting,
    Connected,
    Disconnected,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Has {
    Receive,
    Send,
    SendJson,
    Queues,
    Scope,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Machine {
    /// No id was given.
    None,
    Missing,
    Can,
    Cannot,
    Failed,
}

fn transport(state: &State) -> TransportState {
    match state {
        State::Connecting => TransportState::Connecting,
        State::Connected => TransportState::Connected,
        State::Disconnected => TransportState::Disconnected,
    }
}

fn attribute(has: &Has) -> Attribute {
    match has {
        Has::Receive => Attribute::Receive,
        Has::Send => Attribute::Send,
        Has::SendJson => Attribute::SendJson,
        Has::Queues => Attribute::Queues,
        Has::Scope => Attribute::WebsocketScope,
    }
}

fn lookup(machine: &Machine) -> Lookup {
    match machine {
        Machine::None => Lookup::NoId,
        Machine::Missing => Lookup::Missing,
        Machine::Can => Lookup::CanProcess,
        Machine::Cannot => Lookup::CannotProcess,
        Machine::Failed => Lookup::Failed,
    }
}

#[test]
fn connected_and_connected_and_ready() {
    let mut cases = 0;
    for line in lines("readiness") {
        let (environment, client, application, has, machine, connected, ready, patterns): Case =
            serde_json::from_str(&line).expect("a case");
        let attributes: Vec<_> = has.iter().map(attribute).collect();
        let socket = SocketView {
            client: client.as_ref().map(transport),
            application: application.as_ref().map(transport),
            attributes: &attributes,
        };
        assert_eq!(
            is_websocket_connected(socket, environment),
            connected,
            "{line}"
        );
        let answer = is_websocket_connected_and_ready(socket, lookup(&machine), environment);
        assert_eq!(answer.ready, ready, "{line}");
        let noted: Vec<_> = answer.pattern.iter().map(pattern_name).collect();
        assert_eq!(noted, patterns, "{line}");
        cases += 1;
    }
    assert_eq!(cases, 10_240);
}
