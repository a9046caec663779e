//! What a person meets who has something wrong: one clear message with its place, the documented exit code, nothing half
//! started.

use crate::harness::ccxwatch::{Ccxwatch, Site, program};
use std::{
    fs,
    net::{TcpListener, UdpSocket},
    process::Command,
};

const OK: i32 = 0;
const USAGE: i32 = 2;
const CONFIGURATION: i32 = 3;
const ADDRESS: i32 = 4;
const DATA: i32 = 5;
const INPUT: i32 = 6;
const CONTROL: i32 = 7;

/// Runs a command to its end: its exit code, its standard output, its standard error.
fn run(mut command: Command) -> (i32, String, String) {
    let output = command.output().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
    let code = output.status.code().unwrap_or_else(|| panic!("{command:?}: {}", output.status));
    (code, text(output.stdout), text(output.stderr))
}

/// `run` must not start: this exit code, and one line that holds all of `parts`.
#[track_caller]
fn check_start(site: &Site, code: i32, parts: &[&str]) {
    let ended = match Ccxwatch::start(site.command("run")) {
        Ok(running) => panic!("it started:\n{}", running.output.all().join("\n")),
        Err(ended) => ended,
    };
    let said = ended.output.join("\n");
    assert_eq!(ended.status.code(), Some(code), "{said}");
    assert_eq!(ended.output.len(), 1, "one message, and nothing half started:\n{said}");
    check_parts(&said, parts);
}

#[track_caller]
fn check_parts(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
}

/// A wrong configuration: `run` and `check` say the same, and no data directory appears.
#[track_caller]
fn check_configuration(text: &str, parts: &[&str]) {
    let site = Site::new("");
    site.configure_exactly(text);
    check_start(&site, CONFIGURATION, parts);
    assert!(!site.path().join("ccxwatch-data").exists() && !site.data().exists(), "no data directory for {text:?}");
    let (code, output, said) = run(site.command("check"));
    assert_eq!((code, output.as_str()), (CONFIGURATION, ""), "{said}");
    check_parts(&said, parts);
    assert_eq!(said.lines().count(), 1, "one message: {said}");
}

#[test]
fn a_wrong_configuration_is_said_with_its_place() {
    check_configuration(
        "[license]\nmerge_tolerence = \"5m\"\n",
        &["ccxwatch.toml:2:1", "merge_tolerence", "merge_tolerance"],
    );
    check_configuration("[lisense]\n", &["ccxwatch.toml:1:2", "lisense"]);
    check_configuration("[web]\nlisten = 9914\n", &["ccxwatch.toml:2:10"]);
    check_configuration("[license]\nlate_after = \"soon\"\n", &["ccxwatch.toml:2:14"]);
    check_configuration("[web\n", &["ccxwatch.toml:1:"]);
    check_configuration("[web]\nlisten = \"loopback:9914\"\n", &["ccxwatch.toml:2:10"]);
    check_configuration(
        "[[cluster]]\nname = \"berlin\"\n[[cluster]]\nname = \"berlin\"\n",
        &["ccxwatch.toml:4:8", "\"berlin\"", "twice"],
    );
    check_configuration(
        "[[cluster]]\nname = \"berlin\"\ntimezone = \"Europe/Berln\"\n",
        &["ccxwatch.toml:3:12", "Europe/Berln", "IANA"],
    );
    check_configuration(
        "[[sources.udp]]\nlisten = \"0.0.0.0:0\"\n",
        &["ccxwatch.toml:2:10", "0.0.0.0:0", "allowed_senders"],
    );
    check_configuration("[[sources.tcp]]\nlisten = \"[::]:0\"\n", &["ccxwatch.toml:2:10", "allowed_senders"]);
    check_configuration(
        "[[sources.file]]\npath = \"/var/log/*.log\"\nnode = \"nobody\"\n",
        &["ccxwatch.toml:3:8", "\"nobody\"", "[[cluster]]"],
    );
}

#[test]
fn a_configuration_that_cannot_be_read_is_named() {
    let site = Site::new("");
    fs::remove_file(site.config()).expect("it is there");
    check_start(&site, CONFIGURATION, &["ccxwatch.toml", "No such file"]);
    fs::create_dir(site.config()).expect("the name is free");
    check_start(&site, CONFIGURATION, &["ccxwatch.toml", "directory"]);
    fs::remove_dir(site.config()).expect("it is there");
    fs::write(site.config(), b"[web]\n# \xff\n").expect("it can be written");
    check_start(&site, CONFIGURATION, &["ccxwatch.toml", "UTF-8"]);
}

#[test]
fn an_address_in_use_is_named() {
    let tcp_holder = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let udp_holder = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let tcp_busy = tcp_holder.local_addr().expect("it is bound").to_string();
    let udp_busy = udp_holder.local_addr().expect("it is bound").to_string();
    let free = "127.0.0.1:0";
    let cases =
        [("udp", [&udp_busy, free, free]), ("tcp", [free, &tcp_busy, free]), ("page", [free, free, tcp_busy.as_str()])];
    for (what, [udp, tcp, web]) in cases {
        let site = Site::new("");
        site.configure_exactly(&format!(
            "[sources]\nudp = [{{ listen = \"{udp}\" }}]\ntcp = [{{ listen = \"{tcp}\" }}]\n[web]\nlisten = \"{web}\"\n\
             [store]\npath = \"{{DIR}}/data\"\n"
        ));
        let busy = if what == "udp" { &udp_busy } else { &tcp_busy };
        check_start(&site, ADDRESS, &[busy, "in use"]);
        // Nothing half started keeps the data directory: the next start has it.
        site.configure("");
        site.start();
    }
}

