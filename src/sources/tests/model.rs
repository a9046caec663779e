//! Random scripts against a small model of what can be known of files.

use super::tail::Site;
use crate::sources::{Limits, tests::wanted};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    io::Write as _,
};

/// Scripts of a normal run; `CCXWATCH_TAIL_SCRIPTS` asks for more.
const SCRIPTS: u64 = 300;
/// Numbers of so many digits that no half line looks like one.
const FIRST: u64 = 1_000_000;

#[test]
fn every_knowable_line_is_applied_exactly_once() {
    let scripts = std::env::var("CCXWATCH_TAIL_SCRIPTS").ok().and_then(|count| count.parse().ok()).unwrap_or(SCRIPTS);
    for seed in 1..=scripts {
        let mut model = Model::new(seed);
        model.run();
        model.check(seed);
    }
}

/// A file as the model sees it.
#[derive(Clone, Debug, Default)]
struct Node {
    /// Its whole lines.
    lines: Vec<u64>,
    /// A line that was begun, and how much of it was written.
    half: Option<(u64, usize)>,
    /// The tail has it open.
    open: bool,
    /// The tail has stored a position of it.
    stored: bool,
}

impl Node {
    fn text(&self) -> String {
        let mut text: String = self.lines.iter().map(|number| line(*number)).collect();
        if let Some((number, length)) = self.half {
            text.push_str(&line(number)[..length]);
        }
        text
    }
}

struct Model {
    site: Site,
    random: u64,
    script: String,
    /// The files that the glob finds.
    seen: BTreeMap<String, Node>,
    /// The files beside them.
    beside: BTreeMap<String, Node>,
    /// Deleted files that the tail may still have open.
    deleted: Vec<Node>,
    /// Lines that were there at a look.
    read: BTreeSet<u64>,
    /// Lines that were written as a whole, and not lost where nobody can know them.
    knowable: BTreeSet<u64>,
    /// Lines of which only a part was ever there in one place: they may appear once or never.
    broken: BTreeSet<u64>,
    next: u64,
}

impl Model {
    fn new(seed: u64) -> Self {
        let block_bytes = if seed.is_multiple_of(2) { 600 } else { 64 * 1024 };
        Self {
            site: Site::new(Limits { quiet_polls: 3, block_bytes, ..Limits::default() }),
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            script: String::new(),
            seen: BTreeMap::new(),
            beside: BTreeMap::new(),
            deleted: Vec::new(),
            read: BTreeSet::new(),
            knowable: BTreeSet::new(),
            broken: BTreeSet::new(),
            next: FIRST,
        }
    }

