//! A running directory with its archive, for all whose work needs both.

use tempfile::TempDir;

use crate::archive::Runner;
use crate::datadir::Paths;
use crate::duck::instance::Options;
use crate::service::{self, Storage};
use crate::settings::{Journal, Tiers, Timescale};

/// It runs as long as this lives.
pub(crate) struct Opened {
    pub(crate) paths: Paths,
    pub(crate) tiers: Tiers,
    pub(crate) archive: Runner,
    storage: Option<Storage>,
    _dir: TempDir,
}

impl Opened {
    /// In a folder, with segments of the market journal of so many bytes, beside a server.
    pub(crate) fn new(dir: TempDir, market_segment_bytes: u64, tiers: Tiers, timescale: &Timescale) -> Self {
        let paths = Paths::of(dir.path(), None);
        let journal = Journal {
            ledger_dir: String::new(),
            ledger_segment_bytes: 1 << 20,
            market_segment_bytes,
            market_max_bytes: 1 << 30,
            market_linger_ms: 0,
            market_queue: 100,
            ledger_queue: 100,
        };
        let duck = Options::small();
        let storage = Storage::open(&paths, &journal, &tiers.cold, timescale, duck, None, |_, _| {}).unwrap();
        let archive = storage.archive(&paths, &tiers);
        Self { paths, tiers, archive, storage: Some(storage), _dir: dir }
    }

    pub(crate) fn storage(&self) -> &Storage {
        self.storage.as_ref().unwrap()
    }

    /// Ends the archive, and then the rest.
    pub(crate) fn finish(&mut self) -> Result<(), service::Error> {
        self.archive.close();
        self.storage.take().map_or(Ok(()), Storage::finish)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}
