//! A sink that waits: at the end of a transaction, and then exactly at two records, so that what the server holds can be
//! compared with a snapshot of DuckDB while the market runs.

use std::time::{Duration, Instant};

use flume::{RecvTimeoutError, SendTimeoutError};

use super::status::now;
use super::{Error, Position};
use crate::migrate::apart::LOOK;

/// What its thread is asked.
pub(super) enum Ask {
    /// To wait at the end of its transaction.
    Hold(Hold),
    /// To write what is durable, for as long as it may, and end.
    End,
}

/// Who wants it to wait.
pub(super) struct Hold {
    /// Hears where it waits.
    pub(super) waits: flume::Sender<Result<Position, Error>>,
    /// Says how far to go on; ends when it is to go on by itself.
    pub(super) wanted: flume::Receiver<GoTo>,
}

/// It is to go on to a position.
pub(super) struct GoTo {
    pub(super) to: Position,
    pub(super) arrived: flume::Sender<Result<(), Error>>,
}

/// A sink that waits. It goes on when this is dropped.
pub struct Held {
    at: Position,
    go: flume::Sender<GoTo>,
}

impl Held {
    /// Asks for it.
    pub(super) fn ask(asks: &flume::Sender<Ask>, limit: Duration, go_on: &dyn Fn() -> bool) -> Result<Self, Error> {
        let wait = Wait::begin("end its transaction", limit, go_on);
        let (waits, at) = flume::bounded(1);
        let (go, wanted) = flume::bounded(1);
        let mut ask = Ask::Hold(Hold { waits, wanted });
        // Whoever hears nothing in time drops the other end, and the sink goes on.
        while let Err(unsent) = asks.send_timeout(ask, wait.next()?) {
            match unsent {
                SendTimeoutError::Timeout(again) => ask = again,
                SendTimeoutError::Disconnected(_) => return Err(ended()),
            }
        }
        Ok(Self { at: wait.hear(&at)??, go })
    }

    /// Where it waited first: the last records of both journals that the server held then.
    #[must_use]
    pub fn at(&self) -> Position {
        self.at
    }

    /// Goes on to exactly these records, which end groups of the journals, and waits again.
    ///
    /// # Errors
    /// It is beyond them already, the server is gone, or it took too long; [`Error::Stopped`] once `go_on` says no.
    pub fn go_to(&self, to: Position, limit: Duration, go_on: &dyn Fn() -> bool) -> Result<(), Error> {
        let wait = Wait::begin("get to a record", limit, go_on);
        let (arrived, heard) = flume::bounded(1);
        self.go.send_timeout(GoTo { to, arrived }, wait.next()?).map_err(|_| ended())?;
        wait.hear(&heard)?
    }
}

/// Who waits for the sink: not longer than that, and not longer than it is wanted.
struct Wait<'a> {
    what: &'static str,
    limit: Duration,
    until: Instant,
    go_on: &'a dyn Fn() -> bool,
}

impl<'a> Wait<'a> {
    fn begin(what: &'static str, limit: Duration, go_on: &'a dyn Fn() -> bool) -> Self {
        Self { what, limit, until: now() + limit, go_on }
    }

    /// How long to wait before it is looked again.
    fn next(&self) -> Result<Duration, Error> {
        if !(self.go_on)() {
            return Err(Error::Stopped);
        }
        let left = self.until.saturating_duration_since(now());
        if left.is_zero() {
            return Err(Error::TooLate { what: self.what, limit: self.limit });
        }
        Ok(left.min(LOOK))
    }

    fn hear<T>(&self, from: &flume::Receiver<T>) -> Result<T, Error> {
        loop {
            match from.recv_timeout(self.next()?) {
                Ok(heard) => return Ok(heard),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(ended()),
            }
        }
    }
}

fn ended() -> Error {
    Error::NotFollowing { state: "it has ended, or the server is gone".to_owned() }
}
