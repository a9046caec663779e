//! Values that are written as words.

use ccxwatch_alerts::rules::settings::{Frequency, Threshold};
use ccxwatch_parsers::severity::Severity;
use jiff::civil::Weekday;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A value that is written as a word.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Word<T>(pub T);

/// What can be written as a word.
pub trait Worded: Sized {
    /// The value of a word; otherwise what to write.
    fn read(word: &str) -> Result<Self, String>;
    /// The word of a value.
    fn written(&self) -> String;
}

impl<'de, T: Worded> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        T::read(&word).map(Word).map_err(D::Error::custom)
    }
}

impl<T: Worded> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.written())
    }
}

impl Worded for Severity {
    fn read(word: &str) -> Result<Self, String> {
        Self::from_word(word.trim().as_bytes()).ok_or_else(|| {
            format!("{word:?} is no severity; write emergency, alert, critical, error, warning, notice, informational or debug")
        })
    }

    fn written(&self) -> String {
        self.name().to_ascii_lowercase()
    }
}

impl Worded for Threshold {
    fn read(word: &str) -> Result<Self, String> {
        word.parse().map_err(|error: ccxwatch_alerts::rules::settings::Unreadable| error.to_string())
    }

    fn written(&self) -> String {
        self.to_string()
    }
}

impl Worded for Frequency {
    fn read(word: &str) -> Result<Self, String> {
        word.parse().map_err(|error: ccxwatch_alerts::rules::settings::Unreadable| error.to_string())
    }

    fn written(&self) -> String {
        self.to_string()
    }
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

impl Worded for Weekday {
    fn read(word: &str) -> Result<Self, String> {
        let short: String = word.trim().chars().take(3).collect::<String>().to_ascii_lowercase();
        let day = DAYS.into_iter().find(|(name, _)| *name == short).map(|(_, day)| day);
        day.ok_or_else(|| format!("{word:?} is no day; write mon, tue, wed, thu, fri, sat or sun"))
    }

    fn written(&self) -> String {
        DAYS.into_iter().find(|(_, day)| day == self).map_or("", |(name, _)| name).to_owned()
    }
}
