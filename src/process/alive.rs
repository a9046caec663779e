//! Heartbeats: each is due at fixed moments of the clock, and the store knows which were told, so that a restart doubles none
//! and makes up for one that it missed by a little.

use crate::{clock, config::Heartbeat, notify, pipeline::Command, web::Snapshot};
use arc_swap::ArcSwap;
use ccxwatch_alerts::view::ClusterView;
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// How often it looks at the clock, which may be set.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A heartbeat that was missed is made up for within this time.
const MAKE_UP: SignedDuration = SignedDuration::from_mins(10);

/// Clusters in one heartbeat.
const CLUSTERS: usize = 50;

/// Tells the heartbeats until `shutdown`.
pub(super) async fn run(
    heartbeats: Arc<ArcSwap<Vec<Heartbeat>>>,
    snapshot: Arc<ArcSwap<Snapshot>>,
    commands: mpsc::Sender<Command>,
    shutdown: CancellationToken,
) {
    let mut told: BTreeMap<String, Timestamp> = BTreeMap::new();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = shutdown.cancelled() => return,
        }
        let view = snapshot.load_full();
        if view.at == Timestamp::default() {
            continue;
        }
        let now = clock::wall();
        for heartbeat in heartbeats.load().iter() {
            let receiver = heartbeat.receiver.get_ref();
            let Some(slot) = slot(heartbeat, now).filter(|slot| told.get(receiver) != Some(slot)) else { continue };
            told.insert(receiver.clone(), slot);
            if now.duration_since(slot) > MAKE_UP {
                continue;
            }
            let (summary, lines) = state(&view.clusters);
            let notification = notify::heartbeat(receiver, slot, summary, lines, now);
            let (reply, _) = oneshot::channel();
            if commands.send(Command::Tell(Box::new(notification), reply)).await.is_err() {
                return;
            }
        }
    }
}

/// The last moment at which the heartbeat was due.
fn slot(heartbeat: &Heartbeat, now: Timestamp) -> Option<Timestamp> {
    if let Some(interval) = heartbeat.interval {
        let seconds = interval.as_secs().max(1);
        return Timestamp::from_second(now.as_second().div_euclid(seconds) * seconds).ok();
    }
    let at = heartbeat.at?;
    let zone = TimeZone::get(heartbeat.timezone.get_ref()).ok()?;
    let today = zone.to_datetime(now).date();
    // A time that the clocks skip is told when they have skipped it; one that comes twice, the first time.
    let on = |date: Date| zone.to_timestamp(date.to_datetime(at)).ok();
    [Some(today), today.yesterday().ok()].into_iter().flatten().filter_map(on).find(|slot| *slot <= now)
}

/// How the clusters are: in one line, and each.
fn state(clusters: &[ClusterView]) -> (String, Vec<String>) {
    let calm = |cluster: &&ClusterView| matches!(cluster.stage, "compliant" | "unknown");
    let urgent = clusters.len() - clusters.iter().filter(calm).count();
    let summary = format!(
        "ccxwatch is alive: {} cluster{}, {}",
        clusters.len(),
        if clusters.len() == 1 { "" } else { "s" },
        match urgent {
            0 => "none of them needs a hand".to_owned(),
            1 => "1 needs a hand".to_owned(),
            more => format!("{more} need a hand"),
        }
    );
    let mut order: Vec<&ClusterView> = clusters.iter().collect();
    order.sort_by_key(|cluster| calm(cluster));
    let line = |cluster: &&ClusterView| {
        let heard = cluster
            .last_heard
            .map_or_else(|| "never heard".to_owned(), |at| format!("last heard {}", at.strftime("%Y-%m-%d %H:%M UTC")));
        format!("{}: {}, {heard}", cluster.name, cluster.stage.replace('_', " "))
    };
    let mut lines: Vec<String> = order.iter().take(CLUSTERS - 1).map(line).collect();
    if order.len() >= CLUSTERS {
        lines.push(format!("and {} more", order.len() - lines.len()));
    }
    (summary, lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_is_due_at_fixed_moments() {
        let heartbeat = |text: &str| -> Heartbeat { toml::from_str(&format!("receiver = \"x\"\n{text}")).unwrap() };
        let berlin = |at: &str| heartbeat(&format!("at = \"{at}\"\ntimezone = \"Europe/Berlin\""));
        let cases = [
            (heartbeat("interval = \"5m\""), "2026-11-24T10:47:12Z", "2026-11-24T10:45:00Z"),
            (heartbeat("interval = \"5m\""), "2026-11-24T10:45:00Z", "2026-11-24T10:45:00Z"),
            (heartbeat("at = \"08:00\""), "2026-11-24T10:47:12Z", "2026-11-24T08:00:00Z"),
            (heartbeat("at = \"08:00\""), "2026-11-24T07:59:59Z", "2026-11-23T08:00:00Z"),
            (berlin("08:00"), "2026-11-24T07:00:00Z", "2026-11-24T07:00:00Z"),
            (berlin("08:00"), "2026-07-24T07:00:00Z", "2026-07-24T06:00:00Z"),
            // The clocks go forward over 02:30, and back over it.
            (berlin("02:30"), "2026-03-29T12:00:00Z", "2026-03-29T01:30:00Z"),
            (berlin("02:30"), "2026-10-25T12:00:00Z", "2026-10-25T00:30:00Z"),
        ];
        for (heartbeat, now, expected) in cases {
            let slot = slot(&heartbeat, now.parse().unwrap()).unwrap();
            assert_eq!(slot.to_string(), expected, "{heartbeat:?} {now}");
        }
    }
}
