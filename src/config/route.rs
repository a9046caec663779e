//! `[[route]]` and `[[time_window]]`: who is told of what, and when.

use super::{Config, ReceiverKind};
use crate::step::CONSOLE;
use ccxwatch_alerts::{
    matcher::Matchers,
    notification::Reason,
    routing::settings::{ClusterPattern, GroupBy, GroupSettings, RouteSettings, RoutingSettings},
    rules::schedule::{Days, Schedule},
};
use ccxwatch_parsers::severity::Severity;
use jiff::{
    SignedDuration,
    civil::{Time, Weekday},
    fmt::serde::duration::friendly::compact,
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, ops::Range};
use toml::Spanned;

/// One route.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// What the ledger and errors call it.
    #[serde(default)]
    pub name: Option<Spanned<String>>,
    /// Names of clusters, or globs such as `muc-*`. None: any cluster, and ccxwatch itself.
    #[serde(default)]
    pub clusters: Vec<Spanned<String>>,
    /// Alertmanager's matchers: `customer="acme"`, `alertname=~"Ccx.*"`. All must hold.
    #[serde(default)]
    pub matchers: Vec<Spanned<String>>,
    /// At least this severe.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// For one of these reasons. None: for any.
    #[serde(default)]
    pub reasons: Vec<Reason>,
    /// Who is told. None: nobody.
    pub receivers: Vec<Spanned<String>>,
    /// Later routes are tried as well.
    #[serde(default)]
    pub r#continue: bool,
    /// Labels to group by; `["..."]` for all of them. Absent: nothing is grouped.
    #[serde(default)]
    pub group_by: Option<Vec<Spanned<String>>>,
    /// How long the first alert of a group waits for others.
    #[serde(default, serialize_with = "compact::optional")]
    pub group_wait: Option<SignedDuration>,
    /// How long what changes in a group waits.
    #[serde(default, serialize_with = "compact::optional")]
    pub group_interval: Option<SignedDuration>,
    /// What still fires is told again after this.
    #[serde(default, serialize_with = "compact::optional")]
    pub repeat_interval: Option<SignedDuration>,
    /// Names of time windows outside of which what may wait is held.
    #[serde(default)]
    pub time_windows: Vec<Spanned<String>>,
    /// Hold what may not wait, too.
    #[serde(default)]
    pub hold_urgent: bool,
}

/// One time window, by the clocks of each receiver.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TimeWindow {
    /// Its name, unique.
    pub name: Spanned<String>,
    /// The days on which it opens: `mon`, `tue`, …, or a range such as `mon-fri`. None: every day.
    #[serde(default)]
    pub weekdays: Vec<Spanned<String>>,
    /// When it opens: `08:00`.
    pub from: Spanned<String>,
    /// When it closes; not after `from`: on the next day.
    pub to: Spanned<String>,
}

/// What is wrong with a route or a window, and where.
pub(super) type RouteFault = (Range<usize>, String);

/// The longest wait of a group, and the longest time until something is told again.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// The most routes.
const ROUTES_MAX: usize = 256;

impl Config {
    /// The engine's part of the routes; faults of a configuration that is not checked yet.
    pub(super) fn routing(&self) -> (RoutingSettings, Vec<RouteFault>) {
        let mut faults = Vec::new();
        let storm = self.storm.settings(self);
        let mut routing = RoutingSettings { watchers: vec![CONSOLE.to_owned()], storm, ..RoutingSettings::default() };
        faults.extend(self.storm.faults());
        for receiver in &self.receiver {
            let zone = TimeZone::get(receiver.timezone.get_ref()).unwrap_or(TimeZone::UTC);
            routing.time_zones.insert(receiver.name.get_ref().clone(), zone);
        }
        for window in &self.time_window {
            match window.schedule() {
                Ok(schedule) => drop(routing.time_windows.insert(window.name.get_ref().clone(), schedule)),
                Err(fault) => faults.push(fault),
            }
        }
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for (index, route) in self.route.iter().enumerate() {
            if index == ROUTES_MAX {
                faults.push((0..0, format!("there are more than {ROUTES_MAX} routes; join some")));
                break;
            }
            if let Some(name) = &route.name {
                let text = name.get_ref().as_str();
                if text.trim().is_empty() || text.len() > 100 || text.chars().any(char::is_control) {
                    let message = "a route's name has 1 to 100 bytes and no control characters";
                    faults.push((name.span(), message.to_owned()));
                } else if !names.insert(text) {
                    faults.push((name.span(), format!("route {text:?} is there twice; rename one of them")));
                }
            }
            routing.routes.push(route.settings(self, &mut faults));
        }
        (routing, faults)
    }
}

