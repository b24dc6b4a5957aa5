//! Rows into a table of the server, in the binary form of COPY.

use std::io::Cursor;
use std::pin::Pin;

use futures::SinkExt;
use tokio_postgres::CopyInSink;

use super::Session;
use crate::postgres::Error;

impl Session {
    /// Begins to copy rows into `into`, a table with its columns in brackets.
    ///
    /// # Errors
    /// The server refuses, or is gone.
    pub fn copy_in(&self, what: &'static str, into: &str) -> Result<CopyIn<'_>, Error> {
        let sql = format!("COPY {into} FROM STDIN (FORMAT binary)");
        let sink = self.wait(what, self.client.copy_in(&sql))?;
        Ok(CopyIn { session: self, what, sink: Box::pin(sink) })
    }
}

/// Rows on their way into a table; none is there before [`CopyIn::finish`].
pub struct CopyIn<'a> {
    session: &'a Session,
    what: &'static str,
    sink: Pin<Box<CopyInSink<Cursor<Vec<u8>>>>>,
}

impl CopyIn<'_> {
    /// Sends bytes of a [`crate::postgres::copy::Writer`].
    ///
    /// # Errors
    /// The server refuses, or is gone.
    pub fn send(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        self.session.wait(self.what, self.sink.send(Cursor::new(bytes)))
    }

    /// Ends it; returns how many rows the server took.
    ///
    /// # Errors
    /// The server refuses the rows, or is gone: then it has none of them.
    pub fn finish(mut self) -> Result<u64, Error> {
        self.session.wait(self.what, self.sink.as_mut().finish())
    }
}
