//! A new configuration: clusters that are gone are archived, renamed ones keep their state, mapped ones take over what was
//! known and told of them while they were unmapped. Countdowns go on.

use crate::{
    cluster::{Cluster, Standing, UnmappedKey},
    engine::Engine,
    license::profile::Profile,
    mapping::{Mapping, Place, SiteIndex},
    now::Now,
    roster::Slot,
    rules::Rules,
    saved::{book_key, cluster_key},
    settings::{ClusterSettings, Settings},
    timer::Moment,
};
use std::{collections::HashSet, sync::Arc};

impl Engine {
    /// Takes a whole configuration.
    pub(crate) fn configure(&mut self, settings: Settings, now: Now) {
        self.rules = Arc::new(Rules::of_settings(&settings));
        self.settings = Arc::new(settings);
        self.router.configure(&self.settings, now);
        self.mapping = Mapping::new(&self.settings);
        self.senders.clear();
        let settings = Arc::clone(&self.settings);
        self.profiles =
            settings.clusters.iter().map(|site| Profile::of(&site.release).unwrap_or(&Profile::UNKNOWN)).collect();
        let names: HashSet<&str> = settings.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
        let sites: Vec<Slot> = settings.clusters.iter().map(|cluster| self.site_slot(cluster, &names)).collect();
        let configured: HashSet<Slot> = sites.iter().copied().collect();
        for (site, &slot) in sites.iter().enumerate() {
            self.settle(slot, Standing::Mapped, Some(site));
        }
        let gone: Vec<Slot> = self
            .roster
            .iter()
            .filter(|(slot, cluster)| cluster.standing == Standing::Mapped && !configured.contains(slot))
            .map(|(slot, _)| slot)
            .collect();
        for slot in gone {
            self.settle(slot, Standing::Archived, None);
        }
        self.roster.set_sites(sites);
        let moment = Moment { now, inclusive: false };
        for (slot, key) in self.roster.unmapped_slots() {
            if let Some(site) = self.adopter(slot, &key) {
                self.adopt(slot, site, moment);
            }
        }
        let slots: Vec<Slot> = self.roster.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            // Zones, releases and ladders may have changed: everybody is due anew.
            self.step(slot, moment, |cluster, context| cluster.configure(context));
        }
    }

    /// The slot of a configured cluster: its own, that of a former name, or a new one.
    fn site_slot(&mut self, cluster: &ClusterSettings, names: &HashSet<&str>) -> Slot {
        if let Some(slot) = self.roster.named(&cluster.name) {
            return slot;
        }
        let former = cluster
            .former_names
            .iter()
            .filter(|former| !names.contains(former.as_str()))
            .find_map(|former| self.roster.named(former));
        let renamed = former.and_then(|slot| self.roster.remove(slot));
        let Some(mut renamed) = renamed else {
            return self.roster.insert(Cluster::new(cluster.name.clone(), Standing::Mapped));
        };
        self.removed.extend([cluster_key(&renamed.name), book_key(&renamed.name)]);
        renamed.name.clone_from(&cluster.name);
        renamed.standing = Standing::Mapped;
        renamed.dirty = true;
        renamed.book.dirty = true;
        self.roster.insert(renamed)
    }

    fn settle(&mut self, slot: Slot, standing: Standing, site: Option<SiteIndex>) {
        if let Some(cluster) = self.roster.get_mut(slot) {
            cluster.site = site;
            if cluster.standing != standing {
                cluster.standing = standing;
                cluster.dirty = true;
                self.roster.touch(slot);
            }
        }
    }

    /// The configured cluster that an unmapped one turns out to be.
    fn adopter(&self, slot: Slot, key: &UnmappedKey) -> Option<SiteIndex> {
        let cluster = self.roster.get(slot)?;
        let claims = cluster.nodes.keys().map(String::as_str).chain([key.claim.as_str()]);
        claims.into_iter().find_map(|claim| match self.mapping.place(&key.whole, Some(claim), None) {
            Place::Site { site, .. } => Some(site),
            Place::Unmapped { .. } => None,
        })
    }

    fn adopt(&mut self, slot: Slot, site: SiteIndex, moment: Moment) {
        let Some(orphan) = self.roster.remove(slot) else { return };
        self.removed.extend([cluster_key(&orphan.name), book_key(&orphan.name)]);
        if let Some(home) = self.roster.site(site) {
            self.step(home, moment, |cluster, context| cluster.adopt(orphan, context));
        }
    }
}
