//! Facts to state to alerts.
