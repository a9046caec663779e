use super::{Batches, UNWANTED, context, other, wanted};
use crate::sources::{Access, Budget, DropReason, Limits, udp};
use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::Arc,
};

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

#[tokio::test]
async fn receives_datagrams_of_one_and_of_many_lines() {
    let (context, sums) = context(Limits::default());
    let (sender, mut batches) = Batches::new(&context.limits);
    let source = udp::bind(loopback()).unwrap();
    assert!(source.granted_receive_buffer() > 0);
    let address = source.local_addr();
    let shutdown = context.shutdown.clone();
    tokio::spawn(source.run(context, sender));
    let socket = UdpSocket::bind(loopback()).unwrap();
    for sequence in 0..100 {
        socket.send_to(wanted(sequence).as_bytes(), address).unwrap();
    }
    socket.send_to(format!("{}\r\n{UNWANTED}\n{}\n\0", wanted(100), wanted(101)).as_bytes(), address).unwrap();
    batches.until_facts(102).await;
    assert_eq!(batches.sequences(), (0..102).collect::<Vec<_>>());
    assert_eq!(batches.facts[0].origin.sender, Some([127, 0, 0, 1].into()));
    assert_eq!(batches.facts[0].origin.source, address.to_string());
    shutdown.cancel();
    batches.until_end().await;
    assert_eq!(batches.heard, 103);
    assert_eq!(sums.get().lines, 103);
}

#[tokio::test]
async fn what_the_kernel_holds_at_shutdown_is_taken() {
    let (context, _) = context(Limits::default());
    let (sender, mut batches) = Batches::new(&context.limits);
    let source = udp::bind(loopback()).unwrap();
    let socket = UdpSocket::bind(loopback()).unwrap();
    for sequence in 0..100 {
        socket.send_to(wanted(sequence).as_bytes(), source.local_addr()).unwrap();
    }
    context.shutdown.cancel();
    tokio::spawn(source.run(context, sender));
    batches.until_end().await;
    assert_eq!(batches.facts.len(), 100);
}

#[tokio::test]
async fn takes_the_largest_datagram_and_cuts_lines() {
    let (context, sums) = context(Limits { line_bytes: 1000, ..Limits::default() });
    let (sender, mut batches) = Batches::new(&context.limits);
    let source = udp::bind(loopback()).unwrap();
    let address = source.local_addr();
    tokio::spawn(source.run(context, sender));
    let socket = UdpSocket::bind(loopback()).unwrap();
    let mut line = wanted(1).into_bytes();
    line.resize(65_507, b'x');
    socket.send_to(&line, address).unwrap();
    batches.until_facts(1).await;
    assert_eq!(sums.get().bytes, 65_507);
    assert_eq!(sums.drops(DropReason::LineTooLong), 1);
    assert_eq!(batches.facts[0].raw.len(), 1000);
}

#[tokio::test]
async fn a_full_queue_costs_counted_facts_and_never_waits() {
    const SENT: u64 = 200;
    let (context, sums) = context(Limits { queue_batches: 1, held_facts: 5, ..Limits::default() });
    let (sender, mut batches) = Batches::new(&context.limits);
    let source = udp::bind(loopback()).unwrap();
    let address = source.local_addr();
    let shutdown = context.shutdown.clone();
    tokio::spawn(source.run(context, sender));
    let socket = UdpSocket::bind(loopback()).unwrap();
    for sequence in 0..SENT {
        socket.send_to(wanted(sequence).as_bytes(), address).unwrap();
        // Nobody takes batches, and all the same everything is received.
        sums.until(|sum| sum.lines == sequence + 1).await;
    }
    shutdown.cancel();
    batches.until_end().await;
    let dropped = sums.drops(DropReason::QueueFull);
    assert!(dropped > 0);
    assert_eq!(batches.facts.len() as u64 + dropped, SENT);
    assert_eq!(batches.facts[0].sequence, Some(0));
}

#[tokio::test]
async fn ipv6_hears_ipv4_as_itself() {
    let Ok(source) = udp::bind("[::]:0".parse().unwrap()) else { return };
    let (context, _) = context(Limits::default());
    let (sender, mut batches) = Batches::new(&context.limits);
    let port = source.local_addr().port();
    tokio::spawn(source.run(context, sender));
    let socket = UdpSocket::bind(loopback()).unwrap();
    socket.send_to(wanted(1).as_bytes(), ("127.0.0.1", port)).unwrap();
    batches.until_facts(1).await;
    assert_eq!(batches.facts[0].origin.sender, Some([127, 0, 0, 1].into()));
}

#[tokio::test]
async fn a_sender_over_its_budget_loses_lines_and_others_lose_none() {
    // At 1 line a second no more than the burst of 10, and the one that meets the limit, is paid for.
    const PAID: u64 = 11;
    let (context, sums) = context(Limits::default());
    context.access.store(Arc::new(Access { budget: Budget::per_second(1), ..Access::default() }));
    let (sender, mut batches) = Batches::new(&context.limits);
    let source = udp::bind(loopback()).unwrap();
    let address = source.local_addr();
    let shutdown = context.shutdown.clone();
    tokio::spawn(source.run(context, sender));
    let noisy = UdpSocket::bind("127.0.0.1:0").unwrap();
    let quiet = UdpSocket::bind("127.0.0.2:0").unwrap();
    for sequence in 0..40 {
        noisy.send_to(other(sequence).as_bytes(), address).unwrap();
        sums.until(|sum| sum.lines == sequence + 1).await;
    }
    noisy.send_to(wanted(100).as_bytes(), address).unwrap();
    quiet.send_to(other(101).as_bytes(), address).unwrap();
    sums.until(|sum| sum.lines == 42).await;
    shutdown.cancel();
    batches.until_end().await;
    let dropped = sums.drops(DropReason::OverBudget);
    // A slow machine earns some more meanwhile.
    assert!((1..=40 - PAID).contains(&dropped), "{dropped}");
    assert_eq!(batches.facts.len() as u64 + dropped, 42);
    assert!(batches.sequences().contains(&100), "license lines are free");
    assert!(batches.sequences().contains(&101), "another sender has its own budget");
    assert_eq!(batches.over_budget, ["127.0.0.1".parse::<IpAddr>().unwrap()].into());
}
