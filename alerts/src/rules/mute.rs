//! What keeps a firing alert from being told: suspension, maintenance and silences. Its end is told to whoever got its start.

use crate::{
    matcher::Matchers,
    now::Now,
    rules::{schedule::Schedule, settings::AlertSettings},
    settings::Settings,
    timer::{Deadline, Look, Moment},
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Ended silences and windows are listed for so long.
const KEPT_AFTER_END: SignedDuration = SignedDuration::from_hours(5 * 24);

/// Why a firing alert is not told. A closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressedBy {
    /// `[[alert]]` turned it off.
    Disabled,
    /// It is outside of its schedule.
    Schedule,
    /// The cluster or the node is suspended.
    Suspension,
    /// A maintenance window is open.
    Maintenance,
    /// A silence matches it.
    Silence,
    /// An alert that explains it fires.
    Inhibition,
    /// It was told as often as its frequency allows.
    Frequency,
}

impl SuppressedBy {
    /// The name as it is written in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Schedule => "schedule",
            Self::Suspension => "suspension",
            Self::Maintenance => "maintenance",
            Self::Silence => "silence",
            Self::Inhibition => "inhibition",
            Self::Frequency => "frequency",
        }
    }
}

/// What keeps an alert from being told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// What it is.
    pub by: SuppressedBy,
    /// The silence, the window, or the alert that explains it.
    pub id: Option<String>,
    /// Who did it.
    pub who: Option<String>,
    /// Why, in their words.
    pub comment: Option<String>,
    /// Until when, where that is known.
    pub until: Option<Timestamp>,
}

/// A suppression, and when to look again.
#[derive(Clone, Debug)]
pub(crate) struct Muted {
    pub(crate) what: Suppression,
    pub(crate) look: Look,
}

impl Muted {
    pub(crate) fn new(by: SuppressedBy) -> Self {
        let what = Suppression { by, id: None, who: None, comment: None, until: None };
        Self { what, look: Look::default() }
    }

    /// An alert of this name explains it.
    pub(crate) fn inhibited(source: &str) -> Self {
        let mut muted = Self::new(SuppressedBy::Inhibition);
        muted.what.id = Some(source.to_owned());
        muted
    }

    fn until(self, deadline: Deadline) -> Self {
        let what = Suppression { until: Some(deadline.wall()), ..self.what };
        Self { what, look: deadline.look() }
    }

    fn by(mut self, id: &str, note: &Note) -> Self {
        self.what.id = Some(id.to_owned());
        self.what.who.clone_from(&note.who);
        self.what.comment.clone_from(&note.comment);
        self
    }
}

/// Who did something, why and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Who.
    pub who: Option<String>,
    /// Why, in their words.
    pub comment: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What a maintenance window or a suspension covers. What is absent covers everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// A cluster's name.
    pub cluster: Option<String>,
    /// A node's id.
    pub node: Option<String>,
    /// An alert's name.
    pub alert: Option<String>,
}

impl Scope {
    fn covers(&self, subject: &Subject<'_>) -> bool {
        let same = |wanted: &Option<String>, known: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| known.is_some_and(|known| known.eq_ignore_ascii_case(wanted)))
        };
        same(&self.cluster, Some(subject.cluster))
            && same(&self.node, subject.node)
            && same(&self.alert, Some(subject.name))
    }
}

/// A maintenance window of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaintenanceSettings {
    /// Its name; unique.
    pub name: String,
    /// What it covers.
    pub scope: Scope,
    /// When it is open.
    pub when: When,
    /// Why.
    pub comment: Option<String>,
}

/// When a window of the configuration is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Once.
    Once {
        /// From then on.
        from: Timestamp,
        /// Until then.
        to: Timestamp,
    },
    /// Every week, by the clocks of the cluster.
    Weekly(Schedule),
}

/// A silence: alerts with these labels are not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Silence {
    pub(crate) id: String,
    pub(crate) matchers: Matchers,
    pub(crate) starts_at: Timestamp,
    pub(crate) ends: Deadline,
    pub(crate) note: Note,
}

/// A maintenance window that an operator opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    pub(crate) id: String,
    pub(crate) scope: Scope,
    pub(crate) starts_at: Timestamp,
    pub(crate) ends: Deadline,
    pub(crate) note: Note,
}

