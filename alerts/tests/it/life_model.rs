//! Random lives of alerts against a small model of them: the same is told, and nothing twice, however often the process starts
//! anew. `PROPTEST_CASES` makes the run longer.

use crate::{
    life::{line, rule, ruled, shown},
    site::{Site, minute},
};
use ccxwatch_alerts::{
    input::{Input, OperatorAction, OperatorCommand},
    matcher::Matchers,
    rules::settings::AlertSettings,
    settings::Settings,
};
use jiff::{SignedDuration, Timestamp};
use proptest::{collection::vec, prelude::*};
use std::collections::BTreeSet;

/// Seconds: flapping, as the documentation has it.
const FLAPPING: i64 = 30 * 60;

/// The alerts: name, threshold in 5 minutes, duration in seconds, tellings an hour.
const ALERTS: [(&str, usize, i64, usize); 4] =
    [("Plain", 1, 0, usize::MAX), ("Counted", 2, 0, usize::MAX), ("Lasting", 1, 30, usize::MAX), ("Rare", 1, 0, 1)];
const NODES: [&str; 2] = ["ccx-n1", "ccx-n2"];

fn settings() -> Settings {
    let rules = ALERTS.into_iter().map(|(name, times, duration, often)| {
        let mut alert = AlertSettings { duration: SignedDuration::from_secs(duration), ..AlertSettings::default() };
        if times > 1 {
            alert.threshold = format!("{times} in 5m").parse().expect("a threshold");
        }
        if often < usize::MAX {
            alert.frequency = format!("{often} in 60m").parse().expect("a frequency");
        }
        rule(name, alert)
    });
    ruled(rules.collect())
}

#[derive(Clone, Copy, Debug)]
enum What {
    Raise(usize, usize),
    Clear(usize, usize),
    Resolve(usize, usize),
    /// Of an alert, for so many seconds.
    Silence(usize, i64),
    /// Of a node, for so many seconds.
    Maintenance(usize, i64),
    Suspend,
    Resume,
    Restart,
}

fn what() -> impl Strategy<Value = What> {
    // Few alerts and short spans, so that lives meet: flapping, deadlines at the second of an input, mutes upon mutes.
    let alert = prop_oneof![3 => Just(0), 1 => 1..ALERTS.len()];
    let node = prop_oneof![5 => Just(0), 1 => 1..NODES.len()];
    let span = (1..10_i64).prop_map(|at| at * 60);
    prop_oneof![
        8 => (alert.clone(), node.clone()).prop_map(|(alert, node)| What::Raise(alert, node)),
        6 => (alert.clone(), node.clone()).prop_map(|(alert, node)| What::Clear(alert, node)),
        1 => (alert.clone(), node.clone()).prop_map(|(alert, node)| What::Resolve(alert, node)),
        1 => (alert, span.clone()).prop_map(|(alert, span)| What::Silence(alert, span)),
        1 => (node, span).prop_map(|(node, span)| What::Maintenance(node, span)),
        1 => Just(What::Suspend),
        1 => Just(What::Resume),
    ]
}

/// Events and the seconds before each; on a grid, so that they meet deadlines exactly.
fn events() -> impl Strategy<Value = Vec<(i64, What)>> {
    let gap =
        prop_oneof![4 => (1..5_i64).prop_map(|at| at * 15), 4 => Just(60), 1 => (1..40_i64).prop_map(|at| at * 60)];
    vec((gap, what()), 1..60)
}

/// One alert of the model. Times are seconds.
#[derive(Clone, Debug, Default)]
struct Life {
    raises: Vec<i64>,
    last_raise: i64,
    pending: Option<i64>,
    /// Whether it was told.
    firing: Option<bool>,
    /// Whether it is here, and when it is quiet.
    flapping: Option<(bool, i64)>,
    starts: Vec<i64>,
    told: Vec<i64>,
}

