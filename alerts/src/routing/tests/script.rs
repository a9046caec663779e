//! The language of the cases. A line is a setting, an event, or, with `>`, what must be told.
//!
//! ```text
//! # what the case shows
//! receivers desk night@Europe/Berlin
//! window office mon-fri 08:00 18:00
//! route name=day receivers=desk severity=warning windows=office
//! 09:00:00 fire a CcxEngineFailure severity=critical cluster=berlin
//! 09:00:00 > desk: firing a
//! 09:00:30 > desk: group firing a+ b+          (+: news since the group was last told; -: ended)
//! 09:10 end a
//! 09:10 > - resolved a dropped, the start had not left
//! ```
//!
//! Times are of Tuesday, 2026-11-24 in UTC; `d1 09:00` is a day later. Other events: `license`, `repeat`, `acknowledge`, `expire` (it
//! ends without a word), `restart`, `reload` followed by settings on the next lines, `step +1h` (the wall clock is set), `tick`.

use crate::{
    engine::Outbox,
    limits::Limits,
    matcher::Matchers,
    notification::{EvidenceSummary, Notification, Reason},
    now::Now,
    routing::{
        Present, Router, Step,
        ledger::{LedgerEntry, Verdict},
        settings::{ClusterPattern, GroupBy, GroupSettings, RouteSettings, StormSettings},
    },
    rules::schedule::{Days, Schedule},
    saved,
    settings::Settings,
    timer::Moment,
};
use ccxwatch_parsers::severity::Severity;
use jiff::{SignedDuration, Timestamp, civil::Weekday, tz::TimeZone};
use serde::de::{DeserializeOwned, IntoDeserializer, value::Error};
use std::{cell::RefCell, collections::BTreeMap};

/// 2026-11-24 00:00 UTC, a Tuesday.
const MIDNIGHT: i64 = 1_795_478_400;

pub(super) struct Script {
    settings: Settings,
    lines: Vec<(Timestamp, String)>,
    reloads: Vec<Settings>,
}

impl Script {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut script = Self { settings: Settings::default(), lines: Vec::new(), reloads: Vec::new() };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let settings = script.reloads.last_mut().unwrap_or(&mut script.settings);
            if setting(settings, line)? {
                continue;
            }
            let (at, rest) = moment(line)?;
            if rest == "reload" {
                script.reloads.push(Settings::default());
            }
            script.lines.push((at, rest.to_owned()));
        }
        Ok(script)
    }

    /// Only its settings.
    pub(super) fn settings(text: &str) -> Settings {
        Self::parse(text).expect("settings").settings
    }

    /// Plays it; the error says where what was told differs.
    pub(super) fn play(self) -> Result<(), String> {
        let mut site = Site::new(&self.settings);
        let mut reloads = self.reloads.into_iter();
        let mut expected: Vec<String> = Vec::new();
        for (at, line) in self.lines {
            site.pass(at);
            if let Some(told) = line.strip_prefix('>') {
                site.tick();
                expected.push(format!("{} {}", clock(at), told.trim()));
                continue;
            }
            let mut words = line.split_whitespace();
            let event = words.next().unwrap_or_default();
            let rest: Vec<&str> = words.collect();
            site.event(event, &rest, &mut reloads)?;
        }
        site.tick();
        let told = site.told;
        if told == expected {
            return Ok(());
        }
        Err(format!("expected\n  {}\nbut told\n  {}", expected.join("\n  "), told.join("\n  ")))
    }
}

fn clock(at: Timestamp) -> String {
    let seconds = at.as_second() - MIDNIGHT;
    let time = at.to_zoned_datetime(TimeZone::UTC).strftime("%H:%M:%S").to_string();
    match seconds.div_euclid(86_400) {
        0 => time,
        days => format!("d{days} {time}"),
    }
}

/// `[d1 ]09:00[:30]`, and the rest of the line.
fn moment(line: &str) -> Result<(Timestamp, &str), String> {
    let (day, line) = match line.strip_prefix('d').and_then(|line| line.split_once(' ')) {
        Some((day, rest)) => (day.parse::<i64>().map_err(|error| format!("{line}: {error}"))?, rest.trim()),
        None => (0, line),
    };
    let (time, rest) = line.split_once(' ').ok_or_else(|| format!("{line}: a time and an event"))?;
    let time: jiff::civil::Time = time.parse().map_err(|error| format!("{line}: {error}"))?;
    let seconds = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    let at = Timestamp::from_second(MIDNIGHT + day * 86_400 + seconds).map_err(|error| error.to_string())?;
    Ok((at, rest.trim()))
}

