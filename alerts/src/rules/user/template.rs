//! Texts with `${name}`: a capture of the rule's expression, a parameter of the line (`${param:ServiceName}`), or one of its parts
//! (`${facility}`, `${mnemonic}`, `${severity}`, `${node}`). `$${` is a plain `${`.

use crate::{fact::Fact, limits::bounded};
use core::fmt;
use regex::bytes::{Captures, Regex};

/// The most bytes of a filled text.
const FILLED_MAX: usize = 2048;
/// The parts of a line that have a name.
const PARTS: [&str; 4] = ["facility", "mnemonic", "severity", "node"];

/// A text, parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Capture(String),
    Param(String),
    Part(&'static str),
}

/// Why a text cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateError {
    /// `${` without `}`.
    Unclosed(String),
    /// A name that nothing has.
    Unknown(String),
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclosed(text) => write!(f, "{text:?}: a ${{ is not closed with }}"),
            Self::Unknown(name) => write!(
                f,
                "${{{name}}} is neither a capture (?P<{name}>...) of its regex nor one of ${{facility}}, ${{mnemonic}}, ${{severity}}, ${{node}}, ${{param:NAME}}"
            ),
        }
    }
}

impl Template {
    /// Reads a text. Its captures must be those of `regex`.
    pub(super) fn parse(text: &str, regex: Option<&Regex>) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if rest[..at].ends_with('$') {
                plain.push_str(&rest[..at]);
                plain.push('{');
                rest = &rest[at + 2..];
                continue;
            }
            plain.push_str(&rest[..at]);
            let inner = &rest[at + 2..];
            let end = inner.find('}').ok_or_else(|| TemplateError::Unclosed(bounded(text, 80).to_owned()))?;
            let name = &inner[..end];
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            let is_capture = || regex.is_some_and(|regex| regex.capture_names().flatten().any(|known| known == name));
            pieces.push(if is_capture() {
                Piece::Capture(name.to_owned())
            } else if let Some(key) = name.strip_prefix("param:") {
                Piece::Param(key.to_owned())
            } else if let Some(part) = PARTS.into_iter().find(|part| *part == name) {
                Piece::Part(part)
            } else {
                return Err(TemplateError::Unknown(bounded(name, 80).to_owned()));
            });
            rest = &inner[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self { pieces })
    }

    /// Nothing of it comes from the line.
    pub(super) fn is_fixed(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Text(_)))
    }

    /// A text of which nothing comes from the line.
    pub(super) fn text(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    /// The text for a line. What it does not say is empty.
    pub(super) fn fill(&self, fact: &Fact, captures: Option<&Captures<'_>>) -> String {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Capture(name) => {
                    let found = captures.and_then(|captures| captures.name(name));
                    // A byte of a character that is not whole can be captured.
                    filled.push_str(&String::from_utf8_lossy(found.map_or(&[], |found| found.as_bytes())));
                }
                Piece::Param(key) => {
                    let value = fact.params.iter().find(|(known, _)| known.eq_ignore_ascii_case(key));
                    filled.push_str(value.map_or("", |(_, value)| value));
                }
                Piece::Part("facility") => filled.push_str(&fact.facility),
                Piece::Part("mnemonic") => filled.push_str(&fact.mnemonic),
                Piece::Part("severity") => filled.push_str(fact.severity.name()),
                Piece::Part(_) => filled.push_str(fact.node_id.as_deref().or(fact.host.as_deref()).unwrap_or("")),
            }
        }
        filled.truncate(bounded(&filled, FILLED_MAX).len());
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_must_be_known() {
        let regex = Regex::new("(?P<queue>\\w+)").ok();
        let check = |text: &str, expected: Result<bool, &str>| {
            let parsed = Template::parse(text, regex.as_ref());
            let said = parsed.as_ref().map(Template::is_fixed).map_err(ToString::to_string);
            match (said, expected) {
                (Ok(fixed), Ok(expected)) => assert_eq!(fixed, expected, "{text}"),
                (Err(error), Err(expected)) => assert!(error.contains(expected), "{text}: {error}"),
                (said, _) => panic!("{text}: {said:?}"),
            }
        };
        check("plain {text} $5", Ok(true));
        check("queue ${queue} of ${param:Site}", Ok(false));
        check("${node}", Ok(false));
        check("$${queue}", Ok(true));
        check("${queue", Err("not closed"));
        check("${other}", Err("neither a capture"));
        assert_eq!(
            Template::parse("$${queue} $", None).map(|template| template.text().to_owned()).as_deref(),
            Ok("${queue} $")
        );
    }
}