#[derive(Debug, Default)]
struct Model {
    lives: [[Life; 2]; 4],
    /// Of an alert, until then.
    silences: Vec<(usize, i64)>,
    /// Of a node, until then.
    maintenance: Vec<(usize, i64)>,
    suspended: bool,
    told: Vec<(i64, String)>,
}

impl Model {
    fn end(&mut self, at: i64, alert: usize, node: usize) {
        let life = &mut self.lives[alert][node];
        if life.firing.take() == Some(true) {
            self.told.push((at, format!("resolved {} {}", ALERTS[alert].0, &NODES[node][4..])));
        }
        life.flapping = None;
    }

    fn start(&mut self, at: i64, alert: usize, node: usize) {
        let life = &mut self.lives[alert][node];
        life.pending = None;
        life.starts.retain(|start| life.last_raise - start < FLAPPING);
        life.starts.push(life.last_raise);
        life.firing = Some(false);
        life.flapping = (life.starts.len() >= 4).then_some((true, at + FLAPPING));
    }

    fn input(&mut self, at: i64, what: What) {
        match what {
            What::Raise(alert, node) => {
                let (_, times, duration, _) = ALERTS[alert];
                let life = &mut self.lives[alert][node];
                life.last_raise = at;
                if life.firing.is_some() {
                    if let Some((here @ false, quiet)) = &mut life.flapping {
                        (*here, *quiet) = (true, at + FLAPPING);
                    }
                } else if life.pending.is_none() {
                    life.raises.push(at);
                    life.raises.retain(|raise| at - raise <= if times > 1 { 300 } else { 0 });
                    if life.raises.len() >= times {
                        life.raises.clear();
                        life.pending = Some(at + duration);
                        if duration == 0 {
                            self.start(at, alert, node);
                        }
                    }
                }
            }
            What::Clear(alert, node) => {
                let life = &mut self.lives[alert][node];
                life.raises.clear();
                life.pending = None;
                match &mut life.flapping {
                    Some((here, quiet)) => {
                        if std::mem::take(here) {
                            *quiet = at + FLAPPING;
                        }
                    }
                    None => self.end(at, alert, node),
                }
            }
            What::Resolve(alert, node) => self.end(at, alert, node),
            What::Silence(alert, span) => self.silences.push((alert, at + span)),
            What::Maintenance(node, span) => self.maintenance.push((node, at + span)),
            What::Suspend => self.suspended = true,
            What::Resume => self.suspended = false,
            What::Restart => {}
        }
        // At equal time inputs go before deadlines.
        self.tell(at, at - 1);
    }

    fn tick(&mut self, at: i64) {
        for alert in 0..ALERTS.len() {
            for node in 0..NODES.len() {
                if self.lives[alert][node].pending == Some(at) {
                    self.start(at, alert, node);
                }
                match self.lives[alert][node].flapping {
                    Some((false, quiet)) if quiet == at => self.end(at, alert, node),
                    Some((true, quiet)) if quiet == at => self.lives[alert][node].flapping = None,
                    _ => {}
                }
            }
        }
        self.tell(at, at);
    }

    /// Tells what is not muted, where what ended at `over` no longer mutes.
    fn tell(&mut self, at: i64, over: i64) {
        for (alert, (name, .., often)) in ALERTS.into_iter().enumerate() {
            for (node, id) in NODES.into_iter().enumerate() {
                let muted = self.suspended
                    || self.silences.iter().any(|(of, until)| *of == alert && *until > over)
                    || self.maintenance.iter().any(|(of, until)| *of == node && *until > over);
                let life = &mut self.lives[alert][node];
                let used = life.told.iter().filter(|told| at - **told < 3600).count();
                if life.firing == Some(false) && !muted && used < often {
                    life.firing = Some(true);
                    life.told.push(at);
                    let flag = if life.flapping.is_some() { " flapping" } else { "" };
                    self.told.push((at, format!("firing {name} {}{flag}", &id[4..])));
                }
            }
        }
    }
}

fn operate(site: &mut Site, action: OperatorAction) {
    let command = OperatorCommand { action, cluster: "north".to_owned(), comment: None, who: None };
    site.input(Input::Operator(command));
}

