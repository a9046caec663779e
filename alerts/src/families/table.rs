//! The table as it is written: one TOML file per theme, one row per family. Read once; a test reads it whole.

use ccxwatch_parsers::severity::Severity;
use jiff::SignedDuration;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The files, by theme.
const FILES: [(&str, &str); 10] = [
    ("call_processing", include_str!("data/call_processing.toml")),
    ("contact_center", include_str!("data/contact_center.toml")),
    ("database", include_str!("data/database.toml")),
    ("finesse", include_str!("data/finesse.toml")),
    ("performance", include_str!("data/performance.toml")),
    ("platform", include_str!("data/platform.toml")),
    ("presence", include_str!("data/presence.toml")),
    ("services", include_str!("data/services.toml")),
    ("single_sign_on", include_str!("data/single_sign_on.toml")),
    ("smart_license", include_str!("data/smart_license.toml")),
];

/// How long an alert whose end no line tells fires after its last raise, unless its row says otherwise.
const ENDS_UNTOLD: SignedDuration = SignedDuration::from_hours(24);

/// All rows, in the order of the files.
pub(super) fn rows() -> Vec<Row> {
    FILES.iter().flat_map(|(theme, text)| read(theme, text)).collect()
}

fn read(theme: &str, text: &str) -> Vec<Row> {
    // The files are part of the program: what they hold is known when it is built, and a test reads all of them.
    let file: File = toml::from_str(text).unwrap_or_else(|error| panic!("the families of {theme}: {error}"));
    let runbook = file.runbook;
    let with_runbook = |mut row: Row| {
        if row.runbook.is_empty() {
            row.runbook.clone_from(&runbook);
        }
        if row.clear.is_empty() {
            row.resolves_after.get_or_insert(ENDS_UNTOLD);
        }
        row
    };
    file.family.into_iter().map(with_runbook).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// What to do, for rows that do not say.
    runbook: Vec<String>,
    family: Vec<Row>,
}

/// One family.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    /// The alert, as RTMT spells it where RTMT knows it.
    pub(super) alert: String,
    /// Further names by which RTMT may call it.
    #[serde(default)]
    pub(super) also_called: Vec<String>,
    /// Its severity where nobody sets another.
    pub(super) severity: Severity,
    /// Whether it is raised where nobody says otherwise.
    #[serde(default = "yes")]
    pub(super) enabled: bool,
    /// Which alarms raise it.
    #[serde(default)]
    pub(super) raise: Vec<Pattern>,
    /// Which alarms clear it.
    #[serde(default)]
    pub(super) clear: Vec<Pattern>,
    /// The parameters that tell instances on one node apart. `@facility` is the facility of the line.
    #[serde(default)]
    pub(super) instance: Vec<String>,
    /// It is of the whole cluster: any node may raise it, any node may clear it.
    #[serde(default)]
    pub(super) of_cluster: bool,
    /// The parameter that holds a value.
    #[serde(default)]
    pub(super) value: Option<String>,
    /// When it ends, where no line says so.
    #[serde(default)]
    pub(super) resolves_after: Option<SignedDuration>,
    /// What is wrong, in a few words.
    pub(super) title: String,
    /// What it means.
    pub(super) meaning: String,
    /// What to do.
    #[serde(default)]
    pub(super) runbook: Vec<String>,
    /// Lines from their triplet on, which a test sends through.
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "they are for the test; the table is read as it is written"))]
    pub(super) samples: Samples,
}

const fn yes() -> bool {
    true
}

/// Lines of a family.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Samples {
    /// Each raises it.
    pub(super) raise: Vec<String>,
    /// Each clears what the first of `raise` raised.
    pub(super) clear: Vec<String>,
}

/// Which alarms of one name: `FACILITY-Mnemonic`, the facility without the prefix of its catalog; `*` is any. Letter case,
/// underscores and blanks do not count, for they differ between releases.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Written")]
pub(super) struct Pattern {
    /// The facility; `None`: any.
    pub(super) facility: Option<String>,
    /// The name of the alarm.
    pub(super) mnemonic: String,
    /// Parameters, and what their values contain.
    pub(super) parameters: BTreeMap<String, String>,
    /// No less severe than this.
    pub(super) at_least: Severity,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Alarm(String),
    Conditions(Conditions),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Conditions {
    alarm: String,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    #[serde(default)]
    at_least: Option<Severity>,
}

impl From<Written> for Pattern {
    fn from(written: Written) -> Self {
        let (alarm, parameters, at_least) = match written {
            Written::Alarm(alarm) => (alarm, BTreeMap::new(), None),
            Written::Conditions(Conditions { alarm, parameters, at_least }) => (alarm, parameters, at_least),
        };
        let (facility, mnemonic) = alarm.split_once('-').unwrap_or(("*", &alarm));
        Self {
            facility: (facility != "*").then(|| facility.to_owned()),
            mnemonic: mnemonic.to_owned(),
            parameters,
            at_least: at_least.unwrap_or(Severity::Debug),
        }
    }
}
