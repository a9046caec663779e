//! A real browser (headless Chromium, driven by its `WebDriver`): what a person sees of a page.

use super::{http, lines::Lines};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::{
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// The browser. Dropped, it ends.
pub(crate) struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    profile: TempDir,
}

impl Browser {
    /// Starts it with a window of that size.
    pub(crate) fn start(width: u32, height: u32) -> Self {
        let mut driver = Command::new("/usr/bin/chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("chromedriver is installed by tests/run.sh");
        let output = Lines::default();
        output.follow(driver.stdout.take().expect("it is piped"));
        output.follow(driver.stderr.take().expect("it is piped"));
        let port = output.wait_for("the driver's port", |line| {
            line.split("started successfully on port ").nth(1)?.trim_end_matches('.').parse::<u16>().ok()
        });
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let profile = tempfile::tempdir().expect("a temporary directory");
        let mut browser = Self { driver, address, session: String::new(), profile };
        let profile = format!("--user-data-dir={}", browser.profile.path().display());
        let size = format!("--window-size={width},{height}");
        // The last ones keep it from asking anybody beyond this machine.
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &profile,
            &size,
        ];
        let options = json!({ "binary": "/usr/bin/chromium", "args": arguments });
        let wanted =
            json!({ "capabilities": { "alwaysMatch": { "browserName": "chrome", "goog:chromeOptions": options } } });
        let session = browser.ask("POST", "/session", &wanted);
        session["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("no session: {session}"))
            .clone_into(&mut browser.session);
        browser
    }

    /// Opens a page and waits until it has loaded.
    pub(crate) fn open(&self, url: &str) {
        self.command("url", &json!({ "url": url }));
    }

    /// Makes the window as narrow as a phone, which the window of a desktop cannot be.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": true });
        let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics });
        self.command("goog/cdp/execute", &command);
    }

    /// Runs a function body in the page; what it returns.
    pub(crate) fn evaluate(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// A picture of the window, as PNG.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        let picture = self.ask("GET", &format!("/session/{}/screenshot", self.session), &Value::Null);
        BASE64_STANDARD.decode(picture.as_str().expect("a picture")).expect("it is base64")
    }

    fn command(&self, name: &str, body: &Value) -> Value {
        self.ask("POST", &format!("/session/{}/{name}", self.session), body)
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let answer = http::exchange(self.address, &request).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let mut answer: Value =
            serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{}: {error}", answer.body));
        assert!(answer["value"].get("error").is_none(), "{method} {path}: {answer}");
        answer["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let path = format!("DELETE /session/{} HTTP/1.1\r\nHost: {}\r\n", self.session, self.address);
            let _ = http::exchange(self.address, &format!("{path}Connection: close\r\n\r\n"));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
