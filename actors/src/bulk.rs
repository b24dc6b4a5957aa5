//! Bulk channels: batches go through a bounded queue with at most one outstanding wake-up.
//!
//! The queue outlives a restart of the actor that drains it; only the wake-up goes to the actor.
//! Who must have everything makes the sender wait; who is slow and may miss quotes gets them conflated.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use messages::market::Batch;

use crate::conflate;

/// A batch as it waits, and whether quotes around it were left out.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The batch.
    pub batch: Arc<Batch>,
    /// Which conflation left quotes out; 0 when none did. One conflation is one delivery, so that it can be re-run.
    pub conflation: u64,
}

/// At most one outstanding wake-up of whoever drains a queue.
#[derive(Clone)]
pub struct Signal {
    raised: Arc<AtomicBool>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Signal {
    /// `wake` is called when the signal is raised and was not.
    #[must_use]
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { raised: Arc::new(AtomicBool::new(false)), wake: Arc::new(wake) }
    }
    /// Something waits.
    pub fn raise(&self) {
        if !self.raised.swap(true, Ordering::AcqRel) {
            (self.wake)();
        }
    }
    /// The queue is about to be drained: what comes from now on wakes again.
    pub fn lower(&self) {
        self.raised.store(false, Ordering::Release);
    }
}

/// The sender's end.
#[derive(Clone)]
pub struct Outlet {
    queue: flume::Sender<Delivered>,
    /// The same queue from the other side: to conflate what waits.
    waiting: flume::Receiver<Delivered>,
    signal: Signal,
    conflations: Arc<AtomicU64>,
}

/// The receiver's end.
#[derive(Clone)]
pub struct Inlet {
    queue: flume::Receiver<Delivered>,
    signal: Signal,
}

/// Trades alone did not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lagging;

/// A channel for `capacity` batches; `wake` is called when the queue is not empty and nobody was woken yet.
#[must_use]
pub fn channel(capacity: usize, wake: impl Fn() + Send + Sync + 'static) -> (Outlet, Inlet) {
    let (tx, rx) = flume::bounded(capacity.max(2));
    let signal = Signal::new(wake);
    let conflations = Arc::new(AtomicU64::new(0));
    let outlet = Outlet { queue: tx, waiting: rx.clone(), signal: signal.clone(), conflations };
    (outlet, Inlet { queue: rx, signal })
}

impl Outlet {
    /// Queues a batch, waiting for room: for who must have everything. [`Self::wake`] says that it is there.
    pub async fn queue(&self, batch: Arc<Batch>) {
        let waiting = match self.queue.try_send(Delivered { batch, conflation: 0 }) {
            Err(flume::TrySendError::Full(delivered)) => delivered,
            // Both ends are held by the tree for as long as the runtime lives, so nothing else can fail.
            _ => return,
        };
        // Who is to make room must know that there is something.
        self.signal.raise();
        let _ = self.queue.send_async(waiting).await;
    }

    /// Wakes who drains the queue, unless it was woken already.
    pub fn wake(&self) {
        self.signal.raise();
    }

    /// Sends without waiting; conflates quotes when the queue is full.
    ///
    /// # Errors
    /// Trades alone do not fit.
    pub fn send_conflating(&self, batch: Arc<Batch>) -> Result<(), Lagging> {
        let sent = self.queue.try_send(Delivered { batch, conflation: 0 });
        if let Err(flume::TrySendError::Full(delivered)) = sent {
            self.conflate(delivered.batch)?;
        }
        self.signal.raise();
        Ok(())
    }

    fn conflate(&self, batch: Arc<Batch>) -> Result<(), Lagging> {
        let conflation = self.conflations.fetch_add(1, Ordering::Relaxed) + 1;
        let mut batches: Vec<Batch> = self.waiting.drain().map(|d| Batch::clone(&d.batch)).collect();
        batches.push(Batch::clone(&batch));
        conflate::newest_quotes(&mut batches);
        for batch in batches {
            let delivered = Delivered { batch: Arc::new(batch), conflation };
            self.queue.try_send(delivered).map_err(|_| Lagging)?;
        }
        Ok(())
    }
}

impl Inlet {
    /// Takes what waits, at most `most`. The next batch wakes again.
    pub fn take(&self, most: usize) -> Vec<Delivered> {
        self.signal.lower();
        self.queue.try_iter().take(most).collect()
    }

    /// True when nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Batches that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Batches that may wait.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.queue.capacity().unwrap_or(0)
    }

    /// The queue itself, for a thread that waits on several.
    #[must_use]
    pub fn receiver(&self) -> &flume::Receiver<Delivered> {
        &self.queue
    }
}
