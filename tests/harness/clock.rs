//! A clock that the test moves, in the real program: hours of a scenario pass while the program works in real time.

use jiff::{SignedDuration, Timestamp};
use nix::time::{ClockId, clock_gettime};
use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
};

/// The clock of one or more processes.
pub(crate) struct MovedClock {
    library: PathBuf,
    file: PathBuf,
    wall: SignedDuration,
    elapsed: SignedDuration,
}

impl MovedClock {
    /// A clock that shows the real time, kept in `directory`.
    pub(crate) fn new(directory: &Path) -> Self {
        let library = directory.join("clock_shift.so");
        let output = Command::new("/usr/bin/cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(&library)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/harness/clock_shift.c"))
            .output()
            .expect("cc is installed by tests/run.sh");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let clock = Self {
            library,
            file: directory.join("clock_shift"),
            wall: SignedDuration::ZERO,
            elapsed: SignedDuration::ZERO,
        };
        fs::write(&clock.file, [0; 16]).expect("the clock's file can be written");
        clock
    }

    /// Lets a command, once started, live by this clock.
    pub(crate) fn govern(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("CCXWATCH_TEST_CLOCK", &self.file);
    }

    /// What the wall clock shows.
    #[expect(clippy::disallowed_methods, reason = "the moved clock is the real one and a shift")]
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now() + self.wall
    }

    /// Lets time pass, on both clocks.
    pub(crate) fn advance(&mut self, by: SignedDuration) {
        self.wall += by;
        self.elapsed += by;
        self.write();
    }

    /// Lets both clocks show a moment of a scenario: the wall clock that time, the other one the time since `start`, which
    /// [`MovedClock::elapsed`] gave. The real time that has passed meanwhile is part of the moment, so that neither clock goes
    /// back where the scenario does not.
    pub(crate) fn set(&mut self, wall: Timestamp, start: SignedDuration, since_start: SignedDuration) {
        let real_time = SignedDuration::ZERO..SignedDuration::from_secs(2);
        let behind = self.now().duration_since(wall);
        if !real_time.contains(&behind) {
            self.wall -= behind;
        }
        let missing = start + since_start - self.elapsed();
        if missing.is_positive() {
            self.elapsed += missing;
        }
        self.write();
    }

    /// What the clock shows that goes on while a machine is suspended.
    pub(crate) fn elapsed(&self) -> SignedDuration {
        let time = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("Linux has it");
        let nanoseconds = i32::try_from(time.tv_nsec()).expect("less than a second");
        SignedDuration::new(time.tv_sec(), nanoseconds) + self.elapsed
    }

    fn write(&self) {
        let nanoseconds =
            |shift: SignedDuration| i64::try_from(shift.as_nanos()).expect("a test spans less than centuries");
        let shifts = [nanoseconds(self.wall).to_ne_bytes(), nanoseconds(self.elapsed).to_ne_bytes()].concat();
        let file = File::options().write(true).open(&self.file).expect("the clock's file is there");
        file.write_all_at(&shifts, 0).expect("the clock's file can be written");
    }
}
