//! What each kind of event changes, in words.

use super::*;
use crate::trace::vocabulary::samples;

#[test]
fn every_event_says_what_it_changes() {
    let mut snapshot = Snapshot::new();
    let mut lines = Vec::new();
    for entry in samples::trace() {
        let changes = snapshot.apply(&entry);
        lines.push(entry.fact.row().line());
        lines.extend(changes.iter().map(|change| {
            let side = |value: &Option<StateValue>| value.as_ref().map(StateValue::to_string);
            format!(
                "    {} {}: {} => {}",
                change.actor,
                change.path,
                side(&change.before).unwrap_or_else(|| "-".to_owned()),
                side(&change.after).unwrap_or_else(|| "-".to_owned()),
            )
        }));
    }
    assert!(lines.iter().all(|line| !line.contains('\n')));
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn changes_are_written_as_texts() {
    let change = StateChange {
        actor: Actor::Container(0),
        path: StatePath::Machine("ws_1".into()),
        before: None,
        after: Some(StateValue::Word("there")),
    };
    let text = serde_json::to_string(&change).unwrap();
    assert_eq!(
        text,
        r#"{"actor":"container0","path":"machine ws_1","before":null,"after":"there"}"#
    );
}
