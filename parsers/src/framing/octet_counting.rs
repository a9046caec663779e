//! Frames that are announced by their length (RFC 6587 section 3.4.1): `MSG-LEN SP SYSLOG-MSG`.

use super::FramingError;

/// More digits than this are refused: 999,999 octets are far beyond any syslog message.
const MOST_DIGITS: usize = 6;

/// A count, read byte by byte with checked arithmetic.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    value: usize,
    digits: usize,
}

/// What one more byte makes of a count.
pub(crate) enum Counted {
    More,
    /// The blank behind the digits.
    Complete(usize),
    Malformed,
    TooManyDigits,
}

impl Count {
    pub(crate) fn feed(&mut self, byte: u8) -> Counted {
        match byte {
            b'0' if self.digits == 0 => Counted::Malformed,
            b'0'..=b'9' if self.digits == MOST_DIGITS => Counted::TooManyDigits,
            b'0'..=b'9' => {
                let value = self.value.checked_mul(10).and_then(|value| value.checked_add(usize::from(byte - b'0')));
                let Some(value) = value else { return Counted::TooManyDigits };
                self.value = value;
                self.digits += 1;
                Counted::More
            }
            b' ' if self.digits > 0 => Counted::Complete(self.value),
            _ => Counted::Malformed,
        }
    }
}

/// The count, or the complaint that ends the connection.
pub(crate) fn verdict(counted: &Counted, max_len: usize) -> Result<Option<usize>, FramingError> {
    match *counted {
        Counted::More => Ok(None),
        Counted::Complete(count) if count > max_len => Err(FramingError::CountTooLarge),
        Counted::Complete(count) => Ok(Some(count)),
        Counted::Malformed => Err(FramingError::CountMalformed),
        Counted::TooManyDigits => Err(FramingError::CountTooLarge),
    }
}