fn named<T: DeserializeOwned>(name: &str) -> Result<T, String> {
    T::deserialize(IntoDeserializer::<Error>::into_deserializer(name)).map_err(|error| error.to_string())
}

/// Whether the line is a setting.
fn setting(settings: &mut Settings, line: &str) -> Result<bool, String> {
    let mut words = line.split_whitespace();
    match words.next() {
        Some("receivers") => {
            for word in words {
                let (name, zone) = word.split_once('@').unwrap_or((word, "UTC"));
                let zone = TimeZone::get(zone).map_err(|error| error.to_string())?;
                settings.receivers.push(name.to_owned());
                settings.routing.time_zones.insert(name.to_owned(), zone);
            }
        }
        Some("window") => {
            let words: Vec<&str> = words.collect();
            let [name, days, from, to] = words.as_slice() else { return Err(format!("{line}: name days from to")) };
            let days = match *days {
                "all" => Days::ALL,
                "mon-fri" => Days::of(Weekday::Monday.cycle_forward().take(5)),
                "sat" => Days::of([Weekday::Saturday]),
                other => return Err(format!("{other}: mon-fri, sat or all")),
            };
            let time = |text: &str| text.parse().map_err(|error: jiff::Error| error.to_string());
            let window = Schedule { days, from: time(from)?, to: time(to)? };
            settings.routing.time_windows.insert((*name).to_owned(), window);
        }
        Some("route") => settings.routing.routes.push(route(words)?),
        Some("storm") => settings.routing.storm = Some(storm(words)?),
        Some("watcher") => {
            settings.routing.watchers.extend(words.map(ToOwned::to_owned));
            settings.receivers.extend(settings.routing.watchers.clone());
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn route<'a>(words: impl Iterator<Item = &'a str>) -> Result<RouteSettings, String> {
    let mut route = RouteSettings::default();
    let list = |value: &str| value.split(',').filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect();
    let length = |value: &str| value.parse::<SignedDuration>().map_err(|error| error.to_string());
    let (mut wait, mut interval) = (GroupSettings::WAIT, GroupSettings::INTERVAL);
    let mut by = None;
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "name" => route.name = Some(value.to_owned()),
            "cluster" => route.clusters.push(ClusterPattern::parse(value)?),
            "match" => route.matchers = Matchers::parse(value).map_err(|error| error.to_string())?,
            "severity" => route.severity = Some(named(value)?),
            "reason" => route.reasons.push(named(value)?),
            "receivers" => route.receivers = list(value),
            "continue" => route.continues = true,
            "group_by" if value == "..." => by = Some(GroupBy::All),
            "group_by" => by = Some(GroupBy::Labels(list(value))),
            "wait" => wait = length(value)?,
            "interval" => interval = length(value)?,
            "repeat" => route.repeat_interval = Some(length(value)?),
            "windows" => route.time_windows = list(value),
            "hold_urgent" => route.hold_urgent = true,
            other => return Err(format!("{other}: no key of a route")),
        }
    }
    route.group = by.map(|by| GroupSettings { by, wait, interval });
    Ok(route)
}

fn storm<'a>(words: impl Iterator<Item = &'a str>) -> Result<StormSettings, String> {
    let mut storm = StormSettings::default();
    let length = |value: &str| value.parse::<SignedDuration>().map_err(|error| error.to_string());
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "alerts" => storm.alerts = value.parse().map_err(|error| format!("{word}: {error}"))?,
            "within" => storm.within = length(value)?,
            "wait" => storm.wait = length(value)?,
            "interval" => storm.interval = length(value)?,
            "except" => storm.except.push(value.to_owned()),
            other => return Err(format!("{other}: no key of a storm")),
        }
    }
    Ok(storm)
}

/// An alert of the test.
#[derive(Clone)]
struct Alert {
    notification: Notification,
    acknowledged: bool,
    /// What the engine says of it; nothing where it no longer knows.
    firing: bool,
}

/// A router, its clock, and the alerts that the engine would know.
pub(super) struct Site {
    settings: Settings,
    router: Router,
    now: Now,
    ids: u64,
    alerts: BTreeMap<String, Alert>,
    rows: BTreeMap<String, String>,
    pub(super) told: Vec<String>,
    pub(super) ledger: Vec<LedgerEntry>,
    pub(super) sent: Vec<Notification>,
    pub(super) limits: Limits,
}

