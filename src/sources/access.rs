//! Who may speak to a listener, and who speaks for others.

use super::Budget;
use ipnet::IpNet;
use std::net::IpAddr;

/// The senders that are heard, and how much. What it refuses changes nothing and is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Networks whose syslog is taken, beside loopback.
    pub allowed: Vec<IpNet>,
    /// Addresses that forward other nodes' lines. They may speak.
    pub relays: Vec<IpAddr>,
    /// What each of them may bring; of a relay each host that it speaks for.
    pub budget: Budget,
}

impl Default for Access {
    fn default() -> Self {
        Self { allowed: Vec::new(), relays: Vec::new(), budget: Budget::UNLIMITED }
    }
}

impl Access {
    /// Whether this address is heard.
    pub fn admits(&self, sender: IpAddr) -> bool {
        sender.is_loopback() || self.is_relay(sender) || self.allowed.iter().any(|network| network.contains(&sender))
    }

    /// Whether this address forwards the lines of others.
    pub fn is_relay(&self, sender: IpAddr) -> bool {
        self.relays.iter().any(|relay| relay.to_canonical() == sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admits() {
        let access = Access {
            allowed: vec!["10.1.0.0/16".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
            relays: vec!["192.0.2.7".parse().unwrap()],
            ..Access::default()
        };
        for (sender, admitted) in [
            ("127.0.0.1", true),
            ("127.8.9.10", true),
            ("::1", true),
            ("10.1.2.3", true),
            ("10.2.2.3", false),
            ("2001:db8::5", true),
            ("2001:db9::5", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
        ] {
            assert_eq!(access.admits(sender.parse().unwrap()), admitted, "{sender}");
        }
        assert!(!Access::default().admits("10.1.2.3".parse().unwrap()));
    }
}
