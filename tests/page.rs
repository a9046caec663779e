//! What people and Prometheus see: the page in a real browser, the metrics under `promtool`, and who is not answered.

use crate::harness::{
    browser::Browser,
    ccxwatch::{Ccxwatch, Site},
    http,
    lines_of_cisco::Says,
    senders,
    smtp::Smtp,
    wait::poll_until,
};
use jiff::Timestamp;
use std::{
    fs,
    io::Write,
    net::IpAddr,
    path::Path,
    process::{Command, Stdio},
};

/// A text that would run if the page took it for markup.
const SCRIPT: &str = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">";

const CLUSTERS: &str = "
[[cluster]]
name = \"berlin\"
release = \"12.5(1)SU2\"
timezone = \"Europe/Berlin\"
[[cluster.node]]
id = \"uccxpub\"
addresses = [\"127.0.0.2\"]
role = \"publisher\"
[[cluster.node]]
id = \"uccxsub\"
addresses = [\"127.0.0.3\"]
role = \"subscriber\"
[[cluster]]
name = \"a-cluster-with-quite-a-long-name-that-somebody-gave-it-in-the-year-2019\"
[[cluster.node]]
id = \"node-with-a-fully-qualified-name.contact-center.example.com\"
addresses = [\"127.0.0.4\"]
[[cluster]]
name = \"<b>quiet</b> & co\"
";

#[expect(clippy::disallowed_methods, reason = "the program under test lives in real time")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// A program that has heard an incident, another, and a hostile line.
fn busy_program(site: &Site) -> Ccxwatch {
    let running = site.start();
    let from = |last: u8| IpAddr::from([127, 0, 0, last]);
    let send = |from: IpAddr, line: String| senders::udp(from, running.udp(), line.as_bytes());
    send(from(2), Says::EnteringShortly.syslog(8_001, "uccxpub", now()));
    send(
        from(4),
        Says::OutOfCompliance.syslog(9, "node-with-a-fully-qualified-name.contact-center.example.com", now()),
    );
    let hostile = Says::OutOfCompliance.syslog(1, "evil", now()).replace("NodeID=evil", &format!("NodeID={SCRIPT}"));
    send(from(9), hostile.replace("license state", SCRIPT));
    for stage in ["countdown_shortly", "out_of_compliance", "unmapped:"] {
        poll_until(stage, || running.page("/api/v1/clusters").contains(stage).then_some(()));
    }
    running
}

#[test]
fn the_metrics_are_clean() {
    let site = Site::new(CLUSTERS);
    let running = busy_program(&site);
    let metrics = running.page("/metrics");
    let mut promtool = Command::new("/usr/bin/promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed by tests/run.sh");
    promtool.stdin.take().expect("it is piped").write_all(metrics.as_bytes()).expect("promtool reads");
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}\n{metrics}", String::from_utf8_lossy(&said));
    for series in [
        "ccxwatch_build_info{",
        "ccxwatch_events_total{",
        "ccxwatch_source_lines_total{",
        "ccxwatch_source_bytes_total{",
        "ccxwatch_store_commit_seconds_count ",
        "ccxwatch_alerts{",
        "ccxwatch_license_stage{",
        "ccxwatch_license_deadline_timestamp_seconds{",
        "ccxwatch_license_enforcement_timestamp_seconds{",
    ] {
        assert!(metrics.lines().any(|line| line.starts_with(series)), "{series} is missing:\n{metrics}");
    }
}

#[test]
fn unknown_facilities_are_one_series() {
    let site = Site::new("");
    let running = site.start();
    for number in 0..500 {
        let line =
            format!("<190>{number}: node: Nov 24 2026 10:45:00.000 UTC : %ZZ_{number}-6-Nothing: %[AppID=x]: text");
        senders::udp(senders::LOCALHOST, running.udp(), line.as_bytes());
        if number % 50 == 49 {
            poll_until("the lines to be counted", || {
                (running.metric_sum("ccxwatch_events_total") >= f64::from(number + 1)).then_some(())
            });
        }
    }
    let metrics = running.page("/metrics");
    let series: Vec<_> = metrics.lines().filter(|line| line.starts_with("ccxwatch_events_total{")).collect();
    assert!(series.len() < 5 && series.iter().any(|line| line.contains("\"other\"")), "{series:?}");
}

#[test]
fn the_page_is_legible_and_runs_no_text_of_a_log() {
    let mail = Smtp::start();
    let site = Site::new(&format!("{CLUSTERS}{}", mail.receiver("team", &["uc-team@example.com"])));
    let running = busy_program(&site);
    mail.wait_for(3);
    poll_until("the notifications to show", || (running.page("/").matches("The line").count() == 3).then_some(()));
    let browser = Browser::start(1280, 900);
    let url = format!("http://{}/", running.web);
    browser.open(&url);
    let title = browser.evaluate("return document.title");
    assert!(title.as_str().is_some_and(|title| title.contains("ccxwatch")), "{title}");
    browser.evaluate(OPEN_ALL);
    let text = browser.evaluate("return document.body.innerText");
    let text = text.as_str().expect("a page has text");
    for seen in
        ["berlin", "a-cluster-with-quite-a-long-name", "<b>quiet</b> & co", "unmapped:_script_", "<script>", "onerror"]
    {
        assert!(text.contains(seen), "{seen:?} is not to be seen in:\n{text}");
    }
    assert_eq!(browser.evaluate("return document.querySelectorAll('img[onerror], td b').length"), 0);
    assert!(!running.page("/").contains("<script>document"), "no text of a log is markup");
    look(&browser, "wide");
    let narrow = Browser::start(500, 900);
    narrow.open(&url);
    narrow.evaluate(OPEN_ALL);
    look(&narrow, "narrow");
}

/// Keeps a picture for people, and looks for text that overlaps other text or is cut off.
fn look(browser: &Browser, name: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let picture = folder.join(format!("page-{name}.png"));
    fs::write(&picture, browser.screenshot()).expect("the picture can be written");
    println!("picture: {}", picture.display());
    let faults = browser.evaluate(OVERLAPS);
    assert_eq!(faults, serde_json::json!([]), "the {name} page; picture: {}", picture.display());
}

/// Mails as a phone and a desktop show them: each reason as the golden files have it. Nothing sticks out, nothing overlaps.
#[test]
fn mails_are_legible_on_a_phone_and_on_a_desktop() {
    let browser = Browser::start(1200, 1000);
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/notify/tests/golden"));
    let mut count = 0;
    for file in fs::read_dir(folder).expect("the folder is there") {
        let file = file.expect("it can be read").path();
        if file.extension().is_none_or(|extension| extension != "html") {
            continue;
        }
        count += 1;
        let name = file.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        for width in [390, 1200] {
            browser.resize(width, 1000);
            browser.open(&format!("file://{}", file.display()));
            let wide = browser.evaluate("return document.documentElement.scrollWidth");
            assert_eq!(wide, serde_json::json!(width), "{name} sticks out");
            look(&browser, &format!("mail-{name}-{width}"));
        }
    }
    assert!(count > 20, "{count} messages");
}

/// Shows what a person sees who opens everything.
const OPEN_ALL: &str = "for (const details of document.querySelectorAll('details')) details.open = true;";

/// The texts of a page that overlap each other, and whatever sticks out of the window.
const OVERLAPS: &str = "
    const isForScreenReaders = (element) => {
        for (; element !== document.body; element = element.parentElement) {
            const box = element.getBoundingClientRect();
            if (getComputedStyle(element).overflow === 'hidden' && box.width <= 1 && box.height <= 1) return true;
        }
        return false;
    };
    const faults = [];
    const boxes = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode;
        const style = getComputedStyle(node.parentElement);
        if (!node.data.trim() || style.visibility === 'hidden' || isForScreenReaders(node.parentElement)) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        for (const box of range.getClientRects()) {
            if (box.width > 2 && box.height > 2) boxes.push([node, box]);
        }
    }
    for (let i = 0; i < boxes.length; i++) {
        for (let j = i + 1; j < boxes.length; j++) {
            const [one, a] = boxes[i], [other, b] = boxes[j];
            const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
            const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
            if (one !== other && width > 2 && height > 4) {
                faults.push(one.data.trim().slice(0, 40) + ' overlaps ' + other.data.trim().slice(0, 40));
            }
        }
    }
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth + 1) faults.push('the page is ' + root.scrollWidth + ' wide in a window of ' + root.clientWidth);
    if (boxes.length < 10) faults.push('hardly any text');
    return faults;
