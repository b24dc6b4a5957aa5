//! Fetched objects on the local disk, named by their hash, so that a question asked again is answered from there.
//!
//! It never holds more than its bound: what was used longest ago goes first, and what is in use does not go. A file
//! from an earlier process is looked at before it is believed. One object is fetched once, however many ask for it.
//! Where the store is a folder, its own file is used, once it has been looked at.

mod entries;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::SystemTime;

use super::Cold;
use super::error::Error;
use super::hash::FileHash;
use entries::{Entries, Found};

/// Objects that are fetched at once for one question.
const AT_ONCE: usize = 8;
/// Files of a folder store that are remembered as right; beyond it all are looked at again.
const MOST_TRUSTED: usize = 100_000;

/// A bounded folder of fetched objects; a clone is the same cache. One process uses a folder at a time.
#[derive(Debug, Clone)]
pub struct Cache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    state: Mutex<State>,
    /// Rung when an entry has become ready or is gone.
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    entries: Entries,
    /// Files of a folder store that were right when they looked so from outside.
    trusted: BTreeMap<PathBuf, Look>,
    stats: Stats,
}

/// A file's hash, and its size and time of change.
type Look = (FileHash, u64, Option<SystemTime>);

/// An object that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its path in the store.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its hash.
    pub hash: FileHash,
}

/// Counts since the cache was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Objects that were there.
    pub hits: u64,
    /// Objects that had to be fetched, or in a folder store to be looked at.
    pub misses: u64,
    /// Bytes fetched.
    pub fetched_bytes: u64,
    /// Bytes on the disk now.
    pub bytes: u64,
    /// Objects that went for others.
    pub evictions: u64,
}

/// An object on the local disk, which stays there as long as this lives.
#[derive(Debug)]
pub struct Cached {
    file: PathBuf,
    /// None for the file of a folder store, which is not ours to remove.
    pin: Option<(Arc<Inner>, FileHash)>,
}

impl Cached {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file
    }
}

impl Drop for Cached {
    fn drop(&mut self) {
        if let Some((cache, hash)) = &self.pin {
            cache.lock().entries.unpin(hash);
        }
    }
}

impl Cache {
    /// Opens the folder, which is made if need be. What an earlier process left there is kept, up to `max_bytes`.
    ///
    /// # Errors
    /// [`Error::Io`]: the folder cannot be made, read or tidied.
    pub fn open(dir: &Path, max_bytes: u64) -> Result<Self, Error> {
        fs::create_dir_all(dir).map_err(Error::io("make the cache's folder", dir))?;
        let mut entries = Entries::found(dir, max_bytes)?;
        for hash in entries.shrink(0) {
            remove(&file_of(dir, &hash))?;
        }
        let state = State { entries, trusted: BTreeMap::new(), stats: Stats::default() };
        Ok(Self(Arc::new(Inner { dir: dir.to_owned(), state: Mutex::new(state), changed: Condvar::new() })))
    }

