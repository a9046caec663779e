//! A mail server that does as it is told, on a real socket.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::mpsc,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// What the server does instead of saying yes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// Says this line.
    Say(&'static str),
    /// Says yes, after this time.
    Slowly(Duration),
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

/// How the server protects its connections; its certificate is for `localhost`, signed by `tls/ca.pem`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    None,
    Starttls,
    Implicit,
}

pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

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
        Self::protected(Protection::None, script).await
    }

    pub(super) async fn protected(
        protection: Protection,
        script: impl Fn(&Heard) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (accept, accepted) = mpsc::unbounded_channel();
        let (hear, heard) = mpsc::unbounded_channel();
        let script: Script = Arc::new(script);
        let tls = acceptor();
        let count = AtomicUsize::new(0);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = count.fetch_add(1, Ordering::Relaxed) + 1;
                let side = Side {
                    connection,
                    script: Arc::clone(&script),
                    accept: accept.clone(),
                    hear: hear.clone(),
                    starttls: (protection == Protection::Starttls).then(|| tls.clone()),
                };
                let tls = (protection == Protection::Implicit).then(|| tls.clone());
                tokio::spawn(async move {
                    // The client may leave at any moment; that ends the conversation and no test.
                    let _ = async {
                        stream.set_nodelay(true)?;
                        let stream: Box<dyn Wire> = match tls {
                            Some(tls) => Box::new(tls.accept(stream).await?),
                            None => Box::new(stream),
                        };
                        side.converse(stream).await
                    }
                    .await;
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

pub(super) fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// The server's side of one connection.
struct Side {
    connection: usize,
    script: Script,
    accept: mpsc::UnboundedSender<Heard>,
    hear: mpsc::UnboundedSender<Heard>,
    starttls: Option<TlsAcceptor>,
}

impl Side {
    async fn converse(self, stream: Box<dyn Wire>) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut encrypted = false;
        let mut heard =
            Heard { connection: self.connection, line: "connect".to_owned(), to: String::new(), mail: String::new() };
        loop {
            let yes = match heard.line.split_ascii_whitespace().next().unwrap_or_default() {
                "connect" => "220 ready\r\n",
                "EHLO" if self.starttls.is_some() && !encrypted => "250-here\r\n250 STARTTLS\r\n",
                "EHLO" => "250-here\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n",
                "AUTH" => "235 welcome\r\n",
                "DATA" => "354 go on\r\n",
                "QUIT" => "221 bye\r\n",
                _ => "250 ok\r\n",
            };
            if let Some(to) = heard.line.strip_prefix("RCPT TO:") {
                to.trim_matches(['<', '>']).clone_into(&mut heard.to);
            }
            let answer = (self.script)(&heard);
            let _ = self.hear.send(heard.clone());
            if let Some(Answer::Slowly(pause)) = answer {
                tokio::time::sleep(pause).await;
            }
            match answer {
                None | Some(Answer::Slowly(_)) => {
                    if heard.line == "." {
                        let _ = self.accept.send(heard.clone());
                    }
                    stream.write_all(yes.as_bytes()).await?;
                    stream.flush().await?;
                }
                Some(Answer::Say(line)) => {
                    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
                    stream.flush().await?;
                }
                Some(Answer::Cut) => return Ok(()),
                Some(Answer::Hang) => {
                    stream.read_to_end(&mut Vec::new()).await?;
                    return Ok(());
                }
            }
            if heard.line == "QUIT" {
                return Ok(());
            }
            if heard.line == "STARTTLS"
                && let Some(tls) = &self.starttls
            {
                let wire: Box<dyn Wire> = Box::new(tls.accept(stream.into_inner()).await?);
                stream = BufReader::new(wire);
                encrypted = true;
            }
            let in_data = heard.line == "DATA" && matches!(answer, None | Some(Answer::Slowly(_)));
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
}
