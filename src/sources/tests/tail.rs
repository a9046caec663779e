use super::{Sums, UNWANTED, context, wanted};
use crate::sources::{
    Batch, Files, Lag, Limits, Position,
    file::{FileSource, Tail},
};
use ccxwatch_alerts::now::Now;
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::Arc,
};
use tempfile::TempDir;

/// A directory, a tail of `*.log` in it, and what has been committed.
pub(super) struct Site {
    directory: TempDir,
    tail: Option<Tail>,
    limits: Limits,
    positions: BTreeMap<String, String>,
    /// Sequence number and whether it was catching up.
    pub(super) applied: Vec<(u64, bool)>,
    polls: i64,
    sums: Arc<Sums>,
}

impl Site {
    pub(super) fn new(limits: Limits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            directory,
            tail: None,
            limits,
            positions: BTreeMap::new(),
            applied: Vec::new(),
            polls: 0,
            sums: Arc::default(),
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn append(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(super) fn cut(&self, name: &str, length: usize) {
        let file = OpenOptions::new().write(true).open(self.path(name)).unwrap();
        file.set_len(length as u64).unwrap();
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// As after `kill -9`: only what was committed is left.
    pub(super) fn restart(&mut self) {
        let positions: Vec<Position> =
            self.positions.iter().map(|(key, json)| Position { key: key.clone(), json: Some(json.clone()) }).collect();
        let pattern = self.path("*.log");
        let source = FileSource::new(pattern.to_str().unwrap(), Some("ucx1".into()), &positions).unwrap();
        let (context, sums) = context(self.limits.clone());
        self.tail = Some(source.tail(context));
        self.sums = sums;
    }

    /// Polls until there is nothing more to read.
    pub(super) fn poll(&mut self) {
        if self.tail.is_none() {
            self.restart();
        }
        loop {
            self.polls += 1;
            let now = Now {
                wall: Timestamp::from_second(1_795_000_000 + self.polls).unwrap(),
                elapsed: SignedDuration::from_millis(250 * self.polls),
            };
            let poll = self.tail.as_mut().unwrap().poll_once(&|| now);
            if let Some(batch) = poll.batch {
                self.commit(batch);
            }
            if !poll.more {
                break;
            }
        }
    }

    fn commit(&mut self, batch: Batch) {
        for fact in batch.facts {
            for _ in 0..fact.copies {
                self.applied.push((fact.sequence.unwrap(), fact.catching_up));
            }
        }
        for Position { key, json } in batch.positions {
            match json {
                Some(json) => self.positions.insert(key, json),
                None => self.positions.remove(&key),
            };
        }
    }

    /// Polls, and the sequence numbers that were applied since the last call.
    pub(super) fn news(&mut self) -> Vec<u64> {
        self.poll();
        let mut news: Vec<u64> = std::mem::take(&mut self.applied).into_iter().map(|(sequence, _)| sequence).collect();
        news.sort_unstable();
        news
    }

    /// Polls until rotated files count as silent.
    fn settle(&mut self) -> Vec<u64> {
        let mut news = Vec::new();
        for _ in 0..=self.limits.quiet_polls {
            news.extend(self.news());
        }
        news
    }
}

/// No sequence number.
const NOTHING: [u64; 0] = [];

fn line(sequence: u64) -> String {
    wanted(sequence) + "\n"
}

fn lines(sequences: impl IntoIterator<Item = u64>) -> String {
    sequences.into_iter().map(line).collect()
}

fn site() -> Site {
    Site::new(Limits { quiet_polls: 3, ..Limits::default() })
}

#[test]
fn grows_by_lines_half_lines_and_half_characters() {
    let mut site = site();
    site.append("a.log", &lines([1, 2]));
    assert_eq!(site.news(), [1, 2]);
    let text = line(3).replace("Out", "Öut");
    let middle = text.find('Ö').unwrap() + 1;
    let mut file = OpenOptions::new().append(true).open(site.path("a.log")).unwrap();
    file.write_all(&text.as_bytes()[..middle]).unwrap();
    assert_eq!(site.settle(), NOTHING);
    file.write_all(&text.as_bytes()[middle..]).unwrap();
    assert_eq!(site.news(), [3]);
    site.append("a.log", &format!("{}\r\n\r\n{UNWANTED}\r\n", wanted(4)));
    assert_eq!(site.news(), [4]);
    assert_eq!(site.settle(), NOTHING);
}

#[test]
fn the_first_start_reads_all_as_a_backlog_and_later_files_live() {
    let mut site = site();
    site.append("a.log", &lines([1, 2]));
    site.poll();
    assert_eq!(std::mem::take(&mut site.applied), [(1, true), (2, true)]);
    site.append("a.log", &line(3));
    site.append("late.log", &line(4));
    site.poll();
    site.applied.sort_unstable();
    assert_eq!(std::mem::take(&mut site.applied), [(3, false), (4, false)]);
    site.restart();
    site.append("b.log", &line(5));
    site.append("c.log", &lines(1000..3000));
    site.poll();
    let (late, live): (Vec<_>, Vec<_>) = site.applied.drain(..).partition(|(_, catching_up)| *catching_up);
    assert_eq!(live, [(5, false)]);
    assert_eq!(late.len(), 2000);
}

#[test]
fn says_how_far_it_is_behind() {
    let site = site();
    site.append("a.log", &lines(1000..1100));
    let pattern = site.path("*.log");
    let source = FileSource::new(pattern.to_str().unwrap(), None, &[]).unwrap();
    let (context, sums) = context(Limits { block_bytes: 4096, ..Limits::default() });
    let mut tail = source.tail(context);
    let at = |seconds| Now { wall: Timestamp::UNIX_EPOCH, elapsed: SignedDuration::from_secs(seconds) };
    let whole = fs::metadata(site.path("a.log")).unwrap().len();
    let mut seconds = 1;
    while tail.poll_once(&|| at(seconds)).more {
        seconds += 1;
    }
    let lags = sums.get().lags;
    assert_eq!(lags[0], Lag { bytes: whole - 4096, behind_since: Some(SignedDuration::from_secs(1)) });
    assert_eq!(lags[1], Lag { bytes: whole - 2 * 4096, behind_since: Some(SignedDuration::from_secs(1)) });
    assert_eq!(lags.last(), Some(&Lag { bytes: 0, behind_since: None }));
    site.append("a.log", &lines(1100..1200));
    tail.poll_once(&|| at(100));
    assert_eq!(sums.get().lags.last().unwrap().behind_since, Some(SignedDuration::from_secs(100)));
    tail.finish(at(101));
    assert_eq!(sums.get().lags.last(), Some(&Lag { bytes: 0, behind_since: None }), "a tail that ended lags no more");
}

#[test]
fn a_restart_goes_on_behind_the_last_applied_line() {
    let mut site = site();
    site.append("a.log", &lines([1, 2]));
    site.append("b.log", &(line(3) + &wanted(4)));
    assert_eq!(site.news(), [1, 2, 3]);
    site.restart();
    assert_eq!(site.news(), NOTHING);
    site.restart();
    site.append("a.log", &line(5));
    site.append("b.log", "\n");
    assert_eq!(site.news(), [4, 5]);
}

#[test]
fn rename_and_create_within_and_out_of_sight() {
    for target in ["a.1.log", "a.log.1"] {
        let mut site = site();
        site.append("a.log", &line(1));
        assert_eq!(site.news(), [1], "{target}");
        site.append("a.log", &line(2));
        site.rename("a.log", target);
        site.append("a.log", &line(3));
        assert_eq!(site.news(), [2, 3], "{target}");
        // The writer has not noticed yet, and dies in the middle of a line.
        site.append(target, &(line(4) + &wanted(5)));
        site.append("a.log", &line(6));
        assert_eq!(site.news(), [4, 6], "{target}");
        assert_eq!(site.settle(), [5], "{target}");
        assert_eq!(site.settle(), NOTHING, "{target}");
    }
}

#[test]
fn a_file_renamed_while_nobody_looked_is_read_to_its_end() {
    for target in ["a.1.log", "a.log.1"] {
        let mut site = site();
        site.append("a.log", &line(1));
        assert_eq!(site.news(), [1]);
        site.append("a.log", &line(2));
        site.rename("a.log", target);
        site.append("a.log", &line(3));
        site.restart();
        assert_eq!(site.news(), [2, 3], "{target}");
        assert_eq!(site.settle(), NOTHING, "{target}");
        site.restart();
        assert_eq!(site.settle(), NOTHING, "{target}");
    }
}

#[test]
fn delete_and_recreate() {
    let mut site = site();
    site.append("a.log", &lines([1, 2]));
    assert_eq!(site.news(), [1, 2]);
    site.append("a.log", &(line(3) + &wanted(4)));
    fs::remove_file(site.path("a.log")).unwrap();
    assert_eq!(site.settle(), [3, 4]);
    // The inode is free now and likely comes again.
    site.append("a.log", &line(5));
    assert_eq!(site.news(), [5]);
    fs::remove_file(site.path("a.log")).unwrap();
    site.append("a.log", &line(6));
    assert_eq!(site.settle(), [6]);
}

#[test]
fn truncated_and_written_anew_to_any_length() {
    for count in [1, 2, 3] {
        let mut site = site();
        site.append("a.log", &lines([11, 12]));
        assert_eq!(site.news(), [11, 12]);
        let new: Vec<u64> = (21..21 + count).collect();
        site.write("a.log", &lines(new.clone()));
        assert_eq!(site.news(), new);
        site.append("a.log", &line(31));
        assert_eq!(site.news(), [31]);
        site.restart();
        assert_eq!(site.news(), NOTHING);
    }
}

#[test]
fn cut_back_to_some_of_its_lines() {
    for kept in [3, 30] {
        let mut site = site();
        site.append("a.log", &lines(10..50));
        assert_eq!(site.news().len(), 40);
        let length = lines(10..10 + kept).len() + 7;
        site.cut("a.log", length);
        assert_eq!(site.settle(), NOTHING);
        assert_eq!(site.settle(), NOTHING);
        site.append("a.log", "\n");
        site.append("a.log", &line(60));
        assert_eq!(site.news(), [60]);
    }
}

#[test]
fn cut_back_and_soon_as_long_as_before() {
    let mut site = site();
    site.append("a.log", &lines(10..50));
    assert_eq!(site.news().len(), 40);
    site.cut("a.log", lines(10..20).len());
    assert_eq!(site.news(), NOTHING);
    site.append("a.log", &lines(60..100));
    assert_eq!(site.news(), (60..100).collect::<Vec<_>>());
}

#[test]
fn collected_again_in_place() {
    let mut site = site();
    let text = lines(10..50);
    site.append("a.log", &text);
    assert_eq!(site.news().len(), 40);
    for seen in [0, 500, 3000] {
        // The name is the same, so is the file, and at first only some of it is there.
        site.write("a.log", &text[..seen]);
        assert_eq!(site.news(), NOTHING);
        site.append("a.log", &text[seen..]);
        assert_eq!(site.news(), NOTHING);
    }
    site.append("a.log", &line(50));
    assert_eq!(site.news(), [50]);
}

#[test]
fn written_anew_to_equal_length_with_an_equal_beginning() {
    let mut site = site();
    site.append("a.log", &lines(10..50));
    assert_eq!(site.news().len(), 40);
    site.write("a.log", &lines((10..49).chain([60])));
    // The look at the time of writing may be too coarse to show it on its own; a longer file shows it for sure.
    site.append("a.log", UNWANTED);
    assert!(site.news().contains(&60));
}

#[test]
fn copied_and_truncated() {
    for copy in ["a.1.log", "a.log.1"] {
        let mut site = site();
        site.append("a.log", &lines(10..40));
        assert_eq!(site.news().len(), 30);
        fs::copy(site.path("a.log"), site.path(copy)).unwrap();
        site.write("a.log", "");
        assert_eq!(site.news(), NOTHING, "{copy}");
        site.append("a.log", &line(50));
        assert_eq!(site.news(), [50], "{copy}");
        assert_eq!(site.settle(), NOTHING, "{copy}");
    }
}

#[test]
fn a_copy_of_a_known_file_counts_only_what_is_new() {
    let mut site = site();
    site.append("a.log", &lines(10..40));
    assert_eq!(site.news().len(), 30);
    fs::remove_file(site.path("a.log")).unwrap();
    assert_eq!(site.settle(), NOTHING);
    site.restart();
    site.write("collected.log", &lines(10..42));
    assert_eq!(site.news(), [40, 41]);
    site.write("collected again.log", &lines(10..20));
    site.write("and again.log", &lines(10..42));
    assert_eq!(site.settle(), NOTHING);
    // A download that is under way, from the first half line on.
    let text = lines(10..44);
    for piece in text.as_bytes().chunks(300) {
        site.append("slow.log", str::from_utf8(piece).unwrap());
        site.poll();
    }
    assert_eq!(site.news(), [42, 43]);
}

#[test]
fn a_ring_overwrites_its_oldest_file() {
    let mut site = site();
    for (name, sequence) in [("Cisco001MCVD1.log", 100), ("Cisco001MCVD2.log", 200)] {
        site.append(name, &lines(sequence..sequence + 20));
    }
    assert_eq!(site.news().len(), 40);
    site.write("Cisco001MCVD1.log", &lines(300..302));
    assert_eq!(site.news(), [300, 301]);
    fs::remove_file(site.path("Cisco001MCVD2.log")).unwrap();
    site.write("Cisco001MCVD2.log", &lines(400..440));
    assert_eq!(site.news(), (400..440).collect::<Vec<_>>());
}

#[test]
fn a_second_name_of_a_file_brings_nothing() {
    let mut site = site();
    site.append("a.log", &lines([1, 2]));
    std::os::unix::fs::symlink(site.path("a.log"), site.path("current.log")).unwrap();
    assert_eq!(site.news(), [1, 2]);
    site.append("a.log", &line(3));
    assert_eq!(site.settle(), [3]);
}

#[test]
fn positions_of_forgotten_files_are_removed() {
    let mut site = Site::new(Limits { quiet_polls: 0, ..Limits::default() });
    for number in 0..10 {
        site.append("a.log", &line(number));
        assert_eq!(site.news(), [number]);
        fs::remove_file(site.path("a.log")).unwrap();
        site.poll();
    }
    assert_eq!(site.positions.len(), 10);
}

#[test]
fn a_pattern_and_positions_are_checked() {
    assert_eq!(
        FileSource::new("/logs/[", None, &[]).unwrap_err().to_string(),
        "/logs/[ is not a path or glob: Pattern syntax error near position 6: invalid range pattern"
    );
    let newer = Position { key: "/logs/a.log".into(), json: Some(r#"{"version":9}"#.into()) };
    assert!(FileSource::new("/logs/*", None, &[newer]).is_err());
}

#[test]
fn more_files_than_descriptors() {
    let mut site = Site::new(Limits { quiet_polls: 3, open_files: 3, files: 12, ..Limits::default() });
    let names: Vec<String> = (0..10).map(|number| format!("{number}.log")).collect();
    let mut sequence = 0;
    for round in 0..5 {
        let mut expected = Vec::new();
        for name in &names {
            sequence += 1;
            site.append(name, &line(sequence));
            expected.push(sequence);
        }
        assert_eq!(site.news(), expected, "round {round}");
        assert_eq!(site.sums.get().files, Some(Files { followed: 10, open: 3, omitted: 0 }));
    }
    // A file without a descriptor is renamed, and another takes its name.
    site.append("0.log", &line(100));
    site.rename("0.log", "11.log");
    site.append("0.log", &line(101));
    site.append("11.log", &line(102));
    assert_eq!(site.settle(), [100, 101, 102]);
    for number in 20..30 {
        site.append(&format!("{number}.log"), &line(number));
    }
    assert_eq!(site.settle(), [20], "what is beyond the limit is not read, and that is said");
    assert_eq!(site.sums.get().files, Some(Files { followed: 12, open: 3, omitted: 9 }));
}

/// The superuser sees everything, so the test takes the rights of nobody, for its own thread.
#[test]
fn a_permission_lost_and_regained_loses_and_repeats_nothing() {
    /// With the rights that the process has: a thread has those of its maker, and may take its own back.
    fn as_owner(work: impl FnOnce() + Send) {
        let work = || {
            if nix::unistd::geteuid().is_root() {
                nix::unistd::setfsuid(nix::unistd::Uid::from_raw(0));
            }
            work();
        };
        std::thread::scope(|scope| scope.spawn(work).join().unwrap());
    }
    let mut site = site();
    let (directory, file) = (site.path(""), site.path("a.log"));
    let allow = |mode| as_owner(|| fs::set_permissions(&directory, fs::Permissions::from_mode(mode)).unwrap());
    let append = |sequence| {
        as_owner(|| {
            let mut file = OpenOptions::new().append(true).open(&file).unwrap();
            file.write_all(line(sequence).as_bytes()).unwrap();
        });
    };
    site.append("a.log", &lines([1, 2]));
    allow(0o755);
    assert_eq!(site.news(), [1, 2]);
    if nix::unistd::geteuid().is_root() {
        nix::unistd::setfsuid(nix::unistd::Uid::from_raw(65_534));
    }
    append(3);
    assert_eq!(site.news(), [3]);
    allow(0o700);
    assert!(!nix::unistd::geteuid().is_root() || fs::read_dir(&directory).is_err(), "it is lost");
    // Only the owner, who writes, gets at it.
    append(4);
    let hidden = site.settle();
    allow(0o755);
    append(5);
    assert_eq!([hidden, site.settle()].concat(), [4, 5]);
    assert_eq!(site.settle(), NOTHING);
}
