//! A real SMTP server (aiosmtpd), whose acceptances a test can read and whose faults it can script.

use super::lines::Lines;
use serde::Deserialize;
use std::{
    io::Write,
    process::{Child, Command, Stdio},
};

/// The running server. Dropped, it ends.
pub(crate) struct Smtp {
    child: Child,
    output: Lines,
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
}

/// One message that the server was sent.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Mail {
    /// When it was answered, on this machine's monotonic clock.
    pub(crate) monotonic_ns: u64,
    /// The envelope's sender.
    pub(crate) from: String,
    /// The envelope's recipients.
    pub(crate) to: Vec<String>,
    /// The `Message-ID` header.
    pub(crate) message_id: String,
    /// The message, headers and body.
    pub(crate) data: String,
    /// What it was answered.
    pub(crate) reply: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Port(u16),
    Accepted(Mail),
    Refused(Mail),
    Scripted {},
}

impl Smtp {
    /// Starts the server on a free port.
    pub(crate) fn start() -> Self {
        let mut child = Command::new("/usr/bin/python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/harness/smtp_server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("python3 is installed by tests/run.sh");
        let output = Lines::default();
        output.follow(child.stdout.take().expect("it is piped"));
        output.follow(child.stderr.take().expect("it is piped"));
        let port = output.wait_for("the SMTP server's port", |line| match said(line)? {
            Said::Port(port) => Some(port),
            _ => None,
        });
        Self { child, output, port }
    }

    /// `[[receiver]]` for a configuration: mail to `to` through this server.
    pub(crate) fn receiver(&self, name: &str, to: &[&str]) -> String {
        let Self { port, .. } = self;
        format!(
            "[[receiver]]\nname = \"{name}\"\ntype = \"email\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
             from = \"ccxwatch <ccxwatch@example.com>\"\nto = {to:?}\n"
        )
    }

    /// Answers the next messages so; see the server's own words.
    pub(crate) fn script(&mut self, replies: &[&str]) {
        let before = self.scripts();
        let command = serde_json::json!({ "reply": replies });
        let input = self.child.stdin.as_mut().expect("it is piped");
        writeln!(input, "{command}").expect("the server reads its commands");
        let mut seen = 0;
        self.output.wait_for("the script to be taken", |line| {
            seen += usize::from(matches!(said(line), Some(Said::Scripted {})));
            (seen > before).then_some(())
        });
    }

    /// All messages that were accepted so far, oldest first.
    pub(crate) fn accepted(&self) -> Vec<Mail> {
        self.output.all().iter().filter_map(|line| accepted(line)).collect()
    }

    /// All messages that were refused so far, oldest first.
    pub(crate) fn refused(&self) -> Vec<Mail> {
        let refused = |line: &String| match said(line)? {
            Said::Refused(mail) => Some(mail),
            _ => None,
        };
        self.output.all().iter().filter_map(refused).collect()
    }

    /// Waits until that many messages have been accepted, and returns them.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Mail> {
        let mut mails = Vec::new();
        self.output.wait_for(&format!("{count} accepted messages"), |line| {
            mails.extend(accepted(line));
            (mails.len() >= count).then(|| mails.clone())
        })
    }

    /// The message that was accepted as the n-th, from 1. Of the others nothing is read.
    #[track_caller]
    pub(crate) fn nth(&self, wanted: usize) -> Mail {
        let mut count = 0;
        self.output.wait_for(&format!("{wanted} accepted messages"), |line| {
            count += usize::from(line.starts_with("{\"accepted\""));
            if count == wanted { accepted(line) } else { None }
        })
    }

    fn scripts(&self) -> usize {
        self.output.all().iter().filter(|line| matches!(said(line), Some(Said::Scripted {}))).count()
    }
}

impl Mail {
    /// The message as a person reads it: quoted-printable lines joined and decoded.
    pub(crate) fn text(&self) -> String {
        unquoted(&self.data)
    }

    /// The value of a header, unfolded.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let head = self.data.split("\r\n\r\n").next()?.replace("\r\n ", " ").replace("\r\n\t", " ");
        let mut lines = head.split("\r\n");
        lines.find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Quoted-printable text, decoded; other text as it is, where it holds no `=`.
pub(crate) fn unquoted(text: &str) -> String {
    let joined = text.replace("=\r\n", "").replace("=\n", "");
    let mut pieces = joined.split('=');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        match piece.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&piece.as_bytes()[2..]);
            }
            None => bytes.extend([b"=", piece.as_bytes()].concat()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn said(line: &str) -> Option<Said> {
    serde_json::from_str(line).ok()
}

fn accepted(line: &str) -> Option<Mail> {
    match said(line)? {
        Said::Accepted(mail) => Some(mail),
        _ => None,
    }
}
