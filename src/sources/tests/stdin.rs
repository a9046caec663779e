use super::{Batches, UNWANTED, context, wanted};
use crate::sources::{Limits, stdin};

#[tokio::test]
async fn reads_to_the_end_and_delivers_the_last_line() {
    let (context, sums) = context(Limits { block_bytes: 64, ..Limits::default() });
    let (sender, mut batches) = Batches::new(&context.limits);
    let input = format!("{}\r\n{UNWANTED}\n\n{}", wanted(1), wanted(2)).into_bytes();
    let bytes = input.len() as u64;
    tokio::spawn(async move { stdin::read(&input[..], context, sender).await });
    batches.until_end().await;
    assert_eq!(batches.sequences(), [1, 2]);
    assert_eq!(batches.heard, 3);
    assert_eq!((sums.get().lines, sums.get().bytes), (3, bytes));
}

#[tokio::test]
async fn shutdown_ends_it() {
    let (context, _) = context(Limits::default());
    let (sender, mut batches) = Batches::new(&context.limits);
    let (input, writer) = tokio::io::duplex(64);
    let shutdown = context.shutdown.clone();
    tokio::spawn(stdin::read(input, context, sender));
    shutdown.cancel();
    batches.until_end().await;
    drop(writer);
}

#[tokio::test]
async fn equal_lines_of_a_block_fold_and_continuations_attach() {
    let (context, _) = context(Limits::default());
    let (sender, mut batches) = Batches::new(&context.limits);
    let trace = "51617: Apr 08 10:14:27.842 IST %MCVD-LIB_LICENSE-1-SYSTEM_TO_ENTER_OOC_STATE:Out of Compliance state in =45 minutes";
    let input = format!("{trace}\n\tat one\n\tat two\n{trace}\n{UNWANTED}\n\tat three\n").into_bytes();
    tokio::spawn(async move { stdin::read(&input[..], context, sender).await });
    batches.until_end().await;
    let facts: Vec<_> = batches.facts.iter().map(|fact| (fact.raw.as_str(), fact.copies)).collect();
    assert_eq!(facts, [(format!("{trace}\n\tat one\n\tat two").as_str(), 2)]);
}
