//! Reading: an object streams into whoever takes it, and counts as read only when its size and hash are right.
//!
//! A body that stops is asked for again from where it stopped, as often as a request may be tried.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt;
use object_store::{GetOptions, GetRange, ObjectStore};
use tokio::time::{Instant, timeout};

use super::error::Error;
use super::hash::{Content, FileHash};
use super::{Cold, place};

/// The largest object that is read into memory.
pub(super) const LARGEST_READ: u64 = 256 << 20;

/// What an object must be to be taken.
#[derive(Clone, Copy)]
enum Size {
    /// Exactly so large.
    Exactly(u64),
    /// Not larger.
    UpTo(u64),
}

impl Cold {
    /// A small object as a whole, at most 256 MiB.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Archived`], [`Error::Denied`], [`Error::Unreachable`]; [`Error::Refused`] if it is
    /// larger.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.wait(self.stream(path, Size::UpTo(LARGEST_READ), |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        }))?;
        Ok(bytes)
    }

    /// Reads an object from its start to its end, keeping nothing, and compares it.
    ///
    /// # Errors
    /// [`Error::Corrupted`] if it is not `bytes` long or has another hash; else as [`Cold::read`].
    pub fn verify(&self, path: &str, bytes: u64, hash: &FileHash) -> Result<(), Error> {
        self.compare(path, Content { bytes, hash: Some(*hash) }, |_| Ok(()))
    }

    /// Brings an object to the file `to`, which appears when all of it is there and right, and is durable then.
    /// One thread at a time may fetch to one file.
    ///
    /// # Errors
    /// [`Error::Corrupted`] if it is not `bytes` long or has another hash, [`Error::Full`] and [`Error::Io`] for the
    /// local disk; else as [`Cold::read`].
    pub fn fetch(&self, path: &str, to: &Path, bytes: u64, hash: &FileHash) -> Result<(), Error> {
        let part = part_of(to);
        let fetched = self.fetch_part(path, &part, Content { bytes, hash: Some(*hash) });
        if fetched.is_err() {
            let _ = fs::remove_file(&part);
        }
        fetched?;
        fs::rename(&part, to).map_err(Error::io("rename the fetched file to", to))?;
        let folder = to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|f| f.sync_all()).map_err(Error::io("sync the folder", folder))
    }

    fn fetch_part(&self, path: &str, part: &Path, expected: Content) -> Result<(), Error> {
        let mut file = File::create(part).map_err(Error::io("write the file", part))?;
        self.compare(path, expected, |chunk| file.write_all(chunk)).map_err(|e| match e {
            // The stream knows the object only; the file is ours.
            Error::Io { source, .. } => Error::io("write the file", part)(source),
            other => other,
        })?;
        file.sync_all().map_err(Error::io("sync the file", part))
    }

    /// Streams an object into `sink` and compares it.
    fn compare(&self, path: &str, expected: Content, sink: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), Error> {
        let found = self.content(path, expected.bytes, sink)?;
        if found == expected { Ok(()) } else { Err(self.corrupted(path, expected, found)) }
    }

    pub(super) fn corrupted(&self, path: &str, expected: Content, found: Content) -> Error {
        let (expected, found) = (Box::new(expected), Box::new(found));
        Error::Corrupted { path: path.to_owned(), store: self.describe().to_owned(), expected, found }
    }

    /// What an object is; one of another size is not read.
    pub(super) fn content(
        &self,
        path: &str,
        bytes: u64,
        mut sink: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Content, Error> {
        let mut hasher = blake3::Hasher::new();
        let size = self.wait(self.stream(path, Size::Exactly(bytes), |chunk| {
            hasher.update(chunk);
            sink(chunk)
        }))?;
        let found = Content::of(&hasher);
        let unread = found.bytes == 0 && size > 0;
        Ok(if unread { Content { bytes: size, hash: None } } else { found })
    }

    /// Gives an object to `sink` in pieces and says how large the store calls it; with another size `sink` gets nothing.
    async fn stream(
        &self,
        path: &str,
        size: Size,
        mut sink: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<u64, Error> {
        let key = self.0.place.key(path)?;
        let (began, mut stalls, mut received) = (Instant::now(), 0, 0);
        loop {
            let range = (received > 0).then_some(GetRange::Offset(received));
            let options = GetOptions { range, ..GetOptions::default() };
            let object = self.ask(path, 0, self.0.place.store.get_opts(&key, options)).await?;
            let total = object.meta.size;
            match size {
                Size::Exactly(bytes) if bytes != total => return Ok(total),
                Size::UpTo(bytes) if bytes < total => return Err(self.too_large(path, total)),
                _ => {}
            }
            let mut body = object.into_stream();
            while received < total {
                match timeout(self.0.timed.request_timeout, body.next()).await {
                    Ok(Some(Ok(chunk))) => {
                        received += chunk.len() as u64;
                        sink(&chunk).map_err(Error::io("write", Path::new(path)))?;
                    }
                    Ok(Some(Err(e))) => return Err(self.asked(path).failed(&e, began.elapsed())),
                    Ok(None) => return Ok(total),
                    Err(_) => break,
                }
            }
            if received >= total {
                return Ok(total);
            }
            stalls += 1;
            if stalls > self.0.retries {
                return Err(self.silent(path, began));
            }
            tokio::time::sleep(backoff(stalls)).await;
        }
    }

    fn too_large(&self, path: &str, bytes: u64) -> Error {
        let reason = format!("it has {bytes} bytes, of which at most {LARGEST_READ} are read into memory");
        Error::Refused { path: path.to_owned(), store: self.describe().to_owned(), reason }
    }
}

/// The wait before try `n` + 1.
pub(super) fn backoff(n: u32) -> Duration {
    place::FIRST_BACKOFF.saturating_mul(1 << n.min(10)).min(place::LONGEST_BACKOFF)
}

/// The name under which a file is written until it is whole.
pub(super) fn part_of(to: &Path) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    to.with_file_name(name)
}
