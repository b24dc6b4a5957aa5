//! Putting: a file goes up once, is never put over another, and counts as there only when the store has shown it.
//!
//! A try whose answer was lost may have been carried out. So what is found in place afterwards is compared: our own
//! content is success, another is a conflict.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, MultipartUpload, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload,
};
use tokio::time::Instant;

use super::answer::{is_lost, is_undecided, tries};
use super::archived::Head;
use super::download::backoff;
use super::error::Error;
use super::hash::{Content, FileHash};
use super::place::Kind;
use super::{Cold, StorageClass};

/// The largest file that goes up in one request, which is the only way that is refused if something is there.
const LARGEST_SINGLE: u64 = 64 << 20;
/// The size of one part of a larger file.
const PART: u64 = 8 << 20;
/// The most parts that S3 takes, with some to spare.
const MOST_PARTS: u64 = 9_000;
/// Parts on their way at once, which bounds the memory of an upload.
const PARTS_AT_ONCE: usize = 4;
/// The note on an object that says its hash, for classes that cannot be read.
pub(super) const HASH_NOTE: &str = "blake3";

/// What became of a conditional put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It was not there and is now.
    Created,
    /// Something was there, and still is.
    AlreadyThere,
}

/// The answer to a conditional put.
struct Answer {
    put: Put,
    /// That an earlier try of ours may be what is there.
    maybe_ours: bool,
}

impl Cold {
    /// Puts the file into the store and looks at what arrived: it is read back and compared, or where `class` cannot
    /// be read at once, its size and noted hash are, and the store has checked a SHA-256 of what it took.
    /// The same content being there already is fine.
    ///
    /// # Errors
    /// [`Error::Conflict`] if something else is there; [`Error::Corrupted`] if the file has not this hash, or what
    /// arrived has not; [`Error::Full`], [`Error::Denied`], [`Error::Unreachable`], [`Error::Io`].
    pub fn put(&self, path: &str, file: &Path, class: StorageClass, hash: &FileHash) -> Result<(), Error> {
        let bytes = fs::metadata(file).map_err(Error::io("read", file))?.len();
        let ours = Content { bytes, hash: Some(*hash) };
        let there = self.head(path)?;
        let put = match &there {
            Some(_) => Put::AlreadyThere,
            None => self.upload(path, file, class, ours)?,
        };
        let there = match there {
            Some(head) => head,
            None => self.head(path)?.ok_or_else(|| self.asked(path).status(404, "", 1, Duration::ZERO))?,
        };
        let found = self.shown(path, &there, ours)?;
        match put {
            _ if found == ours => Ok(()),
            Put::Created => Err(self.corrupted(path, ours, found)),
            Put::AlreadyThere => Err(self.conflict(path, ours, found)),
        }
    }

    /// Makes an object if nothing is there under its name; only one of several writers at once gets `Created`.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Denied`], [`Error::Unreachable`].
    pub fn put_if_absent(&self, path: &str, bytes: Vec<u8>) -> Result<Put, Error> {
        let hash = FileHash::of(&bytes);
        let attributes = self.attributes(StorageClass::Standard, &hash);
        let answer = self.wait(self.create(path, bytes.clone().into(), attributes))?;
        let ours = answer.maybe_ours && self.read(path)? == bytes;
        Ok(if ours { Put::Created } else { answer.put })
    }

    fn upload(&self, path: &str, file: &Path, class: StorageClass, ours: Content) -> Result<Put, Error> {
        let hash = ours.hash.expect("given by the caller");
        let attributes = self.attributes(class, &hash);
        if let Some(target) = self.file(path) {
            remove_leftovers(&target);
        }
        if ours.bytes > LARGEST_SINGLE {
            self.put_parts(path, file, attributes, ours)?;
            return Ok(Put::Created);
        }
        let data = fs::read(file).map_err(Error::io("read", file))?;
        check_file(file, ours, Content { bytes: data.len() as u64, hash: Some(FileHash::of(&data)) })?;
        Ok(self.wait(self.create(path, data.into(), attributes))?.put)
    }

    /// What the store shows of an object that should be `ours`: all of it, or where it cannot be read, its notes.
    fn shown(&self, path: &str, there: &Head, ours: Content) -> Result<Content, Error> {
        if there.bytes != ours.bytes || !there.is_readable() {
            return Ok(Content { bytes: there.bytes, hash: there.hash });
        }
        self.content(path, ours.bytes, |_| Ok(()))
    }

    fn conflict(&self, path: &str, ours: Content, found: Content) -> Error {
        let (expected, found) = (Box::new(ours), Box::new(found));
        Error::Conflict { path: path.to_owned(), store: self.describe().to_owned(), expected, found }
    }

