//! Every scenario of `tests/scenarios/`: `NAME.toml` is the configuration, `NAME.jsonl` what happens, and
//! `NAME.expected.jsonl` what must be told, in order, with one last object for the state of the clusters.
//!
//! Each runs through `replay`, and through the real process as well: sockets, files and a mail server, on a clock that
//! moves as the scenario says.

use crate::harness::{
    ccxwatch::{Site, program},
    live::Live,
};
use serde_json::Value;
use std::{
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
    sync::Mutex,
};

/// What both ways must agree on; the rest of an expected row is compared with the replay alone.
const COMPARED_IN_THE_PROCESS: &[&str] = &["reason", "alertname", "cluster", "node", "severity", "days_left"];

/// Scenarios that run in the process at the same time: they mostly wait.
const AT_ONCE: usize = 8;

/// Scenarios that only virtual time can play, and why.
const REPLAY_ONLY: &[(&str, &str)] = &[
    ("time/out_of_compliance_at_the_deadline", "a line and a deadline at the very same moment"),
    ("stages/compliant-ooc_late", "a line's own time is the very moment of a confirmation"),
    ("mapping/two_origins_one_name", "a name holds an address, and the process is sent lines from others"),
];

/// A scenario with more rows is played to the process only with `CCXWATCH_TEST_FULL=1`: each row takes its real time.
const ROWS_MAX: usize = 50;

struct Scenario {
    name: String,
    config: String,
    rows: Vec<Value>,
    expected: Vec<Value>,
    files: [PathBuf; 2],
}

impl Scenario {
    fn read(config: &Path) -> Self {
        let rows = config.with_extension("jsonl");
        let expected = config.with_extension("expected.jsonl");
        Self {
            name: config.with_extension("").display().to_string(),
            config: text(config),
            rows: values(&text(&rows)),
            expected: values(&text(&expected)),
            files: [config.to_owned(), rows],
        }
    }

    fn runs_in_the_process(&self) -> bool {
        let is_one = |(name, _): &(&str, &str)| self.name.ends_with(name);
        let is_played = self.rows.len() <= ROWS_MAX || std::env::var_os("CCXWATCH_TEST_FULL").is_some();
        is_played && !REPLAY_ONLY.iter().any(is_one)
    }

    /// What `replay` prints.
    fn replay(&self) -> Vec<Value> {
        let [config, rows] = &self.files;
        let mut replay = program();
        replay.arg("replay").arg("--config").arg(config).arg("--final").arg(rows);
        let output = replay.output().expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {}\n{said}", self.name, output.status);
        values(&String::from_utf8(output.stdout).expect("it prints UTF-8"))
    }
}

#[test]
fn replay_tells_what_each_scenario_expects() {
    let mut faults = Vec::new();
    for scenario in scenarios() {
        let told = scenario.replay();
        // A scenario that does not care for the final state leaves its row out.
        let wants_state = scenario.expected.last().is_some_and(|row| row.get("clusters").is_some());
        let told: Vec<_> = told.into_iter().filter(|row| wants_state || row.get("clusters").is_none()).collect();
        faults.extend(difference(&scenario.name, &scenario.expected, &told));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_process_tells_what_each_scenario_expects() {
    let mut faults = Vec::new();
    let marked: Vec<_> = scenarios().into_iter().filter(Scenario::runs_in_the_process).collect();
    assert!(!marked.is_empty(), "no scenario is left for the process");
    let waiting = Mutex::new(marked.iter());
    std::thread::scope(|threads| {
        let run_all = || {
            let mut faults = Vec::new();
            let next = || waiting.lock().expect("nobody panics while taking the next one").next();
            while let Some(scenario) = next() {
                // One scenario that fails does not keep the others from running.
                let faults_of_one = catch_unwind(|| run_in_the_process(scenario))
                    .unwrap_or_else(|_| vec![format!("{} in the process: see above", scenario.name)]);
                faults.extend(faults_of_one);
            }
            faults
        };
        let runs: Vec<_> = (0..AT_ONCE).map(|_| threads.spawn(run_all)).collect();
        for run in runs {
            faults.extend(run.join().expect("the scenarios ran to their ends"));
        }
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Plays the rows to a running program and compares what its mails told.
fn run_in_the_process(scenario: &Scenario) -> Vec<String> {
    let site = Site::new("");
    let replayed: Vec<_> = scenario.replay().into_iter().filter(|row| row.get("clusters").is_none()).collect();
    let live = Live::start(&site, &scenario.config, &scenario.rows);
    let told = live.play(&scenario.rows, &replayed);
    let told: Vec<_> = told.iter().map(|row| compared(row, COMPARED_IN_THE_PROCESS)).collect();
    let expected = scenario.expected.iter().filter(|row| row.get("clusters").is_none());
    let expected: Vec<_> = expected.map(|row| compared(row, COMPARED_IN_THE_PROCESS)).collect();
    difference(&format!("{} in the process", scenario.name), &expected, &told)
}

/// The named keys of an object, where it has them. The store writes a severity in lower case, the replay as Cisco does.
fn compared(row: &Value, keys: &[&str]) -> Value {
    let value = |key: &str| match (key, row.get(key)?) {
        ("severity", Value::String(name)) => Some(Value::String(name.to_lowercase())),
        (_, value) => Some(value.clone()),
    };
    Value::Object(keys.iter().filter_map(|key| Some(((*key).to_owned(), value(key)?))).collect())
}

/// What differs: each expected row, in order, must be in what was told, key by key, and nothing more may be told.
fn difference(name: &str, expected: &[Value], told: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    for index in 0..expected.len().max(told.len()) {
        match (expected.get(index), told.get(index)) {
            (Some(expected), Some(told)) if contains(told, expected) => {}
            (expected, told) => {
                let show = |row: Option<&Value>| row.map_or_else(|| "nothing".to_owned(), Value::to_string);
                faults.push(format!(
                    "{name}, row {}:\n  expected {}\n  told     {}",
                    index + 1,
                    show(expected),
                    show(told)
                ));
            }
        }
    }
    faults
}

/// Whether `whole` has all that `part` has; lists must be equal in length.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, part)| contains(whole.get(key).unwrap_or(&Value::Null), part))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| contains(whole, part))
        }
        _ => whole == part,
    }
}

#[test]
fn a_difference_is_seen() {
    let check = |expected: &str, told: &str, faults: usize| {
        assert_eq!(difference("test", &values(expected), &values(told)).len(), faults, "{expected} / {told}");
    };
    check(r#"{"a": 1, "b": null}"#, r#"{"a": 1, "c": 3}"#, 0);
    check(r#"{"a": 1}"#, r#"{"a": 2}"#, 1);
    check(r#"{"a": 1}"#, "", 1);
    check("", r#"{"a": 1}"#, 1);
    check(r#"{"a": {"x": [1]}}"#, r#"{"a": {"x": [1, 2]}}"#, 1);
    check("{\"a\": 1}\n{\"a\": 2}", "{\"a\": 2}\n{\"a\": 1}", 2);
}

fn scenarios() -> Vec<Scenario> {
    let mut configs = Vec::new();
    find(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios"), &mut configs);
    assert!(!configs.is_empty(), "no scenario in tests/scenarios");
    configs.sort();
    configs.iter().map(|config| Scenario::read(config)).collect()
}

fn find(folder: &Path, configs: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            find(&path, configs);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            configs.push(path);
        }
    }
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn values(text: &str) -> Vec<Value> {
    let rows = text.lines().filter(|line| !line.trim().is_empty());
    rows.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}
