//! The message `RTMT_ALERT` (CUCM alarm catalog `UC_RTMT`; up to 8.x `CCM_RTMT-RTMT-2-RTMT-ERROR-ALERT`).

use std::borrow::Cow;

use memchr::memmem;

use super::body::Body;
use crate::{
    bytes::same_key,
    ciscolog::{Event, tags::Tags, text::unescape},
    defect::Defects,
};

/// An alert: its name and its body, from whichever generation wrote it.
///
/// ```
/// use ccxwatch_parsers::{parse, rtmt::Alert};
/// let record = parse(b"<186>7: pub: Jul 05 2024 04:03:01 PM.688 UTC : %UC_RTMT-2-RTMT_ALERT: %[AlertName=CoreDumpFileFound]\
///     [AlertDetail= At Fri Jul 05 12:03:01 EDT 2024 on node sub1, the following CoreDumpFileFound events generated: #012CoreDump : x]\
///     [AppID=Cisco AMC Service][ClusterID=][NodeID=pub]: RTMT Alert");
/// let alert = Alert::of(&record.event.expect("an event")).expect("an alert");
/// assert_eq!(&*alert.name, b"CoreDumpFileFound");
/// assert_eq!(alert.body().node(), Some(&b"sub1"[..]));
/// ```
#[derive(Clone, Debug)]
pub struct Alert<'a> {
    /// The alert's name.
    pub name: Cow<'a, [u8]>,
    /// The body, its line breaks restored.
    pub detail: Cow<'a, [u8]>,
    /// The line ends inside the body.
    pub truncated: bool,
}

impl<'a> Alert<'a> {
    /// The alert in an event.
    pub fn of(event: &Event<'a>) -> Option<Self> {
        let rtmt = event.facility == b"UC_RTMT" || event.process == Some(b"CCM_RTMT") || event.facility == b"CCM_RTMT";
        if !rtmt {
            return None;
        }
        let name = event.param("AlertName").or_else(|| event.param("Name"))?;
        let whole = event.param("AlertDetail").or_else(|| event.param("Detail"));
        Some(Self::assemble(name, whole, event.truncated_param()))
    }

    /// The alert in a line that a third party wrapped anew, so that only its tags are left: `Event Message: (%[AlertName=…`.
    pub fn in_tags(line: &'a [u8]) -> Option<Self> {
        let at = memmem::find(line, b"%[")?;
        let mut tags = Tags::none();
        let behind = tags.read(&line[at + 1..], &mut Defects::default());
        let value = |name: &[u8]| tags.find(|key| same_key(key, name)).map(unescape);
        let truncated = behind.truncated.map(|(key, value)| (key, unescape(value)));
        Some(Self::assemble(value(b"AlertName")?, value(b"AlertDetail"), truncated))
    }

    fn assemble(name: Cow<'a, [u8]>, whole: Option<Cow<'a, [u8]>>, cut: Option<(&'a [u8], Cow<'a, [u8]>)>) -> Self {
        let truncated = whole.is_none();
        let cut = || cut.filter(|(key, _)| same_key(key, b"AlertDetail")).map(|(_, value)| value);
        Self { name, detail: whole.or_else(cut).unwrap_or_default(), truncated }
    }

    /// The body, read.
    pub fn body(&self) -> Body<'_> {
        Body::read(&self.detail)
    }
}
