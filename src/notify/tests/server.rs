//! A mail server that does as it is told, on a real socket.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// What the server does instead of saying yes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// Says this line.
    Say(&'static str),
    /// Cuts the connection.
    Cut,
    /// Says nothing any more.
    Hang,
}

/// What reached the server: a command, or a whole mail at its final dot.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    /// The connection's number, from 1.
    pub(super) connection: usize,
    /// `connect`, a command's line, or `.`.
    pub(super) line: String,
    /// The recipient of the transaction.
    pub(super) to: String,
    /// At `.`: the mail.
    pub(super) mail: String,
}

impl Heard {
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let head = self.mail.split("\r\n\r\n").next()?.replace("\r\n ", " ");
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{}:", name.to_lowercase())))?;
        Some(line[name.len() + 1..].trim().to_owned())
    }
}

type Script = Arc<dyn Fn(&Heard) -> Option<Answer> + Send + Sync>;

/// A running server. It lives as long as the test's runtime.
pub(super) struct Server {
    pub(super) port: u16,
    /// All mails that got a yes at the final dot.
    pub(super) accepted: mpsc::UnboundedReceiver<Heard>,
    /// Everything that was heard.
    pub(super) heard: mpsc::UnboundedReceiver<Heard>,
}

impl Server {
    pub(super) async fn start(script: impl Fn(&Heard) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (accept, accepted) = mpsc::unbounded_channel();
        let (hear, heard) = mpsc::unbounded_channel();
        let script: Script = Arc::new(script);
        let count = AtomicUsize::new(0);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = count.fetch_add(1, Ordering::Relaxed) + 1;
                let (script, accept, hear) = (Arc::clone(&script), accept.clone(), hear.clone());
                tokio::spawn(async move {
                    // The client may leave at any moment; that ends the conversation and no test.
                    let _ = converse(stream, connection, script, accept, hear).await;
                });
            }
        });
        Self { port, accepted, heard }
    }

    pub(super) async fn mail(&mut self) -> Heard {
        self.accepted.recv().await.unwrap()
    }

    /// Waits until something like this was heard.
    pub(super) async fn heard(&mut self, wanted: impl Fn(&Heard) -> bool) -> Heard {
        loop {
            let heard = self.heard.recv().await.unwrap();
            if wanted(&heard) {
                return heard;
            }
        }
    }
}

async fn converse(
    stream: TcpStream,
    connection: usize,
    script: Script,
    accept: mpsc::UnboundedSender<Heard>,
    hear: mpsc::UnboundedSender<Heard>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut heard = Heard { connection, line: "connect".to_owned(), to: String::new(), mail: String::new() };
    loop {
        let yes = match heard.line.split_ascii_whitespace().next().unwrap_or_default() {
            "connect" => "220 ready\r\n",
            "EHLO" => "250-here\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n",
            "AUTH" => "235 welcome\r\n",
            "DATA" => "354 go on\r\n",
            "QUIT" => "221 bye\r\n",
            _ => "250 ok\r\n",
        };
        if let Some(to) = heard.line.strip_prefix("RCPT TO:") {
            to.trim_matches(['<', '>']).clone_into(&mut heard.to);
        }
        let answer = script(&heard);
        let _ = hear.send(heard.clone());
        match answer {
            None => {
                if heard.line == "." {
                    let _ = accept.send(heard.clone());
                }
                stream.write_all(yes.as_bytes()).await?;
            }
            Some(Answer::Say(line)) => stream.write_all(format!("{line}\r\n").as_bytes()).await?,
            Some(Answer::Cut) => return Ok(()),
            Some(Answer::Hang) => {
                stream.read_to_end(&mut Vec::new()).await?;
                return Ok(());
            }
        }
        if heard.line == "QUIT" {
            return Ok(());
        }
        let in_data = heard.line == "DATA" && answer.is_none();
        heard.mail.clear();
        heard.line.clear();
        if in_data {
            while !heard.mail.ends_with("\r\n.\r\n") {
                if stream.read_line(&mut heard.mail).await? == 0 {
                    return Ok(());
                }
            }
            heard.mail.truncate(heard.mail.len() - 3);
            ".".clone_into(&mut heard.line);
        } else {
            if stream.read_line(&mut heard.line).await? == 0 {
                return Ok(());
            }
            heard.line.truncate(heard.line.trim_end().len());
        }
    }
}
