//! Archived objects (GLACIER, DEEP_ARCHIVE) made readable again for some days.

use messages::{UtcNanos, durations};
use serde::{Deserialize, Serialize};

use super::{Archive, Error};
use crate::cold::{Ready, StorageClass};
use crate::tiers::{Manifest, Tier};

/// An archived object that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Its path in the store.
    pub path: String,
    /// How it stands, in words.
    pub state: String,
}

impl Ticket {
    fn of(path: String, ready: Ready) -> Self {
        let state = match ready {
            Ready::Now => "can be read now".to_owned(),
            Ready::Within(time) => format!("restore started, ready about {} after it", durations::format(time)),
        };
        Self { path, state }
    }
}

impl Archive<'_> {
    /// Asks for every archived object of a table that may hold rows of the range. Asking again tells how it stands.
    ///
    /// # Errors
    /// The store refuses.
    pub fn restore(&self, table: &str, from: UtcNanos, to: UtcNanos) -> Result<Vec<Ticket>, Error> {
        let manifest = Manifest::load(&self.db)?;
        let mut tickets = Vec::new();
        for piece in manifest.of_table(table).filter(|p| p.tier == Tier::Cold && p.overlaps(from, to)) {
            let class = piece.storage_class.as_deref().and_then(|name| name.parse::<StorageClass>().ok());
            if !class.is_some_and(StorageClass::is_archived) {
                continue;
            }
            tickets.push(Ticket::of(piece.location.clone(), self.cold.restore(&piece.location)?));
        }
        Ok(tickets)
    }

    /// Archived objects that were asked for since the start, by people or for a question.
    ///
    /// # Errors
    /// The store refuses.
    pub fn tickets(&self) -> Result<Vec<Ticket>, Error> {
        Ok(self.cold.asked_back()?.into_iter().map(|(path, ready)| Ticket::of(path, ready)).collect())
    }
}
