//! Several inputs as one, by receive time: two days of a recording, or two venues side by side.
//!
//! Invariant: the order depends on the inputs and their order only. At equal receive times the
//! input named first goes first.

use messages::market::FeedBatch;

use super::error::InputError;
use super::{Input, Undecodable};

/// Inputs merged by receive time.
pub struct Merged {
    inputs: Vec<Entry>,
}

/// An input with its next batch, read ahead.
struct Entry {
    input: Input,
    head: Option<FeedBatch>,
    at_end: bool,
}

impl Merged {
    /// Merges `inputs`; ties go by their order here.
    #[must_use]
    pub fn new(inputs: Vec<Input>) -> Self {
        Self { inputs: inputs.into_iter().map(|input| Entry { input, head: None, at_end: false }).collect() }
    }

    /// The next batch of all; `None` when every input has ended.
    ///
    /// # Errors
    /// An input cannot be read further.
    pub fn next_batch(&mut self) -> Result<Option<FeedBatch>, InputError> {
        // A handful of inputs: looking at each head is cheaper than a heap.
        let mut first: Option<&mut Entry> = None;
        for entry in &mut self.inputs {
            entry.fill()?;
            let Some(received) = entry.received() else { continue };
            if first.as_ref().and_then(|f| f.received()).is_none_or(|earliest| received < earliest) {
                first = Some(entry);
            }
        }
        // Monotone as a whole, because each input is and the earliest head is taken.
        Ok(first.and_then(|entry| entry.head.take()))
    }

    /// Bytes read so far and in all, of all inputs.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        self.inputs.iter().map(|entry| entry.input.progress()).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    /// All undecodable frames so far, kept or not.
    #[must_use]
    pub fn undecodable(&self) -> u64 {
        self.inputs.iter().map(|entry| entry.input.undecodable()).sum()
    }

    /// The undecodable frames found since the last call, input by input.
    pub fn take_undecodable(&mut self) -> Vec<Undecodable> {
        self.inputs.iter_mut().flat_map(|entry| entry.input.take_undecodable()).collect()
    }

    /// Frames and rows whose receive time was raised to the one before.
    #[must_use]
    pub fn backward_times(&self) -> u64 {
        self.inputs.iter().map(|entry| entry.input.backward_times()).sum()
    }
}

impl Entry {
    fn fill(&mut self) -> Result<(), InputError> {
        if self.head.is_none() && !self.at_end {
            self.head = self.input.next_batch()?;
            self.at_end = self.head.is_none();
        }
        Ok(())
    }

    fn received(&self) -> Option<messages::UtcNanos> {
        self.head.as_ref().map(|batch| batch.received)
    }
}
