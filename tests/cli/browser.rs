//! The page of a run in a real browser: opened from disk and clicked through, without an error and
//! without a request.

use std::path::{Path, PathBuf};

use crate::{
    support::{Scratch, gatesim},
    webdriver::Browser,
};

/// A revision with an early violation in a short run, two clients, and refused transitions.
const CAPSULE: &str = "seeds/regressions/two-in-one-second-v2-2.toml";

const DOWN: char = '\u{E015}';
const UP: char = '\u{E013}';
const HOME: char = '\u{E011}';
const END: char = '\u{E010}';
const ENTER: char = '\u{E007}';
const ESCAPE: char = '\u{E00C}';

fn page(scratch: &Scratch, capsule: &str) -> PathBuf {
    let file = scratch.path().join("page.html");
    let ran = gatesim(&["report", capsule, "-o", file.to_str().unwrap()]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    file
}

/// The number of the chosen event.
fn chosen(browser: &Browser) -> u64 {
    let position = browser.text("#position");
    let number = position
        .strip_prefix('#')
        .and_then(|rest| rest.split(' ').next());
    number.unwrap().parse().unwrap()
}

fn shown(browser: &Browser) -> u64 {
    let size = browser.script("return document.querySelector('.row').getAttribute('aria-setsize')");
    size.as_str().unwrap().parse().unwrap()
}

#[test]
fn a_page_is_clicked_through() {
    let scratch = Scratch::new("browser");
    let file = page(&scratch, CAPSULE);
    let Some(browser) = Browser::start(scratch.path(), 1440, 1000) else {
        return;
    };
    browser.open(&file, "");

    // It opens at the violation, with the state that was there.
    let violation = chosen(&browser);
    assert!(browser.text("h1").starts_with("one-machine-per-connection"));
    assert!(
        browser
            .text("#selected")
            .contains("one-machine-per-connection")
    );
    let state = browser.text("#actors");
    assert!(
        state.contains("client 1") && state.contains("container 0"),
        "{state}"
    );

    // The causal slice has fewer events than the story, and the sentence above is the root cause.
    let led_there = shown(&browser);
    assert!(browser.text(".why").starts_with("passes "));
    browser.press(&['n'], false);
    assert_eq!(chosen(&browser), violation);
    assert!(shown(&browser) > led_there);

    // Steps, by button and by key, and back to where it was.
    browser.click("#next");
    let next = chosen(&browser);
    assert!(next > violation);
    browser.press(&[UP], false);
    assert_eq!(chosen(&browser), violation);
    browser.press(&[HOME], false);
    assert_eq!(chosen(&browser), 0);
    let at_start = browser.text("#actors");
    assert!(!at_start.contains("c0#1"), "{at_start}");
    browser.press(&[DOWN], true);
    let ten = chosen(&browser);
    browser.press(
        &[
            HOME, DOWN, DOWN, DOWN, DOWN, DOWN, DOWN, DOWN, DOWN, DOWN, DOWN,
        ],
        false,
    );
    assert_eq!(chosen(&browser), ten);
    browser.press(&[END], false);
    let last = chosen(&browser);
    assert!(last > violation);
    browser.press(&[DOWN], false);
    assert_eq!(chosen(&browser), last);
    browser.press(&[HOME, 'v'], false);
    assert_eq!(chosen(&browser), violation);
    assert_eq!(
        browser.text("#actors"),
        state,
        "the state is the same from both sides"
    );

    // Filters: every event, one lane less, one connection.
    let story = shown(&browser);
    browser.press(&['a'], false);
    let all = shown(&browser);
    assert!(all > story, "{all} > {story}");
    browser.click("#heads button[title*='container 0']");
    assert!(shown(&browser) < all);
    browser.click("#heads button[title*='container 0']");
    assert_eq!(shown(&browser), all);
    browser.type_into("#connection", "c1#1");
    assert!(shown(&browser) < all);
    browser.type_into("#connection", "all");

    // Finding.
    browser.press(&['/'], false);
    browser.type_into("#find", "gave up after");
    let hits = browser.text("#found");
    assert!(
        hits.ends_with(" found") && !hits.starts_with("0 "),
        "{hits}"
    );
    let first = chosen(&browser);
    assert!(browser.text("#selected .what").contains("gave up after"));
    browser.press(&[ENTER], false);
    assert_ne!(chosen(&browser), first);
    browser.press(&[ESCAPE], false);

    // Both themes; help; a click on another violation in the masthead.
    let background = "return getComputedStyle(document.documentElement).backgroundColor";
    browser.click("#theme");
    let light = browser.script(background);
    browser.click("#theme");
    assert_ne!(browser.script(background), light);
    browser.press(&['?'], false);
    assert!(browser.text("#help").contains("next violation"));
    browser.press(&[ESCAPE], false);
    browser.click(".points dd:last-child .jump");
    assert_ne!(chosen(&browser), violation);

    // An address with a number opens there.
    browser.open(&file, "#30");
    browser.script("location.reload()");
    assert_eq!(chosen(&browser), 30);

    // In a page that is open as well.
    browser.script("location.hash = '#35'");
    assert_eq!(chosen(&browser), 35);

    // What has been pressed keeps the focus, although it is redrawn.
    let focus = "return document.activeElement.dataset.key";
    browser.script("document.querySelector('[data-key=container0]').focus()");
    for _ in 0..2 {
        browser.press(&[ENTER], false);
        assert_eq!(browser.script(focus), "container0");
    }
    browser.script("document.querySelector('#actors summary').focus()");
    let folded = browser.script(focus);
    assert!(folded.is_string());
    browser.press(&[DOWN], false);
    assert_eq!(browser.script(focus), folded);

    // On paper there is the diagram as well.
    let paper = browser.print();
    assert!(
        paper.starts_with(b"%PDF") && paper.len() > 20_000,
        "{} bytes",
        paper.len()
    );

    assert_eq!(browser.console(), [] as [&str; 0]);
    // The browser's own first page has addresses as well.
    let requests = browser.requests();
    let of_page = |request: &&String| !request.starts_with("chrome");
    let of_page: Vec<&String> = requests.iter().filter(of_page).collect();
    assert!(!of_page.is_empty(), "its own address at least");
    for request in of_page {
        let itself = request.starts_with("file:///") && request.contains("/page.html");
        assert!(itself || request.starts_with("data:"), "{request}");
    }
}

/// The pictures in `docs`. Written to the directory that `GATESIM_SCREENSHOTS` names.
#[test]
#[ignore = "writes the pictures of the documentation; docs/report.md says how"]
fn pictures() {
    let scratch = Scratch::new("browser-pictures");
    let dir =
        std::env::var_os("GATESIM_SCREENSHOTS").expect("GATESIM_SCREENSHOTS names a directory");
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
    let browser = Browser::start(scratch.path(), 1440, 1180).expect("a browser");
    for (capsule, picture, prepare) in [
        (CAPSULE, "report-two-connections.png", &[] as &[char]),
        (
            "seeds/regressions/restart-reference-message-ledger-per-container-5.toml",
            "report-restart.png",
            &[],
        ),
        (
            "seeds/regressions/chaos-reference-early-frames-dispatched-13.toml",
            "report-race.png",
            // Down and up again, which scrolls there.
            &['t', 't', DOWN, UP],
        ),
    ] {
        browser.open(&page(&scratch, capsule), "");
        if !prepare.is_empty() {
            browser.press(prepare, false);
        }
        browser.screenshot(&dir.join(picture));
    }
}
