//! Where the tests find the recorded market data, which is not part of the project.

use std::path::{Path, PathBuf};

/// `shared/data`, looked for upwards of the crate; says that a test is skipped when it is not there.
pub fn recorded() -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("shared/data"))
        .find(|data| data.is_dir());
    if found.is_none() {
        println!("skipped: the recorded data in ../shared/data is not there");
    }
    found
}

/// A recorded text file; `None` as for [`recorded`].
pub fn text(name: &str) -> Option<String> {
    recorded().map(|data| std::fs::read_to_string(data.join(name)).unwrap())
}