/// A cluster, or one of its nodes, whose alerts nobody is told until somebody resumes them. That of a node does not cover alerts
/// of the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Suspended {
    pub(crate) cluster: String,
    pub(crate) node: Option<String>,
    pub(crate) ends: Option<Deadline>,
    pub(crate) note: Note,
}

/// Everything that operators muted. Saved with the engine's own row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Mutes {
    pub(crate) silences: Vec<Silence>,
    pub(crate) windows: Vec<Window>,
    pub(crate) suspended: Vec<Suspended>,
}

/// An alert as mutes see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) name: &'a str,
    pub(crate) cluster: &'a str,
    pub(crate) node: Option<&'a str>,
}

/// What one cluster's alerts have to pass before they are told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate<'a> {
    pub(crate) moment: Moment,
    pub(crate) zone: &'a TimeZone,
    pub(crate) settings: &'a Settings,
    pub(crate) mutes: &'a Mutes,
    /// The configured labels of the cluster.
    pub(crate) labels: Option<&'a BTreeMap<String, String>>,
}

impl Gate<'_> {
    /// What keeps an alert from being told now.
    pub(crate) fn muted(
        &self,
        subject: &Subject<'_>,
        settings: &AlertSettings,
        labels: impl FnOnce() -> BTreeMap<String, String>,
    ) -> Option<Muted> {
        let now = self.moment.now;
        if !settings.enabled {
            return Some(Muted::new(SuppressedBy::Disabled));
        }
        if !settings.schedule.is_open(now.wall, self.zone) {
            let opens = settings.schedule.next_change(now.wall, self.zone);
            let mut muted = Muted::new(SuppressedBy::Schedule);
            muted.what.until = opens;
            muted.look.wall = opens;
            return Some(muted);
        }
        self.suspended(subject).or_else(|| self.maintained(subject)).or_else(|| self.silenced(labels))
    }

    fn suspended(&self, subject: &Subject<'_>) -> Option<Muted> {
        let suspended = self.mutes.suspended.iter().find(|suspended| {
            let scope = Scope { cluster: Some(suspended.cluster.clone()), node: suspended.node.clone(), alert: None };
            scope.covers(subject) && suspended.ends.is_none_or(|ends| !ends.is_due(self.moment))
        })?;
        let muted = Muted::new(SuppressedBy::Suspension);
        let mut muted = if let Some(ends) = suspended.ends { muted.until(ends) } else { muted };
        muted.what.who.clone_from(&suspended.note.who);
        muted.what.comment.clone_from(&suspended.note.comment);
        Some(muted)
    }

    fn maintained(&self, subject: &Subject<'_>) -> Option<Muted> {
        let open = self
            .mutes
            .windows
            .iter()
            .find(|window| window.scope.covers(subject) && is_open(window.starts_at, window.ends, self.moment));
        if let Some(window) = open {
            return Some(Muted::new(SuppressedBy::Maintenance).until(window.ends).by(&window.id, &window.note));
        }
        let wall = self.moment.now.wall;
        let covering = self.settings.rules.maintenance.iter().filter(|configured| configured.scope.covers(subject));
        covering.into_iter().find_map(|configured| {
            let until = match configured.when {
                When::Once { from, to } => {
                    let open = wall >= from && !self.moment.wall_due(to);
                    open.then_some(Some(to))
                }
                When::Weekly(schedule) => {
                    schedule.is_open(wall, self.zone).then(|| schedule.next_change(wall, self.zone))
                }
            }?;
            let note = Note { who: None, comment: configured.comment.clone(), at: Timestamp::UNIX_EPOCH };
            let mut muted = Muted::new(SuppressedBy::Maintenance).by(&configured.name, &note);
            muted.what.until = until;
            muted.look.wall = until;
            Some(muted)
        })
    }

    /// The silence that matches these labels, if any.
    pub(crate) fn silenced(&self, labels: impl FnOnce() -> BTreeMap<String, String>) -> Option<Muted> {
        let mut running = self
            .mutes
            .silences
            .iter()
            .filter(|silence| is_open(silence.starts_at, silence.ends, self.moment))
            .peekable();
        running.peek()?;
        let labels = labels();
        let silence = running.find(|silence| silence.matchers.matches(&labels))?;
        Some(Muted::new(SuppressedBy::Silence).until(silence.ends).by(&silence.id, &silence.note))
    }
}

