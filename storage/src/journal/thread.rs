//! The journal thread: one per log, the only writer of it.
//!
//! Hears batches of records through a bounded queue; what arrives while a sync runs shares the next
//! one. Says the durable watermark, an acknowledgement per batch, and its health. A full disk is
//! waited out with the queue kept; any other error stops the journal, for a failed sync must not be
//! tried again (the kernel may have dropped the pages and then reports success).

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use messages::ledger::Seq;

use super::codec::Record;
use super::syncs::Syncs;
use super::writer::Writer;
use super::{Error, Log};
use crate::recent::Spread;

/// Called once with the number of the batch's last record when it is durable, or with why it never will be.
pub type Ack = Box<dyn FnOnce(Result<Seq, Error>) + Send>;

/// How often a group that gathers looks at the queue: short against the time in which the queue fills.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// How often a full disk is tried again.
const DISK_FULL_RETRY: Duration = Duration::from_millis(250);

/// How a log is written.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Bytes after which a new segment begins.
    pub segment_bytes: u64,
    /// Batches that may wait; beyond it [`Journal::try_append`] refuses.
    pub queue: usize,
    /// How long a group waits for more records before it is synced. Zero for the ledger.
    pub linger: Duration,
}

/// How a journal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It writes.
    Writing,
    /// The disk is full; records wait.
    DiskFull,
    /// It has stopped for good.
    Stopped(String),
}

/// Up to which record a log is durable; readers wait on it.
#[derive(Clone)]
pub struct Watermark(Arc<WatermarkInner>);

struct WatermarkInner {
    durable: AtomicU64,
    listeners: Mutex<Vec<flume::Sender<()>>>,
}

impl Watermark {
    /// A watermark at `durable`.
    #[must_use]
    pub fn new(durable: Seq) -> Self {
        let inner = WatermarkInner { durable: AtomicU64::new(durable.0), listeners: Mutex::default() };
        Self(Arc::new(inner))
    }
    /// The last durable record.
    #[must_use]
    pub fn get(&self) -> Seq {
        Seq(self.0.durable.load(Ordering::Acquire))
    }
    /// A channel that holds a message whenever the watermark has moved since the last look.
    #[must_use]
    pub fn listen(&self) -> flume::Receiver<()> {
        let (tx, rx) = flume::bounded(1);
        self.listeners().push(tx);
        rx
    }
    /// Moves it up and wakes who listens.
    pub fn advance(&self, durable: Seq) {
        self.0.durable.fetch_max(durable.0, Ordering::AcqRel);
        self.listeners().retain(|l| !matches!(l.try_send(()), Err(flume::TrySendError::Disconnected(()))));
    }
    fn listeners(&self) -> std::sync::MutexGuard<'_, Vec<flume::Sender<()>>> {
        self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A batch on its way to the disk.
struct Batch<R> {
    records: Vec<R>,
    ack: Option<Ack>,
    /// The last batch: the thread ends behind it, whoever still holds a handle.
    is_last: bool,
}

/// The queue refused a batch, which it gives back.
#[derive(Debug)]
pub enum Refused<R> {
    /// The queue is full.
    Full(Vec<R>),
    /// The journal is closed or has stopped.
    Closed(Vec<R>),
}

/// A handle to the journal thread of one log.
pub struct Journal<R> {
    queue: flume::Sender<Batch<R>>,
    watermark: Watermark,
    open_segment: Watermark,
    /// Set when the journal is to end: then a full disk is not waited out any more.
    ending: Arc<AtomicBool>,
    /// False while the disk is full.
    writes: Arc<AtomicBool>,
    syncs: Syncs,
}

impl<R> Clone for Journal<R> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            watermark: self.watermark.clone(),
            open_segment: self.open_segment.clone(),
            ending: self.ending.clone(),
            writes: self.writes.clone(),
            syncs: self.syncs.clone(),
        }
    }
}

impl<R: Record> Journal<R> {
    /// Recovers the log in `dir` and starts its thread. `on_health` hears every change, on that thread.
    /// The thread ends, with everything written, after [`Self::close`] or when the last handle is dropped.
    ///
    /// # Errors
    /// The disk refuses, or the log is damaged.
    pub fn open(
        dir: &Path,
        options: Options,
        on_health: impl Fn(Health) + Send + 'static,
    ) -> Result<(Self, JoinHandle<()>), Error> {
        let (journal, worker) = Self::with_worker(dir, options, Box::new(on_health))?;
        Ok((journal, spawn(R::LOG, worker)?))
    }