";

#[test]
fn overlapping_text_is_seen() {
    let page = tempfile::tempdir().expect("a temporary directory");
    let file = page.path().join("page.html");
    let words = "<p>some words in a paragraph of their own</p>".repeat(10);
    let browser = Browser::start(800, 600);
    let check = |body: &str, faults: usize| {
        fs::write(&file, format!("<!doctype html><body>{words}{body}</body>")).expect("it can be written");
        browser.open(&format!("file://{}", file.display()));
        let found = browser.evaluate(OVERLAPS);
        assert_eq!(found.as_array().map(Vec::len), Some(faults), "{body}: {found}");
    };
    check("", 0);
    check("<p style='margin-top:-34px'>over the last words</p>", 1);
    check("<p style='width:2000px'>wide</p>", 1);
}

#[test]
fn only_this_host_is_answered() {
    let site = Site::new("[[cluster]]\nname = \"berlin\"\n");
    let running = site.start();
    let check = |path: &str, headers: &str, good: bool| {
        let response = http::request(running.web, "GET", path, headers);
        assert_eq!(response.status == 200, good, "{path} with {headers:?}: {} {}", response.status, response.body);
        assert!(good || !response.body.contains("berlin"), "{}", response.body);
    };
    let host = format!("Host: {}\r\n", running.web);
    let local = format!("Host: localhost:{}\r\n", running.web.port());
    for path in ["/", "/api/v1/clusters", "/api/v1/alerts", "/metrics", "/-/healthy", "/-/ready"] {
        check(path, &host, true);
        check(path, &local, true);
    }
    // A page of somebody else, opened in an administrator's browser, must not read from here (DNS rebinding).
    for path in ["/", "/api/v1/clusters", "/api/v1/alerts"] {
        check(path, "Host: evil.example.com\r\n", false);
        check(path, &format!("{host}Origin: http://{}\r\n", running.web), true);
        // Reading from a page of somebody else is what a browser itself refuses, as long as no answer permits it.
        let foreign = format!("{host}Origin: http://evil.example.com\r\n");
        let response = http::request(running.web, "GET", path, &foreign);
        assert!(!response.head.contains("access-control-"), "{path}: {}", response.head);
        let response = http::request(running.web, "POST", path, &format!("{foreign}Content-Length: 0\r\n"));
        assert_eq!(response.status, 403, "{path}: {}", response.body);
    }
    let page = http::get(running.web, "/");
    for header in ["content-security-policy:", "x-content-type-options: nosniff"] {
        assert!(page.head.contains(header), "{header} is missing: {}", page.head);
    }
}

#[test]
fn it_answers_while_somebody_holds_connections() {
    let site = Site::new("");
    let running = site.start();
    let held: Vec<_> = (0..50).map(|_| std::net::TcpStream::connect(running.web).expect("it listens")).collect();
    assert_eq!(http::get(running.web, "/-/healthy").status, 200);
    drop(held);
    assert!(running.terminate().status.success());
}
