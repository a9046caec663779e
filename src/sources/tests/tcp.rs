use super::{Batches, Sums, UNWANTED, context, other, wanted};
use crate::sources::{Access, Budget, DropReason, Limits, tcp};
use arc_swap::ArcSwap;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

struct Running {
    address: SocketAddr,
    batches: Batches,
    sums: Arc<Sums>,
    access: Arc<ArcSwap<Access>>,
    shutdown: CancellationToken,
}

fn running(limits: Limits) -> Running {
    let (context, sums) = context(limits);
    let (sender, batches) = Batches::new(&context.limits);
    let source = tcp::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = source.local_addr();
    let (access, shutdown) = (Arc::clone(&context.access), context.shutdown.clone());
    tokio::spawn(source.run(context, sender));
    Running { address, batches, sums, access, shutdown }
}

#[tokio::test]
async fn lines_and_counted_frames_mix_however_they_are_cut() {
    let counted = |line: String| format!("{} {line}", line.len());
    let stream = format!("{}\n{}\r\n{}{UNWANTED}\n{}", wanted(1), wanted(2), counted(wanted(3)), counted(wanted(4)))
        .into_bytes();
    for size in [1, 7, 100, stream.len()] {
        let mut running = running(Limits::default());
        let mut connection = TcpStream::connect(running.address).await.unwrap();
        connection.set_nodelay(true).unwrap();
        for piece in stream.chunks(size) {
            connection.write_all(piece).await.unwrap();
        }
        running.batches.until_facts(4).await;
        assert_eq!(running.batches.sequences(), [1, 2, 3, 4], "in pieces of {size}");
        running.shutdown.cancel();
        running.batches.until_end().await;
        assert_eq!(running.batches.heard, 5, "in pieces of {size}");
    }
}

#[tokio::test]
async fn the_last_record_needs_no_end() {
    for cut in [false, true] {
        let mut running = running(Limits::default());
        let mut connection = TcpStream::connect(running.address).await.unwrap();
        connection.write_all(format!("{}\n{}", wanted(1), wanted(2)).as_bytes()).await.unwrap();
        if cut {
            running.batches.until_facts(1).await;
            connection.set_zero_linger().unwrap();
            drop(connection);
        } else {
            connection.shutdown().await.unwrap();
        }
        running.batches.until_facts(2).await;
        running.sums.until(|sum| sum.closed == 1).await;
        assert_eq!(running.batches.sequences(), [1, 2], "cut: {cut}");
    }
}

#[tokio::test]
async fn what_has_arrived_at_shutdown_is_taken() {
    let mut running = running(Limits { block_bytes: 64, ..Limits::default() });
    let mut connection = TcpStream::connect(running.address).await.unwrap();
    connection.write_all(format!("{}\n", wanted(0)).as_bytes()).await.unwrap();
    running.batches.until_facts(1).await;
    let lines: Vec<String> = (1..100).map(wanted).collect();
    connection.write_all(lines.join("\n").as_bytes()).await.unwrap();
    running.shutdown.cancel();
    running.batches.until_end().await;
    assert_eq!(running.batches.facts.len(), 100);
}

#[tokio::test]
async fn strangers_are_shown_the_door() {
    for (greeting, reason) in [
        (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], DropReason::NotSyslog),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", DropReason::NotSyslog),
        (b"999999 <13>too much", DropReason::BadFraming),
    ] {
        let running = running(Limits::default());
        let mut connection = TcpStream::connect(running.address).await.unwrap();
        connection.write_all(greeting).await.unwrap();
        // Closed with bytes unread or not: either is an end.
        let end = connection.read(&mut [0; 1]).await;
        assert!(end.is_err() || end.is_ok_and(|length| length == 0));
        running.sums.until(|sum| sum.closed == 1).await;
        assert_eq!(running.sums.drops(reason), 1, "{greeting:?}");
    }
}

#[tokio::test]
async fn connections_are_limited() {
    for (limits, reason) in [
        (Limits { connections: 2, ..Limits::default() }, DropReason::ConnectionLimit),
        (Limits { connections_per_sender: 2, ..Limits::default() }, DropReason::SenderConnectionLimit),
    ] {
        let running = running(limits);
        let first = TcpStream::connect(running.address).await.unwrap();
        let _second = TcpStream::connect(running.address).await.unwrap();
        let _third = TcpStream::connect(running.address).await.unwrap();
        running.sums.until(|sum| sum.drops.len() == 1).await;
        assert_eq!((running.sums.get().opened, running.sums.drops(reason)), (2, 1));
        drop(first);
        running.sums.until(|sum| sum.closed == 1).await;
        let _fourth = TcpStream::connect(running.address).await.unwrap();
        running.sums.until(|sum| sum.opened == 3).await;
    }
}

#[tokio::test]
async fn slow_and_silent_senders_are_closed() {
    let soon = Duration::from_millis(20);
    let mut slow = running(Limits { slow_record: soon, ..Limits::default() });
    let mut connection = TcpStream::connect(slow.address).await.unwrap();
    connection.write_all(wanted(1).as_bytes()).await.unwrap();
    slow.batches.until_facts(1).await;
    assert_eq!(connection.read(&mut [0; 1]).await.unwrap(), 0);
    slow.sums.until(|sum| sum.closed == 1).await;
    assert_eq!(slow.sums.drops(DropReason::SlowSender), 1);

    let silent = running(Limits { idle: soon, ..Limits::default() });
    let mut connection = TcpStream::connect(silent.address).await.unwrap();
    assert_eq!(connection.read(&mut [0; 1]).await.unwrap(), 0);
    silent.sums.until(|sum| sum.closed == 1).await;
    assert_eq!(silent.sums.drops(DropReason::IdleSender), 1);
}

#[tokio::test]
async fn a_sender_over_its_budget_waits_and_loses_nothing() {
    const LINES: u64 = 1_200;
    let mut running = running(Limits::default());
    // 1,000 at once, and two seconds for the rest.
    running.access.store(Arc::new(Access { budget: Budget::per_second(100), ..Access::default() }));
    let address = running.address;
    let lines: String = (0..LINES).map(|sequence| other(sequence) + "\n").collect();
    let sender = tokio::spawn(async move {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(lines.as_bytes()).await.unwrap();
    });
    running.batches.until_facts(usize::try_from(LINES).unwrap()).await;
    sender.await.unwrap();
    assert_eq!(running.batches.over_budget, ["127.0.0.1".parse().unwrap()].into());
    assert!(running.sums.get().drops.is_empty());
}

#[tokio::test]
async fn a_full_queue_makes_the_sender_wait() {
    const LINES: u64 = 20_000;
    let mut running = running(Limits { queue_batches: 1, block_bytes: 1024, ..Limits::default() });
    let address = running.address;
    let sender = tokio::spawn(async move {
        let mut connection = TcpStream::connect(address).await.unwrap();
        for sequence in 0..LINES {
            connection.write_all(format!("{}\n", wanted(sequence)).as_bytes()).await.unwrap();
        }
    });
    running.batches.until_facts(usize::try_from(LINES).unwrap()).await;
    sender.await.unwrap();
    assert_eq!(running.batches.sequences(), (0..LINES).collect::<Vec<_>>());
    assert!(running.sums.get().drops.is_empty());
}
