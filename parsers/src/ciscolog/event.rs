//! A Cisco event: head, triplet, parameters and text of one line.

use std::borrow::Cow;

use super::{
    free_text::FreeText,
    head, tags,
    tags::{Tag, TagIter, Tags},
    text::unescape,
    triplet::{self, Triplet},
};
use crate::{
    bytes::{same_key, skip_blanks, trim},
    defect::{Defect, Defects},
    license::{self, LicenseEvent},
    severity::Severity,
    stamp::{Accuracy, Stamp, civil::Leading},
    trace::params::CommaParams,
};

/// Which dialect an event is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// A trace of UCCX or Emergency Responder: `%MCVD-LIB_LICENSE-1-…`.
    Trace,
    /// An alarm of Unified CM and its kin: `%UC_…`, up to 8.x `%CCM_…`.
    Uc,
    /// Unified Intelligence Center and Finesse: `%CCBU_…`.
    Ccbu,
    /// Customer Voice Portal: `%CVP_…`.
    Cvp,
    /// Contact Center Enterprise: `%ICM_…`, and its logs with the severity as a word.
    Cce,
    /// Another product that keeps the `CiscoLog` specification.
    CiscoLog,
    /// Switches, routers and firewalls.
    Ios,
}

impl Form {
    /// The name, as metrics and JSON print it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Uc => "uc",
            Self::Ccbu => "ccbu",
            Self::Cvp => "cvp",
            Self::Cce => "cce",
            Self::CiscoLog => "ciscolog",
            Self::Ios => "ios",
        }
    }
}

/// One event. Everything in it is borrowed from the line.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The dialect.
    pub form: Form,
    /// The sequence number of the process that wrote it. It restarts with the process; gaps are normal.
    pub sequence: Option<u64>,
    /// HOST, where the head has one.
    pub host: Option<&'a [u8]>,
    /// The time in the head.
    pub stamp: Option<Stamp>,
    /// The head says that the clock was never set (`---`).
    pub clock_unknown: bool,
    /// The process, where the facility has two parts: `MCVD` of `%MCVD-LIB_LICENSE-…`.
    pub process: Option<&'a [u8]>,
    /// The facility: `LIB_LICENSE`, `UC_LIB_LICENSE`, `UC_` (an empty catalog).
    pub facility: &'a [u8],
    /// The severity.
    pub severity: Severity,
    /// The name of the message. It may hold hyphens and blanks.
    pub mnemonic: &'a [u8],
    /// What is behind the triplet and the tags. Escaped as it stands on the line: see [`Event::explanation`].
    pub text: &'a [u8],
    tags: Tags<'a>,
    truncated: Option<(&'a [u8], &'a [u8])>,
}

/// Looks for events in one line. Its first triplet is searched for once, however many places are tried.
#[derive(Clone, Copy)]
pub(crate) struct Finder<'a> {
    end: usize,
    triplet: Option<Triplet<'a>>,
}

impl<'a> Finder<'a> {
    pub(crate) fn new(line: &'a [u8]) -> Self {
        Self { end: line.as_ptr().addr() + line.len(), triplet: triplet::find(line) }
    }

    /// Puts the event that begins with `input`, which is an end of the line, into `found`: a head, or nothing, and a triplet. Says
    /// whether there is one.
    pub(crate) fn read(&self, input: &'a [u8], found: &mut Option<Event<'a>>, defects: &mut Defects) -> bool {
        self.read_with(input, None, found, defects)
    }

    /// The same for an input that is known to begin with this time.
    pub(crate) fn read_with(
        &self,
        input: &'a [u8],
        leading: Option<&Leading>,
        found: &mut Option<Event<'a>>,
        defects: &mut Defects,
    ) -> bool {
        let Some(triplet) = &self.triplet else { return false };
        debug_assert_eq!(self.end, input.as_ptr().addr() + input.len(), "only ends of the line are looked at");
        // The triplet counts from the start of the line. Only the first counts, so that triage and record agree: what comes later is
        // text of the first.
        let start = triplet.line - input.len();
        let Some(at) = triplet.at.checked_sub(start) else { return false };
        let Some(head) = head::read(&input[..at], leading, triplet.is_trace()) else { return false };
        // An event is made where it stays, since it is too large to be handed from hand to hand.
        let event = found.insert(Event {
            form: Form::Ios,
            sequence: head.sequence,
            host: head.host,
            stamp: head.stamp,
            clock_unknown: head.clock_unknown,
            process: triplet.process,
            facility: triplet.facility,
            severity: triplet.severity,
            mnemonic: triplet.mnemonic,
            text: skip_blanks(&input[at + triplet.length..]),
            tags: Tags::none(),
            truncated: None,
        });
        let block = tag_block(event.text, triplet);
        event.form = form(triplet, &head, block.is_some());
        if let Some(block) = block {
            let behind = event.tags.read(block, defects);
            event.text = behind.text;
            event.truncated = behind.truncated;
        }
        if head.half_line {
            defects.insert(Defect::HalfLine);
        }
        if head.clock_unknown {
            defects.insert(Defect::ClockUnknown);
        }
        if license::is_license(event.facility) && license::is_unusable(event) {
            defects.insert(Defect::MinutesUnusable);
        }
        true
    }
}

/// Where the tags begin: behind `%`, or (CCE, and careless relays) at the bracket itself.
fn tag_block<'a>(rest: &'a [u8], triplet: &Triplet<'_>) -> Option<&'a [u8]> {
    if let Some(behind) = rest.strip_prefix(b"%") {
        let behind = skip_blanks(behind);
        return behind.starts_with(b"[").then_some(behind);
    }
    (rest.first() == Some(&b'[') && !triplet.is_trace() && !triplet.worded && tags::is_bare_block(rest)).then_some(rest)
}

