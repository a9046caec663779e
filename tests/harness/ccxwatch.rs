//! The real program, in a directory of its own, on ports of its own.

use super::{http, lines::Lines, wait::poll_until};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};
use tempfile::TempDir;

/// A directory with a configuration. It outlives the processes that run on it, so that a test can restart them.
pub(crate) struct Site {
    directory: TempDir,
}

impl Site {
    /// A site whose program listens on free ports of loopback, with `rest` behind that in its configuration.
    pub(crate) fn new(rest: &str) -> Self {
        let site = Self { directory: tempfile::tempdir().expect("a temporary directory") };
        site.configure(rest);
        site
    }

    /// Writes the configuration anew: free ports, then `rest` with `{DIR}` replaced by the site's directory.
    pub(crate) fn configure(&self, rest: &str) {
        let listeners = "[sources]\nudp = [{ listen = \"127.0.0.1:0\" }]\ntcp = [{ listen = \"127.0.0.1:0\" }]\n";
        let file_sources = "file = [{ path = \"{DIR}/*.log\" }]\n";
        let others = "[web]\nlisten = \"127.0.0.1:0\"\n[store]\npath = \"{DIR}/data\"\n";
        let sources = if rest.contains("# own files") { "" } else { file_sources };
        self.configure_exactly(&format!("{listeners}{sources}{others}{rest}"));
    }

    /// Writes the configuration anew, as given, with `{DIR}` replaced by the site's directory.
    pub(crate) fn configure_exactly(&self, text: &str) {
        let text = text.replace("{DIR}", self.path().to_str().expect("temporary directories have UTF-8 names"));
        fs::write(self.config(), text).expect("the configuration can be written");
    }

    /// The site's directory.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The configuration's file.
    pub(crate) fn config(&self) -> PathBuf {
        self.path().join("ccxwatch.toml")
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// `ccxwatch COMMAND --config FILE`, not yet started.
    pub(crate) fn command(&self, command: &str) -> Command {
        let mut program = program();
        program.arg(command).arg("--config").arg(self.config()).current_dir(self.path());
        program
    }

    /// Starts `ccxwatch run` and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(&self) -> Ccxwatch {
        match Ccxwatch::start(self.command("run")) {
            Ok(running) => running,
            Err(ended) => panic!("ccxwatch did not start: {}\n{}", ended.status, ended.output.join("\n")),
        }
    }
}

/// `ccxwatch`, with nothing of this process's environment that could change what it does.
pub(crate) fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ccxwatch"));
    program.env_remove("RUST_LOG").env("NO_COLOR", "1");
    program
}

/// A running `ccxwatch run`. Dropped, it is killed.
pub(crate) struct Ccxwatch {
    child: Child,
    /// All that it has said.
    pub(crate) output: Lines,
    /// Where it takes syslog over UDP.
    pub(crate) udp: Option<SocketAddr>,
    /// Where it takes syslog over TCP.
    pub(crate) tcp: Option<SocketAddr>,
    /// Where its page is.
    pub(crate) web: SocketAddr,
}

/// A process that has ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// What it said, on both streams.
    pub(crate) output: Vec<String>,
}

impl Ccxwatch {
    /// Runs the command to its ready line; an error is a process that ended before it.
    pub(crate) fn start(mut command: Command) -> Result<Self, Ended> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let output = Lines::default();
        output.follow(child.stdout.take().expect("it is piped"));
        output.follow(child.stderr.take().expect("it is piped"));
        let (mut udp, mut tcp, mut web) = (None, None, None);
        let ready = output.find("the ready line", |line| {
            if let Some(address) = line.strip_prefix("listening udp ") {
                udp = address.trim().parse().ok();
            } else if let Some(address) = line.strip_prefix("listening tcp ") {
                tcp = address.trim().parse().ok();
            } else if let Some(url) = line.strip_prefix("page http://") {
                web = url.trim().trim_end_matches('/').parse().ok();
            }
            (line.trim() == "ready").then_some(())
        });
        if ready.is_none() {
            let status = child.wait().expect("it is our child");
            return Err(Ended { status, output: output.to_the_end() });
        }
        let web = web.unwrap_or_else(|| panic!("it said no page address:\n{}", output.all().join("\n")));
        Ok(Self { child, output, udp, tcp, web })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its syslog address over UDP.
    pub(crate) fn udp(&self) -> SocketAddr {
        self.udp.expect("it listens on UDP")
    }

    /// Its syslog address over TCP.
    pub(crate) fn tcp(&self) -> SocketAddr {
        self.tcp.expect("it listens on TCP")
    }

    /// The body of a page that it serves.
    #[track_caller]
    pub(crate) fn page(&self, path: &str) -> String {
        let response = http::get(self.web, path);
        assert_eq!(response.status, 200, "{path}: {}", response.body);
        response.body
    }

    /// The value of a series on `/metrics`, named as the page prints it, labels included; 0 where it is absent.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let metrics = self.page("/metrics");
        let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().expect("a sample is a number"))
    }

    /// Whether no message waits to be delivered; `None` where the process gives no answer.
    pub(crate) fn outbox_is_empty(&self) -> Option<bool> {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.web);
        let metrics = http::exchange(self.web, &request).ok()?.body;
        Some(metrics.lines().any(|line| line == "ccxwatch_outbox_messages 0"))
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_some()
    }

    /// The sum over all series of a name on `/metrics`.
    pub(crate) fn metric_sum(&self, name: &str) -> f64 {
        let metrics = self.page("/metrics");
        let samples =
            metrics.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
        samples
            .map(|line| line.rsplit(' ').next().expect("a sample has a value").parse::<f64>().expect("a number"))
            .sum()
    }

    /// The sum of a counter or gauge of whole numbers over all of its labels, or over those that hold `label`.
    pub(crate) fn count(&self, name: &str, label: &str) -> u64 {
        let metrics = self.page("/metrics");
        let samples = metrics.lines().filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']) && rest.contains(label))
        });
        samples.map(|line| line.rsplit(' ').next().and_then(|value| value.parse::<u64>().ok()).expect("a count")).sum()
    }

    /// Asks it to read its configuration again, as a service manager does.
    pub(crate) fn hang_up(&self) {
        self.signal(Signal::SIGHUP);
    }

    /// Asks it to end, as a service manager does, and waits.
    pub(crate) fn terminate(mut self) -> Ended {
        self.signal(Signal::SIGTERM);
        self.wait()
    }

    /// Kills it, as a crash does, and waits.
    pub(crate) fn kill(mut self) -> Ended {
        self.signal(Signal::SIGKILL);
        self.wait()
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&mut self) -> Ended {
        let status = poll_until("ccxwatch to end", || self.child.try_wait().expect("it is our child"));
        Ended { status, output: self.output.to_the_end() }
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("process ids are small");
        // A process that has just ended by itself is what the caller waits for anyway.
        let _ = kill(Pid::from_raw(id), signal);
    }
}

impl Drop for Ccxwatch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("ccxwatch said:\n{}", self.output.all().join("\n"));
        }
    }
}
