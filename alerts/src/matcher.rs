//! Alertmanager's matchers: `alertname="ServerDown"`, `node=~"ucx.*"`, `{cluster!="lab",severity!~"warning|notice"}`.
//!
//! Source: Prometheus Alertmanager, "Alerting: Matcher". A label that is absent counts as empty; a regular expression matches the
//! whole value.

use core::fmt;
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The largest compiled expression of one matcher, in bytes.
const REGEX_SIZE_MAX: usize = 256 * 1024;
/// The most matchers of one list, and the most bytes of one.
const MATCHERS_MAX: usize = 32;
const MATCHER_BYTES_MAX: usize = 1024;

/// One condition on one label.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: String,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Equal(String),
    NotEqual(String),
    Regex(Regex, String),
    NotRegex(Regex, String),
}

/// Why a text is no matcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatcherError(String);

impl fmt::Display for MatcherError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for MatcherError {}

impl Matcher {
    /// Reads one matcher: `name="value"`, with `=`, `!=`, `=~` or `!~`; the quotes may be left out.
    pub fn parse(text: &str) -> Result<Self, MatcherError> {
        let text = text.trim();
        let shown: String = text.chars().take(80).collect();
        let fault = |what: &str| MatcherError(format!("matcher {shown:?}: {what}"));
        if text.len() > MATCHER_BYTES_MAX {
            return Err(fault(&format!("it has more than {MATCHER_BYTES_MAX} bytes")));
        }
        let at = text.find(['=', '!']).ok_or_else(|| fault("write a label, one of = != =~ !~, and a value"))?;
        let (name, rest) = (text[..at].trim(), &text[at..]);
        let operators = ["=~", "!~", "!=", "="];
        let operator = operators.into_iter().find(|operator| rest.starts_with(operator));
        let operator = operator.ok_or_else(|| fault("the operator is one of = != =~ !~"))?;
        if !is_label_name(name) {
            return Err(fault("the label's name has letters, digits and _, and does not begin with a digit"));
        }
        let value =
            unquoted(rest[operator.len()..].trim()).ok_or_else(|| fault("the quotes do not end with the value"))?;
        let compiled = || {
            RegexBuilder::new(&format!("^(?:{value})$"))
                .size_limit(REGEX_SIZE_MAX)
                .build()
                .map_err(|error| fault(&error.to_string().replace('\n', " ")))
        };
        let condition = match operator {
            "=" => Test::Equal(value),
            "!=" => Test::NotEqual(value),
            "=~" => Test::Regex(compiled()?, value),
            _ => Test::NotRegex(compiled()?, value),
        };
        Ok(Self { name: name.to_owned(), test: condition })
    }

    /// Whether it holds for these labels.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.name).map_or("", String::as_str);
        match &self.test {
            Test::Equal(expected) => value == expected,
            Test::NotEqual(expected) => value != expected,
            Test::Regex(regex, _) => regex.is_match(value),
            Test::NotRegex(regex, _) => !regex.is_match(value),
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operator, value) = match &self.test {
            Test::Equal(value) => ("=", value),
            Test::NotEqual(value) => ("!=", value),
            Test::Regex(_, value) => ("=~", value),
            Test::NotRegex(_, value) => ("!~", value),
        };
        write!(f, "{}{operator}\"", self.name)?;
        for c in value.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                c => fmt::Write::write_char(f, c)?,
            }
        }
        f.write_str("\"")
    }
}

/// All of these conditions. Written and saved as `{a="b",c=~"d"}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Matchers(Vec<Matcher>);

impl Matchers {
    /// Reads a list: `{a="b", c=~"d"}`, the braces may be left out.
    pub fn parse(text: &str) -> Result<Self, MatcherError> {
        let text = text.trim();
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        let parts = split(inner).map_err(MatcherError)?;
        if parts.len() > MATCHERS_MAX {
            return Err(MatcherError(format!("there are more than {MATCHERS_MAX} matchers")));
        }
        parts.into_iter().map(Matcher::parse).collect::<Result<_, _>>().map(Self)
    }

