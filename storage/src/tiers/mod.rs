//! Tiers: which tables move with age, what they are moved in, and which part of each stands where.
//!
//! - [`tables`]: the tables that move, and how each is divided into periods and files.
//! - [`period`]: the days and months that they are divided into.
//! - [`origin`]: where rows came from that were brought over.
//! - [`manifest`]: every part with the one tier that owns it; the table `manifest` is the truth.
//! - [`views`]: one name per table over all parts that are local, made from the manifest.
//! - [`Published`]: what was committed last, for those who read.
//! - [`places`]: where files stand.
//!
//! Invariant: a row is counted by exactly one part, and a part is owned by exactly one tier: the manifest, the
//! views and the rows themselves change in one transaction.

pub mod manifest;
pub mod origin;
pub mod period;
pub mod places;
mod published;
pub mod tables;
pub mod views;

pub use manifest::{Manifest, Piece};
pub use origin::Origin;
pub use period::Period;
pub use places::Places;
pub use published::Published;
pub use tables::{TABLES, Table, table};

use serde::{Deserialize, Serialize};

/// Where a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// In memory: a cache, and never an owner.
    Hot,
    /// In the database's file.
    Disk,
    /// In Parquet files on the local disk.
    Warm,
    /// In Parquet files in the object store.
    Cold,
}

impl Tier {
    /// The name in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Disk => "disk",
            Self::Warm => "warm",
            Self::Cold => "cold",
        }
    }

    /// The owner of that name.
    #[must_use]
    pub fn owner(name: &str) -> Option<Self> {
        [Self::Disk, Self::Warm, Self::Cold].into_iter().find(|tier| tier.as_str() == name)
    }
}

impl std::fmt::Display for Tier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
