//! The memory thread: the only writer of the hot tier.
//!
//! A consumer of the market journal beside the file thread, with a reader and a pace of its own. At a
//! start it takes what the file holds, then what the journal holds behind that, and only then publishes
//! its window. Whatever stops it costs speed and no data: questions are answered from the disk again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use duckdb::Connection;
use messages::ledger::Seq;

use super::Error;
use super::hot::{self, Hot, HotWriter, Options};
use crate::journal::{self, Watermark};

/// How long one turn takes: ten of them write every instrument once.
const TURN: Duration = Duration::from_millis(20);

/// How long it waits for news when nothing waits to be written.
const IDLE: Duration = Duration::from_millis(200);

/// Turns after which it looks at its memory.
const LOOK_EVERY: usize = hot::TURNS;

/// Two connections of the instance: for the memory database, and to read the file.
pub struct Connections {
    /// Writes the hot tier.
    pub hot: Connection,
    /// Reads the tables on disk at a start.
    pub file: Connection,
}

/// The running memory thread.
pub struct MemoryThread {
    /// Market records that the hot tier holds.
    pub market: Watermark,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl MemoryThread {
    /// Starts it behind the market journal's watermark. It begins when `database` brings connections,
    /// and ends by itself when none will come.
    ///
    /// # Errors
    /// The thread cannot be started.
    #[expect(clippy::disallowed_methods, reason = "one of the two homes of threads: a writer per database")]
    pub fn start(
        database: flume::Receiver<Connections>,
        options: Options,
        market_dir: &Path,
        durable: Watermark,
        hot: Hot,
    ) -> Result<Self, Error> {
        let (market, stop) = (Watermark::new(Seq(0)), Arc::new(AtomicBool::new(false)));
        let (said, asked, market_dir) = (market.clone(), stop.clone(), market_dir.to_owned());
        let run = move || {
            crate::background::step_back();
            let Ok(Connections { hot: db, file }) = database.recv() else { return };
            let ended = HotWriter::open(db, options, &market_dir, hot.clone())
                .and_then(|writer| follow(writer, &file, &durable, &said, &asked));
            hot.withdraw();
            if let Err(error) = ended {
                tracing::error!(error = &error as &dyn std::error::Error, "the hot tier ends; the disk answers");
            }
        };
        let thread = std::thread::Builder::new()
            .name("duckdb-memory".to_owned())
            .spawn(run)
            .map_err(|e| Error::Thread { name: "memory", what: format!("cannot be started: {e}") })?;
        Ok(Self { market, stop, thread })
    }

    /// Ends it; what it holds is forgotten.
    pub fn finish(self) {
        self.stop.store(true, Ordering::Release);
        // A panic in a cache is no reason not to stop in order.
        let _ = self.thread.join();
    }
}

/// Fills the tier and keeps it filled until asked to stop.
fn follow(
    mut writer: HotWriter,
    file: &Connection,
    durable: &Watermark,
    said: &Watermark,
    asked: &AtomicBool,
) -> Result<(), Error> {
    let go_on = || !asked.load(Ordering::Acquire);
    while hot::rebuild(&mut writer, file, &go_on)? {
        match keep_up(&mut writer, durable, said, &go_on) {
            // What came next left the journal before it was read: the file holds it by now.
            Err(Error::Journal(journal::Error::Gone { .. })) => {}
            ended => return ended,
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the pace of writing is real time by nature")]
fn keep_up(
    writer: &mut HotWriter,
    durable: &Watermark,
    said: &Watermark,
    go_on: &dyn Fn() -> bool,
) -> Result<(), Error> {
    let news = durable.listen();
    let mut turns = 0;
    // Nothing is shown before the backlog of the start is in.
    let mut is_ready = false;
    while go_on() {
        let follows = writer.take(durable.get())?;
        if follows && is_ready {
            writer.write_turn()?;
        } else {
            writer.write_all()?;
        }
        is_ready |= follows;
        let publish = |writer: &HotWriter| {
            if is_ready {
                writer.publish(follows);
                said.advance(writer.applied());
            }
        };
        publish(writer);
        turns += 1;
        if turns >= LOOK_EVERY || !follows {
            writer.keep_bounds(publish)?;
            turns = 0;
        }
        if follows && writer.has_pending() {
            std::thread::sleep(TURN);
        } else if follows {
            // The first of the news is joined by what comes within a turn.
            let _ = news.recv_timeout(IDLE).map(|()| std::thread::sleep(TURN));
        }
    }
    Ok(())
}
