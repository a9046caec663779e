//! What Prometheus and Grafana are given: rules that `promtool` takes, a test and a section of the runbooks for each alert.

use crate::harness::{
    ccxwatch::{Site, program},
    wait::poll_until,
};
use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A file of the project's folder `grafana`.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana").join(name)
}

/// Its text.
pub(crate) fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("grafana/{name}: {error}"))
}

#[track_caller]
fn promtool(arguments: &[&str], file: &Path) {
    let output =
        Command::new("/usr/bin/promtool").args(arguments).arg(file).output().expect("tests/run.sh installs promtool");
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
}

#[test]
fn promtool_takes_the_rules() {
    promtool(&["check", "rules"], &path("prometheus/ccxwatch-rules.yaml"));
    promtool(&["test", "rules"], &path("prometheus/ccxwatch-tests.yaml"));
    promtool(&["check", "config", "--syntax-only"], &path("prometheus/prometheus.yaml"));
}

/// What `compose.yaml` mounts is there, and what ccxwatch is given is a valid configuration.
#[test]
fn the_composition_is_whole() {
    let compose = text("compose.yaml");
    let mounted = compose.lines().filter_map(|line| line.trim().strip_prefix("- ./")?.split(':').next());
    let missing: Vec<_> = mounted.filter(|file| !path(file).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(path("../packaging/Containerfile").exists() && compose.contains("dockerfile: packaging/Containerfile"));
    let check = program().args(["check", "--config"]).arg(path("compose/ccxwatch.toml")).output().expect("it starts");
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    let amtool = Command::new("/usr/bin/amtool").arg("check-config").arg(path("compose/alertmanager.yaml")).output();
    let amtool = amtool.expect("tests/run.sh installs amtool");
    assert!(amtool.status.success(), "{}", String::from_utf8_lossy(&amtool.stderr));
    // Prometheus asks by the name of the service.
    assert!(text("prometheus/prometheus.yaml").contains("[\"ccxwatch:9914\"]"));
    assert!(text("compose/ccxwatch.toml").contains("hosts = [\"ccxwatch\"]"));
}

/// The line of the README is the one that the page shows for the port that `compose.yaml` publishes.
#[test]
fn the_line_to_paste_works() {
    let readme = text("../README.md");
    let line = readme.lines().find(|line| line.starts_with("printf '<184>")).expect("the README has the line");
    let site = Site::new("");
    let running = site.start();
    let port = running.udp().port();
    assert!(text("compose.yaml").contains("127.0.0.1:5514:5514/udp"));
    let command = line.replace("/dev/udp/127.0.0.1/5514", &format!("/dev/udp/127.0.0.1/{port}"));
    let status = Command::new("bash").args(["-c", &command]).status().expect("bash is there");
    assert!(status.success(), "{command}");
    poll_until("the countdown to show", || {
        let series = "ccxwatch_license_stage{cluster=\"unmapped:test\",stage=\"countdown_shortly\"}";
        (running.metric(series) > 0.0).then_some(())
    });
}

#[test]
fn promtool_takes_the_metrics() {
    let site = Site::new("[[cluster]]\nname = \"berlin\"\npurchased = 100\n[[cluster.node]]\nid = \"uccxpub\"\n");
    let metrics = site.start().page("/metrics");
    let mut check = Command::new("/usr/bin/promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tests/run.sh installs promtool");
    check.stdin.take().expect("it is piped").write_all(metrics.as_bytes()).expect("it reads");
    let output = check.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(output.status.success() && said.is_empty(), "{said}");
}

/// One alert: its name, and its lines.
fn alerts(rules: &str) -> Vec<(&str, &str)> {
    let blocks = rules.split("\n      - ").filter_map(|block| block.strip_prefix("alert: "));
    blocks.map(|block| block.split_once('\n').expect("an alert has more lines")).collect()
}

#[test]
fn each_alert_is_whole() {
    let (rules, tests, runbooks) =
        (text("prometheus/ccxwatch-rules.yaml"), text("prometheus/ccxwatch-tests.yaml"), text("runbooks.md"));
    let alerts = alerts(&rules);
    assert!(alerts.len() > 25);
    for (name, lines) in &alerts {
        assert!(name.starts_with("Ccxwatch"), "{name}");
        let has = |key: &str| lines.lines().any(|line| line.trim_start().starts_with(key));
        for key in ["expr: ", "summary: ", "description: "] {
            assert!(has(key), "{name} has no {key}");
        }
        assert!(["critical", "warning", "info"].iter().any(|severity| has(&format!("severity: {severity}"))), "{name}");
        assert!(has(&format!("runbook_url: grafana/runbooks.md#{}", name.to_lowercase())), "{name}");
        assert!(runbooks.lines().any(|line| line == format!("### {name}")), "runbooks.md has no section {name}");
        let tested = |how: &str| {
            let test = tests.split("\n  - name: ").find_map(|test| test.strip_prefix(&format!("{name} {how}\n")));
            test.unwrap_or_else(|| panic!("there is no test \"{name} {how}\""))
        };
        assert!(tested("fires").contains("exp_annotations:"), "{name}");
        assert!(tested("does not fire").contains("exp_alerts: []"), "{name}");
    }
    let sections: BTreeSet<_> = runbooks.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert_eq!(sections, alerts.iter().map(|(name, _)| *name).collect(), "sections of runbooks.md");
}

/// A scrape that fails leaves no sample: a gauge that is looked at by itself would then end its alert.
#[test]
fn gauges_are_looked_at_over_time() {
    let gauges: BTreeSet<String> = text("METRICS.md")
        .lines()
        .filter_map(|row| row.strip_prefix("| `")?.split_once("` | gauge |").map(|(name, _)| name.to_owned()))
        .collect();
    let rules = text("prometheus/ccxwatch-rules.yaml");
    for (name, lines) in alerts(&rules) {
        let expression = lines.split("\n        labels:").next().expect("an expression");
        let mut words = expression.split(|character: char| !(character.is_alphanumeric() || "_:".contains(character)));
        let (mut last, mut used) = ("", 0);
        for word in words.by_ref().filter(|word| !word.is_empty()) {
            if gauges.contains(word) || word.contains(":ccxwatch_") || word == "up" {
                assert!(last.ends_with("_over_time"), "{name}: {word} after {last:?}");
                used += 1;
            }
            last = word;
        }
        assert!(used > 0 || expression.contains("rate(") || expression.contains("increase("), "{name}: {expression}");
    }
}
