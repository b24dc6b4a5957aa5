//! Housekeeping of the market journal, on a thread of its own: closed segments are compressed, all but the
//! newest, and when all of them are too much the oldest go.
//!
//! Hears that a segment was closed, and how far each consumer has come; says whether there is room. The
//! journal's own thread never waits for it, and nothing here decides about trading: an error is logged, and
//! what could not be done is tried again when the next segment closes. While segments are kept for one who may be late it
//! also looks at the disk from time to time: what else grows there closes no segment, and a full disk closes none either.
//!
//! Invariant: a segment that a consumer still needs is never removed. Then there is no room, and who
//! brings data waits. One who may be late ([`Late`]) is no such consumer: what it needs is kept beyond the size of the
//! journal within a budget of its own, then the oldest of it goes, and it will find that out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use messages::ledger::Seq;

use super::packed::{self, Packed};
use super::segment::{self, Log};
use super::{Error, Kept, Late, Watermark};

/// How often the disk is looked at while segments are kept for one who may be late.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Who reads the journal and must not miss any of it.
#[derive(Clone)]
pub struct Consumer {
    /// Its name.
    pub name: &'static str,
    /// The last record that it has taken in for good.
    pub applied: Watermark,
}

/// For whom the journal is kept.
pub struct KeptFor {
    /// Those who must not miss any of it.
    pub consumers: Vec<Consumer>,
    /// One who may be late.
    pub late: Late,
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
    pub fn start(dir: &Path, max_bytes: u64, open_segment: Watermark, kept_for: KeptFor) -> Result<Self, Error> {
        let keeper = Keeper::new(dir, max_bytes, open_segment, kept_for);
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

/// What the thread does next.
enum Due {
    /// All that there is.
    All,
    /// Only what makes room.
    Room,
}

/// What the thread does, without the thread.
pub(super) struct Keeper {
    dir: PathBuf,
    max_bytes: u64,
    open_segment: Watermark,
    kept_for: KeptFor,
    pub(super) room: Room,
    stop: Arc<AtomicBool>,
    /// Segments that cannot be compressed, each said once.
    damaged: BTreeSet<u64>,
}

impl Keeper {
    pub(super) fn new(dir: &Path, max_bytes: u64, open_segment: Watermark, kept_for: KeptFor) -> Self {
        let (room, stop) = (Room::default(), Arc::default());
        Self { dir: dir.to_owned(), max_bytes, open_segment, kept_for, room, stop, damaged: BTreeSet::new() }
    }

    fn run(mut self, ended: &flume::Receiver<()>) {
        let closed = self.open_segment.listen();
        let applied: Vec<_> = self.kept_for.consumers.iter().map(|c| c.applied.listen()).collect();
        let mut due = Due::All;
        while !self.stop.load(Ordering::Acquire) {
            let done = match due {
                Due::All => self.pass(),
                Due::Room => self.make_room(),
            };
            if let Err(error) = done {
                tracing::warn!(%error, "the market journal's housekeeping is put off");
            }
            let mut wait = flume::Selector::new().recv(&closed, |_| false).recv(ended, |_| true);
            if self.room.is_full() {
                wait = applied.iter().fold(wait, |wait, moved| wait.recv(moved, |_| false));
            }
            let has_ended = if self.keeps_for_late() { wait.wait_timeout(LOOK_EVERY).ok() } else { Some(wait.wait()) };
            due = match has_ended {
                Some(true) => return,
                Some(false) => Due::All,
                // Compressing takes room first, and where it failed it would fail again; removing takes none.
                None => Due::Room,
            };
        }
    }

    /// Whether something stays that can go at any time.
    fn keeps_for_late(&self) -> bool {
        self.kept_for.late.taken.kept().bytes > 0
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
        let slowest = self.kept_for.consumers.iter().min_by_key(|c| c.applied.get());
        let (passed, who) = slowest.map_or((Seq(u64::MAX), ""), |c| (c.applied.get(), c.name));
        let late = &self.kept_for.late;
        let passed = Passed { by_all: passed, by_late: late.taken.get() };
        let free = crate::disk::free(&self.dir).map_err(|e| Error::io("see the room of the disk of", &self.dir, e))?;
        let room = free.cast_signed().saturating_sub(late.min_free_bytes.cast_signed());
        let budgets = Budgets { journal: self.max_bytes, late: late.max_bytes, room };
        let Verdict { dropped, given_up, kept, may_keep, is_full } = decide(&sized, open, passed, budgets);
        for first_seq in &dropped {
            let path = self.remove(*first_seq)?;
            tracing::warn!(
                segment = %path.display(),
                "the market journal is larger than journal.market_max_bytes: its oldest segment is dropped; a session that began in it cannot be re-run"
            );
        }
        for first_seq in &given_up {
            let path = self.remove(*first_seq)?;
            tracing::error!(
                event = "journal_given_up",
                segment = %path.display(),
                consumer = late.name,
                "more of the market journal waits for it than timescale.journal_max_bytes, or than the disk has room for: its oldest segment is given up; once the server is back, `merganser migrate timescale compare --repair` brings these rows from DuckDB"
            );
        }
        // None may be kept, too, is something that is known.
        late.taken.keep(Kept { bytes: kept, max_bytes: may_keep.max(1) });
        if is_full && !self.room.is_full() {
            tracing::warn!(
                consumer = who,
                applied = passed.by_all.0,
                "the market journal is larger than journal.market_max_bytes and a consumer still needs its oldest segment: no room for more"
            );
        }
        self.room.set_full(is_full);
        Ok(())
    }

    fn remove(&self, first_seq: u64) -> Result<PathBuf, Error> {
        let (plain, packed) = segment::names(&self.dir, first_seq);
        let path = if plain.exists() { plain } else { packed };
        std::fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
        segment::sync_dir(&self.dir)?;
        self.room.0.dropped.fetch_add(1, Ordering::Relaxed);
        Ok(path)
    }
}

/// The last records that were taken in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed {
    /// By every consumer that must not miss any.
    pub(super) by_all: Seq,
    /// By the one who may be late.
    pub(super) by_late: Seq,
}

/// Bytes that may be kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budgets {
    /// In any case.
    pub(super) journal: u64,
    /// Beyond these, for the one who may be late.
    pub(super) late: u64,
    /// By how much more it may grow on this disk; below zero: by how much it is too large for it.
    pub(super) room: i64,
}

