//! The configuration: one struct per section, every key with a default and a doc, unknown keys are errors.
//!
//! The embedded default file ([`DEFAULT`]) is the documentation; a test holds it against the structs.

mod alert;
mod alerts;
mod check;
mod check_alerts;
mod cluster;
mod heartbeat;
mod license;
mod metrics;
mod receiver;
mod route;
mod rule;
mod secret;
mod settings;
mod sources;
mod store;
mod storm;
mod web;
mod word;

pub use alert::{Alert, Maintenance, Schedule};
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
pub use rule::{Pattern, Rule};
pub use secret::{Secret, SecretSource, Text};
pub use sources::{FileSource, Listener, Sources};
pub use store::Store;
pub use storm::Storm;
pub use web::Web;
pub use word::Word;

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
    /// `[storm]`
    pub storm: Storm,
    /// `[[time_window]]`
    pub time_window: Vec<TimeWindow>,
    /// `[[route]]`
    pub route: Vec<Route>,
    /// `[[alert]]`
    pub alert: Vec<Alert>,
    /// `[[rule]]`
    pub rule: Vec<Rule>,
    /// `[[maintenance]]`
    pub maintenance: Vec<Maintenance>,
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
        assert_eq!(documented.storm, Storm::default());
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
            ("[[alert]]\nname = \"LogFeedSilnt\"\n", "2:8", "did you mean \"LogFeedSilent\"?"),
            ("[[alert]]\nname = \"Qqq\"\n", "2:8", "alerts names"),
            ("[[alert]]\nname = \"LogFeedSilent\"\nthreshold = \"3 in 5m\"\n", "2:8", "only"),
            ("[[alert]]\nname = \"StoreFailing\"\nenable = false\n", "2:8", "always told"),
            ("[[alert]]\nname = \"LogFeedSilent\"\nthreshold = \"3\"\n", "3:13", "no threshold"),
            ("[[alert]]\nname = \"LogFeedSilent\"\nseverity = \"bad\"\n", "3:12", "no severity"),
            ("[[alert]]\nname = \"LogFeedSilent\"\nreceivers = [\"nobody\"]\n", "3:14", "[[receiver]]"),
            ("[[alert]]\nname = \"LogFeedSilent\"\nschedule = { days = [\"day\"] }\n", "3:21", "no day"),
            ("[[rule]]\nname = \"A\"\nmatch = {}\n", "2:8", "every line"),
            ("[[rule]]\nname = \"A\"\nmatch = { regex = \"(\" }\n", "2:8", "rule \"A\": its regex is wrong"),
            (
                "[[rule]]\nname = \"A\"\nmatch = { regex = \"(x{999}){999}\" }\n",
                "2:8",
                "rule \"A\": its regex is too large",
            ),
            ("[[rule]]\nname = \"StoreFailing\"\nmatch = { regex = \"x\" }\n", "2:8", "choose another one"),
            (
                "[[rule]]\nname = \"A\"\nmatch = { regex = \"x\" }\nlabels = { node = \"y\" }\n",
                "4:19",
                "cannot be a label",
            ),
            (
                "[[rule]]\nname = \"A\"\nmatch = { mnemonic = [\"X\"] }\nexamples = [\"%A-1-X: y\", \"%A-1-Y: y\"]\n",
                "4:26",
                "the mnemonic differs",
            ),
            (
                "[[rule]]\nname = \"A\"\nmatch = { mnemonic = [\"X\"] }\nexamples = [\"nothing\"]\n",
                "4:13",
                "no %FACILITY",
            ),
            ("[[maintenance]]\nname = \"a\"\n", "2:8", "from and to"),
            (
                "[[maintenance]]\nname = \"a\"\nfrom = \"2026-12-01T22:00:00Z\"\nto = \"2026-12-01T21:00:00Z\"\n",
                "2:8",
                "from before to",
            ),
            ("[[maintenance]]\nname = \"a\"\ncluster = \"b\"\nschedule = {}\n", "3:11", "[[cluster]]"),
            ("[[sources.udp]]\nlisten = \"0.0.0.0:514\"\n", "2:10", "allowed_senders"),
            ("[[sources.file]]\npath = \"x\"\nnode = \"nobody\"\n", "3:8", "[[cluster]]"),
            ("[[heartbeat]]\nreceiver = \"nobody\"\ninterval = \"1m\"\n", "2:12", "no [[receiver]]"),
            ("[storm]\nwithin = \"0s\"\n", "1:1", "[storm] `within` is"),
            ("[storm]\nalerts = -1\n", "2:10", "invalid value"),
            ("[license\n", "1:9", "]"),
        ];
        for (text, place, said) in cases {
            let error = parse(text, "f").expect_err(text).to_string();
            assert!(error.starts_with(&format!("f:{place}: ")), "{text:?}: {error}");
            assert!(error.contains(said), "{text:?}: {error}");
        }
    }
}
