//! A real Prometheus that scrapes one address every second.

use super::{http, lines::Lines};
use serde_json::Value;
use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// A running Prometheus. Dropped, it is killed.
pub(crate) struct Prometheus {
    child: Child,
    address: SocketAddr,
    _directory: TempDir,
}

impl Prometheus {
    /// Scrapes `target` as the job `ccxwatch` and follows the rules, every second.
    pub(crate) fn start(target: SocketAddr, rules: &Path) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let config = directory.path().join("prometheus.yaml");
        let text = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [\"{}\"]\n\
             scrape_configs: [{{ job_name: ccxwatch, static_configs: [{{ targets: [\"{target}\"] }}] }}]\n",
            rules.display()
        );
        fs::write(&config, text).expect("the configuration can be written");
        let mut child = Command::new("/usr/bin/prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tests/run.sh installs prometheus");
        let said = Lines::default();
        said.follow(child.stderr.take().expect("it is piped"));
        let address = said.wait_for("the address of Prometheus", |line| {
            let (_, address) = line.split_once("msg=\"Listening on\" address=")?;
            address.split_whitespace().next()?.parse().ok()
        });
        said.wait_for("Prometheus to be ready", |line| line.contains("Server is ready").then_some(()));
        Self { child, address, _directory: directory }
    }

    /// What its API answers; panics with the error when it refuses.
    #[track_caller]
    pub(crate) fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let mut query = String::new();
        for (name, value) in parameters {
            let _ = write!(query, "{}{name}={}", if query.is_empty() { "?" } else { "&" }, encoded(value));
        }
        let answer = http::get(self.address, &format!("/api/v1/{path}{query}"));
        let answer: Value = serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
        assert_eq!(answer["status"], "success", "{path} {parameters:?}: {answer}");
        answer["data"].clone()
    }

    /// How many series of the answer to a query have a number; `range` is from and to, in Unix time.
    #[track_caller]
    pub(crate) fn numbers(&self, expression: &str, range: Option<(f64, f64)>) -> usize {
        let is_number =
            |sample: &Value| sample[1].as_str().is_some_and(|number| !matches!(number, "NaN" | "+Inf" | "-Inf"));
        let data = match range {
            None => self.ask("query", &[("query", expression)]),
            Some((from, to)) => {
                let (from, to) = (from.to_string(), to.to_string());
                self.ask("query_range", &[("query", expression), ("start", &from), ("end", &to), ("step", "1")])
            }
        };
        let series = data["result"].as_array().expect("a result");
        let has_number = |series: &&Value| {
            is_number(&series["value"])
                || series["values"].as_array().is_some_and(|values| values.iter().any(is_number))
        };
        series.iter().filter(has_number).count()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A value of a URL's query.
fn encoded(value: &str) -> String {
    let mut encoded = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
