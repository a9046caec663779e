//! Mail over SMTP: one recipient, one connection that is kept warm for a while.

use super::{
    Common, NotifyError,
    failure::{Consequence, Failure},
    message::{self, Addressing, Templates},
    stream,
    template::{Form, Template},
};
use crate::{
    clock,
    config::{Email as Settings, Receiver, Secret, Tls},
    store::{FailureReason, Message},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
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
use std::{error::Error as _, path::Path, sync::Arc, time::Duration};
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
    secrets: Vec<Secret>,
}

/// One recipient of a receiver.
pub(super) struct Email {
    server: Server,
    addressing: Addressing,
    connection: Option<(AsyncSmtpConnection, Instant)>,
}

/// One notifier for each recipient, with the recipient's address.
pub(super) fn start(
    receiver: &Receiver,
    settings: &Settings,
    common: &Common,
) -> Result<Vec<(String, Email)>, NotifyError> {
    let server = Server::new(receiver, settings)?;
    let mut all: Vec<(String, Email)> = Vec::new();
    for (to, addressing) in addressings(receiver, settings, common)? {
        if all.iter().all(|(known, _)| *known != to) {
            all.push((to, Email { server: server.clone(), addressing, connection: None }));
        }
    }
    Ok(all)
}

/// Each recipient and how a mail to them is addressed. The templates are read and compiled.
pub(super) fn addressings(
    receiver: &Receiver,
    settings: &Settings,
    common: &Common,
) -> Result<Vec<(String, Addressing)>, NotifyError> {
    let fault = |message: String| NotifyError::of(receiver, message);
    let from = mailbox(settings.from.get_ref()).map_err(fault)?;
    let load = |own: &Option<_>, common: &Option<_>, form| {
        let file: Option<&std::path::PathBuf> = own.as_ref().or(common.as_ref());
        file.map(|file: &std::path::PathBuf| Template::load(Path::new(file), form)).transpose().map_err(fault)
    };
    let (own, common_ones) = (&settings.templates, &common.templates);
    let templates = Arc::new(Templates {
        subject: load(&own.subject, &common_ones.subject, Form::Text)?,
        text: load(&own.text, &common_ones.text, Form::Text)?,
        html: load(&own.html, &common_ones.html, Form::Html)?,
    });
    let mut all = Vec::new();
    for to in &settings.to {
        let addressing = Addressing {
            from: from.clone(),
            to: mailbox(to.get_ref()).map_err(fault)?,
            audience: common.audience(receiver, to.get_ref()),
            templates: Arc::clone(&templates),
        };
        all.push((to.get_ref().clone(), addressing));
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
    fn new(receiver: &Receiver, settings: &Settings) -> Result<Self, NotifyError> {
        let host = settings.host.get_ref().clone();
        let tls = match settings.tls {
            Tls::None => None,
            kind => Some((kind, tls_parameters(receiver, &host)?)),
        };
        let mut secrets = Vec::new();
        let mut credentials = None;
        if let Some(login) = &settings.login {
            let password = login.password.read().map_err(|error| NotifyError::of(receiver, error))?;
            let user = login.username.get_ref().clone();
            // A server that repeats what it was sent repeats it coded (RFC 4616; LOGIN sends the password alone).
            let plain = format!("\0{user}\0{}", password.reveal());
            secrets.extend(
                [plain.as_bytes(), password.reveal().as_bytes()].map(|text| Secret::new(&BASE64_STANDARD.encode(text))),
            );
            credentials = Some(Credentials::new(user, password.reveal().to_owned()));
            secrets.push(password);
        }
        Ok(Self {
            port: settings.port.unwrap_or(match settings.tls {
                Tls::Starttls => 587,
                Tls::Implicit => 465,
                Tls::None => 25,
            }),
            host,
            tls,
            credentials,
            hello: ClientId::default(),
            timeout: receiver.timeout.unsigned_abs(),
            secrets,
        })
    }

    /// Connects and logs in. Whatever goes wrong here is no fault of a message: all of them wait.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let unreachable = |error: lettre::transport::smtp::Error| {
            let text = format!("{}:{}: {}", self.host, self.port, describe(&error));
            Failure::unreachable(reason(&error), text).without(&self.secrets)
        };
        let mut connection = if let Some((Tls::Implicit, parameters)) = &self.tls {
            let place = (self.host.as_str(), self.port);
            let parameters = Some(parameters.clone());
            AsyncSmtpConnection::connect_tokio1(place, Some(stream::ONE_ADDRESS), &self.hello, parameters, None).await
        } else {
            let connected = stream::connect(&self.host, self.port).await;
            let tcp = connected.map_err(|error| Failure::unreachable(FailureReason::Connect, error))?;
            AsyncSmtpConnection::connect_with_transport(Box::new(tcp), &self.hello).await
        }
        .map_err(unreachable)?;
        if let Some((Tls::Starttls, parameters)) = &self.tls {
            let started = connection.starttls(parameters.clone(), &self.hello).await;
            started.map_err(|error| Failure { reason: FailureReason::Tls, ..unreachable(error) })?;
        }
        if let Some(credentials) = &self.credentials {
            let accepted = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            accepted.map_err(|error| {
                let reason = if is_answer(&error) || error.is_client() { FailureReason::Auth } else { reason(&error) };
                Failure { reason, ..unreachable(error) }
            })?;
        }
        Ok(connection)
    }
}

