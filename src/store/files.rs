//! The data directory: private to its user, and locked for one process.

use super::StoreError;
use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// The lock on a data directory. It ends with the process, however that ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
    /// Whether a ccxwatch has used the directory before.
    pub(super) used_before: bool,
}

/// Makes the data directory where there is none.
pub(super) fn make_directory(directory: &Path) -> Result<(), StoreError> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(unwritable(directory))
}

/// Takes the lock, or says who has it.
pub(super) fn lock(directory: &Path) -> Result<Lock, StoreError> {
    let path = directory.join("lock");
    let mut file = private().open(&path).map_err(unwritable(&path))?;
    let mut text = String::new();
    let locked = file.try_lock();
    // Whatever stands there is only for the message: no number means no number.
    let _ = (&file).take(32).read_to_string(&mut text);
    match locked {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::Locked { directory: directory.to_owned(), pid: text.trim().parse().ok() });
        }
        Err(TryLockError::Error(source)) => return Err(StoreError::Unwritable { path, source }),
    }
    let write = |file: &mut File| -> io::Result<()> {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())
    };
    write(&mut file).map_err(unwritable(&path))?;
    Ok(Lock { _file: file, used_before: !text.is_empty() })
}

/// Makes a file that only this user can read, or makes an existing one so. `SQLite` gives its side files the same mode.
pub(super) fn make_private(path: &Path) -> Result<(), StoreError> {
    let file = private().open(path).map_err(unwritable(path))?;
    file.set_permissions(Permissions::from_mode(0o600)).map_err(unwritable(path))
}

/// Makes new and renamed names in the directory durable.
pub(super) fn sync_directory(directory: &Path) -> Result<(), StoreError> {
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(unwritable(directory))
}

/// Which file a path names now: it changes when the file is removed or replaced.
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// The names of `SQLite`'s side files of a database.
pub(super) fn side_file(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

pub(super) fn unwritable(path: &Path) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Unwritable { path: path.to_owned(), source }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options
}
