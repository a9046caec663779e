//! Which cluster a line belongs to. An address decides over a name; a name that two clusters have decides nothing.

use crate::{
    fact::{Channel, Origin},
    settings::Settings,
};
use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

/// The index of a cluster in [`Settings::clusters`].
pub(crate) type SiteIndex = usize;
/// The index of a node in its cluster.
pub(crate) type NodeIndex = usize;

/// Where a line belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A configured cluster.
    Site {
        /// Which.
        site: SiteIndex,
        /// Which node, where the address, the file or the name says.
        node: Option<NodeIndex>,
        /// The line names a node that is none of this cluster.
        mismatch: bool,
    },
    /// Nowhere.
    Unmapped {
        /// Several clusters have a node of this name.
        ambiguous: bool,
    },
}

/// The mapping, built once per configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mapping {
    addresses: HashMap<IpAddr, Vec<(SiteIndex, NodeIndex)>>,
    names: HashMap<String, Vec<(SiteIndex, NodeIndex)>>,
    relays: HashSet<IpAddr>,
}

/// A name as names are compared: lower case, the first label of a domain name; an address stays whole.
pub(crate) fn short(name: &str) -> String {
    let name = name.trim();
    if name.parse::<IpAddr>().is_ok() {
        return name.to_ascii_lowercase();
    }
    name.split('.').next().unwrap_or_default().to_ascii_lowercase()
}

/// An address as addresses are compared: IPv4 within IPv6 is IPv4.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

impl Mapping {
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut mapping =
            Self { relays: settings.relays.iter().map(|&relay| plain(relay)).collect(), ..Self::default() };
        for (site, cluster) in settings.clusters.iter().enumerate() {
            for (index, node) in cluster.nodes.iter().enumerate() {
                for &address in &node.addresses {
                    mapping.addresses.entry(plain(address)).or_default().push((site, index));
                }
                let id = short(&node.id);
                if !id.is_empty() {
                    mapping.names.entry(id).or_default().push((site, index));
                }
            }
        }
        mapping
    }

    /// Whether a sender forwards other nodes' lines.
    pub(crate) fn is_relay(&self, sender: IpAddr) -> bool {
        self.relays.contains(&plain(sender))
    }

    /// Whether a line came straight from its author by a way that cannot queue.
    pub(crate) fn is_direct(&self, origin: &Origin) -> bool {
        origin.channel == Channel::Udp && origin.sender.is_some_and(|sender| !self.is_relay(sender))
    }

    /// Where a line belongs.
    pub(crate) fn place(&self, origin: &Origin, node_id: Option<&str>, host: Option<&str>) -> Place {
        let claim = node_id.filter(|id| !id.trim().is_empty());
        let sender = origin.sender.map(plain).filter(|sender| !self.relays.contains(sender));
        if let Some(owners) = sender.and_then(|sender| self.addresses.get(&sender))
            && let Some(place) = self.owned(owners, claim)
        {
            return place;
        }
        if let Some(node) = &origin.node
            && let Some(owners) = self.names.get(&short(node))
            && let Some(place) = self.owned(owners, claim)
        {
            return place;
        }
        let mut ambiguous = false;
        for name in [claim, host].into_iter().flatten() {
            match self.named(name) {
                Named::One(site, node) => return Place::Site { site, node, mismatch: false },
                Named::Several => ambiguous = true,
                Named::None => {}
            }
        }
        Place::Unmapped { ambiguous }
    }

    /// An address or a file's node decides, where it belongs to one cluster only.
    fn owned(&self, owners: &[(SiteIndex, NodeIndex)], claim: Option<&str>) -> Option<Place> {
        let &(site, node) = owners.first()?;
        if owners.iter().any(|&(other, _)| other != site) {
            // One address in two clusters decides nothing but which clusters it can be.
            let (site, node) = self.claimed_of(owners.iter().map(|&(site, _)| site), claim?)?;
            return Some(Place::Site { site, node: Some(node), mismatch: false });
        }
        let node = (owners.len() == 1).then_some(node);
        let Some(claim) = claim else { return Some(Place::Site { site, node, mismatch: false }) };
        match self.claimed_of(core::iter::once(site), claim) {
            Some((site, claimed)) => Some(Place::Site { site, node: Some(claimed), mismatch: false }),
            None => Some(Place::Site { site, node, mismatch: true }),
        }
    }

    /// The node of one of `sites` that has the name.
    fn claimed_of(&self, sites: impl Iterator<Item = SiteIndex>, claim: &str) -> Option<(SiteIndex, NodeIndex)> {
        let sites: Vec<_> = sites.collect();
        let mut found = self.owners(claim)?.iter().filter(|(site, _)| sites.contains(site));
        let first = *found.next()?;
        found.all(|&(site, _)| site == first.0).then_some(first)
    }

    /// The nodes of a name, or of the address that RTMT writes in its place.
    fn owners(&self, name: &str) -> Option<&Vec<(SiteIndex, NodeIndex)>> {
        match name.trim().parse::<IpAddr>() {
            Ok(address) => self.addresses.get(&plain(address)),
            Err(_) => self.names.get(&short(name)),
        }
    }

    fn named(&self, name: &str) -> Named {
        let Some(owners) = self.owners(name) else { return Named::None };
        let Some(&(site, node)) = owners.first() else { return Named::None };
        if owners.iter().any(|&(other, _)| other != site) {
            return Named::Several;
        }
        Named::One(site, (owners.len() == 1).then_some(node))
    }
}

/// What a name says.
enum Named {
    None,
    One(SiteIndex, Option<NodeIndex>),
    Several,
}