impl Email {
    /// One attempt, bounded as a whole. Success is the server's answer to the final dot, nothing less.
    pub(super) async fn deliver(&mut self, message: &Message) -> Result<(), Failure> {
        let mail = message::build(message, &self.addressing, clock::wall())
            .map_err(|error| Failure::never(FailureReason::Template, error))?;
        let limit = self.server.timeout;
        // Where the time is up, the future is dropped, and its connection with it.
        match timeout(limit, self.attempt(&mail)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::unreachable(
                FailureReason::Timeout,
                format!(
                    "{}:{} did not finish within {limit:?}; the mail may or may not have arrived",
                    self.server.host, self.server.port
                ),
            )),
        }
    }

    async fn attempt(&mut self, mail: &[u8]) -> Result<(), Failure> {
        if let Some((connection, _)) = self.fresh_enough() {
            match self.transact(connection, SIGN_OF_LIFE, mail).await {
                // The server had closed the idle connection, or has enough of it.
                Err(Failure { consequence: Consequence::AllWait, error, .. }) => {
                    tracing::debug!(error, "a kept connection broke; connecting anew");
                }
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
            return Err(Failure::unreachable(FailureReason::Timeout, format!("{} does not answer", place())));
        };
        let mut at_recipient = false;
        let result = async {
            first?;
            at_recipient = true;
            connection.command(Rcpt::new(to.clone(), Vec::new())).await?;
            at_recipient = false;
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
                let code = error.status().map(u16::from);
                let failure = match code {
                    // Wants a login, or another one (RFC 4954): the configuration's fault, not the message's.
                    Some(530 | 535 | 538) => Failure::unreachable(FailureReason::Auth, format!("{}: {text}", place())),
                    _ if error.is_permanent() && at_recipient => Failure::never(FailureReason::RefusedRecipient, text),
                    _ if error.is_permanent() => Failure::never(FailureReason::Rejected, text),
                    // The server is about to leave (RFC 5321, section 3.8).
                    Some(421) => Failure::unreachable(FailureReason::Unavailable, format!("{}: {text}", place())),
                    // Full, or greylisting: 450 and 452 of RFC 5321, section 4.2.3.
                    Some(450 | 452) => Failure::later(FailureReason::RateLimited, text),
                    _ if error.is_transient() => Failure::later(FailureReason::Unavailable, text),
                    _ => Failure::unreachable(reason(&error), format!("{}: {text}", place())),
                };
                if is_answer(&error) && code != Some(421) {
                    tokio::spawn(farewell(connection));
                }
                Err(failure.without(&self.server.secrets))
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

/// Whether the server has answered, with a no.
fn is_answer(error: &lettre::transport::smtp::Error) -> bool {
    error.is_permanent() || error.is_transient()
}

/// Which kind of fault kept us from the server.
fn reason(error: &lettre::transport::smtp::Error) -> FailureReason {
    let mut cause = error.source();
    while let Some(inner) = cause {
        // rustls says what is wrong with a certificate inside an I/O error.
        let wrapped = inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let is_tls = <dyn std::error::Error + Send + Sync + 'static>::is::<tokio_rustls::rustls::Error>;
        if inner.is::<tokio_rustls::rustls::Error>() || wrapped.is_some_and(is_tls) {
            return FailureReason::Tls;
        }
        cause = inner.source();
    }
    if error.is_tls() {
        FailureReason::Tls
    } else if error.is_timeout() {
        FailureReason::Timeout
    } else if is_answer(error) {
        FailureReason::Unavailable
    } else {
        FailureReason::Connect
    }
}

fn tls_parameters(receiver: &Receiver, host: &str) -> Result<TlsParameters, NotifyError> {
    let fault = |message: String| NotifyError::of(receiver, message);
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(file) = &receiver.ca_file {
        let file = file.get_ref();
        let pem =
            std::fs::read(file).map_err(|error| fault(format!("cannot read ca_file {}: {error}", file.display())))?;
        let certificate = Certificate::from_pem(&pem)
            .map_err(|error| fault(format!("ca_file {} holds no PEM certificates ({error})", file.display())))?;
        builder = builder.add_root_certificate(certificate);
    }
    if receiver.danger_accept_invalid_certs {
        builder = builder.dangerous_accept_invalid_certs(true).dangerous_accept_invalid_hostnames(true);
    }
    builder.build().map_err(|error| fault(format!("TLS cannot be set up: {error}")))
}
