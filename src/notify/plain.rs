//! A message as plain text.

use super::content::{Content, Kind};

/// The text, its lines ended as mail wants them.
pub(super) fn write(content: &Content) -> String {
    let mut lines: Vec<String> = Vec::new();
    if let Some(notice) = content.notice {
        lines.extend([notice.to_owned(), String::new()]);
    }
    lines.extend([content.headline.clone(), String::new()]);
    if let Some(summary) = &content.summary {
        lines.extend([summary.clone(), String::new()]);
    }
    lines.extend(content.facts.iter().map(|(name, value)| format!("  {name:<13}{value}")));
    for section in &content.sections {
        lines.extend([String::new(), section.title.to_owned()]);
        lines.extend(section.entries.iter().enumerate().map(|(at, entry)| match section.kind {
            Kind::Text => format!("  {entry}"),
            Kind::Steps => format!("  {}. {entry}", at + 1),
            Kind::Points => format!("  - {entry}"),
        }));
    }
    if let Some(evidence) = &content.evidence {
        lines.extend([String::new(), evidence.title.clone()]);
        for (name, raw) in &evidence.raw {
            if !name.is_empty() {
                lines.push(format!("  {name}:"));
            }
            lines.extend(raw.iter().map(|line| format!("  | {line}")));
        }
    }
    lines.extend([String::new(), "-- ".to_owned(), content.footer.clone(), String::new()]);
    lines.join("\r\n")
}
