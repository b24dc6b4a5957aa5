//! How the migration stands, for people: all that is known at one instant.

use messages::UtcNanos;
use messages::migration::Migration;
use serde_json::Value;
use storage::migrate::way::{Progress, Standing};

use super::Shell;

/// How it stands.
#[derive(Debug, Clone)]
pub struct Status {
    /// What the ledger holds.
    pub state: Migration,
    /// What comes next, in words.
    pub next: &'static str,
    /// Both sides.
    pub standing: Standing,
    /// Work that is under way.
    pub working: Option<Underway>,
    /// How the last work ended.
    pub last: Option<Last>,
}

/// Work that is under way.
#[derive(Debug, Clone)]
pub struct Underway {
    /// What.
    pub what: &'static str,
    /// Since when.
    pub since: UtcNanos,
    /// How far it is.
    pub progress: Progress,
}

/// Work that has ended.
#[derive(Debug, Clone)]
pub struct Last {
    /// What.
    pub what: &'static str,
    /// When.
    pub at: UtcNanos,
    /// Whether it found what it should.
    pub is_good: bool,
    /// What it came to, in words.
    pub text: String,
    /// All of it.
    pub report: Option<Value>,
}

impl Shell {
    /// How it stands.
    pub(super) fn status(&self) -> Status {
        Status {
            state: self.a.state.clone(),
            next: storage::migrate::phase::next_command(&self.a.state),
            standing: self.a.way.standing(),
            working: self.working.as_ref().map(super::Working::underway),
            last: self.last.clone(),
        }
    }
}
