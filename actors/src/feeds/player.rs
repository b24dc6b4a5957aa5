//! The player: hands a feed's frames to the market at their time.
//!
//! One thread per feed, for reading and decoding a file blocks. It stops when asked, and says when the
//! input has ended or failed. The queue to the market is bounded: a market that is slow makes it wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use messages::UtcNanos;
use messages::market::FeedBatch;

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

/// Plays frames into the market's queue on a thread of its own; `ended` is called on it at its end.
///
/// # Errors
/// The system has no thread for it.
#[expect(clippy::disallowed_methods, reason = "a home of threads: reading an input blocks")]
pub fn play(
    mut frames: Box<dyn Frames>,
    clock: Clock,
    queue: flume::Sender<FromFeed>,
    signal: Signal,
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