impl Site {
    pub(super) fn new(settings: &Settings) -> Self {
        let wall = Timestamp::from_second(MIDNIGHT).unwrap_or_default();
        let now = Now { wall, elapsed: SignedDuration::from_secs(77) };
        let mut router = Router::default();
        router.configure(settings, now);
        Self {
            settings: settings.clone(),
            router,
            now,
            ids: 0,
            alerts: BTreeMap::new(),
            rows: BTreeMap::new(),
            told: Vec::new(),
            ledger: Vec::new(),
            sent: Vec::new(),
            limits: Limits::DEFAULT,
        }
    }

    /// Goes to every deadline before `until`, and to `until`.
    pub(super) fn pass(&mut self, until: Timestamp) {
        while let Some(due) = self.due().filter(|due| *due < until) {
            self.go(due.max(self.now.wall));
            self.tick();
            assert!(self.due().is_none_or(|next| next > self.now.wall), "a deadline does not pass: {:?}", self.router);
        }
        self.go(until);
    }

    fn due(&self) -> Option<Timestamp> {
        let next = self.router.next();
        let by_elapsed = next.elapsed.map(|at| self.now.wall + (at - self.now.elapsed));
        by_elapsed.into_iter().chain(next.wall).min()
    }

    fn go(&mut self, wall: Timestamp) {
        if wall > self.now.wall {
            self.now.elapsed += self.now.wall.duration_until(wall);
            self.now.wall = wall;
        }
    }

    /// What is due now happens.
    pub(super) fn tick(&mut self) {
        self.step(Vec::new(), true);
    }

    fn step(&mut self, news: Vec<Notification>, inclusive: bool) {
        let mut out = Outbox::default();
        let alerts = RefCell::new(&self.alerts);
        let now = self.now;
        let present = |episode: &str| match alerts.borrow().get(episode) {
            None => Present::Unknown,
            Some(alert) if !alert.firing => Present::Ended,
            Some(alert) => Present::Firing {
                fresh: Box::new(Notification { reason: Reason::Repeat, at: now.wall, ..alert.notification.clone() }),
                quiet: alert.acknowledged,
            },
        };
        let moment = Moment { now, inclusive };
        let mut step = Step { moment, limits: self.limits, ids: &mut self.ids, present: &present };
        self.router.fire(&mut step, &mut out);
        self.router.route(news, &mut step, &mut out);
        self.router.refresh(now);
        for row in self.router.take_saved() {
            match row.json {
                Some(json) => self.rows.insert(row.key, json),
                None => self.rows.remove(&row.key),
            };
        }
        self.show(&out);
        self.sent.extend(out.notifications);
        self.ledger.extend(out.ledger);
    }

    /// What is told, and what is dropped, in the words of the cases.
    fn show(&mut self, out: &Outbox) {
        let time = clock(self.now.wall);
        for notification in &out.notifications {
            let reason = notification.reason.name();
            let receivers = notification.receivers.join(",");
            let what = match &notification.grouped {
                None => format!("{reason} {}", notification.episode),
                Some(grouped) => {
                    let members = grouped.members.iter().map(|member| {
                        let mark = if !member.firing {
                            "-"
                        } else if member.news {
                            "+"
                        } else {
                            ""
                        };
                        format!("{}{mark}", member.episode)
                    });
                    format!("group {reason} {}", members.collect::<Vec<_>>().join(" "))
                }
            };
            self.told.push(format!("{time} {receivers}: {what}"));
        }
        for entry in out.ledger.iter().filter(|entry| entry.verdict == Verdict::Dropped) {
            let receiver = entry.receiver.as_deref().unwrap_or("-");
            let detail = entry.detail.as_deref().unwrap_or_default();
            self.told.push(format!("{time} {receiver}: {} {} dropped: {detail}", entry.reason.name(), entry.episode));
        }
    }

    fn event(
        &mut self,
        event: &str,
        rest: &[&str],
        reloads: &mut impl Iterator<Item = Settings>,
    ) -> Result<(), String> {
        let first = *rest.first().unwrap_or(&"");
        match event {
            "fire" | "license" => {
                let notification = self.notification(event, rest)?;
                self.tell(notification);
            }
            "end" => self.end(first, Reason::Resolved)?,
            "confirm" => self.end(first, Reason::ConfirmedCompliant)?,
            "expire" => self.alert(first)?.firing = false,
            "acknowledge" => self.alert(first)?.acknowledged = true,
            "restart" => self.restart(),
            "tick" => self.tick(),
            "reload" => {
                self.settings = reloads.next().ok_or("reload: settings follow")?;
                self.router.configure(&self.settings, self.now);
            }
            "step" => {
                let by: SignedDuration = first.parse().map_err(|error: jiff::Error| error.to_string())?;
                self.now.wall += by;
                self.router.stepped(by);
                self.router.refresh(self.now);
            }
            other => return Err(format!("{other}: no event")),
        }
        Ok(())
    }

