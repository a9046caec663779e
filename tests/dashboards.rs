//! The dashboards: made by their code, and whole by rules that anybody can read.

use crate::grafana::{path, text};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

/// Their files, without the ending.
pub(crate) const BOARDS: [&str; 3] = ["fleet", "cluster", "collector"];

/// One dashboard.
pub(crate) fn board(name: &str) -> Value {
    serde_json::from_str(&text(&format!("dashboards/{name}.json"))).expect("a dashboard is JSON")
}

/// The panels that show something: all but the headings of rows.
pub(crate) fn panels(board: &Value) -> impl Iterator<Item = &Value> {
    board["panels"].as_array().expect("panels").iter().filter(|panel| panel["type"] != "row")
}

/// An array.
#[track_caller]
pub(crate) fn list<'a>(value: &'a Value, what: &str) -> &'a [Value] {
    value.as_array().unwrap_or_else(|| panic!("{what}: {value}"))
}

/// The marks of a dashboard.
pub(crate) fn annotations(board: &Value) -> Vec<&Value> {
    board["annotations"]["list"].as_array().into_iter().flatten().collect()
}

#[test]
fn the_dashboards_are_what_their_code_makes() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python/bin/python3");
    let made = tempfile::tempdir().expect("a temporary directory");
    let output = Command::new(&python)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(path("src/build.py"))
        .arg(made.path())
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}; `tests/run.sh install` makes it", python.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for name in BOARDS {
        let file = format!("{name}.json");
        let fresh = fs::read_to_string(made.path().join(&file)).expect("it was written");
        assert!(
            fresh == text(&format!("dashboards/{file}")),
            "grafana/dashboards/{file} is old: run grafana/src/build.py"
        );
    }
    assert_eq!(fs::read_dir(made.path()).expect("it is there").count(), BOARDS.len());
}

/// The rules of a dashboard that can be read by somebody who did not write it.
#[test]
fn the_dashboards_are_whole() {
    let mut uids = BTreeSet::new();
    for name in BOARDS {
        let board = board(name);
        assert!(board["title"].as_str().is_some_and(|title| title.starts_with("ccxwatch: ")), "{name}");
        assert!(uids.insert(board["uid"].to_string()), "{name}: its uid is another's");
        assert!(board.get("id").is_none_or(Value::is_null), "{name}: an id belongs to one Grafana");
        let variables: BTreeSet<_> = list(&board["templating"]["list"], name)
            .iter()
            .map(|variable| {
                assert!(!variable["label"].is_null() && !variable["description"].is_null(), "{name}: {variable}");
                variable["name"].as_str().expect("a name")
            })
            .collect();
        assert!(variables.contains("datasource") && variables.contains("instance"), "{name}: {variables:?}");
        assert!(variables.contains(if name == "collector" { "source" } else { "cluster" }), "{name}: {variables:?}");
        let links = list(&board["links"], name);
        assert!(links.iter().any(|link| link["type"] == "dashboards" && link["tags"][0] == "ccxwatch"), "{name}");
        assert!(links.iter().any(|link| link["url"].as_str().is_some_and(|url| url.starts_with("${page}"))), "{name}");
        assert!(list(&board["tags"], name).contains(&json!("ccxwatch")), "{name}");
        assert_eq!(name == "collector", annotations(&board).is_empty(), "{name}: transitions are marked");
        datasources(&board, name);
        let mut ids = BTreeSet::new();
        let mut grid = BTreeMap::new();
        for panel in list(&board["panels"], name) {
            let what = format!("{name}: {}", panel["title"]);
            assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{what}");
            on_the_grid(panel, &mut grid, &what);
        }
        for panel in panels(&board) {
            let what = format!("{name}: {}", panel["title"]);
            let has = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
            assert!(has(&panel["title"]), "{what}");
            assert!(panel["description"].as_str().is_some_and(|text| text.len() > 15), "{what} has no description");
            let defaults = &panel["fieldConfig"]["defaults"];
            assert!(has(&defaults["unit"]), "{what} has no unit");
            assert!(has(&defaults["noValue"]), "{what} does not say what an empty answer looks like");
            assert!(!list(&defaults["thresholds"]["steps"], &what).is_empty(), "{what} has no thresholds");
            let targets = list(&panel["targets"], &what);
            assert!(!targets.is_empty() && targets.iter().all(|target| has(&target["expr"])), "{what}");
            let refs: BTreeSet<_> = targets.iter().map(|target| target["refId"].to_string()).collect();
            assert_eq!(refs.len(), targets.len(), "{what}");
            let shows_names = ["timeseries", "bargauge", "state-timeline"].iter().any(|kind| panel["type"] == *kind);
            assert!(!shows_names || targets.iter().all(|target| has(&target["legendFormat"])), "{what} has no legend");
        }
    }
}

/// Every datasource is the variable, wherever one is named.
fn datasources(value: &Value, what: &str) {
    match value {
        Value::Object(fields) => {
            if let Some(datasource) = fields.get("datasource") {
                assert_eq!(*datasource, json!({ "type": "prometheus", "uid": "${datasource}" }), "{what}");
            }
            fields.values().for_each(|value| datasources(value, what));
        }
        Value::Array(values) => values.iter().for_each(|value| datasources(value, what)),
        _ => {}
    }
}

fn on_the_grid(panel: &Value, grid: &mut BTreeMap<(u64, u64), String>, what: &str) {
    let at = |key: &str| panel["gridPos"][key].as_u64().unwrap_or_else(|| panic!("{what}: {key}"));
    assert!(at("w") > 0 && at("h") > 0 && at("x") + at("w") <= 24, "{what} is outside the grid");
    for x in at("x")..at("x") + at("w") {
        for y in at("y")..at("y") + at("h") {
            if let Some(other) = grid.insert((x, y), what.to_owned()) {
                panic!("{what} lies on {other}");
            }
        }
    }
}
