//! Standard input: lines as in a file, without a position. Its end ends the source.

use super::{
    Batch, Observed, SourceContext, SourceName,
    block::{Block, Payment},
    facts::Facts,
    hearing::Ear,
};
use crate::clock;
use ccxwatch_alerts::fact::{Channel, Origin};
use ccxwatch_parsers::framing::{Frame, Framer, Mode};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::mpsc,
};

/// Its name in metrics and messages.
pub fn name() -> SourceName {
    SourceName::new(Channel::Stdin, "stdin")
}

/// Reads standard input to its end, or until shutdown.
pub async fn run(context: SourceContext, batches: mpsc::Sender<Batch>) {
    read(tokio::io::stdin(), context, batches).await;
}

/// Reads any stream as standard input is read.
pub async fn read(mut input: impl AsyncRead + Unpin, context: SourceContext, batches: mpsc::Sender<Batch>) {
    let mut lines = Lines::new(&context);
    let mut buffer = vec![0; context.limits.block_bytes];
    loop {
        let Ok(permit) = batches.reserve().await else { return };
        let length = tokio::select! {
            biased;
            () = context.shutdown.cancelled() => None,
            read = input.read(&mut buffer) => match read {
                Ok(0) => None,
                Ok(length) => Some(length),
                Err(error) => {
                    tracing::warn!(source = %lines.name, %error, "reading failed");
                    None
                }
            },
        };
        let batch = lines.take(length.map(|length| &buffer[..length]), &context);
        if !batch.is_empty() {
            permit.send(batch);
        }
        if length.is_none() {
            return;
        }
    }
}

struct Lines {
    name: SourceName,
    framer: Framer,
    ear: Ear,
    observed: Observed,
    facts: Facts,
}

impl Lines {
    fn new(context: &SourceContext) -> Self {
        let origin = Origin { channel: Channel::Stdin, sender: None, source: "stdin".to_owned(), node: None };
        Self {
            name: name(),
            framer: Framer::new(Mode::Lf, context.limits.line_bytes),
            // What is piped in may be the log of many hosts.
            ear: Ear::new(origin, true, context.limits.hosts_per_origin),
            observed: Observed::default(),
            facts: Facts::default(),
        }
    }

    /// Takes a block, or with none the end.
    fn take(&mut self, bytes: Option<&[u8]>, context: &SourceContext) -> Batch {
        let now = clock::now();
        let interest = context.interest.load();
        let Self { name, framer, ear, observed, facts } = self;
        observed.bytes += bytes.map_or(0, <[u8]>::len) as u64;
        observed.blocks += u64::from(bytes.is_some());
        let mut block = Block {
            interest: &interest,
            limits: &context.limits,
            observed,
            facts,
            ear,
            received_at: now.wall,
            catching_up: false,
            payment: Payment::Free,
        };
        let mut frame = |frame: Frame<'_>| block.line(frame.bytes, frame.cut);
        match bytes {
            Some(bytes) => framer.push(bytes, &mut frame),
            None => framer.finish(&mut frame),
        }
        observed.tell(context.observer.as_ref(), name);
        let mut batch = Batch { facts: facts.take(), ..Batch::default() };
        ear.due(now, &mut batch.heard);
        if bytes.is_none() {
            ear.report(now, &mut batch.heard);
        }
        batch
    }
}
