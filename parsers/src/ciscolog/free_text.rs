//! The parameters of CUCM up to 8.x, which stand in the text: `Service Name:Cisco CDP App ID:Cisco Service Manager Cluster ID: Node ID:pub`.
//!
//! Source: lines of CUCM 6 to 8 in Cisco support documents. There is no grammar: a key is a few capitalized words with a colon right
//! behind them. The three keys that end every message are known by name, and so are those whose value may hold anything.

use memchr::memchr;

/// Keys that are known by name, longer ones before their endings.
const KNOWN: [&[u8]; 9] = [
    b"Cluster ID",
    b"Node ID",
    b"App ID",
    b"Service Name",
    b"Process ID",
    b"Alert Name",
    b"Alert Detail",
    b"Detail",
    b"Reason",
];

/// The keys that end every message; only these end the body of an RTMT alert.
const LAST: [&[u8]; 3] = [b"Cluster ID", b"Node ID", b"App ID"];

/// The body of an RTMT alert, which holds colons of its own.
const BODY: [&[u8]; 2] = [b"Alert Detail", b"Detail"];

const MOST_WORDS: usize = 5;
const LONGEST_WORD: usize = 40;

/// Keys and values of a text.
#[derive(Clone, Debug)]
pub(crate) struct FreeText<'a> {
    text: &'a [u8],
    /// The next key: where it starts, and where its colon is.
    next: Option<(usize, usize)>,
}

impl<'a> FreeText<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, next: next_key(text, 0, false) }
    }
}

impl<'a> Iterator for FreeText<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (start, colon) = self.next?;
        let key = &self.text[start..colon];
        self.next = next_key(self.text, colon + 1, BODY.contains(&key));
        let end = self.next.map_or(self.text.len(), |(start, _)| start);
        Some((key, crate::bytes::trim(&self.text[colon + 1..end])))
    }
}

fn next_key(text: &[u8], from: usize, only_last: bool) -> Option<(usize, usize)> {
    let mut at = from;
    while let Some(found) = memchr(b':', &text[at..]) {
        let colon = at + found;
        at = colon + 1;
        let known: &[&[u8]] = if only_last { &LAST } else { &KNOWN };
        let before = &text[from..colon];
        let start = known
            .iter()
            .find(|key| before.ends_with(key) && is_boundary(before, before.len() - key.len()))
            .map(|key| from + before.len() - key.len())
            .or_else(|| if only_last { None } else { capitalized(text, from, colon) });
        if let Some(start) = start {
            return Some((start, colon));
        }
    }
    None
}

fn is_boundary(before: &[u8], start: usize) -> bool {
    start == 0 || matches!(before[start - 1], b' ' | b'.' | b'\t')
}

/// The longest run of capitalized words before a colon that has its value right behind it.
fn capitalized(text: &[u8], from: usize, colon: usize) -> Option<usize> {
    if matches!(text.get(colon + 1), None | Some(b' ' | b':' | b'/' | b'\\')) {
        return None;
    }
    let mut start = None;
    let mut end = colon;
    for _ in 0..MOST_WORDS {
        let word = text[from..end]
            .iter()
            .rev()
            .take(LONGEST_WORD + 1)
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'/' || **byte == b'_')
            .count();
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
