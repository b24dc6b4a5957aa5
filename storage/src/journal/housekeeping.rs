//! Housekeeping of the market journal, on a thread of its own: closed segments are compressed, all but the
//! newest, and when all of them are too much the oldest go.
//!
//! Hears that a segment was closed, and how far each consumer has come; says whether there is room. The
//! journal's own thread never waits for it, and nothing here decides about trading: an error is logged, and
//! what could not be done is tried again when the next segment closes.
//!
//! Invariant: a segment that a consumer still needs is never removed. Then there is no room, and who
//! brings data waits.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use messages::ledger::Seq;

use super::packed::{self, Packed};
use super::segment::{self, Log};
use super::{Error, Watermark};

/// Who reads the journal and must not miss any of it.
#[derive(Clone)]
pub struct Consumer {
    /// Its name.
    pub name: &'static str,
    /// The last record that it has taken in for good.
    pub applied: Watermark,
}

/// Whether there is room for more market data, and what was done to keep it.
#[derive(Debug, Clone, Default)]
pub struct Room(Arc<RoomInner>);

#[derive(Debug, Default)]
struct RoomInner {
    is_full: AtomicBool,
    packed: AtomicU64,
    dropped: AtomicU64,
}

impl Room {
    /// True when the journal is as large as it may be and a consumer still needs all of it: who brings data waits.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.is_full.load(Ordering::Acquire)
    }

    /// Segments compressed since the start.
    #[must_use]
    pub fn segments_packed(&self) -> u64 {
        self.0.packed.load(Ordering::Relaxed)
    }

    /// Segments dropped since the start: sessions that began in them cannot be re-run any more.
    #[must_use]
    pub fn segments_dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Says whether there is room.
    pub fn set_full(&self, is_full: bool) {
        self.0.is_full.store(is_full, Ordering::Release);
    }
}

/// The running housekeeper.
pub struct Housekeeping {
    room: Room,
    stop: Arc<AtomicBool>,
    /// Ends it when it is dropped.
    alive: flume::Sender<()>,
    thread: JoinHandle<()>,
}

impl Housekeeping {
    /// Starts it for the market journal in `dir`. `open_segment` says which segment is being written.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(dir: &Path, max_bytes: u64, open_segment: Watermark, consumers: Vec<Consumer>) -> Result<Self, Error> {
        let keeper = Keeper::new(dir, max_bytes, open_segment, consumers);
        let (room, stop) = (keeper.room.clone(), keeper.stop.clone());
        let (alive, ended) = flume::bounded(1);
        let thread = spawn(keeper, ended)?;
        Ok(Self { room, stop, alive, thread })
    }

    /// Whether there is room.
    #[must_use]
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// Ends it; a segment that is being compressed is left for the next start.
    pub fn finish(self) {
        self.stop.store(true, Ordering::Release);
        drop(self.alive);
        // A thread that has panicked has said so, and its work waits for the next start.
        let _ = self.thread.join();
    }
}

#[expect(clippy::disallowed_methods, reason = "a home of threads: compressing must not hold the journal up")]
fn spawn(keeper: Keeper, ended: flume::Receiver<()>) -> Result<JoinHandle<()>, Error> {
    std::thread::Builder::new()
        .name("housekeeping".to_owned())
        .spawn(move || {
            crate::background::step_back();
            keeper.run(&ended)
        })
        .map_err(|e| Error::io("start the thread of", "housekeeping", e))
}

/// What the thread does, without the thread.
pub(super) struct Keeper {
    dir: PathBuf,
    max_bytes: u64,
    open_segment: Watermark,
    consumers: Vec<Consumer>,
    pub(super) room: Room,
    stop: Arc<AtomicBool>,
    /// Segments that cannot be compressed, each said once.
    damaged: BTreeSet<u64>,
}

impl Keeper {
    pub(super) fn new(dir: &Path, max_bytes: u64, open_segment: Watermark, consumers: Vec<Consumer>) -> Self {
        let (room, stop) = (Room::default(), Arc::default());
        Self { dir: dir.to_owned(), max_bytes, open_segment, consumers, room, stop, damaged: BTreeSet::new() }
    }

