//! A file that may be closed while nobody reads it: it is opened again by its path, as long as that leads to the same file.

use super::follow::Seen;
use std::{cell::RefCell, fs::File, io, os::unix::fs::FileExt, path::Path};

/// An open file, or one that can be opened again.
#[derive(Debug)]
pub(super) struct Handle {
    file: RefCell<Option<File>>,
    /// Its device and inode.
    node: (u64, u64),
}

impl Handle {
    /// Opens a file, and looks at it.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Seen)> {
        let file = File::open(path)?;
        let seen = Seen::of(&file.metadata()?);
        Ok((Self { file: RefCell::new(Some(file)), node: seen.node }, seen))
    }

    pub(super) fn is_open(&self) -> bool {
        self.file.borrow().is_some()
    }

    pub(super) fn close(&self) {
        self.file.replace(None);
    }

    /// What tells whether it was written to.
    pub(super) fn look(&self, path: &Path) -> io::Result<Seen> {
        self.with(path, |file| Ok(Seen::of(&file.metadata()?)))
    }

    /// Reads once.
    pub(super) fn read_at(&self, path: &Path, buffer: &mut [u8], from: u64) -> io::Result<usize> {
        self.with(path, |file| {
            loop {
                match file.read_at(buffer, from) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    result => return result,
                }
            }
        })
    }

    /// Reads until the buffer is full or the file ends.
    pub(super) fn read_full(&self, path: &Path, buffer: &mut [u8], from: u64) -> io::Result<usize> {
        let mut length = 0;
        while length < buffer.len() {
            match self.read_at(path, &mut buffer[length..], from + length as u64)? {
                0 => break,
                count => length += count,
            }
        }
        Ok(length)
    }

    fn with<T>(&self, path: &Path, work: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
        let mut open = self.file.borrow_mut();
        if let Some(file) = &*open {
            return work(file);
        }
        let file = File::open(path)?;
        if Seen::of(&file.metadata()?).node != self.node {
            return Err(io::Error::new(io::ErrorKind::NotFound, "another file has taken its name"));
        }
        work(open.insert(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn it_is_opened_again_while_it_is_the_same() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.log");
        fs::write(&path, "one two").unwrap();
        let (handle, seen) = Handle::open(&path).unwrap();
        let mut buffer = [0; 3];
        for open in [true, false] {
            if !open {
                handle.close();
            }
            assert_eq!(handle.is_open(), open);
            assert_eq!((handle.read_full(&path, &mut buffer, 4).unwrap(), &buffer), (3, b"two"));
            assert!(handle.is_open());
        }
        assert_eq!(handle.look(&path).unwrap(), seen);
        // An open file is read though its name is gone; a closed one is not taken for the one that has its name.
        fs::rename(&path, place.path().join("a.log.1")).unwrap();
        fs::write(&path, "new").unwrap();
        assert_eq!(handle.read_full(&path, &mut buffer, 0).unwrap(), 3);
        assert_eq!(&buffer, b"one");
        handle.close();
        assert_eq!(handle.look(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
