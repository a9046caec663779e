//! Mail over SMTP: one recipient, one connection that is kept warm for a while.

use super::{
    Failure, NotifyError,
    message::{self, Addressing},
    stream,
};
use crate::{
    clock,
    config::{Receiver, Secret, Tls},
    store::Message,
};
use jiff::tz::TimeZone;
use lettre::{
    Address,
    message::Mailbox,
    transport::smtp::{
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        commands::{Data, Mail, Quit, Rcpt},
        extension::ClientId,
    },
};
use std::{error::Error as _, time::Duration};
use tokio::time::{Instant, timeout};

/// How long an idle connection is kept: shorter than any mail server's patience.
const IDLE: Duration = Duration::from_secs(25);

/// How long a kept connection may take to show that it is alive, before a fresh one is made. Nothing of a mail is out by then.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);

/// How long a farewell may take. Nobody waits for it.
const FAREWELL: Duration = Duration::from_secs(5);

/// What all recipients of a receiver share.
#[derive(Clone)]
pub(super) struct Server {
    host: String,
    port: u16,
    tls: Option<(Tls, TlsParameters)>,
    credentials: Option<Credentials>,
    hello: ClientId,
    timeout: Duration,
}

/// One recipient of a receiver.
pub(super) struct Email {
    server: Server,
    addressing: Addressing,
    connection: Option<(AsyncSmtpConnection, Instant)>,
}

/// One notifier for each recipient, with the recipient's address.
pub(super) fn start(receiver: &Receiver) -> Result<Vec<(String, Email)>, NotifyError> {
    super::check_receiver(receiver).map_err(|message| fault(receiver, message))?;
    let server = Server::new(receiver)?;
    let zone = TimeZone::get(receiver.timezone.get_ref()).map_err(|error| fault(receiver, error.to_string()))?;
    let from = mailbox(receiver.from.get_ref()).map_err(|message| fault(receiver, message))?;
    let mut all: Vec<(String, Email)> = Vec::new();
    for to in &receiver.to {
        let addressing = Addressing {
            from: from.clone(),
            to: mailbox(to.get_ref()).map_err(|message| fault(receiver, message))?,
            receiver: receiver.name.get_ref().clone(),
            zone: zone.clone(),
        };
        if all.iter().all(|(known, _)| known != to.get_ref()) {
            all.push((to.get_ref().clone(), Email { server: server.clone(), addressing, connection: None }));
        }
    }
    Ok(all)
}

/// An address as the configuration has it: `ops@example.com` or `Operations <ops@example.com>`.
pub(super) fn mailbox(text: &str) -> Result<Mailbox, String> {
    if text.chars().any(char::is_control) {
        return Err(format!("the address {text:?} holds a control character; write it on one line"));
    }
    let mailbox: Mailbox = text.parse().map_err(|error| {
        format!("{text:?} is no mail address ({error}); write it as ops@example.com or Ops <ops@example.com>")
    })?;
    if !AsRef::<str>::as_ref(&mailbox.email).is_ascii() {
        return Err(format!(
            "the address {text:?} has letters beyond ASCII; write its domain in the xn-- form, and choose an ASCII mailbox"
        ));
    }
    Ok(mailbox)
}

impl Server {
    fn new(receiver: &Receiver) -> Result<Self, NotifyError> {
        let host = receiver.host.get_ref().clone();
        let tls = match receiver.tls {
            Tls::None => None,
            kind => Some((kind, tls_parameters(receiver)?)),
        };
        let credentials = match &receiver.username {
            None => None,
            Some(user) => Some(Credentials::new(user.get_ref().clone(), secret(receiver)?.reveal().to_owned())),
        };
        Ok(Self {
            port: receiver.port.unwrap_or(match receiver.tls {
                Tls::Starttls => 587,
                Tls::Implicit => 465,
                Tls::None => 25,
            }),
            host,
            tls,
            credentials,
            hello: ClientId::default(),
            timeout: receiver.timeout.unsigned_abs(),
        })
    }

    /// Connects and logs in. Whatever goes wrong here is no fault of a message: all of them wait.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let unreachable = |error: lettre::transport::smtp::Error| {
            Failure::Unreachable(format!("{}:{}: {}", self.host, self.port, describe(&error)))
        };
        let mut connection = if let Some((Tls::Implicit, parameters)) = &self.tls {
            let place = (self.host.as_str(), self.port);
            let parameters = Some(parameters.clone());
            AsyncSmtpConnection::connect_tokio1(place, Some(stream::ONE_ADDRESS), &self.hello, parameters, None).await
        } else {
            let tcp = stream::connect(&self.host, self.port).await.map_err(Failure::Unreachable)?;
            AsyncSmtpConnection::connect_with_transport(Box::new(tcp), &self.hello).await
        }
        .map_err(unreachable)?;
        if let Some((Tls::Starttls, parameters)) = &self.tls {
            connection.starttls(parameters.clone(), &self.hello).await.map_err(unreachable)?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await.map_err(unreachable)?;
        }
        Ok(connection)
    }
}

