//! Rules of the user: `[[rule]]`. Which line raises which alert, and which one clears it.
//!
//! Facility, mnemonic and severity are tested before any regular expression. All expressions of all rules are one set, so that a
//! line costs one search however many rules there are.

mod glob;
mod index;
mod template;

pub use template::TemplateError;

use crate::{
    fact::Fact,
    rules::settings::AlertSettings,
    signal::{About, Change, Signal},
};
use ccxwatch_parsers::{Triage, severity::Severity};
use core::fmt;
use glob::Glob;
use index::Index;
use jiff::SignedDuration;
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use std::{borrow::Cow, sync::Arc};
use template::Template;

/// The largest compiled expression of one rule, in bytes.
const REGEX_SIZE_MAX: usize = 256 * 1024;
/// The largest compiled set of all expressions, in bytes.
const SET_SIZE_MAX: usize = 32 * 1024 * 1024;
/// The most rules.
pub const RULES_MAX: usize = 5000;
/// An alert of a rule that says neither which line clears it nor when it ends, ends when no line raised it for so long.
pub const ENDS_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// One rule, as the user wrote it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleSettings {
    /// The name of its alert.
    pub name: String,
    /// Which line raises it.
    pub raise: PatternSettings,
    /// Which line clears it.
    pub clear: Option<PatternSettings>,
    /// Labels that tell instances apart, with `${capture}`s.
    pub labels: Vec<(String, String)>,
    /// What is wrong, in a few words, with captures; empty: the name.
    pub summary: String,
    /// What it means, with captures.
    pub description: String,
    /// What to do, one step an entry, with captures.
    pub runbook: Vec<String>,
    /// Severity, threshold, duration, frequency, schedule, end, receivers.
    pub alert: AlertSettings,
}

/// What a line must have. What is absent or empty, every line has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatternSettings {
    /// Its facility is like one of these, with `*` and `?`; case does not count.
    pub facility: Vec<String>,
    /// Its mnemonic is like one of these, likewise.
    pub mnemonic: Vec<String>,
    /// It is at least so severe.
    pub severity: Option<Severity>,
    /// It has these parameters, with values like these.
    pub params: Vec<(String, String)>,
    /// This is found in the line.
    pub regex: Option<String>,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// Which rule, by its place in the configuration.
    pub rule: usize,
    /// Its name.
    pub name: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {:?}: {}", self.name, self.message)
    }
}

impl core::error::Error for RuleError {}

/// What a line lacks to meet a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss {
    /// Its facility is another one.
    Facility,
    /// Its mnemonic is another one.
    Mnemonic,
    /// It is less severe.
    Severity,
    /// It has no such parameter, or another value.
    Param(String),
    /// The expression finds nothing.
    Regex,
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Facility => f.write_str("the facility differs"),
            Self::Mnemonic => f.write_str("the mnemonic differs"),
            Self::Severity => f.write_str("the line is less severe"),
            Self::Param(key) => write!(f, "the parameter {key:?} is missing or differs"),
            Self::Regex => f.write_str("the regex finds nothing"),
        }
    }
}

/// All rules of a configuration, compiled.
#[derive(Clone, Debug, Default)]
pub struct UserRules {
    rules: Vec<Rule>,
    patterns: Vec<Pattern>,
    index: Index,
    /// All expressions.
    set: Option<RegexSet>,
}

#[derive(Clone, Debug)]
struct Rule {
    name: Arc<str>,
    severity: Option<Severity>,
    labels: Vec<(Arc<str>, Template)>,
    summary: Template,
    description: Template,
    runbook: Vec<Template>,
    /// Where nothing of it comes from the line.
    fixed: Option<Arc<About>>,
}

#[derive(Clone, Debug)]
struct Pattern {
    rule: usize,
    change: Change,
    facility: Vec<Glob>,
    mnemonic: Vec<Glob>,
    severity: Option<Severity>,
    params: Vec<(String, Glob)>,
    /// Its place in the set.
    regex: Option<usize>,
    /// Where captures of it are used.
    captures: Option<Regex>,
}

impl UserRules {
    /// Compiles rules. Says what is wrong with each that is.
    pub fn compile(settings: &[RuleSettings]) -> Result<Self, Vec<RuleError>> {
        Self::compile_within(settings, SET_SIZE_MAX)
    }