#[test]
fn an_address_that_is_not_ours_is_named() {
    let site = Site::new("");
    // 192.0.2.1 is for documentation; no machine has it.
    site.configure_exactly(
        "[web]\nlisten = \"192.0.2.1:9914\"\n[store]\npath = \"{DIR}/data\"\n[sources]\nudp = []\ntcp = []\n",
    );
    check_start(&site, ADDRESS, &["192.0.2.1:9914"]);
}

#[test]
fn a_data_directory_that_cannot_be_used_is_named() {
    let site = Site::new("");
    let file = site.path().join("a-file");
    fs::write(&file, "").expect("it can be written");
    for path in ["{DIR}/a-file", "{DIR}/a-file/data", "/proc/ccxwatch"] {
        site.configure_exactly(&format!(
            "[sources]\nudp = [{{ listen = \"127.0.0.1:0\" }}]\ntcp = []\n[web]\nlisten = \"127.0.0.1:0\"\n\
             [store]\npath = \"{path}\"\n"
        ));
        check_start(&site, DATA, &[&path.replace("{DIR}", &site.path().display().to_string())]);
    }
    assert_eq!(fs::read(&file).expect("it is there"), b"", "the file in the way is left as it was");
}

#[test]
fn a_second_process_on_the_same_data_is_refused_and_the_first_goes_on() {
    let site = Site::new("");
    let first = site.start();
    let data = site.data().display().to_string();
    check_start(&site, DATA, &[&data, &first.id().to_string()]);
    assert!(first.page("/-/healthy").to_lowercase().contains("healthy"));
    first.kill();
    // The lock ends with its process, however that ended.
    let third = site.start();
    assert!(third.terminate().status.success());
}

#[test]
fn a_signal_ends_it_in_order_from_the_moment_that_it_is_ready() {
    let site = Site::new("");
    for _ in 0..20 {
        let ended = site.start().terminate();
        assert_eq!(ended.status.code(), Some(OK), "{ended:?}");
    }
}

#[test]
fn input_that_cannot_be_read_is_named() {
    let site = Site::new("");
    for command in ["parse", "replay"] {
        let mut missing = program();
        missing.arg(command).arg(site.path().join("missing.log"));
        let (code, output, said) = run(missing);
        assert_eq!((code, output.as_str()), (INPUT, ""), "{command}: {said}");
        check_parts(&said, &["missing.log", "No such file"]);
    }
    let rows = site.path().join("rows.jsonl");
    let bad = [
        ("{\"at\": \"yesterday\"}", "line 1"),
        ("{\"at\": \"2026-11-24T10:00:00Z\"}\n\n{\"at\": \"2026-11-24T10:00:00Z\", \"sauce\": \"udp\"}", "line 3"),
        ("{\"at\": \"2026-11-24T10:00:00Z\", \"source\": \"udp\", \"raw_base64\": \"%\"}", "line 1"),
    ];
    for (text, place) in bad {
        fs::write(&rows, text).expect("it can be written");
        let mut replay = program();
        replay.arg("replay").arg(&rows);
        let (code, output, said) = run(replay);
        assert_eq!((code, output.as_str()), (INPUT, ""), "{text}: {said}");
        check_parts(&said, &["rows.jsonl", place]);
    }
}

#[test]
fn wrong_arguments_are_a_usage_error() {
    for arguments in [&["walk"][..], &["run", "--confg", "x"], &["replay"], &[]] {
        let mut command = program();
        command.args(arguments);
        let (code, output, said) = run(command);
        assert_eq!((code, output.as_str()), (USAGE, ""), "{arguments:?}: {said}");
        assert!(said.contains("Usage"), "{said}");
    }
}

#[test]
fn no_running_process_is_said() {
    let site = Site::new("");
    let (code, output, said) = run(site.command("alerts"));
    assert_eq!((code, output.as_str()), (CONTROL, ""), "{said}");
    check_parts(&said, &["ccxwatch run"]);
}

#[test]
fn the_help_lists_every_exit_code() {
    let mut help = program();
    help.arg("--help");
    let (code, output, _) = run(help);
    assert_eq!(code, OK);
    for code in [OK, 1, USAGE, CONFIGURATION, ADDRESS, DATA, INPUT, CONTROL] {
        assert!(output.lines().any(|line| line.trim_start().starts_with(&format!("{code}  "))), "{code}: {output}");
    }
}

#[test]
fn the_printed_default_is_a_configuration() {
    let mut default = program();
    default.args(["check", "--default"]);
    let (code, output, said) = run(default);
    assert_eq!(code, OK, "{said}");
    let site = Site::new("");
    site.configure_exactly(&output);
    let (code, _, said) = run(site.command("check"));
    assert_eq!(code, OK, "{said}");
}

#[test]
fn a_secret_is_never_printed() {
    let site = Site::new(
        "[[receiver]]\nname = \"team\"\ntype = \"email\"\nfrom = \"a@example.com\"\nto = [\"b@example.com\"]\n\
         username = \"ccxwatch\"\npassword_env = \"CCXWATCH_TEST_PASSWORD\"\n",
    );
    for options in [&[][..], &["--json"]] {
        let mut check = site.command("check");
        check.args(options).env("CCXWATCH_TEST_PASSWORD", "hunter-2-hunter");
        let (code, output, said) = run(check);
        assert_eq!(code, OK, "{said}");
        assert!(output.contains("CCXWATCH_TEST_PASSWORD"), "the effective configuration is printed: {output}");
        assert!(!output.contains("hunter-2") && !said.contains("hunter-2"), "{output}{said}");
    }
}
