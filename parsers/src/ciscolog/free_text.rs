//! The parameters of CUCM up to 8.x, which stand in the text: `Service Name:Cisco CDP App ID:Cisco Service Manager Cluster ID: Node ID:pub`.
//!
//! Source: lines of CUCM 6 to 8 in Cisco support documents. There is no grammar: a key is a few capitalized words with a colon right
//! behind them. The three keys that end every message are known by name and order, and so are those of an RTMT alert, whose value
//! holds anything.

use memchr::{memchr, memmem};

/// The keys that end every message.
const LAST: [&[u8]; 3] = [b"App ID:", b"Cluster ID:", b"Node ID:"];

const ALERT_NAME: [&[u8]; 1] = [b"Alert Name"];
/// The longer one first.
const ALERT_DETAIL: [&[u8]; 2] = [b"Alert Detail", b"Detail"];

const MOST_WORDS: usize = 9;
const LONGEST_WORD: usize = 40;

/// Keys and values of a text.
#[derive(Clone, Debug)]
pub(crate) struct FreeText<'a> {
    text: &'a [u8],
    /// Where the last keys begin.
    last: usize,
    /// The next key: where it starts, and where its colon is.
    next: Option<(usize, usize)>,
}

impl<'a> FreeText<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        let last = last_keys(text);
        let mut keys = Self { text, last, next: None };
        keys.next = keys.key_from(0, b"");
        keys
    }

    /// The first key from `from` on, given the key before.
    fn key_from(&self, from: usize, before: &[u8]) -> Option<(usize, usize)> {
        if !ALERT_DETAIL.contains(&before)
            && from < self.last
            && let Some(found) = next_key(&self.text[..self.last], from, ALERT_NAME.contains(&before))
        {
            return Some(found);
        }
        // Each of the last keys is looked for once, behind the one before.
        let wanted = match LAST.iter().position(|key| key.strip_suffix(b":") == Some(before)) {
            Some(at) => LAST.get(at + 1)?,
            None => &LAST[0],
        };
        let from = from.max(self.last);
        let start = from + memmem::find(&self.text[from..], wanted)?;
        Some((start, start + wanted.len() - 1))
    }
}

impl<'a> Iterator for FreeText<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (start, colon) = self.next?;
        let key = &self.text[start..colon];
        self.next = self.key_from(colon + 1, key);
        let end = self.next.map_or(self.text.len(), |(start, _)| start);
        Some((key, crate::bytes::trim(&self.text[colon + 1..end])))
    }
}

/// Where the last `App ID:` is that the other two follow; the end of the text where there is none.
fn last_keys(text: &[u8]) -> usize {
    let found = memmem::rfind(text, LAST[0]).filter(|&at| {
        let cluster = memmem::find(&text[at..], LAST[1]);
        cluster.is_some_and(|cluster| memmem::find(&text[at + cluster..], LAST[2]).is_some()) && is_boundary(text, at)
    });
    found.unwrap_or(text.len())
}

fn next_key(text: &[u8], from: usize, in_alert: bool) -> Option<(usize, usize)> {
    let mut at = from;
    while let Some(found) = memchr(b':', &text[at..]) {
        let colon = at + found;
        at = colon + 1;
        let before = &text[from..colon];
        let known: &[&[u8]] = if in_alert { &ALERT_DETAIL } else { &ALERT_NAME };
        let named = known.iter().find(|key| before.ends_with(key) && is_boundary(before, before.len() - key.len()));
        let start = match named {
            Some(key) => Some(colon - key.len()),
            None => capitalized(text, from, colon),
        };
        if let Some(start) = start {
            return Some((start, colon));
        }
    }
    None
}

fn is_boundary(before: &[u8], start: usize) -> bool {
    start == 0 || matches!(before[start - 1], b' ' | b'.' | b'\t')
}

/// The longest run of capitalized words before a colon that has its value right behind it, or no value and the next key.
fn capitalized(text: &[u8], from: usize, colon: usize) -> Option<usize> {
    let next_key_follows = || text.len() == colon + 2 || key_begins(&text[colon + 2..]);
    match text.get(colon + 1) {
        Some(b' ') if !next_key_follows() => return None,
        Some(b':' | b'/' | b'\\') => return None,
        _ => {}
    }
    let mut start = None;
    let mut end = colon;
    for _ in 0..MOST_WORDS {
        let word = text[from..end].iter().rev().take(LONGEST_WORD + 1).take_while(|&&byte| is_word(byte)).count();
        if word == 0 || word > LONGEST_WORD || !text[end - word].is_ascii_uppercase() {
            break;
        }
        start = Some(end - word);
        match end - word {
            at if at > from && text[at - 1] == b' ' => end = at - 1,
            _ => break,
        }
    }
    start.filter(|&start| is_boundary(&text[from..], start - from))
}

/// Capitalized words up to a colon.
fn key_begins(input: &[u8]) -> bool {
    let window = &input[..input.len().min(MOST_WORDS * LONGEST_WORD)];
    let Some(colon) = memchr(b':', window) else { return false };
    window[..colon]
        .split(|&byte| byte == b' ')
        .all(|word| word.first().is_some_and(u8::is_ascii_uppercase) && word.iter().copied().all(is_word))
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'(' | b')')
}
