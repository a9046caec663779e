//! Access to the shared vectors and samples, which lie beside the repository and are read where they lie.

use std::{fs, path::Path};

/// The content of a shared file. Where it is absent the test is skipped, visibly; under `CI` that is a failure.
pub(crate) fn shared(name: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(name);
    match fs::read(&path) {
        Ok(content) => Some(content),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{name}: {error}; the shared data must be there under CI");
            eprintln!("SKIPPED: {name} is not there ({error})");
            None
        }
    }
}
