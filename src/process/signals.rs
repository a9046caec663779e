//! The signals that the process takes over.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end the process in order.
pub(super) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Takes them over from now on; `None` where the system has none to give.
    pub(super) fn new() -> Option<Self> {
        let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
        let (Ok(terminate), Ok(interrupt)) = signals else {
            tracing::error!(
                "signals cannot be received here; stop ccxwatch with SIGKILL, it continues at the next start"
            );
            return None;
        };
        Some(Self { terminate, interrupt })
    }
}

/// Waits for one of them; for ever where there are none.
pub(super) async fn stop_signal(signals: Option<&mut StopSignals>) {
    let Some(StopSignals { terminate, interrupt }) = signals else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// SIGHUP: read the configuration again.
pub(super) struct Hangup(Option<Signal>);

impl Hangup {
    /// Takes it over from now on.
    pub(super) fn new() -> Self {
        let hangup = signal(SignalKind::hangup());
        Self(hangup.inspect_err(|error| tracing::error!(%error, "SIGHUP cannot be received here")).ok())
    }

    /// Waits for the next one; for ever where it cannot be received.
    pub(super) async fn received(&mut self) {
        let Some(signal) = &mut self.0 else { return std::future::pending().await };
        if signal.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