    /// All of several lists.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Whether there is no condition: such a list holds for everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What follows from a part of the labels: `Some(true)` where all hold whatever the others are, `None` where one cannot hold.
    pub fn holds_for(&self, known: &BTreeMap<String, String>) -> Option<bool> {
        let (decided, open): (Vec<_>, Vec<_>) = self.0.iter().partition(|matcher| known.contains_key(&matcher.name));
        decided.iter().all(|matcher| matcher.matches(known)).then_some(open.is_empty())
    }

    /// Whether all hold for these labels.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|matcher| matcher.matches(labels))
    }
}

impl fmt::Display for Matchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, matcher) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{matcher}")?;
        }
        f.write_str("}")
    }
}

impl PartialEq for Matchers {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for Matchers {}

impl From<Matchers> for String {
    fn from(matchers: Matchers) -> Self {
        matchers.to_string()
    }
}

impl TryFrom<String> for Matchers {
    type Error = MatcherError;

    fn try_from(text: String) -> Result<Self, MatcherError> {
        Self::parse(&text)
    }
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`
fn is_label_name(name: &str) -> bool {
    name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The value without its quotes and escapes; nothing where a quote is missing.
fn unquoted(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix('"') else {
        return (!value.contains('"')).then(|| value.to_owned());
    };
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    loop {
        match chars.next()? {
            '"' => return chars.next().is_none().then_some(text),
            '\\' => match chars.next()? {
                'n' => text.push('\n'),
                c @ ('"' | '\\') => text.push(c),
                c => text.extend(['\\', c]),
            },
            c => text.push(c),
        }
    }
}

/// The matchers of a list, split at commas outside of quotes. A last comma is allowed.
fn split(list: &str) -> Result<Vec<&str>, String> {
    let mut parts = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in list.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if quoted {
        return Err("a quote is not closed".to_owned());
    }
    if !list[start..].trim().is_empty() {
        parts.push(&list[start..]);
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn matchers_are_read_and_hold() {
        let check = |text: &str, pairs: &[(&str, &str)], expected: bool| {
            let matchers = Matchers::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(matchers.matches(&labels(pairs)), expected, "{text} {pairs:?}");
            assert_eq!(Matchers::parse(&matchers.to_string()), Ok(matchers), "{text}");
        };
        check("", &[], true);
        check("{}", &[("a", "b")], true);
        check(r#"a="b""#, &[("a", "b")], true);
        check("a=b", &[("a", "b")], true);
        check("a=b", &[("a", "bb")], false);
        check("a!=b", &[], true);
        check("a=", &[], true);
        check(r#"a=~"b|c""#, &[("a", "c")], true);
        check(r#"a=~"b|c""#, &[("a", "xc")], false);
        check(r#"a!~"b.*""#, &[("a", "bcd")], false);
        check(r#"{a="b, c", d=~"e.",}"#, &[("a", "b, c"), ("d", "ef")], true);
        check(r#"{a="b, c", d=~"e."}"#, &[("a", "b, c"), ("d", "e")], false);
        check(r#"a="say \"hi\" \\ \n""#, &[("a", "say \"hi\" \\ \n")], true);
        check(r#"a=~"\\d+""#, &[("a", "12")], true);
        check(r#"a=~"\d+""#, &[("a", "12")], true);
    }

    #[test]
    fn faults_say_what_to_write() {
        let check = |text: &str, said: &str| {
            let error = Matchers::parse(text).expect_err(text).to_string();
            assert!(error.contains(said), "{text}: {error}");
        };
        check("a", "one of = != =~ !~");
        check("1a=b", "does not begin with a digit");
        check("=b", "letters, digits");
        check("a!b", "the operator is one of");
        check(r#"a="b"#, "not closed");
        check(r#"a="b"c"#, "quotes");
        check("a=~(", "unclosed group");
        check("a=~\"(x{1000}){1000}\"", "size");
        check(&"a=b,".repeat(33), "more than 32");
        check(&format!("a={}", "b".repeat(2000)), "more than 1024 bytes");
    }
}
