//! `ccxwatch check --suggest`: `[[cluster]]` blocks for who was heard and is in no cluster.

use crate::terminal::inert;
use serde_json::Value;
use std::{collections::BTreeSet, fmt::Write};

/// A block per unmapped cluster and per sender; a person joins those that are one cluster. Both arguments are answers of the
/// running process.
pub(super) fn blocks(clusters: &Value, senders: &Value) -> String {
    let mut suggested = BTreeSet::new();
    let mut text = String::new();
    let unmapped = list(clusters).filter(|cluster| cluster["mapped"] == Value::Bool(false));
    for cluster in unmapped {
        let name = cluster["name"].as_str().unwrap_or_default();
        let name = name.strip_prefix("unmapped:").unwrap_or(name);
        let nodes: Vec<_> = list(&cluster["nodes"])
            .map(|node| {
                let addresses: Vec<_> = list(&node["addresses"]).filter_map(Value::as_str).collect();
                suggested.extend(addresses.iter().copied());
                (node["id"].as_str().unwrap_or(name), addresses)
            })
            .collect();
        suggested.extend(nodes.iter().map(|(id, _)| *id));
        block(&mut text, name, &nodes, "It has said something of its licenses.");
    }
    for sender in list(senders) {
        let (address, host) = (sender["address"].as_str(), sender["host"].as_str());
        let relay = sender["relay"] == Value::Bool(true);
        // A relay's address does not tell who speaks.
        let own_address = address.filter(|_| !relay);
        let Some(name) = host.or(own_address).or(sender["source"].as_str()) else { continue };
        if suggested.contains(name) || own_address.is_some_and(|address| suggested.contains(address)) {
            continue;
        }
        let lines = sender["lines"].as_u64().unwrap_or_default();
        let from = match (address, sender["source"].as_str()) {
            (Some(address), _) if relay => format!("{lines} lines by the relay {address}."),
            (Some(address), _) => format!("{lines} lines from {address}."),
            (None, source) => format!(
                "{lines} lines in {}: give that [[sources.file]] this node, `node = …`.",
                inert(source.unwrap_or_default())
            ),
        };
        block(&mut text, name, &[(name, own_address.into_iter().collect())], &from);
    }
    if text.is_empty() {
        return "# Everybody who was heard is in a cluster.\n".to_owned();
    }
    format!("# Heard, and in no cluster. Join the nodes that are one cluster, and set its release and zone.\n{text}")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn block(text: &mut String, name: &str, nodes: &[(&str, Vec<&str>)], comment: &str) {
    let _ = write!(text, "\n# {comment}\n[[cluster]]\nname = {}\nrelease = \"\"\ntimezone = \"UTC\"\n", quoted(name));
    for (id, addresses) in nodes {
        let addresses: Vec<_> = addresses.iter().map(|address| quoted(address)).collect();
        let _ = write!(text, "[[cluster.node]]\nid = {}\naddresses = [{}]\n", quoted(id), addresses.join(", "));
    }
}

/// A TOML string that does nothing to a terminal.
fn quoted(text: &str) -> String {
    toml::Value::String(inert(text).into_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What follows the first comment, without the lines of settings that a person sets.
    #[track_caller]
    fn check(clusters: &Value, senders: &Value, expected: &str) {
        let text = blocks(clusters, senders);
        toml::from_str::<toml::Table>(&text).expect("it is TOML");
        let settings = ["release = ", "timezone = ", "# Heard", "# Everybody"];
        let lines = text.lines().filter(|line| !settings.iter().any(|start| line.starts_with(start)));
        let kept: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
        assert_eq!(kept.join("\n"), expected);
    }

    #[test]
    fn who_is_in_no_cluster_is_suggested_once() {
        let sender = |address: Option<&str>, host: Option<&str>, relay: bool| json!({"address": address, "source": "/var/log/mcvd.log", "host": host, "relay": relay, "lines": 7});
        let mapped = json!([{"name": "berlin", "mapped": true, "nodes": [{"id": "pub", "addresses": ["10.0.0.1"]}]}]);
        let unmapped = json!([{
            "name": "unmapped:pub", "mapped": false, "nodes": [{"id": "pub", "addresses": ["10.0.0.1"]}]
        }]);
        let of_licenses = "# It has said something of its licenses.\n[[cluster]]\nname = \"pub\"\n\
                           [[cluster.node]]\nid = \"pub\"\naddresses = [\"10.0.0.1\"]";
        check(&mapped, &json!([]), "");
        check(&unmapped, &json!([]), of_licenses);
        check(&unmapped, &json!([sender(Some("10.0.0.1"), Some("other"), false)]), of_licenses);
        check(
            &mapped,
            &json!([sender(Some("10.0.0.2"), None, false)]),
            "# 7 lines from 10.0.0.2.\n[[cluster]]\nname = \"10.0.0.2\"\n\
             [[cluster.node]]\nid = \"10.0.0.2\"\naddresses = [\"10.0.0.2\"]",
        );
        check(
            &mapped,
            &json!([sender(Some("10.0.0.9"), Some("sub"), true)]),
            "# 7 lines by the relay 10.0.0.9.\n[[cluster]]\nname = \"sub\"\n[[cluster.node]]\nid = \"sub\"\naddresses = []",
        );
        check(
            &mapped,
            &json!([sender(None, Some("sub"), false)]),
            "# 7 lines in /var/log/mcvd.log: give that [[sources.file]] this node, `node = …`.\n\
             [[cluster]]\nname = \"sub\"\n[[cluster.node]]\nid = \"sub\"\naddresses = []",
        );
    }
}
