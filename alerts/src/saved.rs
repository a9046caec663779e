//! Saved state: versioned JSON rows, one per cluster and one for the engine.

use crate::{
    alert::Alert,
    cluster::Cluster,
    routing::{Counted, Group, Recent, Told},
    rules::mute::Mutes,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

/// The version that this build writes. A row of a newer version stops the start.
const VERSION: u32 = 1;
/// The key of the engine's own row.
pub(crate) const ENGINE_KEY: &str = "engine";
/// What the keys of cluster rows begin with.
const CLUSTER_PREFIX: &str = "cluster/";
/// What the keys of the rows begin with that hold the alerts which lines raised.
const BOOK_PREFIX: &str = "alerts/";

/// What the keys of rows of who was told begin with.
const TOLD_PREFIX: &str = "told/";
/// What the ids of groups, which are their keys, begin with.
const GROUP_PREFIX: &str = "group/";
/// What the keys of rows of what was new of a node begin with.
const RECENT_PREFIX: &str = "recent/";

/// One row of saved state. The store keeps it under its key and does not look inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedRow {
    /// `cluster/<name>`, `engine`, …
    pub key: String,
    /// Versioned JSON; `None` deletes the row.
    pub json: Option<String>,
}

/// Why saved state cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// A newer build wrote it.
    NewerVersion {
        /// The row.
        key: String,
        /// Its version.
        found: u32,
        /// The newest version that this build reads.
        known: u32,
    },
    /// It is not what this build writes.
    Malformed {
        /// The row.
        key: String,
        /// What is wrong.
        message: String,
    },
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewerVersion { key, found, known } => write!(
                f,
                "saved state {key:?} has version {found}, this build reads up to version {known}: a newer ccxwatch wrote it, use that one"
            ),
            Self::Malformed { key, message } => write!(f, "saved state {key:?} cannot be read: {message}"),
        }
    }
}

impl core::error::Error for RestoreError {}

/// The engine's own row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct EngineRow {
    /// The last episode number given.
    pub(crate) ids: u64,
    /// Alerts of no cluster.
    pub(crate) alerts: BTreeMap<String, Alert>,
    /// What operators muted.
    pub(crate) mutes: Mutes,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Deserialize)]
struct Body<T> {
    version: u32,
    state: T,
}

#[derive(Serialize)]
struct Row<'a, T> {
    version: u32,
    state: &'a T,
}

/// One row.
pub(crate) fn row<T: Serialize>(key: String, state: &T) -> SavedRow {
    // Serializing these plain types cannot fail: every map key is a string and no serializer of ours returns an error.
    let json = serde_json::to_string(&Row { version: VERSION, state }).unwrap_or_default();
    SavedRow { key, json: Some(json) }
}

/// The key of a cluster's row.
pub(crate) fn cluster_key(name: &str) -> String {
    format!("{CLUSTER_PREFIX}{name}")
}

/// The key of the row of a cluster's alerts that lines raised.
pub(crate) fn book_key(name: &str) -> String {
    format!("{BOOK_PREFIX}{name}")
}

/// The key of an episode's row of who was told.
pub(crate) fn told_key(episode: &str) -> String {
    format!("{TOLD_PREFIX}{episode}")
}

/// The key of the row of what was new of a node to a receiver.
pub(crate) fn recent_key(of: &Counted) -> String {
    // As JSON, so that no name can be read as two.
    format!("{RECENT_PREFIX}{}", serde_json::to_string(of).unwrap_or_default())
}

/// All rows, read.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    pub(crate) engine: EngineRow,
    pub(crate) clusters: Vec<Cluster>,
    /// By episode.
    pub(crate) told: Vec<(String, Told)>,
    /// By id.
    pub(crate) groups: Vec<(String, Group)>,
    /// What was new of each node.
    pub(crate) recent: Vec<Recent>,
}

/// Reads all rows. Unknown keys of the same version are left alone.
pub(crate) fn read(rows: Vec<SavedRow>) -> Result<Saved, RestoreError> {
    let mut saved = Saved::default();
    let mut books = HashMap::new();
    for row in rows {
        let Some(json) = &row.json else { continue };
        if row.key == ENGINE_KEY {
            saved.engine = parse(&row.key, json)?;
        } else if row.key.starts_with(CLUSTER_PREFIX) {
            saved.clusters.push(parse(&row.key, json)?);
        } else if let Some(name) = row.key.strip_prefix(BOOK_PREFIX) {
            books.insert(name.to_owned(), parse(&row.key, json)?);
        } else if let Some(episode) = row.key.strip_prefix(TOLD_PREFIX) {
            saved.told.push((episode.to_owned(), parse(&row.key, json)?));
        } else if row.key.starts_with(GROUP_PREFIX) {
            saved.groups.push((row.key.clone(), parse(&row.key, json)?));
        } else if row.key.starts_with(RECENT_PREFIX) {
            saved.recent.push(parse(&row.key, json)?);
        }
    }
    for cluster in &mut saved.clusters {
        cluster.book = books.remove(&cluster.name).unwrap_or_default();
    }
    Ok(saved)
}

fn parse<T: DeserializeOwned>(key: &str, json: &str) -> Result<T, RestoreError> {
    let malformed =
        |error: &serde_json::Error| RestoreError::Malformed { key: key.to_owned(), message: error.to_string() };
    match serde_json::from_str::<Body<T>>(json) {
        Ok(body) => known(key, body.version).map(|()| body.state),
        // What a newer build wrote may not even have the shape that this one reads: its version is the better reason.
        Err(error) => {
            let found: Version = serde_json::from_str(json).map_err(|error| malformed(&error))?;
            known(key, found.version)?;
            Err(malformed(&error))
        }
    }
}

fn known(key: &str, found: u32) -> Result<(), RestoreError> {
    if found > VERSION {
        return Err(RestoreError::NewerVersion { key: key.to_owned(), found, known: VERSION });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_another_time() {
        let check = |json: &str, expected: Option<&str>| {
            let row = SavedRow { key: "engine".to_owned(), json: Some(json.to_owned()) };
            let error = read(vec![row]).err().map(|error| error.to_string());
            assert!(
                match (&error, expected) {
                    (None, None) => true,
                    (Some(error), Some(expected)) => error.contains(expected),
                    _ => false,
                },
                "{json}: {error:?}"
            );
        };
        check(r#"{"version":1,"state":{"ids":7}}"#, None);
        check(r#"{"version":1,"state":{"ids":7,"added_later":true}}"#, None);
        check(r#"{"version":2,"state":{"ids":7}}"#, Some("version 2"));
        check(r#"{"version":9,"state":["another","shape"]}"#, Some("version 9"));
        check(r#"{"version":1,"state":{"ids":"x"}}"#, Some("cannot be read"));
        check("{", Some("cannot be read"));
    }
}
