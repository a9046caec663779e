//! Secrets: where they are kept, and what they are in memory. No secret is written in the configuration itself.

use serde::{Deserialize, Serialize};
use std::{fmt, fs::File, io::Read, path::PathBuf};

/// The longest secret that is read, in bytes. What is longer is the wrong file.
const LONGEST: u64 = 16 * 1024;

/// The variable in which systemd names the directory of a service's credentials (`LoadCredential=`).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Where a secret is kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// A file that holds it, and nothing else.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// A systemd credential, by its name.
    Credential(String),
}

impl SecretSource {
    /// Reads the secret. The error says where it should be, and nothing of it.
    pub fn read(&self) -> Result<Secret, String> {
        let secret = match self {
            Self::File(path) => from_file(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?,
            Self::Env(name) => Secret::new(
                &std::env::var(name).map_err(|_| format!("the environment variable {name} is not set, or no text"))?,
            ),
            Self::Credential(name) => {
                if name.is_empty() || name.contains('/') || name.starts_with('.') {
                    return Err(format!("{name:?} is no name of a credential; write it as in LoadCredential="));
                }
                let directory = std::env::var_os(CREDENTIALS).ok_or_else(|| {
                    format!("the credential {name} needs ${CREDENTIALS}: add LoadCredential={name}:FILE to the unit")
                })?;
                let path = PathBuf::from(directory).join(name);
                from_file(&path).map_err(|error| {
                    format!("cannot read the credential {name} ({error}): add LoadCredential={name}:FILE to the unit")
                })?
            }
        };
        if secret.reveal().is_empty() {
            return Err(format!("the secret is empty ({self})"));
        }
        Ok(secret)
    }
}

impl SecretSource {
    /// The file that holds it, where it is in one.
    pub fn path(&self) -> Option<PathBuf> {
        match self {
            Self::File(path) => Some(path.clone()),
            Self::Env(_) => None,
            Self::Credential(name) => {
                std::env::var_os(CREDENTIALS).map(|directory| PathBuf::from(directory).join(name))
            }
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::Credential(name) => write!(f, "credential {name}"),
        }
    }
}

fn from_file(path: &std::path::Path) -> std::io::Result<Secret> {
    let mut text = String::new();
    let read = File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
    if read as u64 > LONGEST {
        return Err(std::io::Error::other(format!("it has more than {LONGEST} bytes and is no secret")));
    }
    Ok(Secret::new(&text))
}

/// A text of the configuration that may be a secret: written there, or where it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(
    untagged,
    expecting = "a text, or where it is kept: { file = \"…\" }, { env = \"…\" } or { credential = \"…\" }"
)]
pub enum Text {
    /// The text itself.
    Plain(String),
    /// Where it is kept.
    Kept(SecretSource),
}

impl Text {
    /// The text, and whether it is a secret.
    pub fn read(&self) -> Result<(Secret, bool), String> {
        match self {
            Self::Plain(text) => Ok((Secret::new(text), false)),
            Self::Kept(source) => source.read().map(|secret| (secret, true)),
        }
    }

    /// What may be shown of it. The path of a webhook's URL is often its only key, and a header may be a login.
    #[must_use]
    pub fn concealed(self) -> Self {
        let Self::Plain(text) = self else { return self };
        let address = text.split_once("://").map(|(scheme, rest)| {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            (scheme, host.rsplit_once('@').map_or(host, |(_, host)| host))
        });
        Self::Plain(match address {
            Some((scheme, host)) => format!("{scheme}://{host}/{CONCEALED}"),
            None => CONCEALED.to_owned(),
        })
    }
}

/// Stands for what is not shown.
const CONCEALED: &str = "(not shown)";

/// A secret in memory. It never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the secret, without a final line break.
    pub fn new(text: &str) -> Self {
        Self(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// The secret itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let kept = Text::Kept(SecretSource::Env("URL".to_owned()));
        assert_eq!(kept.clone().concealed(), kept);
        for (text, shown) in [
            ("https://chat.example.com/hook/hunter2?sig=hunter2", "https://chat.example.com/(not shown)"),
            ("http://user:hunter2@127.0.0.1:80", "http://127.0.0.1:80/(not shown)"),
            ("https://x?hunter2", "https://x/(not shown)"),
            ("Bearer hunter2", "(not shown)"),
        ] {
            assert_eq!(Text::Plain(text.to_owned()).concealed(), Text::Plain(shown.to_owned()));
        }
    }

    #[test]
    fn a_secret_is_read_from_where_it_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        std::fs::write(&file, "hunter2\r\n").unwrap();
        assert_eq!(SecretSource::File(file.clone()).read().unwrap().reveal(), "hunter2");
        assert_eq!(format!("{:?}", SecretSource::File(file.clone()).read()), "Ok((secret))");
        std::fs::write(&file, "\n").unwrap();
        let cases = [
            (SecretSource::File(file.clone()), "the secret is empty"),
            (SecretSource::File(directory.path().join("none")), "cannot read"),
            (SecretSource::Env("CCXWATCH_TEST_NO_SUCH_VARIABLE".to_owned()), "is not set"),
            (SecretSource::Credential("../etc/passwd".to_owned()), "is no name of a credential"),
            (SecretSource::Credential("smtp".to_owned()), "LoadCredential=smtp:FILE"),
        ];
        for (source, said) in cases {
            let error = source.read().unwrap_err();
            assert!(error.contains(said), "{source:?}: {error}");
        }
        std::fs::write(&file, "x".repeat(20_000)).unwrap();
        assert!(SecretSource::File(file).read().unwrap_err().contains("is no secret"));
    }
}
