//! Where the tests find what was recorded of the venues, which is not part of the project.

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

/// Bodies of answers by REST that were recorded of Alpaca; none, with a printed line, where they are not there.
pub fn alpaca_bodies() -> Vec<serde_json::Value> {
    let mut bodies = Vec::new();
    for file in ["alpaca/rest_bodies_py.jsonl", "alpaca/rest_bodies_go.jsonl"] {
        let Some(lines) = text(file) else { continue };
        bodies.extend(lines.lines().map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["msg"].clone()
        }));
    }
    bodies
}
