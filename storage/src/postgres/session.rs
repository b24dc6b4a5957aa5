//! One connection to the server, for an ordinary thread: it blocks, and every question ends, by an answer, a refusal,
//! its time, or because it was left.
//!
//! The wire is served by a small runtime of its own. A session is in UTC, and is refused a table of which policies hide rows. What takes too long is cancelled on the server as
//! well; of a COPY the time counts for each piece, for a large table may take hours.

mod copy_in;
mod ending;
mod snapshot;

use std::future::Future;
use std::time::Duration;

use futures::{Stream, StreamExt};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row};

use super::catalog::Type;
use super::{Error, Server, copy};

pub use ending::Cancel;

/// How long it may take to tell the server that nobody waits any more.
const TO_CANCEL: Duration = Duration::from_secs(2);

/// How long a cancel may be under way that the server has taken: it is one process that signals another there.
const TO_MEET_CANCEL: Duration = Duration::from_millis(500);

/// Pieces of a copy, a row each, that are taken at once if so many have come: to wait for one costs more than to read it.
const PIECES: usize = 64;

/// A connection.
pub struct Session {
    server: Server,
    client: Client,
    runtime: Runtime,
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// [`Error`] says what is to be put right.
    pub fn open(server: &Server) -> Result<Self, Error> {
        let runtime = runtime(server)?;
        let limit = server.connect_timeout;
        let connected = runtime.block_on(async {
            tokio::select! {
                client = timeout(limit, connect(server)) => client.map_err(|_| too_slow_to_connect(server, limit))?,
                left = server.is_left() => Err(left),
            }
        });
        let client = match connected {
            Ok(client) => client,
            Err(error) => {
                // A name that is still being looked up would be waited for.
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let session = Self { server: server.clone(), client, runtime };
        // Policies would hide rows without a word; without row security the server refuses to read part of a table.
        session.execute("set up the session", "SET TimeZone = 'UTC'; SET row_security = off")?;
        Ok(session)
    }

    /// Whom it is connected to.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Runs statements that give no rows.
    ///
    /// # Errors
    /// The server refuses, or is gone.
    pub fn execute(&self, what: &'static str, sql: &str) -> Result<(), Error> {
        self.wait(what, self.client.batch_execute(sql))
    }

    /// Asks a question.
    ///
    /// # Errors
    /// The server refuses, or is gone.
    pub fn ask(&self, what: &'static str, sql: &str, key: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Error> {
        self.wait(what, self.client.query(sql, key))
    }

    /// The types of a question's columns. Inside a transaction they stay so: nobody can change the tables meanwhile.
    ///
    /// # Errors
    /// The server refuses, or is gone.
    pub fn describe(&self, what: &'static str, select: &str) -> Result<Vec<Type>, Error> {
        let statement = self.wait(what, self.client.prepare(select))?;
        Ok(statement.columns().iter().map(|column| Type::of(column.type_())).collect())
    }

    /// Copies the rows of `select` out and shows each to `take`; returns how many there were.
    ///
    /// # Errors
    /// The server refuses or is gone, the stream is damaged, or `take` fails.
    pub fn copy_out<E: From<Error>>(
        &self,
        what: &'static str,
        select: &str,
        mut take: impl FnMut(copy::Row<'_>) -> Result<(), E>,
    ) -> Result<u64, E> {
        let sql = format!("COPY ({select}) TO STDOUT (FORMAT binary)");
        let mut pieces = Box::pin(self.wait(what, self.client.copy_out(&sql))?.ready_chunks(PIECES));
        let mut rows = copy::Rows::default();
        while let Some(some) = self.next(what, pieces.next())? {
            let mut some = some.into_iter();
            while let Some(piece) = some.next() {
                rows.push(&piece.map_err(Error::of(&self.server, what))?);
                while let Some(row) = rows.next_row().map_err(Error::from)? {
                    if let Err(refused) = take(row) {
                        self.give_up(what, some.any(|piece| piece.is_err()), &mut pieces);
                        return Err(refused);
                    }
                }
            }
        }
        Ok(rows.finish().map_err(Error::from)?)
    }

    /// Ends a copy, which may have failed before. Its rest may be hours long, and whatever is asked next would wait behind it.
    fn give_up<T>(
        &self,
        what: &'static str,
        has_failed: bool,
        pieces: &mut (impl Stream<Item = Vec<Result<T, tokio_postgres::Error>>> + Unpin),
    ) {
        self.cancel();
        let mut last = self.next(what, pieces.next());
        while matches!(&last, Ok(Some(some)) if some.iter().all(Result::is_ok)) {
            last = self.next(what, pieces.next());
        }
        if has_failed || matches!(last, Ok(None)) {
            self.meet_cancel(what);
        }
    }

    /// A copy that had ended before it could be cancelled leaves a cancel under way, which would end whatever is asked next:
    /// something is asked for it to end.
    fn meet_cancel(&self, what: &'static str) {
        let sql = format!("SELECT pg_sleep({})", TO_MEET_CANCEL.as_secs_f64());
        // That it is cancelled is what it is for.
        let _ = self.execute(what, &sql);
    }

    fn wait<T>(
        &self,
        what: &'static str,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Error> {
        // Nothing is asked of a server that was left, so that nothing is to be cancelled there either.
        self.server.check_left()?;
        self.next(what, answer)?.map_err(Error::of(&self.server, what))
    }

    /// Waits for what comes next, not longer than a question may take.
    fn next<T>(&self, what: &'static str, coming: impl Future<Output = T>) -> Result<T, Error> {
        let server = &self.server;
        let came = self.runtime.block_on(async {
            tokio::select! {
                came = timeout(server.answer_timeout, coming) => came.map_err(|_| Error::too_slow(server, what)),
                left = server.is_left() => Err(left),
            }
        });
        came.inspect_err(|_| self.cancel())
    }

    /// Lets the server drop what nobody waits for. One that does not hear it finds out when it writes to us.
    fn cancel(&self) {
        let token = self.client.cancel_token();
        let cancelled = async {
            match &self.server.tls {
                Some(tls) => token.cancel_query(tls.clone()).await,
                None => token.cancel_query(NoTls).await,
            }
        };
        let _ = self.runtime.block_on(async { timeout(TO_CANCEL, cancelled).await });
    }
}

async fn connect(server: &Server) -> Result<Client, Error> {
    let refused = Error::connecting(server);
    match &server.tls {
        Some(tls) => {
            let (client, wire) = server.config().connect(tls.clone()).await.map_err(refused)?;
            // It ends with its client, and what it ends with is told to whoever asks next.
            tokio::spawn(wire);
            Ok(client)
        }
        None => {
            let (client, wire) = server.config().connect(NoTls).await.map_err(refused)?;
            tokio::spawn(wire);
            Ok(client)
        }
    }
}

fn runtime(server: &Server) -> Result<Runtime, Error> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("postgres")
        .enable_all()
        .build()
        .map_err(|e| Error::Unreachable { server: server.name(), reason: format!("no thread for it: {e}") })
}

fn too_slow_to_connect(server: &Server, limit: Duration) -> Error {
    Error::TooSlow { server: server.name(), what: "connect", limit, setting: "timescale.connect_timeout" }
}
