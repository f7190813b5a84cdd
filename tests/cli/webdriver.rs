//! A headless browser, driven through chromedriver: the part of WebDriver that the tests need.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

/// Names of Chromium and its relatives, as packages call them.
const BROWSERS: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// Set to `required` where a browser must exist, as in CI.
const REQUIRED: &str = "GATESIM_BROWSER";

/// The key under which WebDriver keeps the id of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one page.
pub struct Browser {
    driver: Child,
    agent: ureq::Agent,
    session: String,
}

impl Browser {
    /// Starts one with a fresh profile in `scratch`. None, with a message, if there is no Chromium on
    /// this machine, unless one is required.
    pub fn start(scratch: &Path, width: u32, height: u32) -> Option<Browser> {
        let driver = on_path(&["chromedriver"]);
        let browser = on_path(&BROWSERS);
        let (Some(driver), Some(browser)) = (driver, browser) else {
            let missing =
                "no chromium and chromedriver on the PATH: THE PAGE IS NOT TESTED IN A BROWSER";
            assert!(
                env::var_os(REQUIRED).is_none_or(|value| value != "required"),
                "{missing}"
            );
            // Straight to standard error: the test harness keeps what passing tests print.
            let mut terminal = io::stderr();
            terminal
                .write_all(format!("\n    {missing}\n\n").as_bytes())
                .unwrap();
            return None;
        };
        let (driver, port) = start_driver(&driver);
        let mut started = Browser {
            driver,
            agent: agent(),
            session: format!("http://127.0.0.1:{port}/session"),
        };
        let profile = scratch.join("profile");
        let mut options: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
        ]
        .map(str::to_owned)
        .into();
        options.push(format!("--window-size={width},{height}"));
        options.push(format!("--user-data-dir={}", profile.display()));
        let created = started.post(
            "",
            json!({ "capabilities": { "alwaysMatch": {
                "browserName": "chrome",
                "goog:chromeOptions": { "binary": browser, "args": options },
                "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            } } }),
        );
        let id = created["sessionId"].as_str().expect("a session has an id");
        started.session = format!("{}/{id}", started.session);
        Some(started)
    }

    /// Opens a file from disk; `fragment` is what follows its name.
    pub fn open(&self, file: &Path, fragment: &str) {
        let url = format!(
            "file://{}{fragment}",
            file.canonicalize().unwrap().display()
        );
        self.post("/url", json!({ "url": url }));
    }

    /// What a script returns, run in the page.
    pub fn script(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({ "script": script, "args": [] }))
    }

    /// The text of the first element that a selector matches.
    pub fn text(&self, selector: &str) -> String {
        let element = self.element(selector);
        let text = self.get(&format!("/element/{element}/text"));
        text.as_str().unwrap().to_owned()
    }

    /// Clicks in the middle of an element, as a user would: it must be visible.
    pub fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.post(&format!("/element/{element}/click"), json!({}));
    }

    /// Types into an element.
    pub fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.post(
            &format!("/element/{element}/value"),
            json!({ "text": text }),
        );
    }

    /// Presses keys one after the other, wherever the focus is; with `shift`, while it is held.
    pub fn press(&self, keys: &[char], shift: bool) {
        const SHIFT: char = '\u{E008}';
        let stroke = |kind: &str, key: char| json!({ "type": kind, "value": key });
        let mut actions: Vec<Value> = Vec::new();
        actions.extend(shift.then(|| stroke("keyDown", SHIFT)));
        for key in keys {
            actions.extend([stroke("keyDown", *key), stroke("keyUp", *key)]);
        }
        actions.extend(shift.then(|| stroke("keyUp", SHIFT)));
        self.post(
            "/actions",
            json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }),
        );
    }

    /// The page as a picture.
    pub fn screenshot(&self, file: &Path) {
        self.save(&self.get("/screenshot"), file);
    }

    /// The page on paper, as a PDF.
    pub fn print(&self) -> Vec<u8> {
        let printed = self.post("/print", json!({ "background": true }));
        BASE64_STANDARD.decode(printed.as_str().unwrap()).unwrap()
    }

    /// Console messages since the last call, except those about its own addresses.
    pub fn console(&self) -> Vec<String> {
        self.log("browser")
            .iter()
            .map(|entry| entry["message"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Every address that was requested since the last call.
    pub fn requests(&self) -> Vec<String> {
        let log = self.log("performance");
        let messages = log.iter().map(|entry| {
            let message: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            message["message"].clone()
        });
        messages
            .filter(|message| message["method"] == "Network.requestWillBeSent")
            .map(|message| {
                message["params"]["request"]["url"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }

    fn log(&self, kind: &str) -> Vec<Value> {
        let log = self.post("/se/log", json!({ "type": kind }));
        log.as_array().unwrap().clone()
    }

    fn save(&self, encoded: &Value, file: &Path) {
        let bytes = BASE64_STANDARD.decode(encoded.as_str().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }

    fn element(&self, selector: &str) -> String {
        let found = self.post(
            "/element",
            json!({ "using": "css selector", "value": selector }),
        );
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    fn post(&self, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.session);
        let answer = (self.agent.post(&url))
            .content_type("application/json")
            .send(body.to_string())
            .unwrap();
        value_of(path, answer)
    }

    fn get(&self, path: &str) -> Value {
        let answer = self
            .agent
            .get(&format!("{}{path}", self.session))
            .call()
            .unwrap();
        value_of(path, answer)
    }
}

impl Drop for Browser {
    /// The driver ends with its browser.
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Errors are answers with a message.
fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.build().into()
}

fn value_of(path: &str, mut answer: ureq::http::Response<ureq::Body>) -> Value {
    // A screenshot is larger than what is read by default.
    let body = answer.body_mut().with_config().limit(64 << 20);
    let answer: Value = serde_json::from_str(&body.read_to_string().unwrap()).unwrap();
    let value = answer["value"].clone();
    assert!(value["error"].is_null(), "{path}: {value:#}");
    value
}

/// On a port of its own choice, which it prints.
fn start_driver(program: &Path) -> (Child, u16) {
    let mut driver = Command::new(program)
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        let port = line.split("successfully on port ").nth(1);
        if let Some(port) = port {
            return (driver, port.trim_end_matches('.').parse().unwrap());
        }
    }
    let ended = driver.wait().unwrap();
    panic!("chromedriver ended before it listened: {ended}");
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let candidates =
        env::split_paths(&path).flat_map(|dir| names.iter().map(move |name| dir.join(name)));
    let mut found = candidates.filter(|candidate| candidate.is_file());
    found.next()
}
