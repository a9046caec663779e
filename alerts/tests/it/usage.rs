//! Live reports of use.

use crate::site::{Enter, Ooc, Site, line, minute, settings};
use ccxwatch_alerts::{
    input::{Input, UsageReport},
    notification::Reason,
};

fn report(site: &mut Site, cluster: &str, at: i64, used: u32) {
    site.pass(minute(at));
    site.input(Input::Usage(UsageReport {
        cluster: cluster.to_owned(),
        at: minute(at),
        used: Some(used),
        purchased: None,
    }));
}

#[test]
fn use_near_the_purchase_and_the_second_report_over_it_warn_once_each() {
    let mut site = Site::new(settings());
    for (at, used) in [(0, 80), (15, 90), (30, 95), (45, 101), (60, 101), (75, 110), (90, 80), (105, 91)] {
        report(&mut site, "north", at, used);
    }
    let at: Vec<_> = site.told.iter().map(|told| told.at).collect();
    assert_eq!(at, [minute(15), minute(60), minute(105)]);
    assert_eq!(site.reasons(), [Reason::UsageWarning; 3]);
}

#[test]
fn where_no_countdown_comes_the_first_report_over_is_the_last_warning() {
    let mut site = Site::new(settings());
    report(&mut site, "south", 0, 101);
    assert_eq!(site.told[0].alertname, "SmartLicenseOverUse");
}

#[test]
fn use_within_the_limit_ends_a_countdown_but_not_out_of_compliance() {
    let mut site = Site::new(settings());
    site.hear(line(Enter, Some(45), minute(10)));
    report(&mut site, "north", 15, 60);
    assert_eq!(site.stage(), "compliant");
    assert_eq!(site.reasons(), [Reason::CountdownStarted, Reason::ConfirmedCompliant]);
    site.hear(line(Ooc, None, minute(20)));
    report(&mut site, "north", 30, 60);
    assert_eq!(site.stage(), "out_of_compliance");
}

#[test]
fn a_report_of_before_the_countdown_does_not_end_it() {
    let mut site = Site::new(settings());
    site.hear(line(Enter, Some(45), minute(10)));
    site.input(Input::Usage(UsageReport {
        cluster: "north".to_owned(),
        at: minute(5),
        used: Some(10),
        purchased: None,
    }));
    assert_eq!(site.stage(), "countdown");
}