impl Route {
    fn settings(&self, config: &Config, faults: &mut Vec<RouteFault>) -> RouteSettings {
        let mut matchers = Matchers::default();
        for written in &self.matchers {
            match Matchers::parse(written.get_ref()) {
                Ok(more) => matchers = matchers.and(more),
                Err(error) => faults.push((written.span(), error.to_string())),
            }
        }
        let clusters = self.clusters.iter().filter_map(|written| {
            ClusterPattern::parse(written.get_ref()).map_err(|error| faults.push((written.span(), error))).ok()
        });
        let clusters = clusters.collect();
        let mut missing = |written: &Spanned<String>, what: &str| {
            faults.push((
                written.span(),
                format!("there is no {what} {:?}; add it or correct the name", written.get_ref()),
            ));
        };
        for receiver in &self.receivers {
            if !config.receiver.iter().any(|known| known.name.get_ref() == receiver.get_ref()) {
                missing(receiver, "[[receiver]]");
            }
        }
        for window in &self.time_windows {
            if !config.time_window.iter().any(|known| known.name.get_ref() == window.get_ref()) {
                missing(window, "[[time_window]]");
            }
        }
        if self.group_by.is_some() {
            let groups = |name: &&Spanned<String>| {
                config.receiver.iter().any(|known| {
                    known.name.get_ref() == name.get_ref() && matches!(known.kind, ReceiverKind::Alertmanager(_))
                })
            };
            for receiver in self.receivers.iter().filter(groups) {
                let message =
                    "an Alertmanager gathers by itself and wants each alert: give it a route without `group_by`";
                faults.push((receiver.span(), message.to_owned()));
            }
        }
        let place = self.place();
        let mut fault = |message: &str| faults.push((place.clone(), message.to_owned()));
        if self.r#continue && self.receivers.is_empty() {
            fault("a route with `continue` and without receivers does nothing; name receivers, or remove `continue`");
        }
        if self.hold_urgent && self.time_windows.is_empty() {
            fault("`hold_urgent` needs `time_windows` to hold for");
        }
        if self.group_by.is_none() && (self.group_wait.is_some() || self.group_interval.is_some()) {
            fault("`group_wait` and `group_interval` need `group_by`");
        }
        if self.group_wait.is_some_and(|wait| wait.is_negative() || wait > LONGEST) {
            fault("`group_wait` is 0 to 24 hours");
        }
        if self.group_interval.is_some_and(|interval| interval < SignedDuration::from_secs(1) || interval > LONGEST) {
            fault("`group_interval` is 1 second to 24 hours");
        }
        if self.repeat_interval.is_some_and(|repeat| repeat < SignedDuration::from_mins(1) || repeat > LONGEST) {
            fault("`repeat_interval` is 1 minute to 24 hours");
        }
        let group = self.group_by.as_ref().map(|labels| GroupSettings {
            by: if labels.iter().any(|label| label.get_ref() == "...") {
                GroupBy::All
            } else {
                GroupBy::Labels(labels.iter().map(|label| label.get_ref().clone()).collect())
            },
            wait: self.group_wait.unwrap_or(GroupSettings::WAIT),
            interval: self.group_interval.unwrap_or(GroupSettings::INTERVAL),
        });
        let text = |list: &[Spanned<String>]| list.iter().map(|text| text.get_ref().clone()).collect();
        RouteSettings {
            name: self.name.as_ref().map(|name| name.get_ref().clone()),
            clusters,
            matchers,
            severity: self.severity,
            reasons: self.reasons.clone(),
            receivers: text(&self.receivers),
            continues: self.r#continue,
            repeat_interval: self.repeat_interval.or(group.as_ref().map(|_| GroupSettings::REPEAT_INTERVAL)),
            group,
            time_windows: text(&self.time_windows),
            hold_urgent: self.hold_urgent,
        }
    }

    /// Something of it that has a place in the file.
    fn place(&self) -> Range<usize> {
        let named = self.name.iter().chain(&self.receivers).chain(&self.matchers).chain(&self.clusters);
        named.chain(self.group_by.iter().flatten()).map(Spanned::span).next().unwrap_or(0..0)
    }
}

impl TimeWindow {
    fn schedule(&self) -> Result<Schedule, RouteFault> {
        let mut days = Vec::new();
        for written in &self.weekdays {
            days.extend(weekdays(written.get_ref()).map_err(|message| (written.span(), message))?);
        }
        let days = if self.weekdays.is_empty() { Days::ALL } else { Days::of(days) };
        let time = |written: &Spanned<String>| {
            let text = if written.get_ref() == "24:00" { "00:00" } else { written.get_ref() };
            let message = || format!("{:?} is no time of day; write it like \"08:00\"", written.get_ref());
            text.parse::<Time>().map_err(|_| (written.span(), message()))
        };
        Ok(Schedule { days, from: time(&self.from)?, to: time(&self.to)? })
    }
}

