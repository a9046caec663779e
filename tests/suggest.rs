//! A newcomer points boxes at ccxwatch and is told what to put into the configuration.

use crate::harness::{ccxwatch::Site, senders, wait::poll_until};
use std::fs;

#[test]
fn senders_become_clusters() {
    let site = Site::new("");
    let running = site.start();
    senders::udp(
        "127.0.0.9".parse().unwrap(),
        running.udp(),
        b"<189>12: uccxsub: Nov 24 2026 10:45:00.000 UTC : %UC_AUDITLOG-5-X: %[UserID=a]: text",
    );
    senders::udp("127.0.0.10".parse().unwrap(), running.udp(), b"<190>no host");
    let suggest = || {
        let mut command = site.command("check");
        let output = command.arg("--suggest").output().expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("it prints UTF-8")
    };
    let suggested = poll_until("both senders to be suggested", || {
        let suggested = suggest();
        (suggested.matches("[[cluster]]").count() == 2).then_some(suggested)
    });
    for part in ["id = \"uccxsub\"\naddresses = [\"127.0.0.9\"]", "id = \"127.0.0.10\"\naddresses = [\"127.0.0.10\"]"] {
        assert!(suggested.contains(part), "{part} is not in:\n{suggested}");
    }
    drop(running);

    let config = fs::read_to_string(site.config()).expect("the configuration is there");
    site.configure_exactly(&format!("{config}\n{suggested}"));
    let running = site.start();
    senders::udp("127.0.0.10".parse().unwrap(), running.udp(), b"<190>no host");
    poll_until("the sender to be heard", || {
        running.page("/api/v1/clusters").contains("\"last_heard\":\"2").then_some(())
    });
    assert_eq!(suggest(), "# Everybody who was heard is in a cluster.\n");
}
