//! The peers that the tests use are what they claim to be.

use crate::harness::smtp::Smtp;
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

/// One SMTP dialogue by hand; the answer to the message.
fn send(port: u16, body: &str) -> Option<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    let mut answers = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut commands = stream;
    let mut answer = move || {
        let mut line = String::new();
        while answers.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            if line.as_bytes().get(3) == Some(&b' ') {
                return Some(line.trim_end().to_owned());
            }
            line.clear();
        }
        None
    };
    answer()?;
    for command in ["EHLO test\r\n", "MAIL FROM:<a@example.com>\r\n", "RCPT TO:<b@example.com>\r\n", "DATA\r\n"] {
        commands.write_all(command.as_bytes()).ok()?;
        answer()?;
    }
    commands
        .write_all(format!("Message-ID: <1@example.com>\r\nSubject: test\r\n\r\n{body}\r\n.\r\n").as_bytes())
        .ok()?;
    answer()
}

#[test]
fn the_mail_server_records_and_plays_its_script() {
    let mut server = Smtp::start();
    assert_eq!(send(server.port, "one").as_deref(), Some("250 OK"));
    server.script(&["451 later", "drop", "accept, then drop"]);
    assert_eq!(send(server.port, "two").as_deref(), Some("451 later"));
    assert_eq!(send(server.port, "three"), None);
    assert_eq!(send(server.port, "four"), None);
    let accepted = server.wait_for(2);
    assert_eq!(accepted[0].header("subject").as_deref(), Some("test"));
    assert_eq!((accepted[0].from.as_str(), accepted[0].to.len()), ("a@example.com", 1));
    assert!(accepted[1].data.contains("four"), "{accepted:?}");
    assert_eq!(accepted[0].message_id, accepted[1].message_id);
    assert!(accepted[0].monotonic_ns < accepted[1].monotonic_ns);
    let refused: Vec<_> = server.refused().into_iter().map(|mail| mail.reply).collect();
    assert_eq!(refused, ["451 later", "drop"]);
    assert_eq!(server.accepted().len(), 2);
}
