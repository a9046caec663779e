//! What a line means for an alert: the one door through which families, the severity rule and user rules reach the life of alerts.

use ccxwatch_parsers::severity::Severity;
use jiff::SignedDuration;
use std::{borrow::Cow, sync::Arc};

/// One raise or one clear. The line behind it is evidence and stays in its fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// The name of the alert, as RTMT spells it where RTMT knows it: `CriticalServiceDown`.
    pub alert: Cow<'static, str>,
    /// What happened to it.
    pub change: Change,
    /// The severity that the family gives, before any setting of a user.
    pub severity: Severity,
    /// The affected node, as the line names it. None where the alert is of the whole cluster; a clear without one clears it on
    /// every node.
    pub node: Option<String>,
    /// What tells instances of the alert on one node apart, as labels: `("service_name", "Cisco Tomcat")`. Bounded in number and
    /// length; values are hostile text. A clear ends each firing alert of its name and node that has all of these pairs, so one
    /// without any ends them all.
    pub instance: Vec<(Cow<'static, str>, String)>,
    /// The measured value, where the line carries one: a percentage, a count, seconds.
    pub value: Option<f64>,
    /// What a person should know of the alert.
    pub about: Arc<About>,
}

/// What a line does to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It fires, or still fires.
    Raise,
    /// It ends.
    Clear,
}

/// What a person should know of an alert, the same for all its instances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// What is wrong, in a few words without cluster or node: `Database replication stopped`.
    pub title: String,
    /// What it means, in a sentence or two.
    pub meaning: String,
    /// What to do, one step an entry.
    pub runbook: Vec<String>,
    /// No line says when it is over: it ends when it was not raised for this long. None: a clear or an operator ends it.
    pub resolves_after: Option<SignedDuration>,
}