    /// What is noted with an object; a folder keeps no notes.
    fn attributes(&self, class: StorageClass, hash: &FileHash) -> Attributes {
        let mut attributes = Attributes::new();
        if let Kind::Bucket(_) = self.0.place.kind {
            attributes.insert(Attribute::Metadata(HASH_NOTE.into()), hash.to_string().into());
            // Without a word it is this one, and some servers know no other.
            if class != StorageClass::Standard {
                attributes.insert(Attribute::StorageClass, class.name().into());
            }
        }
        attributes
    }

    /// Makes an object in one request, if nothing is there under its name.
    async fn create(&self, path: &str, payload: PutPayload, attributes: Attributes) -> Result<Answer, Error> {
        let key = self.0.place.key(path)?;
        let (began, mut maybe_ours, mut tried) = (Instant::now(), false, 0);
        loop {
            let options = PutOptions { mode: PutMode::Create, attributes: attributes.clone(), ..PutOptions::default() };
            let error = match self.0.place.store.put_opts(&key, payload.clone(), options).await {
                Ok(_) => return Ok(Answer { put: Put::Created, maybe_ours: false }),
                Err(error) => error,
            };
            maybe_ours |= tries(&error.to_string()) > 1;
            let again = is_lost(&error) || is_undecided(&error);
            if let (object_store::Error::AlreadyExists { .. }, false) = (&error, again) {
                return Ok(Answer { put: Put::AlreadyThere, maybe_ours });
            }
            maybe_ours |= is_lost(&error);
            tried += 1;
            if !again || tried > self.0.retries {
                return Err(match self.asked(path).failed(&error, began.elapsed()) {
                    Error::Unreachable { path, store, waited, reason, .. } if again => {
                        Error::Unreachable { path, store, tries: tried, waited, reason }
                    }
                    other => other,
                });
            }
            tokio::time::sleep(backoff(tried)).await;
        }
    }

    /// Puts a large file in parts; it appears when the last one has arrived, or not at all.
    fn put_parts(&self, path: &str, file: &Path, attributes: Attributes, ours: Content) -> Result<(), Error> {
        let key = self.0.place.key(path)?;
        let options = PutMultipartOptions { attributes, ..Default::default() };
        self.wait(async {
            let mut upload = self.ask(path, 0, self.0.place.store.put_multipart_opts(&key, options)).await?;
            let sent = self.send_parts(path, &mut *upload, file, ours).await;
            let done = match sent {
                Ok(()) => self.ask(path, 0, upload.complete()).await.map(|_| ()),
                Err(e) => Err(e),
            };
            if done.is_err() && !self.has_arrived(&key, ours.bytes).await {
                // What cannot be taken back now is taken back by the bucket's rule for unfinished uploads.
                let _ = self.ask(path, 0, upload.abort()).await;
                return done;
            }
            Ok(())
        })
    }

    async fn send_parts(
        &self,
        path: &str,
        upload: &mut dyn MultipartUpload,
        file: &Path,
        ours: Content,
    ) -> Result<(), Error> {
        let mut source = File::open(file).map_err(Error::io("read", file))?;
        let part = PART.max(ours.bytes / MOST_PARTS);
        let mut hasher = blake3::Hasher::new();
        let mut on_their_way = FuturesUnordered::new();
        loop {
            let piece = next_piece(&mut source, part).map_err(Error::io("read", file))?;
            if piece.is_empty() {
                break;
            }
            hasher.update(&piece);
            while on_their_way.len() >= PARTS_AT_ONCE {
                on_their_way.next().await.unwrap_or(Ok(()))?;
            }
            on_their_way.push(self.ask(path, part, upload.put_part(piece.into())));
        }
        while let Some(sent) = on_their_way.next().await {
            sent?;
        }
        check_file(file, ours, Content::of(&hasher))
    }

    /// That the last answer of an upload was lost, and the upload was not.
    async fn has_arrived(&self, key: &Key, bytes: u64) -> bool {
        let path = self.0.place.path(key);
        matches!(self.look(&path).await, Ok(Some(head)) if head.bytes == bytes)
    }
}

fn next_piece(source: &mut File, part: u64) -> io::Result<Vec<u8>> {
    let mut piece = Vec::new();
    source.take(part).read_to_end(&mut piece)?;
    Ok(piece)
}

/// That the file on the local disk is the one that was meant.
fn check_file(file: &Path, expected: Content, found: Content) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    let (path, store) = (file.display().to_string(), "the local disk".to_owned());
    Err(Error::Corrupted { path, store, expected: Box::new(expected), found: Box::new(found) })
}

/// Removes what a process that was killed left of this upload: `name#1`, which no listing shows.
fn remove_leftovers(target: &Path) {
    let (Some(folder), Some(name)) = (target.parent(), target.file_name().and_then(|n| n.to_str())) else { return };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let found = entry.file_name();
        let number = found.to_str().and_then(|f| f.strip_prefix(name)?.strip_prefix('#'));
        if number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