    /// Less than `below`.
    fn roll(&mut self, below: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random >> 33).unwrap() % below
    }

    fn run(&mut self) {
        for _ in 0..30 {
            let live = if self.roll(4) == 0 { "other.log" } else { "live.log" };
            match self.roll(22) {
                0..=6 => self.append(live),
                7..=8 => self.append_half(live),
                9..=13 => self.poll(),
                14 => self.rotate(live, true),
                15 => self.rotate(live, false),
                16 => self.copy_and_truncate(live),
                17 => self.delete(live),
                18 => self.collect(live),
                19 => self.cut(live),
                20 => self.collect_in_place(live),
                _ => self.restart(),
            }
        }
        for _ in 0..12 {
            self.poll();
        }
    }

    fn log(&mut self, what: &str, name: &str) {
        writeln!(self.script, "{what} {name}").unwrap();
    }

    fn append(&mut self, name: &str) {
        let count = 1 + self.roll(6);
        let node = self.seen.entry(name.to_owned()).or_default();
        let mut text = String::new();
        if let Some((number, length)) = node.half.take() {
            text.push_str(&line(number)[length..]);
            node.lines.push(number);
            if !self.broken.contains(&number) {
                self.knowable.insert(number);
            }
        }
        for _ in 0..count {
            text.push_str(&line(self.next));
            node.lines.push(self.next);
            self.knowable.insert(self.next);
            self.next += 1;
        }
        self.site.append(name, &text);
        self.log("append", &format!("{name} {count} to {}", self.next - 1));
    }

    fn append_half(&mut self, name: &str) {
        self.append(name);
        let number = self.next;
        self.next += 1;
        let length = 1 + self.roll(line(number).len() - 1);
        self.site.append(name, &line(number)[..length]);
        if let Some(node) = self.seen.get_mut(name) {
            node.half = Some((number, length));
        }
        self.log("half", &format!("{name} {number} {length}"));
    }

    fn poll(&mut self) {
        self.site.poll();
        let reachable = self.seen.values_mut().chain(self.beside.values_mut().filter(|node| node.open || node.stored));
        for node in reachable {
            node.open = true;
            node.stored |= !node.lines.is_empty();
            self.read.extend(&node.lines);
        }
        for node in self.deleted.drain(..) {
            self.read.extend(node.lines);
        }
        self.log("poll", "");
    }

    /// Kills the process.
    fn restart(&mut self) {
        self.site.restart();
        for node in std::mem::take(&mut self.deleted) {
            self.lose(&node.lines);
        }
        self.seen.values_mut().for_each(|node| node.open = false);
        let lost: Vec<u64> = self
            .beside
            .values_mut()
            .filter_map(|node| {
                node.open = false;
                (!node.stored).then(|| node.lines.clone())
            })
            .flatten()
            .collect();
        self.lose(&lost);
        self.log("restart", "");
    }

    /// These lines are nowhere any more: what was not read is not known.
    fn lose(&mut self, lines: &[u64]) {
        for number in lines {
            let elsewhere = self.seen.values().any(|node| node.lines.contains(number));
            if !self.read.contains(number) && !elsewhere && self.knowable.remove(number) {
                self.broken.insert(*number);
            }
        }
    }

    fn rotate(&mut self, name: &str, in_sight: bool) {
        let Some(mut node) = self.seen.remove(name) else { return };
        self.break_half(&mut node);
        let target = self.new_name(name, in_sight);
        self.site.rename(name, &target);
        self.log("rename", &format!("{name} {target}"));
        if in_sight {
            self.seen.insert(target, node);
        } else {
            // The store names one place of a file. Where there is a copy it may be the copy's, and a rename is not found.
            node.stored &= !self.has_copy(&node);
            if !node.open && !node.stored {
                self.lose(&node.lines);
            }
            self.beside.insert(target, node);
        }
    }

    fn has_copy(&self, node: &Node) -> bool {
        self.seen.values().any(|other| other.lines.first() == node.lines.first())
    }

    fn new_name(&mut self, name: &str, in_sight: bool) -> String {
        self.next += 1;
        format!("{name}.{}{}", self.next, if in_sight { ".log" } else { "" })
    }

    /// The writer goes on elsewhere: half a line stays one.
    fn break_half(&mut self, node: &mut Node) {
        if let Some((number, _)) = node.half {
            self.broken.insert(number);
        }
    }

    fn copy_and_truncate(&mut self, name: &str) {
        let Some(mut node) = self.seen.get(name).cloned() else { return };
        self.break_half(&mut node);
        let in_sight = self.roll(2) == 0;
        let target = self.new_name(name, in_sight);
        fs::copy(self.site.path(name), self.site.path(&target)).unwrap();
        self.site.write(name, "");
        let old = self.seen.insert(name.to_owned(), Node { half: node.half, open: node.open, ..Node::default() });
        // What is written next completes the half line: in the file it begins with its rest.
        if let Some(node) = self.seen.get_mut(name) {
            node.half = None;
        }
        self.log("copy and truncate", &format!("{name} {target}"));
        if in_sight {
            self.seen.insert(target, Node { open: false, ..node });
        } else {
            self.lose(&old.unwrap_or_default().lines);
        }
    }

    fn delete(&mut self, name: &str) {
        let Some(mut node) = self.seen.remove(name) else { return };
        self.break_half(&mut node);
        fs::remove_file(self.site.path(name)).unwrap();
        if node.open {
            self.deleted.push(node);
        } else {
            self.lose(&node.lines);
        }
        self.log("delete", name);
    }

    /// A copy of a file arrives under another name, piece by piece.
    fn collect(&mut self, name: &str) {
        let Some(node) = self.seen.get(name).cloned() else { return };
        if let Some((number, _)) = node.half {
            self.broken.insert(number);
            self.knowable.remove(&number);
        }
        let target = format!("collected.{}.log", self.next);
        self.next += 1;
        self.log("collect", &format!("{name} {target}"));
        self.arrive(&target, &node.text());
        self.seen.insert(target, Node { half: None, open: false, ..node });
    }

    /// The same file is copied to its place once more, piece by piece.
    fn collect_in_place(&mut self, name: &str) {
        let Some(node) = self.seen.get(name).cloned() else { return };
        if node.lines.is_empty() {
            return;
        }
        self.log("collect in place", name);
        self.site.write(name, "");
        self.arrive(name, &node.text());
    }

    fn arrive(&mut self, target: &str, text: &str) {
        let piece = 50 + self.roll(600);
        let look = self.roll(3) == 0;
        let file = fs::OpenOptions::new().create(true).append(true).open(self.site.path(target));
        let mut file = file.unwrap();
        for piece in text.as_bytes().chunks(piece) {
            file.write_all(piece).unwrap();
            if look {
                self.site.poll();
            }
        }
        if look {
            self.poll();
        }
    }

    /// The file loses its last lines.
    fn cut(&mut self, name: &str) {
        let Some(mut node) = self.seen.remove(name) else { return };
        // Cut and longer again between two looks cannot be told from growth: both are seen.
        // Of a copy of it, nobody can tell which of its lines are new then.
        if !node.open || self.has_copy(&node) {
            self.seen.insert(name.to_owned(), node);
            return;
        }
        self.poll();
        self.break_half(&mut node);
        node.half = None;
        let kept = self.roll(node.lines.len() + 1);
        let lost = node.lines.split_off(kept);
        node.stored &= kept > 0;
        self.site.cut(name, node.text().len());
        self.seen.insert(name.to_owned(), node);
        self.lose(&lost);
        self.log("cut", &format!("{name} to {kept} lines"));
        // For a second it may be a copy that is under way.
        for _ in 0..6 {
            self.poll();
        }
    }

    fn check(&self, seed: u64) {
        let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
        for (number, _) in &self.site.applied {
            *counts.entry(*number).or_default() += 1;
        }
        let count = |number: &u64| counts.get(number).copied().unwrap_or(0);
        let wrong: Vec<(u64, usize)> = self
            .knowable
            .iter()
            .filter(|number| count(number) != 1)
            .chain(self.broken.iter().filter(|number| count(number) > 1))
            .map(|number| (*number, count(number)))
            .collect();
        assert!(wrong.is_empty(), "script {seed}: applied not once: {wrong:?}\n{}", self.script);
    }
}

fn line(number: u64) -> String {
    wanted(number) + "\n"
}
