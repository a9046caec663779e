//! A real Alertmanager on a port and in a directory of its own, and `amtool` to ask it.

use super::{http, lines::Lines, wait::poll_until};
use serde_json::Value;
use std::{
    fs,
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// The running Alertmanager. Dropped, it ends.
pub(crate) struct Alertmanager {
    child: Child,
    directory: TempDir,
    address: SocketAddr,
}

impl Alertmanager {
    /// Starts it, with the inhibit rules that we ship.
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let rules = include_str!("../../grafana/prometheus/alertmanager-inhibit.yml");
        let config = format!("route: {{receiver: nobody}}\nreceivers: [{{name: nobody}}]\n{rules}");
        fs::write(directory.path().join("alertmanager.yml"), config).expect("it can be written");
        // It cannot choose a port itself and say which, so a free one is asked for and given back just before.
        let address = TcpListener::bind("127.0.0.1:0").and_then(|held| held.local_addr()).expect("a free port");
        let child = spawn(&directory, address);
        Self { child, directory, address }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Kills it, forgets all that it knew, and starts it again.
    pub(crate) fn restart_empty(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(self.directory.path().join("data"));
        self.child = spawn(&self.directory, self.address);
    }

    /// What `amtool alert query` shows, by alert name.
    #[track_caller]
    pub(crate) fn query(&self, options: &[&str]) -> Vec<Value> {
        let mut amtool = Command::new("/usr/bin/amtool");
        amtool.arg(format!("--alertmanager.url={}", self.url())).args(["alert", "query", "-o", "json"]).args(options);
        let output = amtool.output().expect("amtool is installed by tests/run.sh");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let alerts: Value = serde_json::from_slice(&output.stdout).expect("amtool prints JSON");
        let mut alerts = alerts.as_array().cloned().unwrap_or_default();
        alerts.sort_by_key(|alert| alert["labels"]["alertname"].to_string());
        alerts
    }
}

fn spawn(directory: &TempDir, address: SocketAddr) -> Child {
    let mut child = Command::new("/usr/bin/prometheus-alertmanager")
        .arg(format!("--config.file={}", directory.path().join("alertmanager.yml").display()))
        .arg(format!("--storage.path={}", directory.path().join("data").display()))
        .arg(format!("--web.listen-address={address}"))
        .arg("--cluster.listen-address=")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("prometheus-alertmanager is installed by tests/run.sh");
    let output = Lines::default();
    output.follow(child.stdout.take().expect("it is piped"));
    output.follow(child.stderr.take().expect("it is piped"));
    let request = format!("GET /-/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    poll_until("the Alertmanager to be ready", || {
        if let Some(status) = child.try_wait().expect("it is our child") {
            panic!("it ended: {status}: {:?}", output.all());
        }
        http::exchange(address, &request).ok().filter(|answer| answer.status == 200).map(drop)
    });
    child
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
