//! Where the tests find the recorded messages of the venue, which are not part of the project.

use std::path::Path;

/// A file of `shared/data/binance`, looked for upwards of the crate; says that a test is skipped when it is not there.
pub fn text(name: &str) -> Option<String> {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = folders.map(|folder| folder.join("shared/data/binance").join(name)).find(|file| file.is_file());
    if found.is_none() {
        println!("skipped: the recorded message ../shared/data/binance/{name} is not there");
    }
    found.map(|file| std::fs::read_to_string(file).unwrap())
}
