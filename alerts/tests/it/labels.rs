//! What a notification says of its alert: labels, and the fingerprint that the page and the API show.

use crate::site::{Enter, Ooc, Site, line, minute, settings};
use ccxwatch_alerts::{
    input::{Input, OperatorAction, StoreHealth},
    notification::{Notification, Reason},
};

/// A site whose first cluster has labels; one of them claims what the alerts say themselves.
fn site() -> Site {
    let mut settings = settings();
    settings.receivers.push("night".to_owned());
    let labels = [("customer", "acme"), ("alertname", "mine")];
    settings.clusters[0].labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Site::new(settings)
}

/// The last notification has these labels, and the fingerprint of an alert that is shown.
fn check(site: &Site, reason: Reason, labels: &[(&str, &str)]) {
    let told = site.told.last().expect("something was told");
    assert_eq!(told.reason, reason);
    let found: Vec<_> = told.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(found, labels);
    let shown = site.engine.alerts();
    assert!(shown.iter().any(|alert| alert.fingerprint == told.fingerprint), "{} of {shown:?}", told.fingerprint);
}

#[test]
fn a_notification_carries_the_labels_of_its_alert() {
    let mut site = site();
    let license = |alertname, severity| {
        [
            ("alertname", alertname),
            ("cluster", "north"),
            ("customer", "acme"),
            ("node", "ccx-n1"),
            ("severity", severity),
        ]
    };
    site.hear(line(Enter, Some(45), minute(1)));
    check(&site, Reason::CountdownStarted, &license("SmartLicenseEnteringOutOfCompliance", "critical"));
    site.hear(line(Ooc, None, minute(46)));
    check(&site, Reason::OutOfCompliance, &license("SmartLicenseOutOfCompliance", "emergency"));
    // The end keeps the labels of what ended.
    site.operator(OperatorAction::ConfirmCompliant, "north");
    check(&site, Reason::ConfirmedCompliant, &license("SmartLicenseOutOfCompliance", "emergency"));
    site.input(Input::Store(StoreHealth::Failing("the disk is full".to_owned())));
    check(&site, Reason::StoreFailing, &[("alertname", "StoreFailing"), ("severity", "critical")]);
    site.input(Input::Receiver { receiver: "desk".to_owned(), failing: true });
    let failing = [("alertname", "NotificationFailing"), ("receiver", "desk"), ("severity", "error")];
    check(&site, Reason::NotificationFailing, &failing);
}

#[test]
fn what_an_older_build_stored_still_loads() {
    let mut site = site();
    site.hear(line(Enter, Some(45), minute(1)));
    let mut stored = serde_json::to_value(&site.told[0]).expect("it is plain data");
    for added in ["labels", "fingerprint"] {
        assert!(stored.as_object_mut().is_some_and(|fields| fields.remove(added).is_some()), "{added}");
    }
    let loaded: Notification = serde_json::from_value(stored).expect("a default for each");
    assert!(loaded.labels.is_empty() && loaded.fingerprint.is_empty());
}
