//! `ccxwatch run --demo`: an incident in half a minute, through a real UDP socket and a really tailed file.
//!
//! Nothing is faked but the box: its trace arrives half an hour late, as a collected one does, so the 45 minutes of its
//! first line have 15 left when the first syslog line comes.

use crate::{
    cli::{Failure, run::run_process},
    clock,
    config::{self, Config},
    process::Bound,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use std::{
    fs::OpenOptions,
    io::{self, Write},
    net::{SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    time::Duration,
};

const NODE: &str = "uccx-demo";

/// Runs the demonstration until Ctrl-C.
pub(crate) fn run() -> Result<(), Failure> {
    let directory = Directory::make().map_err(Failure::running)?;
    let trace = directory.0.join("Cisco001MCVD001.log");
    let config = configuration(&directory.0, &trace)?;
    println!("demo: an incident of 45 minutes in half a minute; look at the page meanwhile, end with Ctrl-C");
    run_process(config, None, |bound| {
        let syslog = bound.udp.first().copied();
        if let Some(syslog) = syslog {
            tokio::spawn(async move {
                if let Err(error) = incident(&trace, syslog).await {
                    tracing::error!(%error, "the demo's incident could not be played");
                }
            });
        }
        announce(bound);
    })
}

fn announce(bound: &Bound) {
    println!("demo: page http://{0}/  metrics http://{0}/metrics", bound.web);
}

fn configuration(directory: &Path, trace: &Path) -> Result<Config, Failure> {
    let text = format!(
        "[store]\npath = {data}\n[[cluster]]\nname = \"demo\"\nrelease = \"12.5(1)SU2\"\n[[cluster.node]]\nid = {NODE:?}\n\
         addresses = [\"127.0.0.1\"]\nrole = \"publisher\"\n[[sources.file]]\npath = {trace}\nnode = {NODE:?}\n",
        data = toml::Value::String(directory.join("data").display().to_string()),
        trace = toml::Value::String(trace.display().to_string()),
    );
    Ok(config::parse(&text, "the demo's configuration")?)
}

/// Each moment waits for its time, not for an event: this is the show.
async fn incident(trace: &Path, syslog: SocketAddr) -> io::Result<()> {
    let socket = UdpSocket::bind((syslog.ip(), 0))?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    say("the trace of half an hour ago is collected: out of compliance in 45 minutes from then");
    let half_an_hour_ago = clock::wall() - SignedDuration::from_mins(30);
    let stamp =
        jiff::fmt::strtime::format("%b %d %H:%M:%S.%3f UTC", &half_an_hour_ago.to_zoned_datetime(TimeZone::UTC))
            .map_err(io::Error::other)?;
    let line = format!(
        "1207: {stamp} %MCVD-LIB_LICENSE-1-SYSTEM_TO_ENTER_OOC_STATE: [REPORT_ENTITLE] \
         demo Too few licenses.: This demo will enter Out of Compliance state in =45 minutes\n"
    );
    OpenOptions::new().create(true).append(true).open(trace)?.write_all(line.as_bytes())?;

    tokio::time::sleep(Duration::from_secs(12)).await;
    say("syslog: out of compliance in 15 minutes");
    let tag = "[The time remaining to enter OOC state=15 minutes]";
    socket.send_to(alarm(184, 8003, 0, "SYSTEM_TO_ENTER_OOC_STATE_SHORTLY", tag)?.as_bytes(), syslog)?;

    tokio::time::sleep(Duration::from_secs(12)).await;
    say("syslog: out of compliance");
    socket.send_to(alarm(185, 8004, 1, "SYSTEM_IN_OOC_STATE", "")?.as_bytes(), syslog)?;
    Ok(())
}

fn alarm(pri: u8, sequence: u32, severity: u8, mnemonic: &str, tag: &str) -> io::Result<String> {
    let now: Timestamp = clock::wall();
    let stamp = jiff::fmt::strtime::format("%b %d %Y %H:%M:%S.%3f UTC", &now.to_zoned_datetime(TimeZone::UTC))
        .map_err(io::Error::other)?;
    Ok(format!(
        "<{pri}>{sequence}: {NODE}: {stamp} : %UC_LIB_LICENSE-{severity}-{mnemonic}: \
         %{tag}[AppID=Cisco Unified CCX Cluster View Daemon][ClusterID=][NodeID={NODE}]: demo"
    ))
}

fn say(what: &str) {
    println!("demo: {what}");
}

/// A directory of the demonstration's own, removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn make() -> io::Result<Self> {
        let name = format!("ccxwatch-demo-{}-{}", std::process::id(), clock::wall().as_millisecond());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