    fn run(mut self, ended: &flume::Receiver<()>) {
        let closed = self.open_segment.listen();
        let applied: Vec<_> = self.consumers.iter().map(|c| c.applied.listen()).collect();
        while !self.stop.load(Ordering::Acquire) {
            if let Err(error) = self.pass() {
                tracing::warn!(%error, "the market journal's housekeeping is put off");
            }
            let mut wait = flume::Selector::new().recv(&closed, |_| false).recv(ended, |_| true);
            if self.room.is_full() {
                wait = applied.iter().fold(wait, |wait, moved| wait.recv(moved, |_| false));
            }
            if wait.wait() {
                return;
            }
        }
    }

    /// Everything that is due. Compressing comes first: it makes room without losing anything.
    pub(super) fn pass(&mut self) -> Result<(), Error> {
        packed::tidy(&self.dir)?;
        let compressed = self.compress();
        self.make_room()?;
        compressed
    }

    /// Compresses what is closed, oldest first. The newest stays plain until another is closed: a start reads
    /// its tail, and consumers that are a little behind read it, without unpacking.
    fn compress(&mut self) -> Result<(), Error> {
        let open = self.open_segment.get().0;
        let mut due = segment::list(&self.dir)?;
        due.retain(|s| s.first_seq < open);
        due.pop();
        due.retain(|s| !s.is_packed() && !self.damaged.contains(&s.first_seq));
        for segment in due {
            match packed::pack(&self.dir, &segment, Log::Market, || !self.stop.load(Ordering::Acquire)) {
                Ok(Packed::Done { from, to }) => {
                    self.room.0.packed.fetch_add(1, Ordering::Relaxed);
                    tracing::info!(segment = segment.first_seq, from, to, "a market segment was compressed");
                }
                Ok(Packed::GivenUp) => return Ok(()),
                Err(error @ Error::Damaged { .. }) => {
                    tracing::error!("a market segment stays uncompressed: {error}");
                    self.damaged.insert(segment.first_seq);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Drops the oldest segments while all of them are too much.
    fn make_room(&mut self) -> Result<(), Error> {
        let open = self.open_segment.get().0;
        let mut sized = Vec::new();
        for segment in segment::list(&self.dir)? {
            let found = std::fs::metadata(&segment.path).map_err(|e| Error::io("read", &segment.path, e))?;
            sized.push((segment.first_seq, found.len()));
        }
        let slowest = self.consumers.iter().min_by_key(|c| c.applied.get());
        let passed = slowest.map_or(Seq(u64::MAX), |c| c.applied.get());
        let Verdict { dropped, is_full } = decide(&sized, open, passed, self.max_bytes);
        for first_seq in dropped {
            let (plain, packed) = segment::names(&self.dir, first_seq);
            let path = if plain.exists() { plain } else { packed };
            std::fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
            segment::sync_dir(&self.dir)?;
            self.room.0.dropped.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                segment = %path.display(),
                "the market journal is larger than journal.market_max_bytes: its oldest segment is dropped; a session that began in it cannot be re-run"
            );
        }
        if is_full && !self.room.is_full() {
            let consumer = slowest.map_or("", |c| c.name);
            tracing::warn!(
                consumer,
                applied = passed.0,
                "the market journal is larger than journal.market_max_bytes and a consumer still needs its oldest segment: no room for more"
            );
        }
        self.room.set_full(is_full);
        Ok(())
    }
}

/// What is to be done about the size of a journal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The segments to drop, by their first records.
    pub(super) dropped: Vec<u64>,
    /// True when it is still too large.
    pub(super) is_full: bool,
}

/// Decides which of the segments go: (first record, size), oldest first; `passed` is the last record that
/// every consumer has taken in.
pub(super) fn decide(segments: &[(u64, u64)], open: u64, passed: Seq, max_bytes: u64) -> Verdict {
    let mut total: u64 = segments.iter().map(|(_, size)| size).sum();
    let mut dropped = Vec::new();
    for pair in segments.windows(2) {
        let ((first, size), (next, _)) = (pair[0], pair[1]);
        if total <= max_bytes || first >= open || next - 1 > passed.0 {
            break;
        }
        dropped.push(first);
        total -= size;
    }
    // The open segment alone cannot be the reason to wait: it would never be closed.
    let closed_remain = segments.iter().skip(dropped.len()).any(|(first, _)| *first < open);
    Verdict { dropped, is_full: total > max_bytes && closed_remain }
}