    fn alert(&mut self, episode: &str) -> Result<&mut Alert, String> {
        self.alerts.get_mut(episode).ok_or_else(|| format!("{episode} never fired"))
    }

    /// What the engine would say of an alert changes: whether it fires, whether it is acknowledged.
    pub(super) fn change(&mut self, episode: &str, change: impl FnOnce(&mut bool, &mut bool)) {
        let alert = self.alert(episode).expect("it fired");
        change(&mut alert.firing, &mut alert.acknowledged);
    }

    /// Nothing repeats any more.
    pub(super) fn acknowledge_all(&mut self) {
        for alert in self.alerts.values_mut() {
            alert.acknowledged = true;
        }
    }

    /// The engine tells of an alert that fires.
    pub(super) fn tell(&mut self, notification: Notification) {
        let alert = Alert { notification: notification.clone(), acknowledged: false, firing: true };
        self.alerts.insert(notification.episode.clone(), alert);
        self.step(vec![notification], false);
    }

    /// The engine tells of its end.
    pub(super) fn end(&mut self, episode: &str, reason: Reason) -> Result<(), String> {
        let now = self.now;
        let alert = self.alert(episode)?;
        alert.firing = false;
        let end = Notification {
            reason,
            at: now.wall,
            severity: Severity::Informational,
            told_as: reason.name().to_owned(),
            continues: Vec::new(),
            ..alert.notification.clone()
        };
        self.step(vec![end], false);
        Ok(())
    }

    /// The process ends, and starts again at once from its rows.
    pub(super) fn restart(&mut self) {
        self.now.elapsed = SignedDuration::from_secs(5);
        let rows = self.rows.iter().map(|(key, json)| saved::SavedRow { key: key.clone(), json: Some(json.clone()) });
        let read = saved::read(rows.collect()).expect("own rows");
        let mut router = Router::default();
        router.restore(read.told, read.groups, read.recent, self.now);
        router.configure(&self.settings, self.now);
        self.router = router;
    }

    /// `a CcxEngineFailure severity=critical cluster=berlin customer=acme to=desk told=x continues=b reason=firing`
    pub(super) fn notification(&self, event: &str, words: &[&str]) -> Result<Notification, String> {
        let episode = words.first().ok_or("an episode")?;
        let license = event == "license";
        let mut reason = if license { Reason::CountdownStarted } else { Reason::Firing };
        let mut labels =
            BTreeMap::from([("severity".to_owned(), if license { "critical" } else { "warning" }.to_owned())]);
        let alertname = words.get(1).copied().filter(|word| !word.contains('=')).unwrap_or("Test");
        labels.insert("alertname".to_owned(), alertname.to_owned());
        let (mut receivers, mut told_as, mut continues) = (Vec::new(), None, Vec::new());
        for word in words.iter().skip(1).filter(|word| word.contains('=')) {
            let Some((key, value)) = word.split_once('=') else { continue };
            match key {
                "to" => receivers = value.split(',').map(ToOwned::to_owned).collect(),
                "told" => told_as = Some(value.to_owned()),
                "continues" => continues.push(value.to_owned()),
                "reason" => reason = named(value)?,
                _ => drop(labels.insert(key.to_owned(), value.to_owned())),
            }
        }
        let severity = Severity::from_word(labels["severity"].as_bytes()).ok_or("a severity")?;
        Ok(Notification {
            at: self.now.wall,
            elapsed_s: self.now.elapsed.as_secs_f64(),
            reason,
            alertname: alertname.to_owned(),
            cluster: labels.get("cluster").cloned(),
            node: labels.get("node").cloned(),
            fingerprint: (*episode).to_owned(),
            labels,
            severity,
            episode: (*episode).to_owned(),
            told_as: told_as.unwrap_or_else(|| reason.name().to_owned()),
            continues,
            grouped: None,
            receivers,
            since: Some(self.now.wall),
            deadline: None,
            days_left: None,
            time_zone: None,
            summary: format!("{episode} is told"),
            description: String::new(),
            runbook: Vec::new(),
            history: Vec::new(),
            flags: Vec::new(),
            evidence: EvidenceSummary::default(),
        })
    }
}
