//! Text for people: times, spans, and what a log line may put on a page.

use jiff::{Timestamp, tz::TimeZone};
use std::borrow::Cow;

/// A text from outside, fit to be shown: control characters and the marks that turn the direction of writing become visible
/// as `�`, and what is longer than `limit` characters is cut. Escaping for HTML is the template's work.
pub(super) fn printable(text: &str, limit: usize) -> Cow<'_, str> {
    let cut = text.char_indices().nth(limit).map(|(at, _)| at);
    let shown = &text[..cut.unwrap_or(text.len())];
    if cut.is_none() && !shown.contains(is_harmful) {
        return Cow::Borrowed(shown);
    }
    let mut owned: String = shown.chars().map(|one| if is_harmful(one) { '\u{fffd}' } else { one }).collect();
    if cut.is_some() {
        owned.push('…');
    }
    Cow::Owned(owned)
}

/// Controls, and the formatting characters of Unicode's bidirectional algorithm (Unicode Standard Annex 9, section 2).
fn is_harmful(one: char) -> bool {
    one.is_control()
        || matches!(one, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A span in its two largest units. `page.js` writes it the same way.
pub(super) fn span(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match seconds {
        172_800.. => format!("{days} days"),
        86_400.. => format!("1 day {hours} h"),
        3600.. => format!("{hours} h {minutes:02} min"),
        60.. => format!("{minutes} min {:02} s", seconds % 60),
        _ => format!("{} s", seconds.max(0)),
    }
}

/// An instant as a person reads it.
#[derive(Debug)]
pub(super) struct Moment {
    /// RFC 3339, for programs.
    pub(super) iso: String,
    /// In the cluster's zone, where it is known and not UTC.
    pub(super) local: Option<String>,
    /// In UTC.
    pub(super) utc: String,
    /// The span between it and now.
    pub(super) span: String,
    /// Whether it is over.
    pub(super) past: bool,
}

impl Moment {
    pub(super) fn new(at: Timestamp, zone: Option<&TimeZone>, now: Timestamp) -> Self {
        let seconds = at.as_second() - now.as_second();
        let local = zone.filter(|zone| **zone != TimeZone::UTC).map(|zone| {
            let there = at.to_zoned_datetime(zone.clone());
            there.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
        });
        Self {
            iso: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            local,
            utc: at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            span: span(seconds.abs()),
            past: seconds < 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_say_their_two_largest_units() {
        let cases = [
            (-5, "0 s"),
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 01 s"),
            (2700, "45 min 00 s"),
            (3_660, "1 h 01 min"),
            (90_000, "1 day 1 h"),
            (172_800, "2 days"),
            (7_775_999, "89 days"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(span(seconds), expected);
        }
    }

    #[test]
    fn harmful_characters_become_visible() {
        assert_eq!(printable("plain <b>", 99), "plain <b>");
        assert_eq!(printable("a\0b\u{202e}c\r\n\u{1b}[31m", 99), "a�b�c���[31m");
        assert_eq!(printable("äöü", 2), "äö…");
        assert!(matches!(printable("äöü", 3), Cow::Borrowed("äöü")));
    }

    #[test]
    fn a_moment_is_said_in_the_zone_of_the_cluster_and_in_utc() {
        let at: Timestamp = "2026-11-24T10:45:00Z".parse().unwrap();
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let moment = Moment::new(at, Some(&TimeZone::get("Asia/Kolkata").unwrap()), now);
        assert_eq!(moment.local.as_deref(), Some("2026-11-24 16:15:00 IST"));
        assert_eq!(moment.utc, "2026-11-24 10:45:00 UTC");
        assert_eq!((moment.span.as_str(), moment.past), ("45 min 00 s", false));
        assert_eq!(Moment::new(at, Some(&TimeZone::UTC), now).local, None);
    }
}
