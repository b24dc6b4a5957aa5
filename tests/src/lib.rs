//! The testkit: what tests across crates share.

pub mod venue;

use std::path::{Path, PathBuf};

/// The checkout.
///
/// # Panics
/// When this crate does not lie in it.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lie in the checkout").to_owned()
}

/// A file of the recorded data beside the checkout; `None`, with a printed line, where it is not there.
#[must_use]
pub fn recording(file: &str) -> Option<PathBuf> {
    let path = root().parent()?.join("shared/data").join(file);
    if path.is_file() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}
