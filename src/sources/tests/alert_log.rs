use super::{Batches, context, tail::Site};
use crate::sources::{Limits, stdin};

const HEADER: &str = "Time Stamp,Alert Type,Alert Name,Alert Message,Monitored Object Name,Severity,PollValue,Action,Node ID,Group ID \n";

/// A row that quotes a line with this sequence number.
fn row(sequence: u64) -> String {
    format!(
        "1795510800000,2,SyslogSeverityMatchFound,At Tue Nov 24 09:00:00 UTC 2026 on node ucx1, the following \
         SyslogSeverityMatchFound events generated: SeverityMatch : Alert MatchedEvent : Nov 24 09:00:00 ucx1 local7 1 : \
         {sequence}: ucx1: Nov 24 2026 09:00:00.000 UTC : %UC_X-1-Y: %[AppID=a, b][ClusterID=][NodeID=ucx1]: one, two \
         AppID : Cisco Syslog Agent ClusterID : NodeID : ucx1,ucx1,2,0,Default,pub,System\n"
    )
}

#[test]
fn a_tailed_alert_log_is_known_by_its_header_also_after_a_restart() {
    let mut site = Site::new(Limits::default());
    site.append("a.log", "");
    assert!(site.news().is_empty());
    site.append("a.log", HEADER);
    site.append("a.log", &row(1));
    assert_eq!(site.news(), [1]);
    site.append("a.log", &row(2));
    site.restart();
    site.append("a.log", &row(3));
    assert_eq!(site.news(), [2, 3]);
    // The log of another day, and one that was written anew in its place.
    site.append("b.log", &(HEADER.to_owned() + &row(4) + "half,a,row\n" + &row(5)));
    site.write("a.log", &(HEADER.replace("Group ID", "Group") + &row(6)));
    assert_eq!(site.news(), [4, 5, 6]);
}

#[tokio::test]
async fn rows_from_standard_input() {
    let (context, sums) = context(Limits::default());
    let (sender, mut batches) = Batches::new(&context.limits);
    let input = (super::wanted(1) + "\n" + HEADER + &row(2) + HEADER + &row(3)).into_bytes();
    tokio::spawn(async move { stdin::read(&input[..], context, sender).await });
    batches.until_end().await;
    assert_eq!(batches.sequences(), [1, 2, 3]);
    let names: Vec<_> = batches.facts.iter().map(|fact| fact.mnemonic.as_str()).collect();
    assert_eq!(names, ["SYSTEM_IN_OOC_STATE", "Y", "Y"]);
    assert_eq!(sums.get().lines, 5);
}
