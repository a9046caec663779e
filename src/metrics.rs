//! Every series of `/metrics`, built from one registry; label sets closed or bounded.

use prometheus::Registry;

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    /// What `/metrics` prints.
    pub registry: Registry,
}
