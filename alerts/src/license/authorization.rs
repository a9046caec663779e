//! What the platform's license manager says of registration and authorization: one table, and a tracker that keeps the newest word.
//!
//! Sources: the alarm catalog `SLMALARMCATALOG` of Cisco Unified CM 15 (System Error Messages); the states are those of the
//! administration page of Unified CCX (*System Menu*, Smart Licensing). No line carries a date of expiry, and none says that all is
//! well again: an operator's confirmation does.

use crate::{fact::Fact, service::evidence::squeezed, timer::plus};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How the product is registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// No line said so.
    #[default]
    Unknown,
    /// Registered.
    Registered,
    /// Registered; the registration expires soon.
    ExpiringSoon,
    /// The registration expired.
    Expired,
    /// Not registered.
    Unregistered,
    /// A license reservation is not finished.
    ReservationInProgress,
    /// Registered with a specific license reservation.
    Reserved,
}

impl Registration {
    /// All states.
    pub const ALL: [Self; 7] = [
        Self::Unknown,
        Self::Registered,
        Self::ExpiringSoon,
        Self::Expired,
        Self::Unregistered,
        Self::ReservationInProgress,
        Self::Reserved,
    ];

    /// The name as it is written in JSON and in metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Registered => "registered",
            Self::ExpiringSoon => "expiring_soon",
            Self::Expired => "expired",
            Self::Unregistered => "unregistered",
            Self::ReservationInProgress => "reservation_in_progress",
            Self::Reserved => "reserved",
        }
    }
}

/// What the product may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authorization {
    /// No line said so.
    #[default]
    Unknown,
    /// In compliance.
    InCompliance,
    /// In use without a registration, for a while.
    Evaluation,
    /// The evaluation period is over.
    EvaluationExpired,
    /// Authorized; the authorization expires soon.
    ExpiringSoon,
    /// No contact with Cisco for too long.
    Expired,
    /// More in use than bought.
    OutOfCompliance,
    /// The reservation does not cover the use.
    NotAuthorized,
}

impl Authorization {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Unknown,
        Self::InCompliance,
        Self::Evaluation,
        Self::EvaluationExpired,
        Self::ExpiringSoon,
        Self::Expired,
        Self::OutOfCompliance,
        Self::NotAuthorized,
    ];

    /// The name as it is written in JSON and in metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::InCompliance => "in_compliance",
            Self::Evaluation => "evaluation",
            Self::EvaluationExpired => "evaluation_expired",
            Self::ExpiringSoon => "expiring_soon",
            Self::Expired => "expired",
            Self::OutOfCompliance => "out_of_compliance",
            Self::NotAuthorized => "not_authorized",
        }
    }
}

/// When provisioning is restricted, by a line.
#[derive(Clone, Copy)]
enum Restriction {
    /// The line says nothing of it.
    Unsaid,
    /// An overage period runs.
    AfterOverage,
    /// It is.
    Now,
}

type Row = (&'static str, Option<Registration>, Option<Authorization>, Restriction);

/// One row per documented alarm, its name in upper case without underscores.
const TABLE: [Row; 13] = {
    use {
        Authorization as A, Registration as R,
        Restriction::{AfterOverage, Now, Unsaid},
    };
    [
        ("SMARTLICENSEINEVAL", Some(R::Unregistered), Some(A::Evaluation), Unsaid),
        ("SMARTLICENSENOPROVISIONEVALEXPIRED", Some(R::Unregistered), Some(A::EvaluationExpired), Now),
        ("SMARTLICENSEINOVERAGEAUTHORIZATIONEXPIRED", None, Some(A::Expired), AfterOverage),
        ("SMARTLICENSENOPROVISIONAUTHORIZATIONEXPIRED", None, Some(A::Expired), Now),
        ("SMARTLICENSEREGISTRATIONEXPIRED", Some(R::Expired), None, Unsaid),
        ("SMARTLICENSEINOVERAGEOUTOFCOMPLIANCE", Some(R::Registered), Some(A::OutOfCompliance), AfterOverage),
        ("SMARTLICENSENOPROVISIONOUTOFCOMPLIANCE", Some(R::Registered), Some(A::OutOfCompliance), Now),
        ("SMARTLICENSEREGISTRATIONEXPIRINGSOON", Some(R::ExpiringSoon), None, Unsaid),
        ("SMARTLICENSEAUTHORIZATIONEXPIRINGSOON", None, Some(A::ExpiringSoon), Unsaid),
        ("SMARTLICENSESLRINEVAL", Some(R::ReservationInProgress), Some(A::Evaluation), Unsaid),
        ("SMARTLICENSESLRNOPROVISIONEVALEXPIRED", Some(R::ReservationInProgress), Some(A::EvaluationExpired), Now),
        ("SMARTLICENSESLRINOVERAGENOTAUTHORIZED", Some(R::Reserved), Some(A::NotAuthorized), AfterOverage),
        ("SMARTLICENSESLRNOPROVISIONNOTAUTHORIZED", Some(R::Reserved), Some(A::NotAuthorized), Now),
    ]
};

/// Whether lines of this facility can say anything, before they are parsed. Alerts of RTMT are wanted anyway.
pub(crate) fn may_say(facility: &[u8]) -> bool {
    facility.ends_with(b"SLMALARMCATALOG")
}

fn row(fact: &Fact) -> Option<&'static Row> {
    let name = match &fact.rtmt {
        Some(alert) if !alert.quotes => &alert.name,
        _ if may_say(fact.facility.as_bytes()) => &fact.mnemonic,
        _ => return None,
    };
    let says = |row: &&Row| squeezed(name.as_bytes()).eq(row.0.bytes());
    TABLE.iter().find(says)
}

