//! The house's direction: `src` → `alerts` → `parsers`, tokio in `src` only, a clock in `src/clock.rs` only.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The tree of what a crate is built of, each line a crate or a feature of one, without its branches.
fn tree(package: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--prefix",
            "none",
            "--edges",
            "no-dev,features",
            "--all-features",
            "--package",
            package,
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo is there: it runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8").lines().map(str::to_owned).collect()
}

#[test]
fn the_pure_crates_have_neither_runtime_nor_clock() {
    for package in ["ccxwatch-parsers", "ccxwatch-alerts"] {
        let tree = tree(package);
        let has = |start: &str| tree.iter().find(|line| line.starts_with(start));
        assert!(has("jiff v").is_some(), "{package}: the tree shows what it is made of: {tree:?}");
        for banned in
            ["tokio", "mio ", "socket2", "nix ", "jiff feature \"std\"", "jiff feature \"tz-system\"", "rusqlite"]
        {
            assert_eq!(has(banned), None, "{package} must not depend on {banned}");
        }
    }
}

#[test]
fn parsers_do_not_know_that_alerts_exist() {
    let tree = tree("ccxwatch-parsers");
    let other: Vec<_> =
        tree.iter().filter(|line| line.starts_with("ccxwatch") && !line.starts_with("ccxwatch-parsers")).collect();
    assert!(other.is_empty(), "{other:?}");
}

#[test]
fn the_program_has_one_tls_provider_and_no_second_runtime() {
    let tree = tree("ccxwatch");
    let has = |start: &str| tree.iter().find(|line| line.starts_with(start));
    assert!(has("ring v").is_some() && has("tokio v").is_some());
    for banned in ["openssl v", "openssl-sys", "native-tls", "aws-lc", "async-std", "smol "] {
        assert_eq!(has(banned), None, "{banned}");
    }
}

/// What reads a clock, in words that no other code has.
const CLOCK_READS: &[&str] = &[
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "ZonedDateTime::now",
    "clock_gettime",
    "gettimeofday",
    ".elapsed()",
    "Local::now",
    "Utc::now",
];

/// The clock reads of a file's text: line number and line.
fn clock_reads(text: &str) -> Vec<(usize, &str)> {
    let code = |line: &str| !line.trim_start().starts_with("//");
    let reads = |line: &str| CLOCK_READS.iter().any(|read| line.contains(read));
    (1..).zip(text.lines()).filter(|(_, line)| code(line) && reads(line)).collect()
}

#[test]
fn one_file_reads_a_clock() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "alerts/src", "parsers/src"] {
        rust_files(&root.join(folder), &mut files);
    }
    let mut found = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).expect("a source file is text");
        let name = file.strip_prefix(root).expect("it is below").display().to_string();
        found.extend(clock_reads(&text).into_iter().map(|(line, text)| format!("{name}:{line}: {}", text.trim())));
    }
    let (clock, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|place| place.starts_with("src/clock.rs:"));
    assert!(!clock.is_empty(), "src/clock.rs reads the clock, so this test can see a read");
    assert!(others.is_empty(), "time is an argument; only src/clock.rs reads it:\n{}", others.join("\n"));
}

#[test]
fn clock_reads_are_seen() {
    let check = |text: &str, lines: &[usize]| {
        let found: Vec<_> = clock_reads(text).into_iter().map(|(line, _)| line).collect();
        assert_eq!(found, lines, "{text}");
    };
    check("let now = Instant::now();", &[1]);
    check("fn main() {\n    jiff::Timestamp::now()\n}", &[2]);
    check("// Instant::now is banned\nlet then = now;", &[]);
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
