//! How a file's position is stored.

use super::head::Head;
use crate::sources::Position;
use serde::{Deserialize, Serialize};

/// The version that this build writes.
const VERSION: u32 = 1;

/// A stored position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    version: u32,
    /// The configured path or glob that found the file.
    pub(super) pattern: String,
    /// Where it was last.
    pub(super) path: String,
    /// The end of the last line that was applied.
    pub(super) offset: u64,
    /// The hash of the bytes before it, in hexadecimal: JSON has no whole numbers of this size.
    anchor: Option<String>,
    /// Lengths and hashes, in hexadecimal.
    heads: Vec<(u64, String)>,
    /// A hint only.
    pub(super) device: u64,
    /// A hint only.
    pub(super) inode: u64,
}

impl Stored {
    pub(super) fn new(
        pattern: &str,
        path: &str,
        (offset, anchor): (u64, Option<u64>),
        heads: &[Head],
        (device, inode): (u64, u64),
    ) -> Self {
        Self {
            version: VERSION,
            pattern: pattern.to_owned(),
            path: path.to_owned(),
            offset,
            anchor: anchor.map(|hash| format!("{hash:016x}")),
            heads: heads.iter().map(|head| (head.length, format!("{:016x}", head.hash))).collect(),
            device,
            inode,
        }
    }

    /// The heads that it was stored with; none where they make no sense.
    pub(super) fn heads(&self) -> Vec<Head> {
        let head = |(length, hash): &(u64, String)| {
            let hash = u64::from_str_radix(hash, 16).ok()?;
            (1..=Head::BYTES as u64).contains(length).then_some(Head { length: *length, hash })
        };
        self.heads.iter().map(head).collect::<Option<_>>().unwrap_or_default()
    }

    /// The hash of the bytes before the offset.
    pub(super) fn anchor(&self) -> Option<u64> {
        self.anchor.as_ref().and_then(|hash| u64::from_str_radix(hash, 16).ok())
    }

    /// What is stored under a key.
    pub(super) fn position(&self, key: String) -> Position {
        // A struct of strings and numbers: there is nothing in it that JSON cannot hold.
        Position { key, json: serde_json::to_string(self).ok() }
    }

    /// Reads what was stored. `Ok(None)`: nothing.
    pub(super) fn read(position: &Position) -> Result<Option<Self>, PositionError> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let Some(json) = &position.json else { return Ok(None) };
        let error = |source| PositionError::Unreadable { key: position.key.clone(), source };
        let Version { version } = serde_json::from_str(json).map_err(error)?;
        if version > VERSION {
            return Err(PositionError::Newer { key: position.key.clone(), version });
        }
        serde_json::from_str(json).map(Some).map_err(error)
    }
}

/// Why a stored position cannot be used. Starting all the same would read files twice.
#[derive(Debug, thiserror::Error)]
pub enum PositionError {
    /// Another version wrote it.
    #[error("the position of {key} was written by a newer ccxwatch (version {version} of its format); run that one")]
    Newer {
        /// Of which file.
        key: String,
        /// Its version.
        version: u32,
    },
    /// It is damaged.
    #[error("the position of {key} cannot be read: {source}")]
    Unreadable {
        /// Of which file.
        key: String,
        /// Why.
        source: serde_json::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_storing() {
        let heads = Head::ladder(b"a\nfoobar", 8);
        let stored = Stored::new("/logs/*.log", "/logs/a.log", (8, Some(9)), &heads, (1, 2));
        let position = stored.position("key".into());
        assert_eq!(
            position.json.as_deref(),
            Some(
                r#"{"version":1,"pattern":"/logs/*.log","path":"/logs/a.log","offset":8,"anchor":"0000000000000009","heads":[[2,"089bdc07b544e7b2"],[8,"31bf21a8182aa083"]],"device":1,"inode":2}"#
            )
        );
        let read = Stored::read(&position).unwrap().unwrap();
        assert_eq!(read, stored);
        assert_eq!((read.heads(), read.anchor()), (heads, Some(9)));
    }

    #[test]
    fn what_cannot_be_used_is_an_error() {
        let position = |json: &str| Position { key: "/logs/a.log".into(), json: Some(json.into()) };
        for (json, message) in [
            (
                r#"{"version":2}"#,
                "the position of /logs/a.log was written by a newer ccxwatch (version 2 of its format); run that one",
            ),
            ("{", "the position of /logs/a.log cannot be read: EOF while parsing an object at line 1 column 1"),
        ] {
            assert_eq!(Stored::read(&position(json)).unwrap_err().to_string(), message);
        }
        assert!(Stored::read(&Position { key: "x".into(), json: None }).unwrap().is_none());
    }
}