fn form(triplet: &Triplet<'_>, head: &head::Head<'_>, tagged: bool) -> Form {
    let facility = triplet.facility;
    let begins = |prefix: &[u8]| facility.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if facility.starts_with(b"UC_") && triplet.process.is_none() {
        // As nearly all do.
        Form::Uc
    } else if triplet.is_trace() {
        Form::Trace
    } else if triplet.process.is_some() || begins(b"UC_") || begins(b"CCM_") {
        Form::Uc
    } else if begins(b"CCBU_") {
        Form::Ccbu
    } else if begins(b"CVP_") {
        Form::Cvp
    } else if begins(b"ICM_") || triplet.worded {
        Form::Cce
    } else if tagged
        || (head.sequence.is_some()
            && head.host.is_some()
            && (head.clock_unknown || head.stamp.is_some_and(|stamp| stamp.year.is_some())))
    {
        Form::CiscoLog
    } else {
        Form::Ios
    }
}

impl<'a> Event<'a> {
    /// Keys and values in their order, as the dialect writes them: tags, the free text of CUCM up to 8.x, or the comma list of a
    /// trace alarm. Keys are as printed, without blanks around them, and may repeat. Values are unescaped.
    #[inline]
    pub fn params(&self) -> Params<'_, 'a> {
        Params(self.raw_params())
    }

    #[inline]
    fn raw_params(&self) -> RawParams<'_, 'a> {
        if self.tags.is_empty() { self.untagged_params() } else { RawParams::Tags(self.tags.iter()) }
    }

    fn untagged_params(&self) -> RawParams<'_, 'a> {
        match self.form {
            Form::Trace if !matches!(self.mnemonic, b"UNK" | b"EXCEPTION") => {
                RawParams::Comma(CommaParams::new(self.text))
            }
            Form::Uc => RawParams::FreeText(FreeText::new(self.text)),
            _ => RawParams::None,
        }
    }

    /// The first value of a key. Blanks and letter case do not count: `App ID` is `AppID`.
    pub fn param(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        self.raw_param(name.as_bytes()).map(unescape)
    }

    fn raw_param(&self, name: &[u8]) -> Option<&'a [u8]> {
        if !self.tags.is_empty() {
            return self.tags.find(|key| same_key(key, name));
        }
        self.raw_params().find(|tag| same_key(tag.key, name)).map(|tag| tag.value)
    }

    pub(crate) const fn has_tags(&self) -> bool {
        !self.tags.is_empty()
    }

    pub(crate) fn tag_values(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'_, 'a> {
        self.tags.iter().map(|tag| (tag.key, tag.value))
    }

    /// A tag that the end of the line cuts off: its key and what there is of its value. It is not among [`Event::params`], since half
    /// a number is another number.
    #[inline]
    pub fn truncated_param(&self) -> Option<(&'a [u8], Cow<'a, [u8]>)> {
        self.truncated.map(|(key, value)| (key, unescape(value)))
    }

    /// The node that the event speaks of. In an RTMT alert it is the collector, and the affected node stands in the body.
    pub fn node_id(&self) -> Option<&'a [u8]> {
        self.filled(b"NodeID")
    }

    /// The application that raised it.
    pub fn app_id(&self) -> Option<&'a [u8]> {
        self.filled(b"AppID")
    }

    /// The cluster, where it has a name; in most lines it has none.
    pub fn cluster_id(&self) -> Option<&'a [u8]> {
        self.filled(b"ClusterID")
    }

    fn filled(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.raw_param(name).map(trim).filter(|value| !value.is_empty())
    }

    /// The text with its escapes undone.
    pub fn explanation(&self) -> Cow<'a, [u8]> {
        unescape(self.text)
    }

    /// The typed license event, where this is one.
    pub fn license(&self) -> Option<LicenseEvent> {
        license::license_event(self)
    }

    /// Whether the sender says that its clock is not to be trusted: `*`, `.` or `---` (`CiscoLog` specification, accuracy).
    pub fn is_clock_unsynchronized(&self) -> bool {
        self.clock_unknown || self.stamp.is_some_and(|stamp| stamp.accuracy != Accuracy::Unmarked)
    }
}

/// The parameters of an event.
#[derive(Clone, Debug)]
pub struct Params<'e, 'a>(RawParams<'e, 'a>);

#[derive(Clone, Debug)]
enum RawParams<'e, 'a> {
    None,
    Tags(TagIter<'e, 'a>),
    FreeText(FreeText<'a>),
    Comma(CommaParams<'a>),
}

impl<'a> RawParams<'_, 'a> {
    /// The next of what is no tag.
    fn untagged(&mut self) -> Option<Tag<'a>> {
        let (key, value) = match self {
            Self::None | Self::Tags(_) => return None,
            Self::FreeText(keys) => keys.next()?,
            Self::Comma(params) => params.next()?,
        };
        Some(Tag { key, value, escaped: true })
    }
}

impl<'a> Iterator for RawParams<'_, 'a> {
    type Item = Tag<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if let Self::Tags(tags) = self { tags.next() } else { self.untagged() }
    }
}

impl<'a> Iterator for Params<'_, 'a> {
    type Item = (&'a [u8], Cow<'a, [u8]>);

    #[expect(clippy::inline_always, reason = "in line it takes half as long, and the compiler thinks it too large")]
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let tag = self.0.next()?;
        Some((tag.key, if tag.escaped { unescape(tag.value) } else { Cow::Borrowed(tag.value) }))
    }
}
