//! Storage classes of S3, and how fast an archived object comes back.
//!
//! What matters here is one thing: whether an object of a class can be read at once.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html>

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where a store keeps an object, which decides what it costs and how soon it can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StorageClass {
    /// Read at once.
    Standard,
    /// Read at once, seldom.
    StandardIa,
    /// Read at once, seldom, kept in one place only.
    OnezoneIa,
    /// The store moves it by use; read at once.
    IntelligentTiering,
    /// Archived, and still read at once.
    #[default]
    GlacierIr,
    /// Archived: read hours after a restore was asked for.
    Glacier,
    /// Archived: read half a day or more after a restore was asked for.
    DeepArchive,
}

/// The classes by their names on the wire.
const NAMES: [(StorageClass, &str); 7] = [
    (StorageClass::Standard, "STANDARD"),
    (StorageClass::StandardIa, "STANDARD_IA"),
    (StorageClass::OnezoneIa, "ONEZONE_IA"),
    (StorageClass::IntelligentTiering, "INTELLIGENT_TIERING"),
    (StorageClass::GlacierIr, "GLACIER_IR"),
    (StorageClass::Glacier, "GLACIER"),
    (StorageClass::DeepArchive, "DEEP_ARCHIVE"),
];

impl StorageClass {
    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(class, _)| *class == self).expect("every class has a name").1
    }

    /// That its objects must be restored before they can be read.
    #[must_use]
    pub fn is_archived(self) -> bool {
        matches!(self, Self::Glacier | Self::DeepArchive)
    }
}

impl fmt::Display for StorageClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for StorageClass {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(_, name)| *name == text);
        found.map(|(class, _)| *class).ok_or_else(|| {
            let names = NAMES.map(|(_, name)| name).join(", ");
            format!("`{text}` is not a storage class; expected one of {names}")
        })
    }
}

/// How fast an archived object is asked back; faster costs more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestoreSpeed {
    /// Hours.
    #[default]
    Standard,
    /// Up to two days.
    Bulk,
    /// Minutes; the deepest class does not offer it and gets `standard`.
    Expedited,
}

impl RestoreSpeed {
    /// The speed that `class` offers.
    #[must_use]
    pub fn offered_by(self, class: StorageClass) -> Self {
        if self == Self::Expedited && class == StorageClass::DeepArchive { Self::Standard } else { self }
    }

    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::Bulk => "Bulk",
            Self::Expedited => "Expedited",
        }
    }

    /// How long a restore from `class` takes at most, as Amazon says
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html>).
    #[must_use]
    pub fn takes(self, class: StorageClass) -> Duration {
        let deep = class == StorageClass::DeepArchive;
        let minutes = match self.offered_by(class) {
            Self::Expedited => 5,
            Self::Standard if deep => 12 * 60,
            Self::Standard => 5 * 60,
            Self::Bulk if deep => 48 * 60,
            Self::Bulk => 12 * 60,
        };
        Duration::from_secs(minutes * 60)
    }
}
