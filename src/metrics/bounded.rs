//! Label values that come from the configuration and grow with it, with a limit all the same.

use super::facilities::OTHER;
use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock},
};

/// Names that became label values. After the limit a new name counts as `other`.
#[derive(Debug)]
pub(super) struct Names {
    limit: usize,
    known: RwLock<HashSet<Arc<str>>>,
}

impl Names {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, known: RwLock::default() }
    }

    /// The label value of a name.
    pub(super) fn label(&self, name: &str) -> Arc<str> {
        if let Some(known) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Arc::clone(known);
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let label = Arc::from(if known.len() < self.limit { name } else { OTHER });
        known.insert(Arc::clone(&label));
        label
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_limit_fold_into_one() {
        let names = Names::new(2);
        let labels: Vec<_> = ["a", "b", "c", "a", "d", "b"].iter().map(|name| names.label(name).to_string()).collect();
        assert_eq!(labels, ["a", "b", "other", "a", "other", "b"]);
    }
}