    /// A handle, and what its thread is to run.
    fn with_worker(
        dir: &Path,
        options: Options,
        on_health: Box<dyn Fn(Health) + Send>,
    ) -> Result<(Self, Worker<R>), Error> {
        let writer = Writer::<R>::open(dir, options.segment_bytes)?;
        let (tx, rx) = flume::bounded(options.queue);
        let watermark = Watermark::new(writer.last());
        let open_segment = Watermark::new(writer.open_segment());
        let ending = Arc::new(AtomicBool::new(false));
        let writes = Arc::new(AtomicBool::new(true));
        let syncs = Syncs::default();
        let worker = Worker {
            writer,
            queue: rx,
            linger: options.linger,
            watermark: watermark.clone(),
            open_segment: open_segment.clone(),
            acks: Vec::new(),
            closing: false,
            ending: ending.clone(),
            writes: writes.clone(),
            syncs: syncs.clone(),
            on_health,
        };
        Ok((Self { queue: tx, watermark, open_segment, ending, writes, syncs }, worker))
    }

    /// Queues records; never waits. `ack` is called on the journal's thread.
    ///
    /// # Errors
    /// The queue is full or the journal has ended; the records come back.
    pub fn try_append(&self, records: Vec<R>, ack: Option<Ack>) -> Result<(), Refused<R>> {
        self.queue.try_send(Batch { records, ack, is_last: false }).map_err(|e| match e {
            flume::TrySendError::Full(batch) => Refused::Full(batch.records),
            flume::TrySendError::Disconnected(batch) => Refused::Closed(batch.records),
        })
    }

    /// As [`Self::try_append`], and what is refused comes back whole, to be tried again.
    ///
    /// # Errors
    /// The queue is full or the journal has ended.
    pub fn try_append_acked(&self, records: Vec<R>, ack: Ack) -> Result<(), (Vec<R>, Ack)> {
        let sent = self.queue.try_send(Batch { records, ack: Some(ack), is_last: false });
        sent.map_err(|e| {
            let batch = e.into_inner();
            (batch.records, batch.ack.unwrap_or_else(|| Box::new(|_| {})))
        })
    }

    /// Queues records, waiting while the queue is full: overload passes back to who produces.
    ///
    /// # Errors
    /// The journal has ended; the records come back.
    pub async fn append(&self, records: Vec<R>, ack: Option<Ack>) -> Result<(), Refused<R>> {
        self.queue.send_async(Batch { records, ack, is_last: false }).await.map_err(|e| Refused::Closed(e.0.records))
    }

    /// As [`Self::append`], for threads that are no actors.
    ///
    /// # Errors
    /// The journal has ended; the records come back.
    pub fn append_blocking(&self, records: Vec<R>, ack: Option<Ack>) -> Result<(), Refused<R>> {
        self.queue.send(Batch { records, ack, is_last: false }).map_err(|e| Refused::Closed(e.0.records))
    }

    /// Queues records and waits until they are durable. For start and stop, never inside an actor.
    ///
    /// # Errors
    /// The journal has stopped.
    pub fn append_and_wait(&self, records: Vec<R>) -> Result<Seq, Error> {
        let (tx, rx) = flume::bounded(1);
        let stopped = || Error::Stopped { log: R::LOG, why: "its thread has ended".to_owned() };
        let ack: Ack = Box::new(move |result| drop(tx.send(result)));
        self.queue.send(Batch { records, ack: Some(ack), is_last: false }).map_err(|_| stopped())?;
        rx.recv().map_err(|_| stopped())?
    }

    /// Ends the thread behind everything that is queued now; what a full disk does not take
    /// is then lost, and was never acknowledged. A handle that is left over, in a strategy's
    /// thread that hangs perhaps, is refused from then on.
    pub fn close(&self) {
        self.ending.store(true, Ordering::Release);
        let _ = self.queue.send(Batch { records: Vec::new(), ack: None, is_last: true });
    }

    /// The durable watermark.
    #[must_use]
    pub fn watermark(&self) -> &Watermark {
        &self.watermark
    }

    /// Batches that wait for its thread.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Batches that may wait.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.queue.capacity().unwrap_or(0)
    }

    /// Groups synced since the start, and what the newest of them took.
    #[must_use]
    pub fn syncs(&self) -> (u64, Option<Spread>) {
        self.syncs.summary()
    }

    /// The first record of the segment that is being written; it moves when one is closed.
    #[must_use]
    pub fn open_segment(&self) -> &Watermark {
        &self.open_segment
    }

    /// False while the disk is full.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.writes.load(Ordering::Acquire)
    }
}

#[expect(clippy::disallowed_methods, reason = "one of the two homes of threads: a journal's writer")]
fn spawn<R: Record>(log: Log, worker: Worker<R>) -> Result<JoinHandle<()>, Error> {
    std::thread::Builder::new()
        .name(format!("{log}-journal"))
        .spawn(move || worker.run())
        .map_err(|e| Error::io("start the thread of", log.as_str(), e))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the linger of a group and what a sync takes are real time by nature; no record holds them"
)]
fn clock() -> Instant {
    Instant::now()
}

