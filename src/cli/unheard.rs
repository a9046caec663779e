//! Which severities of which cluster end at nobody: `ccxwatch check` says so, for silence must be meant.

use crate::{config::Config, terminal::inert};
use ccxwatch_alerts::routing::{Unheard, unheard};
use std::collections::BTreeMap;

/// One line for each cluster, and for ccxwatch itself, and each way in which its alerts end at nobody.
pub(super) fn notes(config: &Config) -> Vec<String> {
    let settings = config.settings();
    if config.receiver.is_empty() {
        return vec![
            "nobody is told who does not look at the console or the page: there is no [[receiver]]".to_owned(),
        ];
    }
    let mut notes = Vec::new();
    for cluster in &settings.clusters {
        let mut labels = cluster.labels.clone();
        labels.insert("cluster".to_owned(), cluster.name.clone());
        notes.extend(of(&cluster.name, config, &unheard(&settings, &labels)));
    }
    notes.extend(of("ccxwatch itself", config, &unheard(&settings, &BTreeMap::new())));
    notes
}

/// What ends at nobody in the same way is one line.
fn of(whose: &str, config: &Config, all: &[Unheard]) -> Vec<String> {
    let mut ways: BTreeMap<(bool, Option<usize>), Vec<&str>> = BTreeMap::new();
    for one in all {
        ways.entry((!one.always, one.route)).or_default().push(one.severity.name());
    }
    let line = |((sometimes, route), severities): (&(bool, Option<usize>), &Vec<&str>)| {
        let what = if *sometimes { "some alerts" } else { "all alerts" };
        let route = route.and_then(|number| Some((number, config.route.get(number - 1)?)));
        let by = route.map_or_else(String::new, |(number, route)| match &route.name {
            Some(name) => format!(" (route {number} {:?})", name.get_ref()),
            None => format!(" (route {number})"),
        });
        let text = format!("{whose}: {what} of severity {} are told to nobody{by}", severities.join(", "));
        inert(&text).into_owned()
    };
    ways.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    const SITE: &str = "[[cluster]]\nname = \"berlin\"\nlabels = { customer = \"acme\" }\n[[receiver]]\nname = \"desk\"\n\
        type = \"email\"\nfrom = \"a@example.com\"\nto = [\"b@example.com\"]\ntls = \"none\"\n";

    #[track_caller]
    fn check(routes: &str, expected: &[&str]) {
        let config = parse(&format!("{SITE}{routes}"), "f").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(notes(&config), expected);
    }

    #[test]
    fn what_ends_at_nobody_is_said() {
        const ALL: &str = "Emergency, Alert, Critical, Error, Warning, Notice, Informational, Debug";
        check("", &[]);
        check("[[route]]\nseverity = \"error\"\nreceivers = [\"desk\"]\n", &[]);
        check(
            "[[route]]\nseverity = \"error\"\nreceivers = [\"desk\"]\n[[route]]\nname = \"rest\"\nreceivers = []\n",
            &[
                "berlin: all alerts of severity Warning, Notice, Informational, Debug are told to nobody (route 2 \"rest\")",
                "ccxwatch itself: all alerts of severity Warning, Notice, Informational, Debug are told to nobody (route 2 \"rest\")",
            ],
        );
        // It depends on a label that is not known here; that of the cluster is.
        let some = format!("berlin: some alerts of severity {ALL} are told to nobody (route 1)");
        check(
            "[[route]]\nmatchers = ['customer=\"acme\"', 'alertname=\"A\"']\nclusters = [\"ber*\"]\nreceivers = []\n",
            &[&some],
        );
        let all = format!("berlin: all alerts of severity {ALL} are told to nobody (route 1)");
        check("[[route]]\nmatchers = ['customer=\"acme\"']\nclusters = [\"ber*\"]\nreceivers = []\n", &[&all]);
        check("[[route]]\nmatchers = ['customer=\"other\"']\nclusters = [\"ber*\"]\nreceivers = []\n", &[]);
        check("[[route]]\nreceivers = [\"desk\"]\ncontinue = true\n[[route]]\nreceivers = []\n", &[]);
    }

    #[test]
    fn without_receivers_one_line_says_it() {
        let config = parse("", "f").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(notes(&config).len(), 1);
    }
}