    /// The object on the local disk, fetched if it is not there.
    ///
    /// # Errors
    /// [`Error::CacheTooSmall`] if it does not fit beside what is in use; else as [`Cold::fetch`].
    pub fn get(&self, cold: &Cold, wanted: &Wanted) -> Result<Cached, Error> {
        if let Some(file) = cold.file(&wanted.path) {
            return self.0.folders_own(cold, wanted, file);
        }
        loop {
            let mut state = self.0.lock();
            match state.entries.claim(&wanted.hash) {
                Found::Ready if file_of(&self.0.dir, &wanted.hash).exists() => {
                    state.stats.hits += 1;
                    return Ok(self.pinned(wanted.hash));
                }
                Found::Ready => {
                    state.entries.lost(&wanted.hash);
                    drop(state);
                    return self.fetch_again(cold, wanted);
                }
                Found::Busy => drop(self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner)),
                Found::Unproven => {
                    drop(state);
                    if let Some(kept) = self.prove(wanted.hash) {
                        return Ok(kept);
                    }
                }
                Found::Absent => return self.fetch(state, cold, wanted),
            }
        }
    }

    /// All of these on the local disk at once, in their order; up to eight are fetched at a time.
    ///
    /// # Errors
    /// [`Error::CacheTooSmall`] before anything is fetched if they cannot fit; else the first error of [`Cache::get`].
    pub fn get_all(&self, cold: &Cold, wanted: &[Wanted]) -> Result<Vec<Cached>, Error> {
        if wanted.first().is_some_and(|w| cold.file(&w.path).is_none()) {
            let sizes = wanted.iter().map(|w| (w.hash, w.bytes)).collect();
            self.0.lock().entries.expect(&sizes)?;
        }
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let work = || {
            let mut done = Vec::new();
            while !failed.load(Ordering::Relaxed) {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let Some(one) = wanted.get(n) else { break };
                let got = self.get(cold, one);
                failed.fetch_or(got.is_err(), Ordering::Relaxed);
                done.push((n, got));
            }
            done
        };
        let mut done = thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE.min(wanted.len())).map(|_| scope.spawn(work)).collect();
            workers.into_iter().flat_map(|w| w.join().expect("a fetch does not panic")).collect::<Vec<_>>()
        });
        done.sort_by_key(|(n, _)| *n);
        done.into_iter().map(|(_, got)| got).collect()
    }

    /// Counts since it was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let state = self.0.lock();
        Stats { bytes: state.entries.bytes(), ..state.stats }
    }

    fn pinned(&self, hash: FileHash) -> Cached {
        Cached { file: file_of(&self.0.dir, &hash), pin: Some((Arc::clone(&self.0), hash)) }
    }

    /// Looks at a file of an earlier process; one that is damaged goes.
    fn prove(&self, hash: FileHash) -> Option<Cached> {
        let claim = Claim { cache: &self.0, hash, settled: false };
        let found = FileHash::of_file(&file_of(&self.0.dir, &hash)).ok()?;
        if found.hash != Some(hash) {
            tracing::warn!(%hash, %found, "a file of the cold tier's cache is damaged and is fetched again");
            return None;
        }
        self.0.lock().stats.hits += 1;
        Some(claim.settle(self))
    }

    fn fetch(&self, mut state: MutexGuard<'_, State>, cold: &Cold, wanted: &Wanted) -> Result<Cached, Error> {
        let evicted = state.entries.make_room(wanted.hash, wanted.bytes)?;
        state.stats.misses += 1;
        state.stats.evictions += evicted.len() as u64;
        // Before anybody can ask for them again, so that nobody's new file is removed.
        let removed = evicted.iter().try_for_each(|hash| remove(&file_of(&self.0.dir, hash)));
        drop(state);
        let claim = Claim { cache: &self.0, hash: wanted.hash, settled: false };
        removed?;
        let to = file_of(&self.0.dir, &wanted.hash);
        cold.fetch(&wanted.path, &to, wanted.bytes, &wanted.hash)?;
        self.0.lock().stats.fetched_bytes += wanted.bytes;
        Ok(claim.settle(self))
    }
}

impl Cache {
    /// Somebody has emptied the folder. The entry stays, for others may hold it; who asks next looks again.
    fn fetch_again(&self, cold: &Cold, wanted: &Wanted) -> Result<Cached, Error> {
        let to = file_of(&self.0.dir, &wanted.hash);
        let fetched = fs::create_dir_all(&self.0.dir)
            .map_err(Error::io("make the cache's folder", &self.0.dir))
            .and_then(|()| cold.fetch(&wanted.path, &to, wanted.bytes, &wanted.hash));
        let mut state = self.0.lock();
        state.entries.settle(&wanted.hash);
        state.stats.misses += 1;
        state.stats.fetched_bytes += if fetched.is_ok() { wanted.bytes } else { 0 };
        drop(state);
        self.0.changed.notify_all();
        let cached = self.pinned(wanted.hash);
        fetched.map(|()| cached)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file of a folder store, looked at once, and again when it has changed.
    fn folders_own(&self, cold: &Cold, wanted: &Wanted, file: PathBuf) -> Result<Cached, Error> {
        let look = fs::metadata(&file).ok().map(|data| (wanted.hash, data.len(), data.modified().ok()));
        let known = look.filter(|look| self.lock().trusted.get(&file) == Some(look));
        if known.is_some() {
            self.lock().stats.hits += 1;
            return Ok(Cached { file, pin: None });
        }
        self.lock().stats.misses += 1;
        cold.verify(&wanted.path, wanted.bytes, &wanted.hash)?;
        if let Some(look) = look {
            let trusted = &mut self.lock().trusted;
            if trusted.len() >= MOST_TRUSTED {
                trusted.clear();
            }
            trusted.insert(file.clone(), look);
        }
        Ok(Cached { file, pin: None })
    }
}

/// A busy entry; it and its file go unless they are settled, whatever happens.
struct Claim<'a> {
    cache: &'a Inner,
    hash: FileHash,
    settled: bool,
}

impl Claim<'_> {
    fn settle(mut self, cache: &Cache) -> Cached {
        self.settled = true;
        self.cache.lock().entries.settle(&self.hash);
        cache.pinned(self.hash)
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if !self.settled {
            let mut state = self.cache.lock();
            let _ = remove(&file_of(&self.cache.dir, &self.hash));
            state.entries.discard(&self.hash);
        }
        self.cache.changed.notify_all();
    }
}

fn file_of(dir: &Path, hash: &FileHash) -> PathBuf {
    dir.join(hash.to_string())
}

/// Removes a file that may be gone.
fn remove(file: &Path) -> Result<(), Error> {
    match fs::remove_file(file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove the cached file", file)(e)),
        _ => Ok(()),
    }
}