fn happen(site: &mut Site, at: Timestamp, what: What) {
    let until = |span: i64| at + SignedDuration::from_secs(span);
    let fact = |name: String, node: usize| Input::Fact(Box::new(line(&name, NODES[node], "", at)));
    match what {
        What::Raise(alert, node) => site.input(fact(format!("{}_UP", ALERTS[alert].0), node)),
        What::Clear(alert, node) => site.input(fact(format!("{}_OVER", ALERTS[alert].0), node)),
        What::Resolve(alert, node) => {
            let found = site.engine.alerts().into_iter().find(|it| {
                it.labels["alertname"] == ALERTS[alert].0 && it.labels["node"] == NODES[node] && it.end.is_none()
            });
            if let Some(it) = found {
                operate(site, OperatorAction::ResolveAlert { fingerprint: it.fingerprint });
            }
        }
        What::Silence(alert, span) => {
            let matchers = Matchers::parse(&format!("alertname={}", ALERTS[alert].0)).expect("a matcher");
            operate(site, OperatorAction::AddSilence { matchers, starts_at: None, until: until(span) });
        }
        What::Maintenance(node, span) => {
            let node = Some(NODES[node].to_owned());
            operate(site, OperatorAction::StartMaintenance { node, alert: None, starts_at: None, until: until(span) });
        }
        What::Suspend => operate(site, OperatorAction::Suspend { node: None, until: None }),
        What::Resume => operate(site, OperatorAction::Resume { node: None }),
        What::Restart => site.restart(SignedDuration::ZERO),
    }
}

/// What was told: seconds, then words.
type Told = Vec<(i64, String)>;

/// What the engine and what the model tells.
fn played(events: &[(i64, What)]) -> (Told, Told) {
    let mut site = Site::new(settings());
    let mut model = Model::default();
    let mut now = 0;
    let end = (7200, What::Restart);
    for (gap, what) in events.iter().copied().chain([end]) {
        for at in now..now + gap {
            model.tick(at);
        }
        now += gap;
        let at = minute(0) + SignedDuration::from_secs(now);
        site.pass(at);
        model.input(now, what);
        happen(&mut site, at, what);
    }
    model.tick(now);
    site.pass(minute(0) + SignedDuration::from_secs(now + 3));
    let mut seen = BTreeSet::new();
    for told in &site.told {
        assert!(seen.insert((told.episode.clone(), told.told_as.clone())), "told twice: {told:?}");
    }
    let mut told: Vec<(i64, String)> = site
        .told
        .iter()
        .map(|told| {
            let text = shown(told);
            let from = text.find("firing ").or(text.find("resolved ")).unwrap_or(0);
            (told.at.as_second() - minute(0).as_second(), text[from..].to_owned())
        })
        .collect();
    told.sort();
    model.told.sort();
    (told, model.told)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_is_told_as_by_the_model(events in events()) {
        let (told, expected) = played(&events);
        prop_assert_eq!(told, expected);
    }

    /// What is untold at a restart waits two seconds for late lines, no longer.
    #[test]
    fn a_restart_changes_nothing(events in events(), restarts in vec(any::<prop::sample::Index>(), 1..6)) {
        let mut events = events;
        for restart in restarts {
            events.insert(restart.index(events.len() + 1), (5, What::Restart));
        }
        let (told, expected) = played(&events);
        let of = |told: &[(i64, String)], words: &str| -> Vec<i64> {
            told.iter().filter(|(_, known)| known == words).map(|(at, _)| *at).collect()
        };
        let all: BTreeSet<&String> = told.iter().chain(&expected).map(|(_, words)| words).collect();
        for words in all {
            let (told, expected) = (of(&told, words), of(&expected, words));
            prop_assert_eq!(told.len(), expected.len(), "{}: {:?} {:?}", words, told, expected);
            for (told, expected) in told.iter().zip(&expected) {
                prop_assert!((0..=2).contains(&(told - expected)), "{}: {} {}", words, told, expected);
            }
        }
    }
}
