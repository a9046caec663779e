//! Which patterns a line can meet, by its facility, mnemonic and severity, without looking at each.

use super::{Glob, Pattern};
use ccxwatch_parsers::severity::Severity;
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// The longest name that is looked up; a longer one is a candidate for patterns with `*` only.
const NAME_MAX: usize = 128;
/// The largest compiled set of name patterns, in bytes.
const SIZE_MAX: usize = 64 * 1024 * 1024;

/// What the first look at a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstLook {
    /// No rule can want it.
    Nothing,
    /// A rule may want it whatever its text is.
    Wanted,
    /// A rule may want it where an expression finds something.
    IfFound,
}

/// The severities of some patterns as a set of bits: those that need their text searched, and those that do not.
#[derive(Clone, Copy, Debug, Default)]
struct Severities {
    plain: u8,
    searched: u8,
}

impl Severities {
    fn add(&mut self, pattern: &Pattern) {
        let least = pattern.severity.map_or(7, Severity::number);
        let set = (0..=least).fold(0, |set, number| set | 1 << number);
        if pattern.regex.is_some() { self.searched |= set } else { self.plain |= set }
    }

    fn look(self, bit: u8) -> FirstLook {
        match (self.plain & bit != 0, self.searched & bit != 0) {
            (true, _) => FirstLook::Wanted,
            (false, true) => FirstLook::IfFound,
            (false, false) => FirstLook::Nothing,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Group {
    severities: Severities,
    patterns: Vec<usize>,
}

impl Group {
    fn add(&mut self, at: usize, pattern: &Pattern) {
        self.severities.add(pattern);
        self.patterns.push(at);
    }
}

type Names = HashMap<Box<[u8]>, Group, BuildHasherDefault<Fnv>>;

/// The patterns by what they test first.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Those that name mnemonics exactly.
    by_mnemonic: Names,
    /// Of the others, those that name facilities exactly.
    by_facility: Names,
    /// Of the others, those with `*` or `?`: all as one expression over `FACILITY-MNEMONIC`, as a set, and the group.
    globs: Option<(Regex, RegexSet, Group)>,
    /// The others.
    any: Group,
}

impl Index {
    pub(super) fn new(patterns: &[Pattern]) -> Self {
        let mut index = Self::default();
        let mut globs = Group::default();
        let mut expressions = Vec::new();
        let exact = |names: &[Glob]| -> Option<Vec<Box<[u8]>>> {
            let exact: Option<Vec<_>> =
                names.iter().map(|glob| glob.exact().filter(|name| name.len() <= NAME_MAX).map(Into::into)).collect();
            exact.filter(|names| !names.is_empty())
        };
        for (at, pattern) in patterns.iter().enumerate() {
            if let Some(names) = exact(&pattern.mnemonic) {
                for name in names {
                    index.by_mnemonic.entry(name).or_default().add(at, pattern);
                }
            } else if let Some(names) = exact(&pattern.facility) {
                for name in names {
                    index.by_facility.entry(name).or_default().add(at, pattern);
                }
            } else if pattern.facility.is_empty() && pattern.mnemonic.is_empty() {
                index.any.add(at, pattern);
            } else {
                globs.add(at, pattern);
                expressions.push(expression(pattern));
            }
        }
        if !expressions.is_empty() {
            let one = expressions.join("|");
            let regex = RegexBuilder::new(&one).size_limit(SIZE_MAX).dfa_size_limit(SIZE_MAX).build();
            let set = RegexSetBuilder::new(&expressions).size_limit(SIZE_MAX).build();
            match (regex, set) {
                (Ok(regex), Ok(set)) => index.globs = Some((regex, set, globs)),
                // Too many to be one expression: each is looked at.
                _ => globs.patterns.iter().for_each(|at| index.any.add(*at, &patterns[*at])),
            }
        }
        index
    }

    /// Whether any pattern can be met. No allocation.
    pub(super) fn first_look(&self, facility: &[u8], mnemonic: &[u8], severity: Severity) -> FirstLook {
        let bit = 1 << severity.number();
        let mut found = self.any.severities.look(bit);
        let mut name = [0; 2 * NAME_MAX + 1];
        let mut meets = |look: FirstLook| {
            if look == FirstLook::Wanted || found == FirstLook::Nothing {
                found = look;
            }
        };
        if !self.by_mnemonic.is_empty()
            && let Some(name) = upper(&mut name, mnemonic)
            && let Some(group) = self.by_mnemonic.get(name)
        {
            meets(group.severities.look(bit));
        }
        if !self.by_facility.is_empty()
            && let Some(name) = upper(&mut name, facility)
            && let Some(group) = self.by_facility.get(name)
        {
            meets(group.severities.look(bit));
        }
        if let Some((regex, _, group)) = &self.globs {
            let look = group.severities.look(bit);
            if look != FirstLook::Nothing
                && joined(&mut name, facility, mnemonic).is_none_or(|name| regex.is_match(name))
            {
                meets(look);
            }
        }
        found
    }

    /// The patterns whose first test a line may pass.
    pub(super) fn candidates(&self, facility: &[u8], mnemonic: &[u8], severity: Severity, found: &mut Vec<usize>) {
        if self.first_look(facility, mnemonic, severity) == FirstLook::Nothing {
            return;
        }
        let mut name = [0; 2 * NAME_MAX + 1];
        found.extend(&self.any.patterns);
        if let Some(group) = upper(&mut name, mnemonic).and_then(|name| self.by_mnemonic.get(name)) {
            found.extend(&group.patterns);
        }
        if let Some(group) = upper(&mut name, facility).and_then(|name| self.by_facility.get(name)) {
            found.extend(&group.patterns);
        }
        if let Some((_, set, group)) = &self.globs {
            match joined(&mut name, facility, mnemonic) {
                Some(name) => found.extend(set.matches(name).into_iter().map(|at| group.patterns[at])),
                None => found.extend(&group.patterns),
            }
        }
    }
}

/// The name patterns of a rule as one expression over `FACILITY-MNEMONIC`.
fn expression(pattern: &Pattern) -> String {
    let of = |globs: &[Glob]| {
        let all: Vec<String> = globs.iter().map(Glob::expression).collect();
        if all.is_empty() { ".*".to_owned() } else { format!("(?:{})", all.join("|")) }
    };
    format!("(?s-u:^{}-{}$)", of(&pattern.facility), of(&pattern.mnemonic))
}

/// The name in upper case, where it is not too long.
fn upper<'a>(buffer: &'a mut [u8], name: &[u8]) -> Option<&'a [u8]> {
    let place = buffer.get_mut(..name.len()).filter(|_| name.len() <= NAME_MAX)?;
    place.copy_from_slice(name);
    place.make_ascii_uppercase();
    Some(place)
}

/// `FACILITY-MNEMONIC` in upper case, where both are not too long.
fn joined<'a>(buffer: &'a mut [u8], facility: &[u8], mnemonic: &[u8]) -> Option<&'a [u8]> {
    let length = facility.len() + 1 + mnemonic.len();
    let place = buffer.get_mut(..length)?;
    place[..facility.len()].copy_from_slice(facility);
    place[facility.len()] = b'-';
    place[facility.len() + 1..].copy_from_slice(mnemonic);
    place.make_ascii_uppercase();
    Some(place)
}

/// FNV-1a: short names, and keys that only the configuration sets, so that nobody outside can make them meet.
#[derive(Clone, Copy, Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
