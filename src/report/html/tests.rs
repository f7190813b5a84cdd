//! The page and the data in it.

use gatesim_sim::run::outcome::Outcome;

use super::HtmlPage;
use crate::{
    report::{
        chart::{
            tests::{NASTY, sample_outcome, sample_target},
            window::Window,
        },
        root_cause::RootCause,
    },
    target::Target,
};

fn page<'a>(
    target: &'a Target,
    outcome: &'a Outcome,
    root_cause: Option<&'a RootCause>,
) -> HtmlPage<'a> {
    HtmlPage {
        target,
        outcome,
        root_cause,
        window: Window::PAGE,
    }
}

fn root_cause() -> RootCause {
    RootCause {
        sentence:
            "passes if *machine accepted* (event 13) runs before *machine refused* (event 11)"
                .to_owned(),
        also: vec!["passes with `cleanup = always`".to_owned()],
        other_timing: Some("with other timing it fails in 5 of 24 runs".to_owned()),
        slice: vec![2, 3, 4, 6, 11],
        race: Some([11, 13]),
    }
}

#[test]
fn the_data_of_a_page() {
    let (target, outcome) = (sample_target(), sample_outcome());
    insta::assert_snapshot!("data", page(&target, &outcome, Some(&root_cause())).json());
}

/// All but the style and the scripts, which are files of their own, and the plan.
#[test]
fn the_page_says_the_verdict_without_its_script() {
    let (target, outcome) = (sample_target(), sample_outcome());
    let html = page(&target, &outcome, Some(&root_cause()))
        .render()
        .unwrap();
    let start = html.find("<header").unwrap();
    let end = html.find("</header>").unwrap();
    insta::assert_snapshot!("masthead", html[start..end]);
    assert!(html.contains("down_ms = 500"), "the plan");
}

#[test]
fn no_text_ends_the_script_or_becomes_markup() {
    let (target, outcome) = (sample_target(), sample_outcome());
    let html = page(&target, &outcome, None).render().unwrap();
    assert!(!html.contains(NASTY));
    // The data, the program.
    assert_eq!(html.matches("<script").count(), 2);
    assert_eq!(html.matches("</script>").count(), 2);
    assert_eq!(html.matches("<!--").count(), 1, "the template's own");
    assert!(
        html.contains("&lt;/script&gt;&lt;!--#;&amp;"),
        "the sentence"
    );
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    let (target, outcome) = (sample_target(), sample_outcome());
    let html = page(&target, &outcome, None).render().unwrap();
    for loading in [
        "src=",
        "@import",
        "url(http",
        "fetch(",
        "XMLHttpRequest",
        "import ",
    ] {
        assert!(!html.contains(loading), "{loading}");
    }
    assert!(html.contains("default-src 'none'"));
}

/// The machine with its two states, before and after: state is what the page steps through.
#[test]
fn a_cut_page_begins_with_the_state_that_was_there() {
    let (target, outcome) = (sample_target(), sample_outcome());
    let cut = HtmlPage {
        window: Window {
            events: 6,
            clients: 1,
        },
        ..page(&target, &outcome, None)
    };
    let data: serde_json::Value = serde_json::from_str(&cut.json()).unwrap();
    let lines = data["state"]["lines"].as_array().unwrap();
    let machine = lines.iter().position(|line| {
        let path = line["path"].as_str().unwrap();
        path.starts_with("machine ")
    });
    let machine = machine.expect("the machine has a line");
    let before = data["state"]["before"].as_array().unwrap();
    assert!(
        before
            .iter()
            .any(|line| line[0] == machine && line[1].as_str().unwrap().starts_with("CONNECTING")),
        "{before:?}"
    );
}

#[test]
fn a_panic_has_a_page_without_a_trace() {
    let (target, outcome) = (
        sample_target(),
        Outcome::panicked(format!("index 7 {NASTY}")),
    );
    let html = page(&target, &outcome, None).render().unwrap();
    assert!(html.contains("<h1>panic") && html.contains("index 7 &lt;"));
    assert!(html.contains("\"events\":[]"));
}