fn is_open(starts_at: Timestamp, ends: Deadline, moment: Moment) -> bool {
    starts_at <= moment.now.wall && !ends.is_due(moment)
}

/// What is muted, for the API and the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MutesView {
    /// Silences, those that ended lately included.
    pub silences: Vec<MuteView>,
    /// Maintenance windows, likewise; those of the configuration have no end here.
    pub maintenance: Vec<MuteView>,
    /// Suspended clusters and nodes.
    pub suspended: Vec<MuteView>,
}

/// One silence, window or suspension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MuteView {
    /// Its id, or its name in the configuration; absent for a suspension.
    pub id: Option<String>,
    /// `active`, `pending`, `expired`, or `configured`.
    pub state: &'static str,
    /// Which alerts, for a silence.
    pub matchers: Option<String>,
    /// What it covers, for windows and suspensions.
    pub scope: Option<Scope>,
    /// From when on.
    pub starts_at: Option<Timestamp>,
    /// Until when.
    pub ends_at: Option<Timestamp>,
    /// Who.
    pub who: Option<String>,
    /// Why.
    pub comment: Option<String>,
}

fn view(id: Option<&str>, starts_at: Timestamp, ends: Option<Deadline>, note: &Note, moment: Moment) -> MuteView {
    let state = if ends.is_some_and(|ends| ends.is_due(moment)) {
        "expired"
    } else if starts_at > moment.now.wall {
        "pending"
    } else {
        "active"
    };
    MuteView {
        id: id.map(ToOwned::to_owned),
        state,
        matchers: None,
        scope: None,
        starts_at: Some(starts_at),
        ends_at: ends.map(Deadline::wall),
        who: note.who.clone(),
        comment: note.comment.clone(),
    }
}

impl Mutes {
    /// What is muted, by operators and by the configuration.
    pub(crate) fn view(&self, configured: &[MaintenanceSettings], moment: Moment) -> MutesView {
        let silences = self.silences.iter().map(|it| MuteView {
            matchers: Some(it.matchers.to_string()),
            ..view(Some(&it.id), it.starts_at, Some(it.ends), &it.note, moment)
        });
        let windows = self.windows.iter().map(|it| MuteView {
            scope: Some(it.scope.clone()),
            ..view(Some(&it.id), it.starts_at, Some(it.ends), &it.note, moment)
        });
        let configured = configured.iter().map(|it| {
            let (starts_at, ends_at) = match it.when {
                When::Once { from, to } => (Some(from), Some(to)),
                When::Weekly(_) => (None, None),
            };
            MuteView {
                id: Some(it.name.clone()),
                state: "configured",
                matchers: None,
                scope: Some(it.scope.clone()),
                starts_at,
                ends_at,
                who: None,
                comment: it.comment.clone(),
            }
        });
        let suspended = self.suspended.iter().map(|it| MuteView {
            scope: Some(Scope { cluster: Some(it.cluster.clone()), node: it.node.clone(), alert: None }),
            ..view(None, it.note.at, it.ends, &it.note, moment)
        });
        MutesView {
            silences: silences.collect(),
            maintenance: windows.chain(configured).collect(),
            suspended: suspended.collect(),
        }
    }

    fn deadlines(&mut self) -> impl Iterator<Item = &mut Deadline> {
        let silences = self.silences.iter_mut().map(|silence| &mut silence.ends);
        let windows = self.windows.iter_mut().map(|window| &mut window.ends);
        let suspended = self.suspended.iter_mut().filter_map(|suspended| suspended.ends.as_mut());
        silences.chain(windows).chain(suspended)
    }

    /// The wall clock stepped. `true` where that changed anything.
    pub(crate) fn stepped(&mut self, step: SignedDuration) -> bool {
        let any = self.deadlines().next().is_some();
        self.deadlines().for_each(|deadline| deadline.stepped(step));
        any
    }

    /// After a load from the store.
    pub(crate) fn reanchor(&mut self, now: Now) {
        self.deadlines().for_each(|deadline| deadline.reanchor(now));
    }

    /// Forgets what ended long ago.
    pub(crate) fn forget(&mut self, now: Now) {
        let kept = |ends: Deadline| ends.wall().duration_until(now.wall) < KEPT_AFTER_END;
        self.silences.retain(|silence| kept(silence.ends));
        self.windows.retain(|window| kept(window.ends));
        self.suspended.retain(|suspended| suspended.ends.is_none_or(kept));
    }
}