/// The newest word on registration and authorization of one cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SmartLicense {
    /// How it is registered.
    pub(crate) registration: Registration,
    /// Since when, by the first line that said so.
    pub(crate) registration_since: Option<Timestamp>,
    /// What it may do.
    pub(crate) authorization: Authorization,
    /// Since when, by the first line that said so.
    pub(crate) authorization_since: Option<Timestamp>,
    /// When provisioning is restricted.
    pub(crate) restriction_at: Option<Timestamp>,
    /// The newest line.
    last: Option<Timestamp>,
}

impl SmartLicense {
    /// One line of this time. `true` when it said something that is not older than what is known.
    pub(crate) fn hear(&mut self, fact: &Fact, at: Timestamp, overage: SignedDuration) -> bool {
        let Some((_, registration, authorization, restriction)) = row(fact) else { return false };
        if self.last.is_some_and(|last| at < last) {
            return false;
        }
        self.last = Some(at);
        if let Some(registration) = registration.filter(|said| *said != self.registration) {
            self.registration = registration;
            self.registration_since = Some(at);
        }
        if let Some(authorization) = *authorization {
            let changed = authorization != self.authorization;
            if changed {
                self.authorization = authorization;
                self.authorization_since = Some(at);
                self.restriction_at = None;
            }
            self.restriction_at = match restriction {
                Restriction::Unsaid => None,
                // The period began with the first line that said so.
                Restriction::AfterOverage => Some(self.restriction_at.unwrap_or(plus(at, overage))),
                Restriction::Now => Some(self.restriction_at.map_or(at, |known| known.min(at))),
            };
        }
        true
    }

    /// An operator says that all is well.
    pub(crate) fn confirm(&mut self, at: Timestamp) {
        if self.registration != Registration::Unknown {
            self.registration = Registration::Registered;
            self.registration_since = Some(at);
        }
        self.authorization = Authorization::InCompliance;
        self.authorization_since = Some(at);
        self.restriction_at = None;
        self.last = self.last.max(Some(at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Channel, Origin};
    use ccxwatch_parsers::parse;

    const OVERAGE: SignedDuration = SignedDuration::from_hours(90 * 24);

    fn hear_line(state: &mut SmartLicense, event: &str, hour: i64) -> bool {
        let line = format!("<185>7: cucm1: Nov 24 2026 10:00:00.000 UTC : %{event}[NodeID=cucm1]: y");
        let origin = Origin { channel: Channel::Udp, sender: None, source: String::new(), node: None };
        let facts = Fact::of_record(&parse(line.as_bytes()), at(hour), origin, false);
        facts.into_iter().any(|fact| state.hear(&fact, at(hour), OVERAGE))
    }

    fn hear(state: &mut SmartLicense, mnemonic: &str, hour: i64) -> bool {
        hear_line(state, &format!("UC_SLMALARMCATALOG-1-{mnemonic}: %[Reason=x]"), hour)
    }

    fn at(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour)
    }

    #[test]
    fn the_newest_word_holds() {
        let mut state = SmartLicense::default();
        assert!(!hear(&mut state, "SmartLicenseCommunicationError", 0), "it says nothing of either");
        assert!(hear(&mut state, "SmartLicenseInOverage_AuthorizationExpired", 1));
        assert!(hear(&mut state, "SmartLicenseInOverageAuthorizationExpired", 5), "RTMT drops the underscores");
        assert_eq!((state.authorization, state.authorization_since), (Authorization::Expired, Some(at(1))));
        assert_eq!(state.restriction_at, Some(at(1) + OVERAGE));
        assert!(!hear(&mut state, "SmartLicenseInEval", 2), "older than what is known");
        assert!(hear(&mut state, "SmartLicenseRegistrationExpired", 6));
        assert_eq!((state.registration, state.registration_since), (Registration::Expired, Some(at(6))));
        assert!(hear(&mut state, "SmartLicenseNoProvision_AuthorizationExpired", 8));
        assert_eq!((state.authorization_since, state.restriction_at), (Some(at(1)), Some(at(8))));
        state.confirm(at(9));
        assert_eq!((state.registration, state.authorization), (Registration::Registered, Authorization::InCompliance));
        assert_eq!(state.restriction_at, None);
        assert!(!hear(&mut state, "SmartLicenseRegistrationExpired", 7), "older than the confirmation");
    }

    #[test]
    fn an_alert_of_rtmt_says_the_same() {
        let mut state = SmartLicense::default();
        let rtmt = "UC_RTMT-2-RTMT_ALERT: %[AlertName=SmartLicenseInOverageOutOfCompliance][AlertDetail= x]";
        assert!(hear_line(&mut state, rtmt, 1));
        assert_eq!(state.authorization, Authorization::OutOfCompliance);
        assert!(!hear_line(&mut state, "UC_RTMT-2-RTMT_ALERT: %[AlertName=CriticalServiceDown][AlertDetail= x]", 2));
        assert!(!hear_line(&mut state, "UC_OTHER-4-SmartLicenseInEval: %", 3));
    }

    #[test]
    fn names_are_distinct() {
        let names: std::collections::BTreeSet<_> = TABLE.iter().map(|row| row.0).collect();
        assert_eq!(names.len(), TABLE.len());
        assert_eq!(Registration::ALL.map(Registration::name).len(), 7);
        let serialized = serde_json::to_string(&Authorization::ALL).expect("names");
        let expected = format!("{:?}", Authorization::ALL.map(Authorization::name)).replace(", ", ",");
        assert_eq!(serialized, expected);
    }
}
