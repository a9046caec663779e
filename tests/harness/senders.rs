//! Who sends lines: raw sockets, a file's writer, `logger` and rsyslog.

use std::{
    fs::OpenOptions,
    io::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    path::Path,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// Loopback's usual address.
pub(crate) const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// One datagram from an address of loopback.
pub(crate) fn udp(from: IpAddr, to: SocketAddr, line: &[u8]) {
    let socket = UdpSocket::bind((from, 0)).unwrap_or_else(|error| panic!("cannot bind {from}: {error}"));
    socket.send_to(line, to).expect("loopback takes a datagram");
}

/// One connection that sends all bytes and closes.
pub(crate) fn tcp(from: IpAddr, to: SocketAddr, bytes: &[u8]) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::new(from, 0).into()).unwrap_or_else(|error| panic!("cannot bind {from}: {error}"));
    socket.connect(&to.into()).unwrap_or_else(|error| panic!("cannot connect to {to}: {error}"));
    TcpStream::from(socket).write_all(bytes).expect("the peer reads");
}

/// Appends bytes to a file, as a program that writes its log does.
pub(crate) fn append(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("the log can be opened");
    file.write_all(bytes).expect("the log can be written");
}

/// `logger` from util-linux: one line over UDP or TCP, with an RFC 3164 or RFC 5424 head before it.
pub(crate) fn logger(to: SocketAddr, options: &[&str], line: &str) {
    let status = Command::new("/usr/bin/logger")
        .args(["--server", &to.ip().to_string(), "--port", &to.port().to_string()])
        .args(options)
        .args(["--", line])
        .status()
        .expect("logger is installed by tests/run.sh");
    assert!(status.success(), "logger: {status}");
}

/// rsyslog, which forwards what is appended to a file. Dropped, it ends.
pub(crate) struct Rsyslog {
    child: Child,
    directory: TempDir,
}

impl Rsyslog {
    /// Forwards to that address; `action` is more of its `omfwd` action, such as the protocol and the framing.
    pub(crate) fn start(to: SocketAddr, action: &str) -> Self {
        Self::with(&format!("action(type=\"omfwd\" Target=\"{}\" Port=\"{}\" {action})\n", to.ip(), to.port()))
    }

    /// Sends each line by mail to a server on this machine, as its module `ommail` does.
    pub(crate) fn mailing(port: u16) -> Self {
        Self::with(&format!(
            "module(load=\"ommail\")\ntemplate(name=\"subject\" type=\"string\" string=\"license\")\n\
             action(type=\"ommail\" server=\"127.0.0.1\" port=\"{port}\" mailfrom=\"a@example.com\" \
             mailto=\"b@example.com\" subject.template=\"subject\" action.execOnlyOnceEveryInterval=\"0\")\n"
        ))
    }

    fn with(action: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let at = directory.path().display();
        let config = directory.path().join("rsyslog.conf");
        append(&directory.path().join("input.log"), b"");
        let text = format!(
            "global(workDirectory=\"{at}\" maxMessageSize=\"64k\")\nmodule(load=\"imfile\")\n\
             input(type=\"imfile\" File=\"{at}/input.log\" Tag=\"uccx:\" Facility=\"local7\" Severity=\"alert\")\n\
             {action}"
        );
        append(&config, text.as_bytes());
        let child = Command::new("/usr/sbin/rsyslogd")
            .arg("-n")
            .arg("-f")
            .arg(&config)
            .arg("-i")
            .arg(directory.path().join("rsyslog.pid"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("rsyslog is installed by tests/run.sh");
        Self { child, directory }
    }

    /// Gives it a line to forward.
    pub(crate) fn forward(&self, line: &str) {
        append(&self.directory.path().join("input.log"), format!("{line}\n").as_bytes());
    }
}

/// syslog-ng below a directory of its own, to which lines are given through a file.
pub(crate) struct SyslogNg {
    child: Child,
    directory: TempDir,
}

impl SyslogNg {
    /// Where `tests/run.sh` unpacks it: Debian's package cannot be installed beside rsyslog.
    const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/syslog-ng");

    /// Forwards to that address by `tcp` or `udp`. None, said visibly, where it was not brought; with `CI` set that is a failure.
    pub(crate) fn start(to: SocketAddr, transport: &str) -> Option<Self> {
        let root = Self::ROOT;
        if !Path::new(root).join("usr/sbin/syslog-ng").exists() {
            assert!(std::env::var_os("CI").is_none(), "{root} is missing: tests/run.sh unpacks syslog-ng there");
            println!("SKIPPED: no syslog-ng; `tests/run.sh install` brings it");
            return None;
        }
        let directory = tempfile::tempdir().expect("a temporary directory");
        let at = directory.path().display();
        append(&directory.path().join("input.log"), b"");
        let text = format!(
            "@version: 3.38\noptions {{ time-reopen(1); }};\n\
             source s {{ file(\"{at}/input.log\" follow-freq(0.1) flags(no-parse)); }};\n\
             destination d {{ network(\"{}\" port({}) transport(\"{transport}\") \
             template(\"<185>$DATE $HOST uccx: $MSG\\n\")); }};\nlog {{ source(s); destination(d); }};\n",
            to.ip(),
            to.port()
        );
        append(&directory.path().join("config"), text.as_bytes());
        let modules = format!("--module-path={root}/usr/lib/syslog-ng/3.38");
        let child = Command::new(format!("{root}/usr/sbin/syslog-ng"))
            .args(["-F", "-f", "config", "-R", "persist", "-p", "pid", "-c", "control", "--no-caps", &modules])
            .current_dir(directory.path())
            .env("LD_LIBRARY_PATH", format!("{root}/usr/lib/x86_64-linux-gnu:{root}/usr/lib/syslog-ng"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it was unpacked by tests/run.sh");
        Some(Self { child, directory })
    }

    /// Gives it a line to forward.
    pub(crate) fn forward(&self, line: &str) {
        append(&self.directory.path().join("input.log"), format!("{line}\n").as_bytes());
    }
}

impl Drop for SyslogNg {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