    fn compile_within(settings: &[RuleSettings], set_size_max: usize) -> Result<Self, Vec<RuleError>> {
        let mut compiled = Self::default();
        let mut errors = Vec::new();
        let mut expressions = Vec::new();
        for (at, rule) in settings.iter().enumerate() {
            if let Err(message) = compiled.add(at, rule, &mut expressions) {
                errors.push(RuleError { rule: at, name: rule.name.clone(), message });
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        if !expressions.is_empty() {
            // Each one alone is small enough, so it is their number.
            let set = RegexSetBuilder::new(&expressions).unicode(false).size_limit(set_size_max).build();
            compiled.set = Some(set.map_err(|_| vec![too_large_together(settings)])?);
        }
        compiled.index = Index::new(&compiled.patterns);
        Ok(compiled)
    }

    fn add(&mut self, at: usize, rule: &RuleSettings, expressions: &mut Vec<String>) -> Result<(), String> {
        if at >= RULES_MAX {
            return Err(format!("there are more than {RULES_MAX} rules; remove some"));
        }
        let raise = compile_regex(&rule.raise)?;
        let clear = rule.clear.as_ref().map(compile_regex).transpose()?.flatten();
        let template = |text: &str| Template::parse(text, raise.as_ref()).map_err(|error| error.to_string());
        let compiled = Rule {
            name: rule.name.as_str().into(),
            severity: rule.alert.severity,
            labels: rule
                .labels
                .iter()
                .map(|(name, text)| Ok((name.as_str().into(), template(text)?)))
                .collect::<Result<_, String>>()?,
            summary: template(&rule.summary)?,
            description: template(&rule.description)?,
            runbook: rule.runbook.iter().map(|step| template(step)).collect::<Result<_, String>>()?,
            fixed: None,
        };
        let fixed =
            [&compiled.summary, &compiled.description].into_iter().chain(&compiled.runbook).all(Template::is_fixed);
        let uses_captures = !fixed || compiled.labels.iter().any(|(_, template)| !template.is_fixed());
        let mut add = |settings: &PatternSettings, change: Change, regex: Option<Regex>| {
            let is_empty = settings.facility.is_empty()
                && settings.mnemonic.is_empty()
                && settings.severity.is_none()
                && settings.params.is_empty()
                && settings.regex.is_none();
            if is_empty {
                return Err(
                    "it matches every line; give it a facility, mnemonic, severity, parameter or regex".to_owned()
                );
            }
            let place = settings.regex.as_ref().map(|expression| {
                expressions.push(expression.clone());
                expressions.len() - 1
            });
            self.patterns.push(Pattern {
                rule: at,
                change,
                facility: settings.facility.iter().map(|text| Glob::new(text)).collect(),
                mnemonic: settings.mnemonic.iter().map(|text| Glob::new(text)).collect(),
                severity: settings.severity,
                params: settings.params.iter().map(|(key, value)| (key.clone(), Glob::new(value))).collect(),
                regex: place,
                captures: regex.filter(|_| uses_captures),
            });
            Ok(())
        };
        add(&rule.raise, Change::Raise, raise.clone())?;
        if let Some(settings) = &rule.clear {
            add(settings, Change::Clear, clear)?;
        }
        let about = fixed.then(|| Arc::new(compiled.about(&mut |template| template.text().to_owned())));
        self.rules.push(Rule { fixed: about, ..compiled });
        Ok(())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether a line may meet a rule, by its first look and its bytes.
    pub fn may_want(&self, triage: &Triage<'_>, raw: &[u8]) -> bool {
        match self.index.first_look(triage.facility, triage.mnemonic, triage.severity) {
            index::FirstLook::Nothing => false,
            index::FirstLook::Wanted => true,
            index::FirstLook::IfFound => self.set.as_ref().is_some_and(|set| set.is_match(raw)),
        }
    }

    /// What a line means to the rules, by the alert's name.
    pub fn signals(&self, fact: &Fact, node: Option<&str>) -> Vec<Signal> {
        let met = self.met(fact);
        met.into_iter().map(|pattern| self.signal(&self.patterns[pattern], fact, node)).collect()
    }

    /// Which rules a line meets: their names, and whether it raises or clears.
    pub fn names_met(&self, fact: &Fact) -> Vec<(&str, Change)> {
        let met = self.met(fact);
        met.into_iter()
            .map(|at| &self.patterns[at])
            .map(|pattern| (&*self.rules[pattern.rule].name, pattern.change))
            .collect()
    }

    /// What a line lacks to raise the alert of a rule; nothing where it does.
    pub fn misses(&self, rule: usize, fact: &Fact) -> Option<Miss> {
        let pattern = self.patterns.iter().find(|pattern| pattern.rule == rule && pattern.change == Change::Raise)?;
        if let Some(miss) = pattern.miss(fact) {
            return Some(miss);
        }
        let found = |at: usize| self.set.as_ref().is_some_and(|set| set.matches(fact.raw.as_bytes()).matched(at));
        (!pattern.regex.is_none_or(found)).then_some(Miss::Regex)
    }

    fn met(&self, fact: &Fact) -> Vec<usize> {
        let mut met = Vec::new();
        self.index.candidates(fact.facility.as_bytes(), fact.mnemonic.as_bytes(), fact.severity, &mut met);
        met.retain(|at| self.patterns[*at].miss(fact).is_none());
        if met.iter().any(|at| self.patterns[*at].regex.is_some())
            && let Some(set) = &self.set
        {
            let found = set.matches(fact.raw.as_bytes());
            met.retain(|at| self.patterns[*at].regex.is_none_or(|place| found.matched(place)));
        }
        met.sort_unstable();
        met.dedup();
        met
    }

    fn signal(&self, pattern: &Pattern, fact: &Fact, node: Option<&str>) -> Signal {
        let rule = &self.rules[pattern.rule];
        let captures = pattern.captures.as_ref().and_then(|regex| regex.captures(fact.raw.as_bytes()));
        let mut fill = |template: &Template| template.fill(fact, captures.as_ref());
        let instance = rule.labels.iter().map(|(name, template)| (Cow::Owned((**name).to_owned()), fill(template)));
        Signal {
            alert: Cow::Owned((*rule.name).to_owned()),
            change: pattern.change,
            severity: rule.severity.unwrap_or(fact.severity),
            node: node.map(ToOwned::to_owned),
            instance: instance.collect(),
            value: None,
            about: rule.fixed.clone().unwrap_or_else(|| Arc::new(rule.about(&mut fill))),
        }
    }
}

impl Rule {
    fn about(&self, fill: &mut dyn FnMut(&Template) -> String) -> About {
        About {
            title: fill(&self.summary),
            meaning: fill(&self.description),
            runbook: self.runbook.iter().map(fill).collect(),
            resolves_after: None,
        }
    }
}

impl Pattern {
    /// What a line lacks, its text aside.
    fn miss(&self, fact: &Fact) -> Option<Miss> {
        let like =
            |globs: &[Glob], text: &str| globs.is_empty() || globs.iter().any(|glob| glob.matches(text.as_bytes()));
        if !like(&self.facility, &fact.facility) {
            return Some(Miss::Facility);
        }
        if !like(&self.mnemonic, &fact.mnemonic) {
            return Some(Miss::Mnemonic);
        }
        if self.severity.is_some_and(|least| fact.severity > least) {
            return Some(Miss::Severity);
        }
        let lacks = |(key, value): &&(String, Glob)| {
            !fact.params.iter().any(|(known, text)| known.eq_ignore_ascii_case(key) && value.matches(text.as_bytes()))
        };
        self.params.iter().find(lacks).map(|(key, _)| Miss::Param(key.clone()))
    }
}

/// The expression of a pattern, alone: so that one that is wrong or too large is named. `\w`, `\d`, `\s` and `\b` are ASCII, as log
/// lines are, unless it says `(?u)`: their Unicode tables would cost some 100 KiB a rule.
fn compile_regex(pattern: &PatternSettings) -> Result<Option<Regex>, String> {
    let Some(expression) = &pattern.regex else { return Ok(None) };
    let built = RegexBuilder::new(expression).unicode(false).size_limit(REGEX_SIZE_MAX).build();
    built.map(Some).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            format!(
                "its regex is too large (more than {} KiB compiled); write fewer or smaller repetitions",
                REGEX_SIZE_MAX / 1024
            )
        }
        other => format!("its regex is wrong: {}", other.to_string().replace('\n', " ")),
    })
}

fn too_large_together(settings: &[RuleSettings]) -> RuleError {
    let longest = settings.iter().enumerate().max_by_key(|(_, rule)| length(rule));
    let (rule, name) = longest.map(|(at, rule)| (at, rule.name.clone())).unwrap_or_default();
    let message = "the regexes of all rules together are too large; shorten them, this one first, or name facilities and mnemonics instead";
    RuleError { rule, name, message: message.to_owned() }
}

fn length(rule: &RuleSettings) -> usize {
    let of = |pattern: &PatternSettings| pattern.regex.as_ref().map_or(0, String::len);
    of(&rule.raise) + rule.clear.as_ref().map_or(0, of)
}

#[cfg(test)]
mod tests;
