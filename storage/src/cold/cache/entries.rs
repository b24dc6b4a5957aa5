//! What lies in the cache, as plain state: which objects, how large, in use or not, and which goes first.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::super::error::Error;
use super::super::hash::FileHash;

/// The objects in the cache.
#[derive(Debug)]
pub(super) struct Entries {
    by_hash: BTreeMap<FileHash, Entry>,
    bytes: u64,
    max_bytes: u64,
    /// Rises with every use; tells what was used longest ago.
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    bytes: u64,
    used: u64,
    pins: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// From an earlier process; nobody has looked at it yet.
    Unproven,
    /// Being fetched or looked at.
    Busy,
    /// Right.
    Ready,
}

/// What asking for an object found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is right, and pinned for who asked.
    Ready,
    /// Who asked has to look at it.
    Unproven,
    /// Somebody else is at it.
    Busy,
    /// It is not there.
    Absent,
}

impl Entries {
    pub(super) fn new(max_bytes: u64) -> Self {
        Self { by_hash: BTreeMap::new(), bytes: 0, max_bytes, uses: 0 }
    }

    /// What an earlier process left in the folder, the oldest first to go. Unfinished files are removed.
    pub(super) fn found(dir: &Path, max_bytes: u64) -> Result<Self, Error> {
        let mut files = Vec::new();
        for entry in fs::read_dir(dir).map_err(Error::io("read the cache's folder", dir))? {
            let entry = entry.map_err(Error::io("read the cache's folder", dir))?;
            let (name, path) = (entry.file_name(), entry.path());
            if path.extension().is_some_and(|e| e == "part") {
                fs::remove_file(&path).map_err(Error::io("remove the unfinished file", &path))?;
            } else if let Some(hash) = name.to_str().and_then(|n| n.parse::<FileHash>().ok()) {
                let data = entry.metadata().map_err(Error::io("look at", &path))?;
                files.push((data.modified().ok(), hash, data.len()));
            }
        }
        files.sort();
        let mut entries = Self::new(max_bytes);
        for (_, hash, bytes) in files {
            let used = entries.next_use();
            entries.bytes += bytes;
            entries.by_hash.insert(hash, Entry { bytes, used, pins: 0, state: State::Unproven });
        }
        Ok(entries)
    }

    /// Asks for an object. After `Unproven` it is busy until [`Self::settle`] or [`Self::discard`].
    pub(super) fn claim(&mut self, hash: &FileHash) -> Found {
        let used = self.next_use();
        let Some(entry) = self.by_hash.get_mut(hash) else { return Found::Absent };
        let found = match entry.state {
            State::Busy => return Found::Busy,
            State::Ready => Found::Ready,
            State::Unproven => Found::Unproven,
        };
        if found == Found::Unproven {
            entry.state = State::Busy;
        }
        entry.used = used;
        entry.pins += 1;
        found
    }

    /// Makes room for an object and enters it as busy; gives what has to go for it.
    pub(super) fn make_room(&mut self, hash: FileHash, bytes: u64) -> Result<Vec<FileHash>, Error> {
        let in_use: u64 = self.by_hash.values().filter(|e| e.pins > 0).map(|e| e.bytes).sum();
        self.allow(in_use.saturating_add(bytes))?;
        let gone = self.shrink(bytes);
        let used = self.next_use();
        self.bytes += bytes;
        self.by_hash.insert(hash, Entry { bytes, used, pins: 1, state: State::Busy });
        Ok(gone)
    }

    /// Lets go what was used longest ago, until `more` bytes fit beside the rest or all of the rest is in use.
    pub(super) fn shrink(&mut self, more: u64) -> Vec<FileHash> {
        let mut gone = Vec::new();
        while self.bytes.saturating_add(more) > self.max_bytes {
            let idle = self.by_hash.iter().filter(|(_, e)| e.pins == 0);
            let Some(hash) = idle.min_by_key(|(_, e)| e.used).map(|(hash, _)| *hash) else { break };
            self.discard(&hash);
            gone.push(hash);
        }
        gone
    }

    /// That these, each once, fit at the same time. Those that are there are the last to go now.
    pub(super) fn expect(&mut self, wanted: &BTreeMap<FileHash, u64>) -> Result<(), Error> {
        self.allow(wanted.values().fold(0, |sum, bytes| sum.saturating_add(*bytes)))?;
        let used = self.next_use();
        for hash in wanted.keys() {
            if let Some(entry) = self.by_hash.get_mut(hash) {
                entry.used = used;
            }
        }
        Ok(())
    }

    /// What was busy is right; it stays pinned for who was at it.
    pub(super) fn settle(&mut self, hash: &FileHash) {
        self.by_hash.get_mut(hash).expect("a busy entry stays").state = State::Ready;
    }

    /// What was ready is not there; who asked has it busy until [`Self::settle`].
    pub(super) fn lost(&mut self, hash: &FileHash) {
        self.by_hash.get_mut(hash).expect("a pinned entry stays").state = State::Busy;
    }

    /// It is not there any more.
    pub(super) fn discard(&mut self, hash: &FileHash) {
        if let Some(entry) = self.by_hash.remove(hash) {
            self.bytes -= entry.bytes;
        }
    }

    /// One who used it does not any more.
    pub(super) fn unpin(&mut self, hash: &FileHash) {
        self.by_hash.get_mut(hash).expect("a pinned entry stays").pins -= 1;
    }

    /// The bytes of all objects.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn allow(&self, needed: u64) -> Result<(), Error> {
        if needed <= self.max_bytes { Ok(()) } else { Err(Error::CacheTooSmall { needed, allowed: self.max_bytes }) }
    }

    fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }
}
