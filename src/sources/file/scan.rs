//! Which files a path or glob means now, and what is wrong with those that cannot be read.

use super::{directory, follow::Seen};
use glob::{MatchOptions, Pattern};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

/// Complaints that are remembered, so that each is made once.
const COMPLAINTS: usize = 1024;

/// A path or glob.
#[derive(Debug)]
pub(super) struct Scanner {
    pattern: String,
    /// It can mean one file only.
    is_literal: bool,
    complaints: BTreeSet<PathBuf>,
}

impl Scanner {
    pub(super) fn new(pattern: &str) -> Result<Self, glob::PatternError> {
        Pattern::new(pattern)?;
        let is_literal = !directory::is_glob(pattern);
        Ok(Self { pattern: pattern.to_owned(), is_literal, complaints: BTreeSet::new() })
    }

    /// The files that are there now.
    pub(super) fn scan(&mut self) -> BTreeMap<PathBuf, Seen> {
        let mut files = BTreeMap::new();
        if self.is_literal {
            self.look(PathBuf::from(&self.pattern), &mut files);
            return files;
        }
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
        let Ok(paths) = glob::glob_with(&self.pattern, options) else { return files };
        for path in paths {
            match path {
                Ok(path) => self.look(path, &mut files),
                Err(error) => {
                    let path = error.path().to_owned();
                    self.complain(&path, error.error());
                }
            }
        }
        files
    }

    fn look(&mut self, path: PathBuf, files: &mut BTreeMap<PathBuf, Seen>) {
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                files.insert(path, Seen::of(&metadata));
            }
            Ok(_) => {}
            // It went between the two calls, or is still to come.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.complain(&path, &error),
        }
    }

    /// Says once that something cannot be read; it is tried again with each poll.
    pub(super) fn complain(&mut self, path: &Path, error: &io::Error) {
        if self.complaints.len() < COMPLAINTS && self.complaints.insert(path.to_owned()) {
            tracing::warn!(path = %path.display(), %error, "cannot read; trying again with each poll");
        }
    }

    /// Says once that something can be read again.
    pub(super) fn regained(&mut self, path: &Path) {
        if self.complaints.remove(path) {
            tracing::info!(path = %path.display(), "can be read again");
        }
    }
}

/// All files beside these, by device and inode: where a renamed one may be.
pub(super) fn siblings<'a>(paths: impl Iterator<Item = &'a Path>) -> BTreeMap<(u64, u64), PathBuf> {
    /// Files of one directory that are looked at.
    const FILES: usize = 10_000;
    let directories: BTreeSet<&Path> = paths.filter_map(Path::parent).collect();
    let mut found = BTreeMap::new();
    for directory in directories {
        // A directory that is gone holds no renamed file.
        let Ok(entries) = fs::read_dir(directory) else { continue };
        for entry in entries.take(FILES).flatten() {
            if let Ok(metadata) = entry.metadata()
                && metadata.is_file()
            {
                found.insert(Seen::of(&metadata).node, entry.path());
            }
        }
    }
    found
}
