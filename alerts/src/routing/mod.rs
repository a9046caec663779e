//! Who is told: routes, groups, time windows, repeats, and the ledger that says why.
//!
//! | room | holds |
//! |---|---|
//! | `settings.rs` | what is configured |
//! | `plan.rs` | the routes as they decide: receivers, by which rule, and how; what ends at nobody |
//! | `told.rs` | what is remembered of an episode: who was told, what waits |
//! | `group.rs` | groups: what is told together, and when |
//! | `storm.rs` | which node has so many alerts that they are told together |
//! | `router.rs` | what becomes of a notification |
//! | `passing.rs` | what time does: windows open, groups are told, alerts repeat |
//! | `ledger.rs` | the why-ledger |
//!
//! Every notification of the engine ends, for each receiver, in exactly one of sent, held, grouped or dropped; what is held or
//! grouped is sent or dropped later. Escalation and links to acknowledge will be rules beside [`ledger::Rule`], decided here.

mod group;
pub mod ledger;
mod passing;
mod plan;
mod router;
pub mod settings;
mod storm;
#[cfg(test)]
mod tests;
mod told;

pub use plan::{Unheard, unheard};

pub(crate) use group::Group;
pub(crate) use router::{Present, Router, Step};
pub(crate) use storm::{Counted, Recent};
pub(crate) use told::Told;
