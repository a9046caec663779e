//! `[[receiver]]`: who is told, and how.

use jiff::{SignedDuration, fmt::serde::duration::friendly::compact};
use serde::{Deserialize, Serialize};
use std::{fmt, path::PathBuf};
use toml::Spanned;

/// One receiver.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Receiver {
    /// Its name, unique.
    pub name: Spanned<String>,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ReceiverType,
    /// The mail server.
    #[serde(default = "localhost")]
    pub host: Spanned<String>,
    /// Its port: by default 587 for STARTTLS, 465 for implicit TLS, 25 for none.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: Tls,
    /// A file of PEM certificates to trust beside the system's.
    #[serde(default)]
    pub ca_file: Option<Spanned<PathBuf>>,
    /// The user to log in as; none where the server asks for none.
    #[serde(default)]
    pub username: Option<Spanned<String>>,
    /// The password's file. Exactly one of this and `password_env` where there is a `username`.
    #[serde(default)]
    pub password_file: Option<Spanned<PathBuf>>,
    /// The password's environment variable.
    #[serde(default)]
    pub password_env: Option<Spanned<String>>,
    /// The sender's address: `ccxwatch <ccxwatch@example.com>`.
    pub from: Spanned<String>,
    /// The recipients' addresses. Each gets a message of their own.
    pub to: Vec<Spanned<String>>,
    /// The IANA zone of their times.
    #[serde(default = "utc")]
    pub timezone: Spanned<String>,
    /// How long one delivery may take as a whole.
    #[serde(default = "half_a_minute", serialize_with = "compact::required")]
    pub timeout: SignedDuration,
}

/// The kinds of receivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiverType {
    /// Mail over SMTP.
    Email,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// STARTTLS, required.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// None: for a relay on this machine.
    None,
}

/// A password in memory. It never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the password, without a final line break.
    pub fn new(text: &str) -> Self {
        Self(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// The password itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

fn localhost() -> Spanned<String> {
    Spanned::new(0..0, "localhost".to_owned())
}

fn utc() -> Spanned<String> {
    Spanned::new(0..0, "UTC".to_owned())
}

fn half_a_minute() -> SignedDuration {
    SignedDuration::from_secs(30)
}