impl Email {
    /// One attempt, bounded as a whole. Success is the server's answer to the final dot, nothing less.
    pub(super) async fn deliver(&mut self, message: &Message) -> Result<(), Failure> {
        let mail = message::build(message, &self.addressing, clock::wall()).map_err(Failure::Never)?;
        let limit = self.server.timeout;
        // Where the time is up, the future is dropped, and its connection with it.
        match timeout(limit, self.attempt(&mail)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Unreachable(format!(
                "{}:{} did not finish within {limit:?}; the mail may or may not have arrived",
                self.server.host, self.server.port
            ))),
        }
    }

    async fn attempt(&mut self, mail: &[u8]) -> Result<(), Failure> {
        if let Some((connection, _)) = self.fresh_enough() {
            match self.transact(connection, SIGN_OF_LIFE, mail).await {
                // The server had closed the idle connection, or has enough of it.
                Err(Failure::Unreachable(error)) => tracing::debug!(error, "a kept connection broke; connecting anew"),
                other => return other,
            }
        }
        let connection = self.server.connect().await?;
        self.transact(connection, self.server.timeout, mail).await
    }

    async fn transact(
        &mut self,
        mut connection: AsyncSmtpConnection,
        patience: Duration,
        mail: &[u8],
    ) -> Result<(), Failure> {
        let from: &Address = &self.addressing.from.email;
        let to: &Address = &self.addressing.to.email;
        let place = || format!("{}:{}", self.server.host, self.server.port);
        let Ok(first) = timeout(patience, connection.command(Mail::new(Some(from.clone()), Vec::new()))).await else {
            return Err(Failure::Unreachable(format!("{} does not answer", place())));
        };
        let result = async {
            first?;
            connection.command(Rcpt::new(to.clone(), Vec::new())).await?;
            connection.command(Data).await?;
            connection.message(mail).await
        }
        .await;
        match result {
            Ok(_) => {
                self.connection = Some((connection, clock::timer()));
                Ok(())
            }
            Err(error) => {
                let text = describe(&error);
                let closing = error.status().is_some_and(|code| u16::from(code) == 421);
                if error.is_permanent() {
                    tokio::spawn(farewell(connection));
                    Err(Failure::Never(text))
                } else if error.is_transient() && !closing {
                    tokio::spawn(farewell(connection));
                    Err(Failure::Later(text))
                } else {
                    Err(Failure::Unreachable(format!("{}: {text}", place())))
                }
            }
        }
    }

    /// Connects before a message is there: while it is being committed. A fault shows at the attempt.
    pub(super) async fn warm(&mut self) {
        if let Some(kept) = self.fresh_enough() {
            self.connection = Some(kept);
            return;
        }
        match timeout(self.server.timeout, self.server.connect()).await {
            Ok(Ok(connection)) => self.connection = Some((connection, clock::timer())),
            Ok(Err(failure)) => tracing::debug!(?failure, "connecting ahead failed"),
            Err(_) => tracing::debug!("connecting ahead took too long"),
        }
    }

    /// When [`Email::rest`] should be called.
    pub(super) fn idle_until(&self) -> Option<Instant> {
        self.connection.as_ref().map(|(_, used)| *used + IDLE)
    }

    /// Says good-bye on the kept connection, in the background.
    pub(super) fn rest(&mut self) {
        if let Some((connection, _)) = self.connection.take() {
            tokio::spawn(farewell(connection));
        }
    }

    fn fresh_enough(&mut self) -> Option<(AsyncSmtpConnection, Instant)> {
        let kept = self.connection.take()?;
        (clock::timer() - kept.1 < IDLE).then_some(kept)
    }
}

async fn farewell(mut connection: AsyncSmtpConnection) {
    // Whether the server answers does not matter: nothing is under way.
    let _ = timeout(FAREWELL, connection.command(Quit)).await;
}

/// The error and its causes on one bounded line. Servers say hostile things, too.
fn describe(error: &lettre::transport::smtp::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    super::escape::visible(&text, 300)
}

fn fault(receiver: &Receiver, message: String) -> NotifyError {
    NotifyError { receiver: receiver.name.get_ref().clone(), message }
}

fn tls_parameters(receiver: &Receiver) -> Result<TlsParameters, NotifyError> {
    let mut builder = TlsParameters::builder(receiver.host.get_ref().clone());
    if let Some(file) = &receiver.ca_file {
        let file = file.get_ref();
        let pem = std::fs::read(file)
            .map_err(|error| fault(receiver, format!("cannot read ca_file {}: {error}", file.display())))?;
        let certificate = Certificate::from_pem(&pem).map_err(|error| {
            fault(receiver, format!("ca_file {} holds no PEM certificates ({error})", file.display()))
        })?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|error| fault(receiver, format!("TLS cannot be set up: {error}")))
}

fn secret(receiver: &Receiver) -> Result<Secret, NotifyError> {
    match (&receiver.password_file, &receiver.password_env) {
        (Some(file), _) => {
            let file = file.get_ref();
            std::fs::read_to_string(file)
                .map(|text| Secret::new(&text))
                .map_err(|error| fault(receiver, format!("cannot read password_file {}: {error}", file.display())))
        }
        (None, Some(name)) => std::env::var(name.get_ref()).map(|text| Secret::new(&text)).map_err(|_| {
            fault(receiver, format!("the environment variable {} (password_env) is not set", name.get_ref()))
        }),
        (None, None) => {
            Err(fault(receiver, "there is a username, but neither password_file nor password_env".to_owned()))
        }
    }
}
