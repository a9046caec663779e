//! Senders that are in no cluster, so that a person can be told what to put into the configuration.
//!
//! Not saved: after a restart they come back with their next line.

use crate::{
    fact::{Channel, Heard},
    limits::{Limits, cleaned},
};
use jiff::Timestamp;
use serde::Serialize;
use std::{collections::BTreeMap, net::IpAddr};

/// A sender whose lines are in no cluster, as far as address, file and host name say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SenderView {
    /// By which way its lines come.
    pub channel: Channel,
    /// Its address, for sockets.
    pub address: Option<IpAddr>,
    /// The listener's address or the file's path.
    pub source: String,
    /// The host that its lines name, cleaned.
    pub host: Option<String>,
    /// The address is a relay's, so it does not tell who speaks.
    pub relay: bool,
    /// When it was last heard.
    pub last_heard: Timestamp,
    /// Lines since this process started, or since it was forgotten to make room.
    pub lines: u64,
}

/// The senders in no cluster, limited in number.
#[derive(Debug, Default)]
pub(crate) struct Senders {
    /// By address or file, and behind a relay by host.
    known: BTreeMap<(String, Option<String>), SenderView>,
}

impl Senders {
    /// A sender was heard. Where there is no room the one that was heard longest ago is forgotten.
    pub(crate) fn heard(&mut self, heard: &Heard, relay: bool, limits: &Limits) {
        let origin = &heard.origin;
        let address = origin.sender.map(|address| address.to_canonical());
        let host = heard.host.as_deref().map(|host| cleaned(host, limits.unmapped_name_bytes));
        let host = host.filter(|host| !host.is_empty());
        let from = address.map_or_else(|| origin.source.clone(), |address| address.to_string());
        let key = (from, host.clone().filter(|_| relay));
        if let Some(sender) = self.known.get_mut(&key) {
            sender.host = host.or(sender.host.take());
            sender.last_heard = sender.last_heard.max(heard.last);
            sender.lines = sender.lines.saturating_add(heard.lines);
            return;
        }
        if self.known.len() >= limits.unmapped_senders {
            let oldest = self.known.iter().min_by_key(|(_, sender)| sender.last_heard).map(|(key, _)| key.clone());
            oldest.and_then(|key| self.known.remove(&key));
        }
        let sender = SenderView {
            channel: origin.channel,
            address,
            source: origin.source.clone(),
            host,
            relay,
            last_heard: heard.last,
            lines: heard.lines,
        };
        self.known.insert(key, sender);
    }

    /// Forgets all: another configuration may name them.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }

    /// All of them, by address or file.
    pub(crate) fn views(&self) -> Vec<SenderView> {
        self.known.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Origin;

    /// One report: sender, host, relay, second, lines.
    type Report = (&'static str, Option<&'static str>, bool, i64, u64);

    /// What is known after the reports: sender, host, lines.
    fn check(reports: &[Report], expected: &[(&str, Option<&str>, u64)]) {
        let mut senders = Senders::default();
        for &(sender, host, relay, second, lines) in reports {
            let origin = Origin {
                channel: Channel::Udp,
                sender: sender.parse().ok(),
                source: "127.0.0.1:5514".to_owned(),
                node: None,
            };
            let last = Timestamp::from_second(second).unwrap();
            let heard = Heard { origin, host: host.map(str::to_owned), last, lines };
            senders.heard(&heard, relay, &Limits { unmapped_senders: 2, ..Limits::DEFAULT });
        }
        let views = senders.views();
        let known: Vec<_> =
            views.iter().map(|view| (view.address.unwrap().to_string(), view.host.as_deref(), view.lines)).collect();
        let expected: Vec<_> =
            expected.iter().map(|&(address, host, lines)| (address.to_owned(), host, lines)).collect();
        assert_eq!(known, expected, "{reports:?}");
    }

    #[test]
    fn senders_are_counted_told_apart_and_limited() {
        let (a, b, c) = ("10.0.0.1", "10.0.0.2", "10.0.0.3");
        check(&[], &[]);
        check(&[(a, None, false, 1, 2), (a, Some("pub"), false, 2, 3), (a, None, false, 3, 1)], &[(a, Some("pub"), 6)]);
        check(&[("::ffff:10.0.0.1", None, false, 1, 1), (a, None, false, 2, 1)], &[(a, None, 2)]);
        check(&[(a, Some("x"), true, 1, 1), (a, Some("y"), true, 1, 2)], &[(a, Some("x"), 1), (a, Some("y"), 2)]);
        check(&[(a, None, false, 2, 1), (b, None, false, 1, 1), (c, None, false, 3, 1)], &[(a, None, 1), (c, None, 1)]);
        check(&[(a, Some("<b>\r\n"), false, 1, 1)], &[(a, Some("_b_"), 1)]);
    }
}
