//! Zone abbreviations that mean one offset wherever they are printed.

/// The offset in seconds of a well-known abbreviation.
///
/// Left out on purpose, because they mean several zones: IST (India, Israel, Ireland), CST (America, China, Cuba), BST (Britain,
/// Bangladesh), AST, AMT, ECT, SST, WST. Those need the sender's configured zone.
pub(super) fn unambiguous(name: &str) -> Option<i32> {
    const HOUR: i32 = 3600;
    const TABLE: [(&str, i32); 33] = [
        ("UTC", 0),
        ("GMT", 0),
        ("UCT", 0),
        ("UT", 0),
        ("Z", 0),
        ("EST", -5 * HOUR),
        ("EDT", -4 * HOUR),
        ("CDT", -5 * HOUR),
        ("MST", -7 * HOUR),
        ("MDT", -6 * HOUR),
        ("PST", -8 * HOUR),
        ("PDT", -7 * HOUR),
        ("AKST", -9 * HOUR),
        ("AKDT", -8 * HOUR),
        ("HST", -10 * HOUR),
        ("WET", 0),
        ("WEST", HOUR),
        ("CET", HOUR),
        ("CEST", 2 * HOUR),
        ("MET", HOUR),
        ("MEST", 2 * HOUR),
        ("METDST", 2 * HOUR),
        ("EET", 2 * HOUR),
        ("EEST", 3 * HOUR),
        ("MSK", 3 * HOUR),
        ("HKT", 8 * HOUR),
        ("SGT", 8 * HOUR),
        ("AWST", 8 * HOUR),
        ("JST", 9 * HOUR),
        ("KST", 9 * HOUR),
        ("AEST", 10 * HOUR),
        ("AEDT", 11 * HOUR),
        ("NZDT", 13 * HOUR),
    ];
    TABLE.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, offset)| offset)
}

/// Whether the name is one of UTC's own.
pub(super) fn is_utc(name: &str) -> bool {
    matches!(unambiguous(name), Some(0)) && !name.eq_ignore_ascii_case("WET")
}
