//! The directory of a path or glob.

use std::path::{Path, PathBuf};

/// The one directory in which all files of a pattern are; none where directories vary too.
pub(super) fn of(pattern: &str) -> Option<PathBuf> {
    let directory = Path::new(pattern).parent()?;
    if is_glob(&directory.to_string_lossy()) {
        return None;
    }
    let here = directory.as_os_str().is_empty();
    Some(if here { PathBuf::from(".") } else { directory.to_owned() })
}

/// Whether it may mean more than one name.
pub(super) fn is_glob(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_directory_is_watched() {
        for (pattern, watched) in [
            ("/var/log/uccx/*.log", Some("/var/log/uccx")),
            ("/var/log/*/a.log", None),
            ("a.log", Some(".")),
            ("logs/a.log", Some("logs")),
        ] {
            assert_eq!(of(pattern), watched.map(PathBuf::from), "{pattern}");
        }
    }
}
