//! A few connections to the server, lent out for one question each, first come first served.
//!
//! A connection is kept only if its question was answered: what was refused, broken off or left by who asked may still be at
//! work there. One that waited here may have died meanwhile; then the question is asked once more on a new one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Error;
use crate::pool::line::{Line, Nothing, Place};
use crate::postgres::{self, Cancel, Server, Session};

/// The connections. A clone lends out the same ones.
#[derive(Clone)]
pub struct Sessions {
    server: Server,
    line: Line<Slot>,
    /// The longest that a question waits for one.
    acquire: Duration,
}

/// Room for a connection, and the one that waits there.
#[derive(Default)]
struct Slot(Option<Session>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(Session::close);
    }
}

impl Sessions {
    /// So many connections at most; each is opened when it is wanted first.
    #[must_use]
    pub fn new(server: Server, connections: usize, acquire: Duration) -> Self {
        let slots = (0..connections).map(|_| Slot::default()).collect();
        Self { server, line: Line::new(slots), acquire }
    }

    /// Who is asked.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Waits for one on this thread.
    ///
    /// # Errors
    /// None is free in time.
    pub fn lend(&self) -> Result<Lent, Error> {
        let handed = self.place().wait(self.acquire);
        self.lent(handed)
    }

    /// Waits for one as a task of tokio.
    ///
    /// # Errors
    /// None is free in time.
    pub async fn lend_async(&self) -> Result<Lent, Error> {
        let handed = self.place().wait_async(self.acquire).await;
        self.lent(handed)
    }

    /// Closes those that wait; those that are lent out follow.
    pub fn close(&self) {
        self.line.close();
    }

    fn place(&self) -> Place<Slot> {
        self.line.stand(usize::MAX).expect("as many may wait as there are")
    }

    fn lent(&self, handed: Result<Slot, Nothing>) -> Result<Lent, Error> {
        let slot = handed.map_err(|nothing| match nothing {
            Nothing::InTime => {
                Error::Busy { server: self.server.name(), waited: self.acquire, waiting: self.line.waiting() }
            }
            Nothing::Ever => Error::Closed,
        })?;
        Ok(Lent { sessions: self.clone(), slot: Some(slot), early: Early::default() })
    }
}

/// One connection, for one question.
pub struct Lent {
    sessions: Sessions,
    /// There until the end.
    slot: Option<Slot>,
    early: Early,
}

/// Held by who waits for the answer: when it is dropped first, the question is cancelled.
pub struct Ender(Early);

impl Drop for Ender {
    fn drop(&mut self) {
        let mut known = self.0.known();
        known.is_gone = true;
        known.cancel.take().into_iter().for_each(Cancel::send);
    }
}

/// That nobody waits any more, and what is to be told then.
#[derive(Clone, Default)]
struct Early(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    is_gone: bool,
    /// There while a question runs.
    cancel: Option<Cancel>,
}

impl Early {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A question begins.
    fn begin(&self, session: &Session) -> Result<(), Error> {
        let mut known = self.known();
        known.cancel = Some(session.cancel_from_elsewhere());
        if known.is_gone { Err(Error::Gone) } else { Ok(()) }
    }

    /// It has ended; a cancel that is under way finds nothing, or a connection that is not used again.
    fn end(&self) -> Result<(), Error> {
        let mut known = self.known();
        known.cancel = None;
        if known.is_gone { Err(Error::Gone) } else { Ok(()) }
    }
}

impl Lent {
    /// What cancels the question when it is dropped before the answer is there.
    #[must_use]
    pub fn ender(&self) -> Ender {
        Ender(self.early.clone())
    }

    /// Asks the question on this thread, and gives the connection back.
    ///
    /// # Errors
    /// The server cannot be reached, or those of the question.
    pub fn run<T>(mut self, question: impl Fn(&Session) -> Result<T, Error>) -> Result<T, Error> {
        let waiting = self.slot.as_mut().and_then(|slot| slot.0.take());
        if let Some(session) = waiting {
            match self.ask(session, &question) {
                Err(Error::Postgres(postgres::Error::Lost { .. })) => {}
                other => return other,
            }
        }
        let session = Session::open(&self.sessions.server.renewed()?)?;
        self.ask(session, &question)
    }

    fn ask<T>(&mut self, session: Session, question: impl Fn(&Session) -> Result<T, Error>) -> Result<T, Error> {
        self.early.begin(&session)?;
        let answer = question(&session);
        self.early.end()?;
        if let (Ok(_), Some(slot)) = (&answer, &mut self.slot) {
            slot.0 = Some(session);
        }
        answer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.slot.take().into_iter().for_each(|slot| self.sessions.line.give(slot));
    }
}