/// `mon`, or `mon-fri`; a range may go over Sunday.
fn weekdays(text: &str) -> Result<Vec<Weekday>, String> {
    let day = |name: &str| {
        let found = Weekday::Monday.cycle_forward().take(7).find(|day| {
            let full = format!("{day:?}").to_ascii_lowercase();
            name == full || name == &full[..3]
        });
        found.ok_or_else(|| format!("{name:?} is no day of the week; write \"mon\", \"tue\", … or \"mon-fri\""))
    };
    let text = text.trim().to_ascii_lowercase();
    let Some((first, last)) = text.split_once('-') else { return Ok(vec![day(&text)?]) };
    let (first, last) = (day(first.trim())?, day(last.trim())?);
    let mut days: Vec<Weekday> = first.cycle_forward().take(7).take_while(|day| *day != last).collect();
    days.push(last);
    Ok(days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    const RECEIVERS: &str = "
[[receiver]]
name = \"desk\"
type = \"email\"
from = \"a@example.com\"
to = [\"b@example.com\"]
tls = \"none\"
timezone = \"Europe/Berlin\"
[[time_window]]
name = \"office\"
weekdays = [\"mon-fri\"]
from = \"08:00\"
to = \"18:00\"
";

    #[test]
    fn days_of_the_week() {
        use Weekday::{Friday, Monday, Saturday, Sunday};
        let check =
            |text: &str, expected: Option<&[Weekday]>| assert_eq!(weekdays(text).ok().as_deref(), expected, "{text}");
        check("mon", Some(&[Monday]));
        check("Sunday", Some(&[Sunday]));
        check("fri-mon", Some(&[Friday, Saturday, Sunday, Monday]));
        check("mon-mon", Some(&[Monday]));
        check("day", None);
        check("mon-", None);
        check("", None);
    }

    #[test]
    fn a_route_has_alertmanagers_defaults() {
        let text = format!("{RECEIVERS}[[route]]\ngroup_by = [\"alertname\"]\nreceivers = [\"desk\"]\n");
        let config = parse(&text, "f").unwrap_or_else(|error| panic!("{error}"));
        let routing = config.settings().routing;
        let group = GroupSettings {
            by: GroupBy::Labels(vec!["alertname".to_owned()]),
            wait: SignedDuration::from_secs(30),
            interval: SignedDuration::from_mins(5),
        };
        assert_eq!(routing.routes[0].group, Some(group));
        assert_eq!(routing.routes[0].repeat_interval, Some(SignedDuration::from_hours(4)));
        assert_eq!(routing.watchers, [CONSOLE]);
        assert_eq!(routing.time_zones["desk"].iana_name(), Some("Europe/Berlin"));
        let without =
            parse(&format!("{RECEIVERS}[[route]]\nreceivers = []\n"), "f").unwrap_or_else(|error| panic!("{error}"));
        let plain = &without.settings().routing.routes[0];
        assert_eq!((&plain.group, plain.repeat_interval), (&None, None));
    }

    #[test]
    fn faults_of_routes_have_a_place_and_a_next_step() {
        let check = |rest: &str, said: &str| {
            let error = parse(&format!("{RECEIVERS}{rest}"), "f").expect_err(rest).to_string();
            let line = error.split(':').nth(1).and_then(|line| line.parse::<usize>().ok());
            assert!(line.is_some_and(|line| line >= 14), "{error}");
            assert!(error.contains(said), "{rest}: {error}");
        };
        let route = |keys: &str| format!("[[route]]\nreceivers = [\"desk\"]\n{keys}\n");
        check("[[route]]\nname = \"x\"\n", "receivers");
        check("[[route]]\nreceivers = [\"dsk\"]\n", "there is no [[receiver]] \"dsk\"");
        check("[[route]]\nname = \"x\"\nreceivers = []\ncontinue = true\n", "does nothing");
        check(&route("name = \"\""), "1 to 100 bytes");
        check(&format!("{0}{0}", route("name = \"x\"")), "twice");
        check(&route("severty = \"x\""), "unknown field");
        check(&route("severity = \"bad\""), "unknown variant");
        check(&route("reasons = [\"fire\"]"), "unknown variant");
        check(&route("matchers = ['customer']"), "one of = != =~ !~");
        check(&route("clusters = ['']"), "1 to 256 bytes");
        check(&route("time_windows = ['night']"), "there is no [[time_window]] \"night\"");
        check(&route("hold_urgent = true"), "needs `time_windows`");
        check(&route("group_wait = \"30s\""), "need `group_by`");
        check(&route("group_by = []\ngroup_wait = \"25h\""), "0 to 24 hours");
        check(&route("group_by = []\ngroup_interval = \"0s\""), "1 second");
        check(&route("repeat_interval = \"5s\""), "1 minute");
        let alertmanager = "[[receiver]]\nname = \"am\"\ntype = \"alertmanager\"\nurls = [\"http://127.0.0.1:9093\"]\n";
        check(&format!("{alertmanager}[[route]]\nreceivers = [\"am\"]\ngroup_by = []\n"), "gathers by itself");
        let window = |keys: &str| format!("[[time_window]]\nname = \"w\"\n{keys}\n");
        check(&window("from = \"8\"\nto = \"9\""), "time of day");
        check(&window("weekdays = [\"some\"]\nfrom = \"08:00\"\nto = \"09:00\""), "day of the week");
        check("[[time_window]]\nname = \"office\"\nfrom = \"08:00\"\nto = \"24:00\"\n", "twice");
    }
}
