//! Who speaks on a connection, by its first bytes. TLS is found by the framing; this finds HTTP.

/// Looks at the first bytes of a connection, however few come at a time.
#[derive(Debug, Default)]
pub(super) struct Sniffer {
    seen: [u8; Self::BYTES],
    length: usize,
}

impl Sniffer {
    const BYTES: usize = 5;
    const METHODS: [&'static [u8]; 8] =
        [b"GET /", b"POST ", b"HEAD ", b"PUT /", b"DELET", b"OPTIO", b"CONNE", b"PRI *"];

    /// Whether an HTTP request begins; said once.
    pub(super) fn is_http(&mut self, bytes: &[u8]) -> bool {
        if self.length == Self::BYTES {
            return false;
        }
        for &byte in bytes.iter().take(Self::BYTES - self.length) {
            self.seen[self.length] = byte;
            self.length += 1;
        }
        Self::METHODS.contains(&&self.seen[..self.length])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_http() {
        for (start, verdict) in
            [(&b"GET / HTTP/1.1"[..], true), (b"GETTING", false), (b"<185>1: ", false), (b"120 <185>1: ", false)]
        {
            assert_eq!(Sniffer::default().is_http(start), verdict, "{start:?}");
            let mut one_by_one = Sniffer::default();
            let found = start.iter().any(|byte| one_by_one.is_http(&[*byte]));
            assert_eq!(found, verdict, "{start:?} byte by byte");
        }
    }
}
