//! The cold store against a folder, an S3 server in this process, servers that misbehave, and real ones.

mod cache;
mod folder;
mod real;
mod s3;
mod server;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use super::{Cold, FileHash, StorageClass, Wanted};
use crate::settings;

/// The settings of a store at `url`, which gives up soon.
fn settings(url: &str) -> settings::Cold {
    settings::Cold::of_tests(url)
}

/// A store in a folder below `dir`.
fn folder_store(dir: &Path) -> Cold {
    Cold::open(&settings(""), &dir.join("cold")).unwrap()
}

/// A file that is to be put.
struct Sample {
    file: PathBuf,
    data: Vec<u8>,
    hash: FileHash,
}

impl Sample {
    /// `bytes` bytes that differ by `seed`.
    fn new(dir: &Path, seed: u8, bytes: usize) -> Self {
        let data: Vec<u8> = (0..bytes).map(|n| (n / 251) as u8 ^ (n as u8).wrapping_add(seed)).collect();
        let file = dir.join(format!("sample-{seed}-{bytes}"));
        fs::write(&file, &data).unwrap();
        Self { hash: FileHash::of(&data), file, data }
    }

    fn bytes(&self) -> u64 {
        self.data.len() as u64
    }

    fn wanted(&self, path: &str) -> Wanted {
        Wanted { path: path.to_owned(), bytes: self.bytes(), hash: self.hash }
    }

    fn put(&self, cold: &Cold, path: &str) -> Result<(), super::Error> {
        cold.put(path, &self.file, StorageClass::Standard, &self.hash)
    }
}

/// The error of a result, as it is shown.
fn shown<T>(result: Result<T, super::Error>) -> String {
    result.err().expect("an error").to_string()
}

/// What every store must do, wherever it is.
fn check_store(cold: &Cold, dir: &Path) {
    let (a, b) = (Sample::new(dir, 1, 70_000), Sample::new(dir, 2, 70_000));
    let path = "ticks/day=2024-08-08/symbol=BTC%2FUSD/part-0.parquet";
    a.put(cold, path).unwrap();
    a.put(cold, path).unwrap();
    assert!(matches!(b.put(cold, path), Err(super::Error::Conflict { .. })));
    cold.verify(path, a.bytes(), &a.hash).unwrap();
    assert_eq!(cold.head(path).unwrap().unwrap().bytes, a.bytes());
    assert_eq!(cold.read(path).unwrap(), a.data);
    let to = dir.join("back");
    cold.fetch(path, &to, a.bytes(), &a.hash).unwrap();
    assert_eq!(fs::read(&to).unwrap(), a.data);

    b.put(cold, "ticks/day=2024-08-09/part-0.parquet").unwrap();
    let listed = |prefix: &str| cold.list(prefix).unwrap().into_iter().map(|l| (l.path, l.bytes)).collect::<Vec<_>>();
    assert_eq!(listed("ticks/day=2024-08-08"), [(path.to_owned(), a.bytes())]);
    assert_eq!(listed("").len(), 2);
    assert_eq!(listed("bars"), []);

    assert_eq!(cold.put_if_absent("manifest-1.json", b"one".to_vec()).unwrap(), super::Put::Created);
    assert_eq!(cold.put_if_absent("manifest-1.json", b"two".to_vec()).unwrap(), super::Put::AlreadyThere);
    assert_eq!(cold.read("manifest-1.json").unwrap(), b"one");

    cold.delete(path).unwrap();
    cold.delete(path).unwrap();
    assert_eq!(cold.head(path).unwrap(), None);
    assert!(matches!(cold.read(path), Err(super::Error::Missing { .. })));
    let missing = dir.join("missing");
    assert!(matches!(cold.fetch(path, &missing, 1, &a.hash), Err(super::Error::Missing { .. })));
    assert!(!missing.exists() && !dir.join("missing.part").exists());
    for wrong in ["", "/etc/passwd", "a/../b", "a//b", "a/"] {
        assert!(cold.read(wrong).is_err(), "{wrong}");
    }
}

/// What only one of several writers at once may get.
fn check_one_winner(cold: &Cold) {
    let made = std::thread::scope(|scope| {
        let writers: Vec<_> =
            (0..4u8).map(|n| scope.spawn(move || cold.put_if_absent("manifest-9.json", vec![n; 1000]))).collect();
        writers.into_iter().map(|w| w.join().unwrap().unwrap()).filter(|p| *p == super::Put::Created).count()
    });
    assert_eq!(made, 1);
}
