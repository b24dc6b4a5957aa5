//! A data directory that no process runs on: taken, recovered, and ready for questions.

use std::path::Path;

use anyhow::Context;
use config::Settings;
use storage::DataDir;
use storage::datadir::Paths;
use storage::duck::file::{self, FileWriter};
use storage::duck::instance::Instance;
use storage::query::Stores;
use storage::service::open_cold;
use storage::tiers::Published;

/// Where things are, by the settings.
pub fn paths(root: &Path, settings: &Settings) -> Paths {
    let elsewhere = &settings.journal.ledger_dir;
    let mut paths = Paths::of(root, (!elsewhere.is_empty()).then(|| Path::new(elsewhere)));
    if let Some(folder) = settings.tiers.cold.folder() {
        paths.places.cold = folder;
    }
    paths
}

/// A stopped directory, held and brought up to date.
pub struct Stopped {
    /// The database.
    pub instance: Instance,
    /// The one writer.
    pub writer: FileWriter,
    /// The tiers below memory.
    pub stores: Stores,
    /// Where things are.
    pub paths: Paths,
    /// Held as long as this lives.
    pub dir: DataDir,
}

/// Takes the directory and applies what its journals hold.
pub fn open(root: &Path, settings: &Settings) -> anyhow::Result<Stopped> {
    let paths = paths(root, settings);
    let dir = DataDir::open(&paths)?;
    let Tables { instance, writer, stores } = recover(&paths, settings)?;
    Ok(Stopped { instance, writer, stores, paths, dir })
}

/// Tables that hold all that the journals do.
pub struct Tables {
    /// The database.
    pub instance: Instance,
    /// The one writer.
    pub writer: FileWriter,
    /// The tiers below memory.
    pub stores: Stores,
}

/// Brings the tables up to what the journals hold.
pub fn recover(paths: &Paths, settings: &Settings) -> anyhow::Result<Tables> {
    let instance = Instance::open(&paths.database, &settings.duckdb.options(), &paths.places)?;
    let manifest = Published::default();
    let writer = file::catch_up(instance.connect()?, paths, manifest.clone())
        .context("the tables could not be brought up to the journals")?;
    let stores = Stores::new(&instance.connect()?, manifest, &paths.places, open_cold(paths, &settings.tiers.cold)?)?;
    Ok(Tables { instance, writer, stores })
}
