//! What the ledger is to hold before anything follows from it.

use messages::ledger::LedgerRecord;
use ractor::ActorProcessingErr;
use storage::journal::{Ack, Journal};

/// Writes a record and waits until it is durable, however long that takes: one that is on its way can still arrive, and the
/// ledger would then hold what nobody here goes by.
///
/// # Errors
/// The ledger has ended, or says that it never will be.
pub async fn write(ledger: &Journal<LedgerRecord>, record: LedgerRecord) -> Result<(), ActorProcessingErr> {
    let ended = || ActorProcessingErr::from("the ledger has ended and took no change of the migration");
    let (tx, rx) = tokio::sync::oneshot::channel();
    let ack: Ack = Box::new(move |durable| _ = tx.send(durable));
    ledger.append(vec![record], Some(ack)).await.map_err(|_| ended())?;
    rx.await.map_err(|_| ended())??;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::thread::JoinHandle;
    use std::time::Duration;

    use messages::UtcNanos;
    use messages::ledger::Seq;
    use storage::journal::Options;
    use tempfile::TempDir;

    use super::*;

    /// A ledger whose records are durable only after so long.
    fn ledger(linger: Duration) -> (TempDir, Journal<LedgerRecord>, JoinHandle<()>) {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { segment_bytes: 1 << 20, queue: 4, linger };
        let (ledger, thread) = Journal::open(dir.path(), options, |_| {}).unwrap();
        (dir, ledger, thread)
    }

    fn record() -> LedgerRecord {
        LedgerRecord::Stopped { at: UtcNanos(1) }
    }

    #[tokio::test]
    async fn what_the_ledger_takes_late_is_waited_for() {
        let (_dir, ledger, thread) = ledger(Duration::from_secs(3));
        let mut written = std::pin::pin!(write(&ledger, record()));
        let early = tokio::time::timeout(Duration::from_millis(50), written.as_mut()).await;
        assert!(early.is_err(), "it is durable later than that: {early:?}");
        written.await.unwrap();
        assert_eq!(ledger.watermark().get(), Seq(1));
        ledger.close();
        thread.join().unwrap();
    }

    #[tokio::test]
    async fn a_ledger_that_has_ended_keeps_nobody_waiting() {
        let (_dir, ledger, thread) = ledger(Duration::ZERO);
        ledger.close();
        thread.join().unwrap();
        assert!(write(&ledger, record()).await.unwrap_err().to_string().contains("has ended"));
    }
}
