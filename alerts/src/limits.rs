//! Every limit of this crate, with its name. Nothing that comes from outside grows without one of these.

/// The limits of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a raw line that a fact keeps. Default 8,192.
    pub raw_bytes: usize,
    /// Parameters that a fact keeps. Default 64.
    pub params: usize,
    /// Bytes of one parameter's key or value. Default 1,024.
    pub param_bytes: usize,
    /// Bytes of a host, a node or an application id that a fact keeps. Default 255, the longest DNS name.
    pub name_bytes: usize,
    /// Bytes of one value that tells instances of an alert apart. Default 128.
    pub instance_bytes: usize,
    /// Bytes of the name of an alert that somebody else configured. Default 64.
    pub alert_name_bytes: usize,
    /// Lines that one alert of RTMT may quote. Default 32.
    pub quoted_lines: usize,
    /// Lines of one cluster, what its alarms raised and what RTMT told, each, that are remembered to know copies. Default 512.
    pub remembered_copies: usize,
    /// Bytes of the cleaned name of an unmapped cluster. Default 64.
    pub unmapped_name_bytes: usize,
    /// Unmapped clusters at one time. Default 100.
    pub unmapped_clusters: usize,
    /// Node names and source names that the evidence of one alert lists. Default 16.
    pub evidence_names: usize,
    /// Lines of history that one notification carries. Default 16.
    pub history: usize,
    /// Feeds of one node. Default 8.
    pub feeds_per_node: usize,
    /// Subsystems of one node. Default 32.
    pub subsystems_per_node: usize,
    /// Senders in no cluster that are remembered for the person who writes the configuration. Default 256.
    pub unmapped_senders: usize,
    /// Nodes of an unmapped cluster. Default 4.
    pub unmapped_nodes: usize,
    /// Alerts of one cluster beside its license alert. Default 64.
    pub alerts_per_cluster: usize,
    /// Episodes of which it is remembered who was told. Default 4,096.
    pub told_episodes: usize,
    /// Unknown license mnemonics that one cluster remembers. Default 32.
    pub mnemonics: usize,
    /// Alerts that lines raise, at one time in one cluster, resolved ones of late included. Beyond it one alert of each name stands
    /// for all others. Default 2,000.
    pub instances_per_cluster: usize,
    /// Such alerts of one name in one cluster, likewise. Default 64.
    pub instances_per_alert: usize,
    /// Bytes of a raw line that such an alert keeps. Default 1,024.
    pub instance_raw_bytes: usize,
    /// Labels that tell such alerts of one name and node apart. Default 8.
    pub labels: usize,
    /// Bytes of the value of such a label. Default 128.
    pub label_bytes: usize,
    /// Silences, maintenance windows and suspensions that operators set, each, ended ones of late included. Default 200.
    pub mutes: usize,
}

impl Limits {
    /// The limits of this build.
    pub const DEFAULT: Self = Self {
        raw_bytes: 8 * 1024,
        params: 64,
        param_bytes: 1024,
        name_bytes: 255,
        instance_bytes: 128,
        alert_name_bytes: 64,
        quoted_lines: 32,
        remembered_copies: 512,
        unmapped_name_bytes: 64,
        unmapped_clusters: 100,
        evidence_names: 16,
        history: 16,
        feeds_per_node: 8,
        subsystems_per_node: 32,
        unmapped_senders: 256,
        unmapped_nodes: 4,
        alerts_per_cluster: 64,
        told_episodes: 4_096,
        mnemonics: 32,
        instances_per_cluster: 2000,
        instances_per_alert: 64,
        instance_raw_bytes: 1024,
        labels: 8,
        label_bytes: 128,
        mutes: 200,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The longest prefix of `text` of at most `bytes` bytes that ends between two characters.
pub(crate) fn bounded(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// `name` for a person and for a key: letters, digits, `.`, `-`, `_` and `:` stay, everything else becomes `_`, bounded.
pub(crate) fn cleaned(name: &str, bytes: usize) -> String {
    name.trim()
        .chars()
        .take(bytes)
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':') { c } else { '_' })
        .collect()
}