/// What is to be done about the size of a journal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Segments to drop that nobody needs, by their first records.
    pub(super) dropped: Vec<u64>,
    /// Segments to drop that the late one would need.
    pub(super) given_up: Vec<u64>,
    /// Bytes that stay for the late one alone.
    pub(super) kept: u64,
    /// Bytes that may stay for it: its budget, or what the disk has room for where that is less.
    pub(super) may_keep: u64,
    /// True when it is still too large for those who must not miss any.
    pub(super) is_full: bool,
}

/// Decides which of the segments go: (first record, size), oldest first.
///
/// Those that are too much, and that every consumer has passed, are kept while the late one needs them and they fit into
/// its budget; whether there is room is decided as if they were gone.
pub(super) fn decide(segments: &[(u64, u64)], open: u64, passed: Passed, budgets: Budgets) -> Verdict {
    let mut total: u64 = segments.iter().map(|(_, size)| size).sum();
    let (mut dropped, mut kept) = (Vec::new(), Vec::new());
    for pair in segments.windows(2) {
        let ((first, size), (next, _)) = (pair[0], pair[1]);
        if total <= budgets.journal || first >= open || next - 1 > passed.by_all.0 {
            break;
        }
        total -= size;
        if next - 1 > passed.by_late.0 { kept.push((first, size)) } else { dropped.push(first) }
    }
    let mut for_late: u64 = kept.iter().map(|(_, size)| size).sum();
    // The open segment alone cannot be the reason to wait: it would never be closed.
    let closed_remain = segments.iter().skip(dropped.len() + kept.len()).any(|(first, _)| *first < open);
    let may_keep = budgets.late.min(for_late.saturating_add_signed(budgets.room));
    let mut given_up = Vec::new();
    for (first, size) in kept {
        if for_late <= may_keep {
            break;
        }
        given_up.push(first);
        for_late -= size;
    }
    Verdict { dropped, given_up, kept: for_late, may_keep, is_full: total > budgets.journal && closed_remain }
}
