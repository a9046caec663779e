//! Routes and timing in virtual time: each file of `cases/` is configurations, what happens, and what must be told.

mod properties;
mod script;

use std::{fs, path::Path};

/// Runs one file: what it expects at each moment is told then, in that order, and nothing else is.
fn check(name: &str, text: &str) -> Result<(), String> {
    script::Script::parse(text)
        .map_err(|fault| format!("{name}: {fault}"))?
        .play()
        .map_err(|fault| format!("{name}: {fault}"))
}

#[test]
fn every_case_is_told_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/routing/tests/cases");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    files.sort();
    assert!(files.len() > 20, "the cases are in {}", folder.display());
    let mut faults = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        faults.extend(check(&name, &text).err());
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n\n"));
}

#[test]
fn a_difference_is_seen() {
    let rest = "09:00 fire a\n";
    for (expected, fits) in [
        ("09:00 > desk: firing a\n", true),
        ("09:00 > desk: firing b\n", false),
        ("09:00 > night: firing a\n", false),
        ("09:01 > desk: firing a\n", false),
        ("", false),
        ("09:00 > desk: firing a\n09:00 > desk: firing a\n", false),
    ] {
        assert_eq!(check("test", &format!("receivers desk\n{rest}{expected}")).is_ok(), fits, "{expected:?}");
    }
}
