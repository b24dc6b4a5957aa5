//! Lines of frames, `<receive time, ns> <json>`: what the feeds record.

use std::collections::VecDeque;

use messages::UtcNanos;
use messages::caps::{FRAME_BYTES, RECEIVE_JUMP};
use messages::market::FeedItem;

use super::bytes::{Bytes, Line};
use super::error::InputError;
use super::{Step, Undecodable, monotone};
use crate::feeds::{Frame, alpaca, binance};
use crate::wire::DecodeError;

/// Bytes of an undecodable frame that are kept.
const KEPT: usize = 4 << 10;

/// Whose frames they are.
pub enum Venue {
    Binance(Box<binance::Decoder>),
    Alpaca(Box<alpaca::Decoder>),
}

impl Venue {
    fn decode(&mut self, frame: &[u8], received: UtcNanos, out: &mut Vec<FeedItem>) -> Result<Frame, DecodeError> {
        match self {
            Self::Binance(decoder) => decoder.decode(frame, received, out),
            Self::Alpaca(decoder) => decoder.decode(frame, received, out),
        }
    }

    /// Messages of a frame that could not be read beside others that were.
    fn take_faults(&mut self) -> Vec<alpaca::Fault> {
        match self {
            Self::Binance(_) => Vec::new(),
            Self::Alpaca(decoder) => decoder.take_faults(),
        }
    }
}

/// Reads a file of frames.
pub struct Frames {
    bytes: Bytes,
    line: Vec<u8>,
    venue: Venue,
    /// Of the last frame: messages that could not be read.
    asides: VecDeque<Step>,
}

impl Frames {
    pub fn new(bytes: Bytes, venue: Venue) -> Self {
        Self { bytes, line: Vec::new(), venue, asides: VecDeque::new() }
    }

    /// Sizes whose ninth decimal was rounded.
    pub fn rounded_sizes(&self) -> u64 {
        match &self.venue {
            Venue::Binance(decoder) => decoder.rounded_sizes,
            Venue::Alpaca(decoder) => decoder.rounded_sizes,
        }
    }

    /// Reads one line. The receive time is made monotone before the frame is decoded, for it is the
    /// time of messages that have none of their own.
    pub fn step(&mut self, last: &mut UtcNanos, backward: &mut u64) -> Result<Step, InputError> {
        if let Some(aside) = self.asides.pop_front() {
            return Ok(aside);
        }
        match self.bytes.line(&mut self.line)? {
            Line::End => return Ok(Step::End),
            Line::TooLong => {
                let error = format!("line of more than {FRAME_BYTES} bytes");
                return Ok(aside(*last, error, &self.line));
            }
            Line::Whole if self.line.is_empty() => return Ok(Step::Nothing),
            Line::Whole => {}
        }
        let Some((received, frame)) = split(&self.line) else {
            let error = "line does not begin with a receive time in ns and a space".to_owned();
            return Ok(aside(*last, error, &self.line));
        };
        if *last != UtcNanos::MIN && received > last.after(RECEIVE_JUMP) {
            let error = format!("receive time {received} lies more than 31 d behind the frame before, {last}");
            return Ok(aside(*last, error, frame));
        }
        let received = monotone(received, last, backward);
        let mut items = Vec::new();
        let result = self.venue.decode(frame, received, &mut items);
        let faults = self.venue.take_faults().into_iter();
        match result {
            // All of it, once.
            Err(error) => return Ok(aside(received, error.to_string(), frame)),
            Ok(_) => self.asides.extend(faults.map(|f| aside(received, f.error.to_string(), f.text.as_bytes()))),
        }
        Ok(if items.is_empty() { Step::Nothing } else { Step::Items(received, items) })
    }
}

/// The receive time and the frame of a line.
fn split(line: &[u8]) -> Option<(UtcNanos, &[u8])> {
    let space = line.iter().take(21).position(|b| *b == b' ')?;
    let received = std::str::from_utf8(&line[..space]).ok()?.parse().ok()?;
    Some((UtcNanos(received), &line[space + 1..]))
}

fn aside(received: UtcNanos, error: String, frame: &[u8]) -> Step {
    Step::Aside(Undecodable { received, error, frame: frame[..frame.len().min(KEPT)].to_vec() })
}
