//! A message as HTML that phones and Outlook can show: tables, inline styles, nothing from outside but escaped text.

use super::content::{Content, Kind, Table, Tone};

/// The text within an element or an attribute.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            character => out.push(character),
        }
    }
    out
}

fn color(tone: Tone) -> &'static str {
    match tone {
        Tone::Urgent => "#b3261e",
        Tone::Normal => "#8a5a00",
        Tone::Good => "#1b6e3c",
    }
}

/// The page.
pub(super) fn write(content: &Content) -> String {
    let color = color(content.tone);
    let mut out = String::with_capacity(6_000);
    let mut put = |line: &str| {
        out.push_str(line);
        out.push_str("\r\n");
    };
    put("<!DOCTYPE html>");
    put("<html lang=\"en\"><head><meta charset=\"utf-8\">");
    put("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    put(&format!("<title>{}</title></head>", escape(&content.headline)));
    put("<body style=\"margin:0;padding:0;background:#f2f2f2;color:#1a1a1a\">");
    put(
        "<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\"><tr><td align=\"center\" style=\"padding:8px\">",
    );
    put(
        "<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" style=\"max-width:680px;table-layout:fixed;\
         background:#ffffff;font:16px/1.45 'Segoe UI',Roboto,Helvetica,Arial,sans-serif;text-align:left\">",
    );
    put(&format!(
        "<tr><td style=\"background:{color};color:#ffffff;padding:14px 16px;font-size:19px;font-weight:bold;\
         overflow-wrap:anywhere\">{}</td></tr>",
        escape(&content.headline)
    ));
    put("<tr><td style=\"padding:14px 16px;overflow-wrap:anywhere\">");
    if let Some(notice) = content.notice {
        put(&format!("<p style=\"margin:0 0 12px;padding:8px 10px;border:2px solid #b3261e\">{}</p>", escape(notice)));
    }
    if let Some(summary) = &content.summary {
        put(&format!("<p style=\"margin:0 0 12px\">{}</p>", escape(summary)));
    }
    put("<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\">");
    for (name, value) in &content.facts {
        put(&format!(
            "<tr><td width=\"96\" valign=\"top\" style=\"padding:2px 8px 2px 0;color:#5f5f5f\">{}</td>\
             <td valign=\"top\" style=\"padding:2px 0;overflow-wrap:anywhere\">{}</td></tr>",
            escape(name),
            escape(value)
        ));
    }
    put("</table>");
    if let Some(table) = &content.alerts {
        put(&heading(&table.title, color));
        rows(table, &mut put);
    }
    for section in &content.sections {
        put(&heading(section.title, color));
        let (open, close) = match section.kind {
            Kind::Text => ("", ""),
            Kind::Steps => ("<ol style=\"margin:0;padding-left:24px\">", "</ol>"),
            Kind::Points => ("<ul style=\"margin:0;padding-left:24px\">", "</ul>"),
        };
        put(open);
        for entry in &section.entries {
            let entry = escape(entry);
            put(&match section.kind {
                Kind::Text => format!("<p style=\"margin:0\">{entry}</p>"),
                Kind::Steps | Kind::Points => format!("<li style=\"margin:0 0 4px\">{entry}</li>"),
            });
        }
        put(close);
    }
    if let Some(evidence) = &content.evidence {
        put(&heading(&evidence.title, color));
        for (name, raw) in &evidence.raw {
            if !name.is_empty() {
                put(&format!("<p style=\"margin:4px 0 0;color:#5f5f5f\">{}</p>", escape(name)));
            }
            put(&format!(
                "<pre style=\"margin:4px 0 0;padding:8px;background:#f2f2f2;font:13px/1.4 Consolas,Menlo,monospace;\
                 white-space:pre-wrap;overflow-wrap:anywhere\">{}</pre>",
                escape(&raw.join("\n"))
            ));
        }
    }
    put(&format!("<p style=\"margin:20px 0 0;color:#5f5f5f;font-size:13px\">{}</p>", escape(&content.footer)));
    put("</td></tr></table></td></tr></table></body></html>");
    out
}

fn heading(title: &str, color: &str) -> String {
    format!("<p style=\"margin:18px 0 4px;font-weight:bold;color:{color}\">{}</p>", escape(title))
}

/// The table: names may break anywhere, so that a phone shows all columns; what an alert means stands below its row.
fn rows(table: &Table, put: &mut impl FnMut(&str)) {
    const CELL: &str = "padding:4px 6px 0 0;vertical-align:top";
    // Names have the room that short words and times leave.
    const STYLES: [&str; 5] =
        [";overflow-wrap:normal", ";width:45%", ";width:30%", ";overflow-wrap:normal", ";overflow-wrap:normal"];
    put(
        "<table width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" style=\"font-size:13px;line-height:1.35;text-align:left\">",
    );
    let heads = Table::COLUMNS.iter().zip(STYLES);
    let heads = heads.map(|(name, style)| format!("<th style=\"{CELL};color:#5f5f5f{style}\">{name}</th>"));
    put(&format!("<tr>{}</tr>", heads.collect::<String>()));
    for row in &table.rows {
        let [severity, alert, instance, since, state] = row.cells.each_ref().map(|cell| escape(cell));
        let cells = [severity, alert, instance, broken_before_the_time(&since), state];
        let cells = cells.iter().zip(STYLES).map(|(cell, style)| format!("<td style=\"{CELL}{style}\">{cell}</td>"));
        put(&format!("<tr>{}</tr>", cells.collect::<String>()));
        put(&format!(
            "<tr><td colspan=\"5\" style=\"padding:0 0 5px;border-bottom:1px solid #e0e0e0;color:#5f5f5f;\
             overflow-wrap:anywhere\">{}</td></tr>",
            escape(&row.summary)
        ));
    }
    put("</table>");
    if table.more > 0 {
        put(&format!("<p style=\"margin:4px 0 0\">… ({} more)</p>", table.more));
    }
}

/// A day and a time that break between them and nowhere else.
fn broken_before_the_time(since: &str) -> String {
    let unbroken = |text: &str| format!("<span style=\"white-space:nowrap\">{text}</span>");
    match since.rsplit_once(' ') {
        Some((day, time)) => format!("{} {}", unbroken(day), unbroken(time)),
        None => since.to_owned(),
    }
}
