//! Which line says what about the state of a node: one table. What has no documented line stays unknown.
//!
//! Sources: the alarm catalogs `GENERIC` and `SERVICEMANAGER` of Cisco Unified CM 15 (System Error Messages), the Troubleshooting
//! Guide of Unified CM 12.5 for `SS_TEL`, and RTMT's `CriticalServiceDown`. No line for the mastership or for "in service" of
//! Unified CCX itself is documented.

use crate::{fact::Fact, limits::cleaned};
use serde::{Deserialize, Serialize};

/// The state of a service or of one of its subsystems, in the words of Unified CCX Serviceability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ServiceState {
    /// No documented line was heard.
    #[default]
    Unknown,
    /// It works.
    InService,
    /// It works in part.
    PartialService,
    /// It does not work.
    OutOfService,
    /// It was stopped in order.
    ShutDown,
}

impl ServiceState {
    /// The name as it is written in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::InService => "in_service",
            Self::PartialService => "partial_service",
            Self::OutOfService => "out_of_service",
            Self::ShutDown => "shut_down",
        }
    }
}

/// A service that ccxwatch follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Service {
    /// The CCX Engine (`MIVR`).
    Engine,
    /// The Cluster View Daemon (`MCVD`), which reports license use.
    ClusterViewDaemon,
}

impl Service {
    /// All of them.
    pub(crate) const ALL: [Self; 2] = [Self::Engine, Self::ClusterViewDaemon];

    /// The name that people know.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Engine => "CCX Engine",
            Self::ClusterViewDaemon => "Cluster View Daemon",
        }
    }

    /// The service that a text names.
    pub(crate) fn named(text: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|service| text.contains(service.title()));
        found.or(match text {
            "MIVR" => Some(Self::Engine),
            "MCVD" => Some(Self::ClusterViewDaemon),
            _ => None,
        })
    }
}

/// Why an engine is in trouble although nothing says that it stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trouble {
    /// `java.lang.OutOfMemoryError`.
    OutOfMemory,
    /// `KeepAliveException`: the engine ends itself.
    KeepAliveLost,
    /// RTMT: the heap of the engine is nearly full.
    HeapNearlyFull,
    /// The log says that more than one master was detected.
    MoreThanOneMaster,
}

impl Trouble {
    /// The name as it is written in labels.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OutOfMemory => "out_of_memory",
            Self::KeepAliveLost => "keep_alive_lost",
            Self::HeapNearlyFull => "heap_nearly_full",
            Self::MoreThanOneMaster => "more_than_one_master",
        }
    }
}

/// What a line says about a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// A whole service.
    Service(Service, ServiceState),
    /// One subsystem of a service.
    Subsystem(Service, String, ServiceState),
    /// Trouble.
    Trouble(Trouble),
}

impl Evidence {
    /// Whether it tells of anything but a service that runs.
    pub(crate) fn is_trouble(&self) -> bool {
        match self {
            Self::Service(_, state) | Self::Subsystem(_, _, state) => *state != ServiceState::InService,
            Self::Trouble(_) => true,
        }
    }
}

/// What a mnemonic says, whatever its case and underscores.
enum Says {
    /// The service of the tag `ServiceName`.
    OfService(ServiceState),
    /// The subsystem that the facility names.
    OfSubsystem(ServiceState),
}

/// One row per documented line: facility without its catalog prefix (empty: any), mnemonic without underscores, what it says.
const TABLE: [(&str, &str, Says); 12] = [
    ("GENERIC", "SERVICESTARTED", Says::OfService(ServiceState::InService)),
    ("GENERIC", "SERVICESTOPPED", Says::OfService(ServiceState::ShutDown)),
    ("SERVICEMANAGER", "SERVICEFAILED", Says::OfService(ServiceState::OutOfService)),
    ("SERVICEMANAGER", "SERVICESTARTFAILED", Says::OfService(ServiceState::OutOfService)),
    ("SERVICEMANAGER", "SERVICERESTARTFAILED", Says::OfService(ServiceState::OutOfService)),
    ("SERVICEMANAGER", "SERVICEEXCEEDEDMAXRESTARTS", Says::OfService(ServiceState::OutOfService)),
    ("SERVICEMANAGER", "SERVICEMANAGERUNEXPECTEDSHUTDOWN", Says::OfService(ServiceState::OutOfService)),
    ("SERVICEMANAGER", "SERVICEDEACTIVATED", Says::OfService(ServiceState::ShutDown)),
    ("", "MODULESTART", Says::OfSubsystem(ServiceState::InService)),
    ("", "MODULESTOP", Says::OfSubsystem(ServiceState::OutOfService)),
    ("", "MODULERUNTIMEFAILURE", Says::OfSubsystem(ServiceState::OutOfService)),
    ("", "UNABLEREGISTERCTIPORT", Says::OfSubsystem(ServiceState::PartialService)),
];

/// Texts that say trouble wherever they stand.
const TROUBLE: [(&str, Trouble); 3] = [
    ("java.lang.OutOfMemoryError", Trouble::OutOfMemory),
    ("KeepAliveException", Trouble::KeepAliveLost),
    ("MORE THAN ONE MASTER DETECTED", Trouble::MoreThanOneMaster),
];

/// Upper case, without underscores.
pub(crate) fn squeezed(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter().filter(|byte| **byte != b'_').map(u8::to_ascii_uppercase)
}

/// The facility without the name of its catalog.
fn plain_facility(facility: &[u8]) -> &[u8] {
    facility.strip_prefix(b"UC_").or(facility.strip_prefix(b"CCM_")).unwrap_or(facility)
}

fn row(facility: &[u8], mnemonic: &[u8]) -> Option<&'static Says> {
    TABLE
        .iter()
        .find(|(of, name, _)| {
            squeezed(mnemonic).eq(name.bytes())
                && (of.is_empty() || plain_facility(facility).eq_ignore_ascii_case(of.as_bytes()))
        })
        .map(|(_, _, says)| says)
}

/// The names of the lines that can say anything.
pub(crate) fn mnemonics() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(_, mnemonic, _)| *mnemonic)
}

/// What a line says about its node.
pub(crate) fn evidence(fact: &Fact, name_bytes: usize) -> Option<Evidence> {
    if let Some(says) = row(fact.facility.as_bytes(), fact.mnemonic.as_bytes()) {
        match says {
            Says::OfService(state) => {
                let service = fact.param("ServiceName").and_then(Service::named)?;
                return Some(Evidence::Service(service, *state));
            }
            Says::OfSubsystem(state) => {
                let by = fact.process.as_deref().or(fact.app_id.as_deref()).and_then(Service::named)?;
                let facility = plain_facility(fact.facility.as_bytes());
                let name = cleaned(&String::from_utf8_lossy(facility), name_bytes);
                return Some(Evidence::Subsystem(by, name, *state));
            }
        }
    }
    match fact.param("AlertName") {
        Some("CriticalServiceDown") => {
            let service = fact.param("AlertDetail").and_then(Service::named)?;
            return Some(Evidence::Service(service, ServiceState::OutOfService));
        }
        Some("UnifiedCCXEngineMemoryUsageHigh") => return Some(Evidence::Trouble(Trouble::HeapNearlyFull)),
        _ => {}
    }
    fact.process.as_deref().or(fact.app_id.as_deref()).and_then(Service::named)?;
    TROUBLE.iter().find(|(text, _)| fact.raw.contains(text)).map(|(_, trouble)| Evidence::Trouble(*trouble))
}
