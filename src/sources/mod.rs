//! Where lines come from. Each source frames, triages and parses in its own task and sends a [`Batch`] per block.

use ccxwatch_alerts::fact::{Fact, Heard};

/// What one block of a source brought.
#[derive(Debug, Default)]
pub struct Batch {
    /// The wanted lines, equal ones folded.
    pub facts: Vec<Fact>,
    /// How far the source has been read, where it can be read again. Committed with the facts.
    pub positions: Vec<Position>,
    /// Who was heard since the last batch.
    pub heard: Vec<Heard>,
}

/// How far a source has been read. The store keeps it and does not look inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// What was read: the file's path.
    pub key: String,
    /// Versioned JSON; `None` forgets it.
    pub json: Option<String>,
}
