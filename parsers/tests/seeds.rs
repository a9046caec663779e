//! Writes the seeds of the fuzz targets into `fuzz/corpus` when `FUZZ_SEEDS` is set, and always runs the targets over them.

mod common;

use std::{fs, path::Path};

use ccxwatch_parsers::testing::{corpus::corpus, fuzz};

const FILES: [&str; 7] =
    ["ciscosyslog.log", "ios.log", "mcvd.log", "mivr.log", "rtmt-alerts.log", "sister-ccbu.log", "wire.log"];

/// What broke other syslog parsers: counts that are huge, zero, negative or have leading zeros, digits without end, numbers that
/// overflow in the PRI, headers that stop in the middle, controls where text is expected.
fn known_shapes() -> Vec<Vec<u8>> {
    let mut shapes: Vec<Vec<u8>> = [
        &b"99999999999999999999 <1>x"[..],
        b"4294967296 <1>x",
        b"2147483647 <1>x",
        b"-1 <1>x",
        b"0 <1>x",
        b"007 <1>abcd",
        b"10 <1>abcdefg10 <1>abcdefg",
        b"10 <1>abcdefg\n<2>line\n7 <3>abcd",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"<99999999999999999999>x",
        b"<-1>x",
        b"<256>1 - - - - - -",
        b"<13>1 2003-10-11T22:14:15",
        b"<189>4294967296: h: ",
        b"<189>99999999999999999999: ",
        b"<189>1: : *",
        b"<189>1: h: Jul 05 2016 04:03:01 PM.",
        b"<189>1: h: Jul 05 2016 04:03:01.",
        b"<189>1: h: Feb 29 23:59:60 UTC : %UC_A-1-B: %[",
        b"<189>1: h: --- 00 0000 00:00:00.000 ---: %A-1-B: x",
        b"%UC_A-1-B: %[a=[b][c=\\]][d",
        b"x\r\nBcc: y\0\x1b[31m",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    shapes.push(b"[".repeat(4000));
    shapes.push(b"9".repeat(4000));
    shapes
}

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = known_shapes();
    seeds.extend(corpus(3, 60).split(|&byte| byte == b'\n').map(<[u8]>::to_vec));
    for file in FILES {
        let Some(content) = common::shared(&format!("samples/{file}")) else { continue };
        seeds.extend(content.split(|&byte| byte == b'\n').map(<[u8]>::to_vec));
    }
    seeds
}

/// A target's name, its body, and the seeds in the form that it takes.
type Target = (&'static str, fn(&[u8]), Vec<Vec<u8>>);

fn targets() -> Vec<Target> {
    let seeds = seeds();
    let modes = seeds.iter().enumerate().map(|(at, seed)| {
        let mode = u8::try_from(at % 4).unwrap_or(0);
        [&[mode, 200, 3], &seed[..], b"\n", &seed[..]].concat()
    });
    let stamps = seeds.iter().flat_map(|seed| {
        seed.windows(5)
            .enumerate()
            .filter(|(_, window)| window[0].is_ascii_uppercase() && window[3] == b' ')
            .map(|(at, _)| seed[at..seed.len().min(at + 40)].to_vec())
    });
    let header = b"Time Stamp,Alert Type,Alert Name,Alert Message,Monitored Object Name,Severity,PollValue,Action,Node ID,Group ID\n";
    let rows =
        seeds.iter().map(|seed| [&header[..], b"1601977332000,2,Name,", &seed[..], b",o,2,0,Default,n,g"].concat());
    vec![
        ("frames", fuzz::frames, modes.collect()),
        ("stamps", fuzz::stamps, stamps.collect()),
        ("alert_logs", fuzz::alert_logs, rows.collect()),
        ("bodies", fuzz::bodies, seeds.clone()),
        ("records", fuzz::records, seeds),
    ]
}

#[test]
fn every_target_holds_on_its_seeds() {
    for (name, target, seeds) in targets() {
        assert!(!seeds.is_empty());
        for seed in &seeds {
            target(seed);
        }
        if std::env::var_os("FUZZ_SEEDS").is_some() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
            fs::create_dir_all(&folder).expect("the folder of the seeds");
            for (number, seed) in seeds.iter().enumerate() {
                fs::write(folder.join(format!("seed-{number:04}")), seed).expect("a seed");
            }
        }
    }
}
