//! Frames at the edges: lengths, ends, complaints.

use ccxwatch_parsers::framing::{Framer, FramingError, Mode};

type Frames = Vec<(String, bool, u64)>;

fn frames(mode: Mode, max_len: usize, stream: &[u8]) -> (Frames, Option<FramingError>, bool) {
    let mut answers = [stream.len().max(1), 1, 2, 3].map(|step| {
        let mut framer = Framer::new(mode, max_len);
        let mut got = Vec::new();
        let mut closed = false;
        for block in stream.chunks(step) {
            framer.push(block, &mut |frame| {
                got.push((String::from_utf8_lossy(frame.bytes).into_owned(), frame.cut, frame.end));
            });
            closed |= framer.is_closed();
        }
        framer.finish(&mut |frame| {
            got.push((String::from_utf8_lossy(frame.bytes).into_owned(), frame.cut, frame.end));
        });
        (got, framer.error(), closed)
    });
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    std::mem::take(&mut answers[0])
}

#[track_caller]
fn check(mode: Mode, stream: &[u8], want: &[(&str, bool, u64)], error: Option<FramingError>) {
    let (got, complaint, _) = frames(mode, 8, stream);
    let want: Frames = want.iter().map(|&(text, cut, end)| (text.to_owned(), cut, end)).collect();
    assert_eq!((got, complaint), (want, error), "{:?}", String::from_utf8_lossy(stream));
}

#[test]
fn lines() {
    check(Mode::Lf, b"a\nbc\r\n\n\nd", &[("a", false, 2), ("bc", false, 6), ("d", false, 9)], None);
    check(Mode::Lf, b"12345678\r\nx\n", &[("12345678", false, 10), ("x", false, 12)], None);
    check(Mode::Nul, b"a\nb\0c", &[("a\nb", false, 4), ("c", false, 5)], None);
    check(Mode::Lf, b"12 <1>ab\n", &[("12 <1>ab", false, 9)], None);
}

#[test]
fn the_tail_of_a_long_line_is_never_a_line() {
    let long = Some(FramingError::LineTooLong);
    check(Mode::Lf, b"123456789\nx\n", &[("12345678", true, 10), ("x", false, 12)], long);
    check(Mode::Lf, b"12345678<1>evil <2>evil", &[("12345678", true, 23)], long);
    check(Mode::Auto, b"abcdefghijkl5 <1>xx\nok\n", &[("abcdefgh", true, 20), ("ok", false, 23)], long);
    check(Mode::Nul, b"123456789\r\0x\0", &[("12345678", true, 11), ("x", false, 13)], long);
}

#[test]
fn counts() {
    check(Mode::Octet, b"3 a\nb5 \0\0\0\0\0", &[("a\nb", false, 5), ("\0\0\0\0\0", false, 12)], None);
    check(Mode::Octet, b"3 abc\n2 de", &[("abc", false, 5), ("de", false, 10)], None);
    check(Mode::Octet, b"3 ab", &[], Some(FramingError::Incomplete));
    check(Mode::Octet, b"3", &[], Some(FramingError::Incomplete));
    for malformed in [&b"0 x"[..], b"03 abc", b"-1 x", b" 3 abc", b"x", b"3abc", b"+3 abc"] {
        let (got, error, closed) = frames(Mode::Octet, 8, malformed);
        assert_eq!((got.len(), error, closed), (0, Some(FramingError::CountMalformed), true), "{malformed:?}");
    }
    for large in [&b"9 123456789"[..], b"999999 x", b"1000000 x", b"99999999999999999999999 x"] {
        let (got, error, closed) = frames(Mode::Octet, 8, large);
        assert_eq!((got.len(), error, closed), (0, Some(FramingError::CountTooLarge), true), "{large:?}");
    }
    let after = frames(Mode::Octet, 8, b"3 abcx3 abc");
    assert_eq!((after.0.len(), after.1), (1, Some(FramingError::CountMalformed)), "nothing is read behind nonsense");
}

#[test]
fn a_count_or_a_line() {
    check(
        Mode::Auto,
        b"5 <1>ab6 <2>xyz\n7: a\n",
        &[("<1>ab", false, 7), ("<2>xyz", false, 15), ("7: a", false, 21)],
        None,
    );
    check(Mode::Auto, b"05 <1>a\n", &[("05 <1>a", false, 8)], None);
    check(Mode::Auto, b"5 a\n5", &[("5 a", false, 4), ("5", false, 5)], None);
    check(Mode::Auto, b"1234567 ", &[("1234567 ", false, 8)], None);
    check(Mode::Auto, b"9 <1>abcdef", &[], Some(FramingError::CountTooLarge));
    check(Mode::Auto, b"6 <1>", &[], Some(FramingError::Incomplete));
}

#[test]
fn tls_on_a_plain_port() {
    for mode in [Mode::Lf, Mode::Nul, Mode::Octet, Mode::Auto] {
        let (got, error, closed) = frames(mode, 64, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\n\n\n");
        assert_eq!((got.len(), error, closed), (0, Some(FramingError::TlsHello), true));
    }
    let (got, error, _) = frames(Mode::Lf, 64, b"a\n\x16\x03\x01\n");
    assert_eq!((got.len(), error), (2, None), "only a stream can begin so");
    assert_eq!(frames(Mode::Lf, 64, b"\x16\x03").0.len(), 1);
}

#[test]
fn resumed_streams_count_on() {
    let mut framer = Framer::resume(Mode::Lf, 64, 1000);
    let mut ends = Vec::new();
    framer.push(b"ab\ncd", &mut |frame| ends.push(frame.end));
    assert_eq!((ends, framer.pending(), framer.offset()), (vec![1003], 2, 1005));
}
