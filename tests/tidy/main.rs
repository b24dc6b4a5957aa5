//! House rules, as an ordinary test: what the layout promises and the compiler does not check.

mod operations;

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file of the product, with its path below the checkout and its text.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for crate_dir in ["messages", "storage", "actors", "config", "bin"] {
        walk(&testkit::root().join(crate_dir).join("src"), &mut found);
    }
    assert!(found.len() > 50, "the sources were not found");
    found
}

fn walk(dir: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path.strip_prefix(testkit::root()).unwrap().to_owned(), text));
        }
    }
}

fn is_test(path: &Path) -> bool {
    path.components().any(|c| c.as_os_str() == "tests") || path.file_name().is_some_and(|n| n == "tests.rs")
}

/// The part of a file before its tests.
fn product(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

fn offences(rule: impl Fn(&Path, &str) -> bool) -> Vec<String> {
    sources()
        .iter()
        .filter(|(path, text)| rule(path, product(text)))
        .map(|(path, _)| path.display().to_string())
        .collect()
}

fn none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn a_file_opens_with_its_story() {
    none("files without a story", offences(|path, text| !is_test(path) && !text.starts_with("//! ")));
}

#[test]
fn files_stay_small() {
    none("files over 600 lines", offences(|_, text| text.lines().count() > 600));
}

#[test]
fn duckdb_is_named_only_in_storage_and_actix_only_in_bin() {
    none("duckdb outside storage", offences(|path, text| !path.starts_with("storage") && text.contains("duckdb::")));
    none("actix outside bin", offences(|path, text| !path.starts_with("bin") && text.contains("actix")));
    none("anyhow outside bin", offences(|path, text| !path.starts_with("bin") && text.contains("anyhow")));
}

#[test]
fn crates_depend_one_way() {
    let allowed = [
        ("messages", &[][..]),
        ("storage", &["messages"]),
        ("actors", &["messages", "storage"]),
        ("config", &["messages", "storage", "actors"]),
        ("bin", &["messages", "storage", "actors", "config"]),
    ];
    for (name, may) in allowed {
        let manifest = fs::read_to_string(testkit::root().join(name).join("Cargo.toml")).unwrap();
        for other in ["messages", "storage", "actors", "config", "merganser"] {
            let depends = manifest.lines().any(|line| line == format!("{other}.workspace = true"));
            assert!(!depends || may.contains(&other), "{name} depends on {other}");
        }
    }
}

/// The folders of the actors.
const ACTORS: &[&str] =
    &["market", "orders", "positions", "venues", "strategies", "feeds", "snapshots", "telemetry", "archive", "alerts"];

#[test]
fn an_actor_imports_no_other_actor() {
    // What a peer may know of another: the plain settings of a section, and the type that goes through a queue.
    let mut found = Vec::new();
    for (path, text) in sources() {
        let own = ACTORS.iter().find(|a| path.starts_with(format!("actors/src/{a}")));
        let Some(own) = own.filter(|_| !is_test(&path)) else { continue };
        for other in ACTORS.iter().filter(|a| *a != own) {
            let import = format!("crate::{other}::");
            for line in product(&text).lines().filter(|l| l.contains(&import) && !ALLOWED.iter().any(|a| l.contains(a)))
            {
                found.push(format!("{}: {}", path.display(), line.trim()));
            }
        }
    }
    none("actors that import another actor", found);
}

/// Imports across actors that are data: what a feed puts into the market's queue.
const ALLOWED: &[&str] = &["crate::market::FromFeed"];

#[test]
fn the_wire_imports_no_actor() {
    let imports = |text: &str| ACTORS.iter().any(|actor| text.contains(&format!("crate::{actor}")));
    let wire = sources().into_iter().filter(|(path, _)| path.starts_with("actors/src/wire")).collect::<Vec<_>>();
    assert!(wire.len() > 5, "the wire was not found");
    let found = wire.iter().filter(|(_, text)| imports(text)).map(|(path, _)| path.display().to_string()).collect();
    none("files of the wire that import an actor", found);
}

#[test]
fn every_setting_is_read_and_every_key_that_is_read_has_a_default() {
    // Loading refuses unknown keys and missing ones; a key that nobody reads would be a field that no code names.
    let sources = sources();
    let settings =
        sources.iter().filter(|(path, _)| path.ends_with("settings.rs") || path.ends_with("config/src/lib.rs"));
    let fields: Vec<String> = settings
        .flat_map(|(_, text)| {
            text.lines()
                .map(str::trim)
                .filter_map(|l| l.strip_prefix("pub ")?.split_once(": "))
                .map(|(name, _)| name.to_owned())
                .collect::<Vec<_>>()
        })
        .filter(|name| !name.contains(' ') && !name.contains('('))
        .collect();
    assert!(fields.len() > 30, "the settings were not found");
    for field in fields {
        let read = sources.iter().any(|(_, text)| text.contains(&format!(".{field}")));
        assert!(read, "the setting `{field}` is read by nobody");
    }
}
