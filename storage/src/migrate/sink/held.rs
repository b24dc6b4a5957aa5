//! A sink that waits: at the end of a transaction, and then exactly at two records, so that what the server holds can be
//! compared with a snapshot of DuckDB while the market runs.

use std::time::Duration;

use super::{Error, Position};

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
    pub(super) fn ask(asks: &flume::Sender<Ask>, limit: Duration) -> Result<Self, Error> {
        let late = || Error::TooLate { what: "end its transaction", limit };
        let (waits, at) = flume::bounded(1);
        let (go, wanted) = flume::bounded(1);
        asks.send_timeout(Ask::Hold(Hold { waits, wanted }), limit).map_err(|_| late())?;
        // Whoever hears nothing in time drops the other end, and the sink goes on.
        match at.recv_timeout(limit) {
            Ok(at) => Ok(Self { at: at?, go }),
            Err(flume::RecvTimeoutError::Timeout) => Err(late()),
            Err(flume::RecvTimeoutError::Disconnected) => Err(ended()),
        }
    }

    /// Where it waited first: the last records of both journals that the server held then.
    #[must_use]
    pub fn at(&self) -> Position {
        self.at
    }

    /// Goes on to exactly these records, which end groups of the journals, and waits again.
    ///
    /// # Errors
    /// It is beyond them already, the server is gone, or it took too long.
    pub fn go_to(&self, to: Position, limit: Duration) -> Result<(), Error> {
        let (arrived, heard) = flume::bounded(1);
        self.go.send_timeout(GoTo { to, arrived }, limit).map_err(|_| ended())?;
        match heard.recv_timeout(limit) {
            Ok(arrived) => arrived,
            Err(flume::RecvTimeoutError::Timeout) => Err(Error::TooLate { what: "get to a record", limit }),
            Err(flume::RecvTimeoutError::Disconnected) => Err(ended()),
        }
    }
}

fn ended() -> Error {
    Error::NotFollowing { state: "it has ended, or the server is gone".to_owned() }
}