struct Worker<R> {
    writer: Writer<R>,
    queue: flume::Receiver<Batch<R>>,
    linger: Duration,
    watermark: Watermark,
    open_segment: Watermark,
    acks: Vec<(Seq, Ack)>,
    closing: bool,
    ending: Arc<AtomicBool>,
    writes: Arc<AtomicBool>,
    syncs: Syncs,
    on_health: Box<dyn Fn(Health) + Send>,
}

impl<R: Record> Worker<R> {
    fn run(mut self) {
        while let Ok(batch) = self.queue.recv() {
            let gathered = self.take(batch).and_then(|()| self.gather());
            if let Err(error) = gathered.and_then(|()| self.sync()) {
                return self.stop(&error);
            }
            if self.closing {
                return self.refuse("it was closed");
            }
        }
    }

    fn take(&mut self, batch: Batch<R>) -> Result<(), Error> {
        for record in &batch.records {
            self.writer.append(record)?;
        }
        if let Some(ack) = batch.ack {
            self.acks.push((self.writer.last(), ack));
        }
        self.closing |= batch.is_last;
        Ok(())
    }

    /// Takes what waits, and what arrives within the linger, until the group is full.
    fn gather(&mut self) -> Result<(), Error> {
        let deadline = clock() + self.linger;
        loop {
            while !self.writer.is_full() && !self.closing {
                let Ok(batch) = self.queue.try_recv() else { break };
                self.take(batch)?;
            }
            let left = deadline.saturating_duration_since(clock());
            if left.is_zero() || self.writer.is_full() || self.closing {
                return Ok(());
            }
            // Asleep rather than waiting on the queue: each record would wake this thread, at the cost of who sends it.
            wait(left.min(LOOK_EVERY));
        }
    }

    fn sync(&mut self) -> Result<(), Error> {
        let mut waiting = false;
        let durable = loop {
            let began = clock();
            match self.writer.sync() {
                Ok(durable) => {
                    self.syncs.count(clock().duration_since(began));
                    break durable;
                }
                Err(error) if error.is_disk_full() && !self.ending.load(Ordering::Acquire) => {
                    if !waiting {
                        tracing::error!(%error, "the disk is full; the journal waits for space");
                        self.writes.store(false, Ordering::Release);
                        (self.on_health)(Health::DiskFull);
                        waiting = true;
                    }
                    wait(DISK_FULL_RETRY);
                }
                Err(error) => return Err(error),
            }
        };
        if waiting {
            self.writes.store(true, Ordering::Release);
            (self.on_health)(Health::Writing);
        }
        self.watermark.advance(durable);
        if self.writer.open_segment() > self.open_segment.get() {
            self.open_segment.advance(self.writer.open_segment());
        }
        for (seq, ack) in self.acks.drain(..) {
            ack(Ok(seq));
        }
        Ok(())
    }

    fn stop(self, error: &Error) {
        let why = chain(error);
        tracing::error!(%why, "the journal stops");
        (self.on_health)(Health::Stopped(why.clone()));
        self.refuse(&why);
    }

    /// Answers everybody who still waits: what nobody takes out of a queue stays there for as long as somebody holds its other end.
    fn refuse(mut self, why: &str) {
        let queued = self.queue.drain().filter_map(|batch| batch.ack);
        for ack in self.acks.drain(..).map(|(_, ack)| ack).chain(queued) {
            ack(Err(Error::Stopped { log: R::LOG, why: why.to_owned() }));
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "waiting for space, or for a group, is real time by nature")]
fn wait(time: Duration) {
    std::thread::sleep(time);
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use messages::UtcNanos;
    use messages::ledger::LedgerRecord;

    use super::*;

    #[test]
    fn who_came_behind_the_end_is_told_so_and_who_came_before_it_is_durable() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { segment_bytes: 1 << 20, queue: 4, linger: Duration::ZERO };
        let (journal, worker) = Journal::with_worker(dir.path(), options, Box::new(|_| {})).unwrap();
        let append = |n| {
            let (tx, rx) = flume::bounded(1);
            let ack: Ack = Box::new(move |durable| tx.send(durable).unwrap());
            journal.try_append(vec![LedgerRecord::Stopped { at: UtcNanos(n) }], Some(ack)).unwrap();
            rx
        };
        let before = append(1);
        journal.close();
        let behind = append(2);
        worker.run();
        assert_eq!(before.try_recv().unwrap().unwrap(), Seq(1));
        // The handle is still there, and with it the other end of the queue.
        let told = behind.try_recv().expect("it waits for ever").unwrap_err();
        assert!(matches!(told, Error::Stopped { log: Log::Ledger, .. }), "{told}");
        assert_eq!(journal.watermark().get(), Seq(1));
        assert!(matches!(journal.try_append(Vec::new(), None), Err(Refused::Closed(_))));
    }
}
