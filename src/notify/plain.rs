//! A message as plain text.

use super::content::{Content, Kind, Table};

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
    if let Some(table) = &content.alerts {
        lines.extend([String::new(), table.title.clone()]);
        lines.extend(rows(table));
    }
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

/// The table in columns, each as wide as its widest cell; what an alert means stands below its row.
fn rows(table: &Table) -> Vec<String> {
    let length = |text: &str| text.chars().count();
    let mut widths = Table::COLUMNS.map(length);
    for row in &table.rows {
        for (width, cell) in widths.iter_mut().zip(&row.cells) {
            *width = length(cell).max(*width);
        }
    }
    let line = |cells: [&str; 5]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("  {cell:<width$}"));
        padded.collect::<String>().trim_end().to_owned()
    };
    let mut lines = vec![line(Table::COLUMNS)];
    for row in &table.rows {
        lines.push(line(row.cells.each_ref().map(String::as_str)));
        lines.push(format!("      {}", row.summary));
    }
    if table.more > 0 {
        lines.push(format!("  … ({} more)", table.more));
    }
    lines
}
