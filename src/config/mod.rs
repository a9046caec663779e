//! The configuration: one struct per section, every key with a default and a doc, unknown keys are errors.
//!
//! The embedded default file ([`DEFAULT`]) is the documentation; a test holds it against the structs.

mod alerts;
mod check;
mod cluster;
mod heartbeat;
mod license;
mod metrics;
mod receiver;
mod route;
mod secret;
mod settings;
mod sources;
mod store;
mod web;

pub use alerts::{Alerts, FromSeverity};
pub use check::{ConfigError, Fault, load, parse};
pub use cluster::{Cluster, Node};
pub use heartbeat::Heartbeat;
pub use license::{Feeds, License};
pub use metrics::{Detail, Metrics};
pub use receiver::{
    Alertmanager, BodyTemplate, Email, Login, MailTemplates, Preset, Receiver, ReceiverKind, Tls, Webhook,
};
pub use route::{Route, TimeWindow};
pub use secret::{Secret, SecretSource, Text};
pub use sources::{FileSource, Listener, Sources};
pub use store::Store;
pub use web::Web;

use serde::{Deserialize, Serialize};

/// The default configuration, documented.
pub const DEFAULT: &str = include_str!("default.toml");

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[license]`
    pub license: License,
    /// `[feeds]`
    pub feeds: Feeds,
    /// `[alerts]`
    pub alerts: Alerts,
    /// `[sources]`
    pub sources: Sources,
    /// `[web]`
    pub web: Web,
    /// `[metrics]`
    pub metrics: Metrics,
    /// `[store]`
    pub store: Store,
    /// `[[cluster]]`
    pub cluster: Vec<Cluster>,
    /// `[templates]`
    pub templates: MailTemplates,
    /// `[[receiver]]`
    pub receiver: Vec<Receiver>,
    /// `[[heartbeat]]`
    pub heartbeat: Vec<Heartbeat>,
    /// `[[time_window]]`
    pub time_window: Vec<TimeWindow>,
    /// `[[route]]`
    pub route: Vec<Route>,
}

impl Config {
    /// The files that the receivers are made of: secrets, certificates, templates.
    pub fn receiver_files(&self) -> Vec<std::path::PathBuf> {
        self.templates.files().chain(self.receiver.iter().flat_map(Receiver::files)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_says_what_the_structs_say() {
        let documented = parse(DEFAULT, "default.toml").expect("the default is valid");
        assert_eq!(documented.license, License::default());
        assert_eq!(documented.feeds, Feeds::default());
        assert_eq!(documented.alerts, Alerts::default());
        assert_eq!(documented.sources, Sources::default());
        assert_eq!(documented.web, Web::default());
        assert_eq!(documented.metrics, Metrics::default());
        assert_eq!(documented.templates, MailTemplates::default());
        assert_eq!(documented.store, Store::default());
    }

    /// The commented examples of the default file are valid too, and name every key.
    #[test]
    fn the_examples_of_the_default_file_are_valid() {
        let text: String = DEFAULT
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(code) if code.starts_with("[[") || code.contains(" = ") && !code.contains(": ") => code,
                _ => line,
            })
            .fold(String::new(), |text, line| text + line + "\n");
        let text = text.replace("/etc/ccxwatch/ca.pem", "/etc/hostname");
        let config = parse(&text, "examples").unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!((config.cluster.len(), config.receiver.len(), config.sources.file.len()), (1, 3, 1));
        assert_eq!((config.time_window.len(), config.route.len(), config.heartbeat.len()), (1, 3, 2));
    }

    #[test]
    fn faults_have_a_place_and_a_next_step() {
        let cases = [
            ("[license]\nmerge_tolerence = \"5m\"\n", "2:1", "unknown field"),
            ("[license]\nenforcement_after_days = \"many\"\n", "2:26", "invalid type"),
            ("[[cluster]]\nname = \"a\"\n[[cluster]]\nname = \"a\"\n", "4:8", "twice"),
            ("[[cluster]]\nname = \"a\"\ntimezone = \"Mars/Base\"\n", "3:12", "IANA"),
            ("[[cluster]]\nname = \"a\"\nlabels = { severity = \"x\" }\n", "3:23", "of its own"),
            ("[[cluster]]\nname = \"a\"\nlabels = { 1st = \"x\" }\n", "3:18", "no name of a label"),
            ("[[cluster]]\nname = \"a\"\nlabels = { a = \"\\u0007\" }\n", "3:16", "control characters"),
            ("[[sources.udp]]\nlisten = \"0.0.0.0:514\"\n", "2:10", "allowed_senders"),
            ("[[sources.file]]\npath = \"x\"\nnode = \"nobody\"\n", "3:8", "[[cluster]]"),
            ("[[heartbeat]]\nreceiver = \"nobody\"\ninterval = \"1m\"\n", "2:12", "no [[receiver]]"),
            ("[license\n", "1:9", "]"),
        ];
        for (text, place, said) in cases {
            let error = parse(text, "f").expect_err(text).to_string();
            assert!(error.starts_with(&format!("f:{place}: ")), "{text:?}: {error}");
            assert!(error.contains(said), "{text:?}: {error}");
        }
    }
}
