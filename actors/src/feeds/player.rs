//! The player: hands a feed's frames to the market at their time.
//!
//! One thread per feed, for reading and decoding a file blocks. It stops when asked, and says when the
//! input has ended or failed. The queue to the market is bounded: a market that is slow makes it wait.
//!
//! While the market journal has no room it waits, too. A recording and the simulated market lose nothing by
//! that: they go on where they were, later than they would have. A live feed cannot make its venue wait: it
//! is to close its socket instead, write a `feed_gaps` row from the last event on, and fill the gap when it
//! connects again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use messages::UtcNanos;
use messages::market::FeedBatch;
use storage::journal::Room;

use super::input::{Format, Input, InputError, Merged};
use super::simulated::Simulated;
use crate::bulk::Signal;
use crate::clock::Clock;
use crate::market::FromFeed;

/// The longest sleep, so that a stop is heard soon.
const LONGEST_SLEEP: Duration = Duration::from_millis(20);

/// Where frames come from.
pub trait Frames: Send {
    /// The next frame; `None` at the end of the input.
    ///
    /// # Errors
    /// The input cannot be read on, in words.
    fn next_frame(&mut self) -> Result<Option<FeedBatch>, InputError>;
    /// Frames that could not be decoded since the last call.
    fn take_undecodable(&mut self) -> Vec<FromFeed> {
        Vec::new()
    }
}

impl Frames for Simulated {
    fn next_frame(&mut self) -> Result<Option<FeedBatch>, InputError> {
        Ok(Some(self.next_batch()))
    }
}

/// Makes frames, once the seed and the start of a run are known.
pub type MakeFrames = Box<dyn FnOnce(u64, UtcNanos) -> Result<Box<dyn Frames>, String> + Send>;

/// Recorded frames, from their first on.
pub struct Recorded {
    input: Merged,
    format: Format,
    first: Option<FeedBatch>,
}

impl Recorded {
    /// Opens the inputs and reads up to the first frame, whose time is when the recording begins.
    ///
    /// # Errors
    /// An input cannot be read.
    pub fn open(inputs: Vec<Input>, format: Format) -> Result<Self, InputError> {
        let mut input = Merged::new(inputs);
        let first = input.next_batch()?;
        Ok(Self { input, format, first })
    }

    /// When the recording begins; `None` when it holds nothing.
    #[must_use]
    pub fn begins(&self) -> Option<UtcNanos> {
        self.first.as_ref().map(|f| f.received)
    }
}

impl Frames for Recorded {
    fn next_frame(&mut self) -> Result<Option<FeedBatch>, InputError> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.input.next_batch(),
        }
    }

    fn take_undecodable(&mut self) -> Vec<FromFeed> {
        let feed = self.format.to_string();
        let frames = self.input.take_undecodable().into_iter();
        frames
            .map(|u| FromFeed::Undecodable { feed: feed.clone(), received: u.received, error: u.error, frame: u.frame })
            .collect()
    }
}

/// How a feed ended.
#[derive(Debug)]
pub enum Ended {
    /// Its input has ended, or it was stopped.
    Finished,
    /// Its input cannot be read on.
    Failed(InputError),
}

/// Waits while the market journal has no room, and says so once.
#[expect(clippy::disallowed_methods, reason = "waiting for space is real time by nature")]
fn wait_for_room(room: &Room, stop: &AtomicBool) {
    if !room.is_full() {
        return;
    }
    tracing::warn!("the feed waits: the market journal has no room; see journal.market_max_bytes");
    while room.is_full() && !stop.load(Ordering::Acquire) {
        std::thread::sleep(LONGEST_SLEEP);
    }
}

/// Plays frames into the market's queue on a thread of its own, as long as there is `room` in the market
/// journal; `ended` is called on it at its end.
///
/// # Errors
/// The system has no thread for it.
#[expect(clippy::disallowed_methods, reason = "a home of threads: reading an input blocks")]
pub fn play(
    mut frames: Box<dyn Frames>,
    clock: Clock,
    queue: flume::Sender<FromFeed>,
    signal: Signal,
    room: Room,
    stop: Arc<AtomicBool>,
    ended: impl FnOnce(Ended) + Send + 'static,
) -> std::io::Result<()> {
    std::thread::Builder::new().name("feed".to_owned()).spawn(move || {
        let result = loop {
            let next = frames.next_frame();
            for undecodable in frames.take_undecodable() {
                let _ = queue.send(undecodable);
                signal.raise();
            }
            let frame = match next {
                Ok(Some(frame)) => frame,
                Ok(None) => break Ended::Finished,
                Err(error) => break Ended::Failed(error),
            };
            // Before time may pass on to the frame: a replay's clock stands still meanwhile.
            wait_for_room(&room, &stop);
            clock.allow(frame.received);
            while clock.now() < frame.received && !stop.load(Ordering::Acquire) {
                std::thread::sleep(clock.until(frame.received).min(LONGEST_SLEEP));
            }
            if stop.load(Ordering::Acquire) || queue.send(FromFeed::Frame(frame)).is_err() {
                break Ended::Finished;
            }
            signal.raise();
        };
        ended(result);
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::market::Source;

    struct Counted(i64);

    impl Frames for Counted {
        fn next_frame(&mut self) -> Result<Option<FeedBatch>, InputError> {
            self.0 += 1;
            let frame = FeedBatch { source: Source::Simulated, received: UtcNanos(self.0), items: Vec::new() };
            Ok((self.0 <= 3).then_some(frame))
        }
    }

    fn play_three(room: &Room, stop: &Arc<AtomicBool>) -> (flume::Receiver<FromFeed>, flume::Receiver<Ended>) {
        let (queue, frames) = flume::bounded(10);
        let (ended, end) = flume::bounded(1);
        let ended = move |e| drop(ended.send(e));
        play(Box::new(Counted(0)), Clock::wall(), queue, Signal::new(|| {}), room.clone(), stop.clone(), ended)
            .unwrap();
        (frames, end)
    }

    #[test]
    fn while_there_is_no_room_nothing_is_played_and_nothing_is_lost() {
        let (room, stop) = (Room::default(), Arc::default());
        room.set_full(true);
        let (frames, end) = play_three(&room, &stop);
        // The player could have sent all of them long since.
        assert!(frames.recv_timeout(LONGEST_SLEEP * 3).is_err());
        room.set_full(false);
        assert!(matches!(end.recv(), Ok(Ended::Finished)));
        assert_eq!(frames.drain().count(), 3);
    }

    #[test]
    fn a_stop_is_heard_while_there_is_no_room() {
        let (room, stop) = (Room::default(), Arc::new(AtomicBool::new(false)));
        room.set_full(true);
        let (frames, end) = play_three(&room, &stop);
        stop.store(true, Ordering::Release);
        assert!(matches!(end.recv(), Ok(Ended::Finished)));
        assert_eq!(frames.drain().count(), 0);
    }
}
