//! The thread: follows for as long as it is wanted, and begins anew whenever something fails.
//!
//! What passes by itself is tried again after pauses that grow; what somebody must put right, every five seconds, for
//! nobody tells us when it is. Between transactions it hears who wants it to wait, or to end.

use std::time::Duration;

use super::follower::{ASK_AGAIN, Follower};
use super::held::{Ask, GoTo, Hold};
use super::status::{Shared, State, now};
use super::{Error, Journals, Plan, Position, SinkHandle};
use crate::journal::Taken;
use crate::postgres::{self, Server};

/// How long it gathers before it commits: few commits, and fresh enough to look at.
const GATHER: Duration = Duration::from_millis(200);

/// The first pause before the server is tried again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Who may ask it at once: a comparison and an end.
const ASKS: usize = 4;

/// How long a server that is to take the last rows may take none: one that hangs holds no end up for longer.
const LAST_ROWS: Duration = Duration::from_secs(2);

/// Time to end in, once nobody waits for the server any more.
const GRACE: Duration = Duration::from_secs(1);

/// The thread that runs.
pub(super) struct Running {
    pub(super) handle: SinkHandle,
    /// Disconnected when it has ended.
    ended: flume::Receiver<()>,
}

impl Running {
    #[expect(
        clippy::disallowed_methods,
        reason = "a home of threads: a server that is slow or gone must hold nobody up"
    )]
    pub(super) fn start(journals: Journals, taken: Taken, plan: Plan) -> Result<Self, Error> {
        let (asks, heard) = flume::bounded(ASKS);
        let (alive, ended) = flume::bounded(1);
        let shared = Shared::new(taken);
        let handle = SinkHandle { journals: journals.clone(), shared: shared.clone(), asks };
        let ending = Ending { shared: shared.clone(), _alive: alive };
        let worker = Worker { plan, journals, shared, asks: heard, pause: FIRST_PAUSE };
        std::thread::Builder::new()
            .name("postgres-sink".to_owned())
            .spawn(move || {
                let _ending = ending;
                crate::background::step_back();
                worker.run();
            })
            .map_err(|e| Error::Thread { what: format!("cannot be started: {e}") })?;
        Ok(Self { handle, ended })
    }

    /// Lets it write what is durable for as long as the server takes it, and waits for its end. What the server has not
    /// committed it has nothing of, and the next one goes on from there.
    pub(super) fn end(self, limit: Duration) {
        let (shared, until) = (&self.handle.shared, now() + limit);
        shared.let_go();
        shared.end_at(until);
        let mut is_heard = self.handle.asks.send_timeout(Ask::End, GRACE).is_ok();
        while is_heard {
            let (before, left) = (shared.applied(), until.saturating_duration_since(now()));
            if self.ended.recv_timeout(left.min(LAST_ROWS)) != Err(flume::RecvTimeoutError::Timeout) {
                return;
            }
            is_heard = shared.applied() != before && now() < until;
        }
        shared.leave();
        let _ = self.ended.recv_timeout(GRACE);
    }
}

/// Says that it has ended, be it by a panic: then whoever wants it starts another one.
struct Ending {
    shared: Shared,
    /// Disconnects once that is said.
    _alive: flume::Sender<()>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(
                event = "sink_failed",
                "what writes to PostgreSQL has panicked, and is started anew where it is wanted"
            );
        }
        self.shared.enter(State::Ended);
    }
}

/// Whether it goes on.
#[derive(Debug, PartialEq, Eq)]
enum Flow {
    On,
    Ended,
}

struct Worker {
    plan: Plan,
    journals: Journals,
    shared: Shared,
    asks: flume::Receiver<Ask>,
    /// Before the next try.
    pause: Duration,
}

impl Worker {
    fn run(mut self) {
        while let Err(error) = self.follow() {
            if matches!(error, Error::Postgres(postgres::Error::Left { .. })) {
                break;
            }
            self.say(&error);
            if self.shared.is_to_end() || self.wait_out(error.is_temporary()) == Flow::Ended {
                break;
            }
        }
    }

    /// Writes what becomes durable until it is to end.
    fn follow(&mut self) -> Result<(), Error> {
        let server = Server::new(&self.plan.settings)?;
        self.shared.asks(&server);
        let mut follower = Follower::open(&server, &self.plan, &self.journals)?;
        self.found(&follower);
        let (ledger, market) = (self.journals.ledger.listen(), self.journals.market.listen());
        loop {
            let (upto, seen) = (self.durable(), now());
            while self.step(&mut follower, upto)? {
                if let Some(ask) = self.next_ask(Duration::ZERO)
                    && self.hear(&mut follower, ask)? == Flow::Ended
                {
                    return Ok(());
                }
            }
            if self.shared.is_over() {
                return Ok(());
            }
            self.shared.complete(seen);
            let ask = match self.wait(&ledger, &market) {
                Some(Woken::Ask(ask)) => Some(ask),
                // What comes meanwhile is gathered.
                Some(Woken::Durable) => self.next_ask(GATHER),
                None => {
                    follower.is_there()?;
                    None
                }
            };
            if let Some(ask) = ask
                && self.hear(&mut follower, ask)? == Flow::Ended
            {
                return Ok(());
            }
        }
    }

    /// Waits until something is durable or asked; `None` when nothing was for long.
    fn wait(&self, ledger: &flume::Receiver<()>, market: &flume::Receiver<()>) -> Option<Woken> {
        flume::Selector::new()
            .recv(ledger, |_| Woken::Durable)
            .recv(market, |_| Woken::Durable)
            .recv(&self.asks, |ask| Woken::Ask(ask.unwrap_or(NOBODY)))
            .wait_timeout(ASK_AGAIN)
            .ok()
    }

    /// What is asked within that time.
    fn next_ask(&self, within: Duration) -> Option<Ask> {
        match self.asks.recv_timeout(within) {
            Ok(ask) => Some(ask),
            Err(flume::RecvTimeoutError::Timeout) => None,
            Err(flume::RecvTimeoutError::Disconnected) => Some(NOBODY),
        }
    }

    /// One transaction. False when there was nothing to write.
    fn step(&mut self, follower: &mut Follower, upto: Position) -> Result<bool, Error> {
        if self.shared.is_over() {
            return Ok(false);
        }
        let Some(wrote) = follower.step(upto)? else { return Ok(false) };
        let applied = follower.applied();
        self.shared.wrote(applied, wrote.rows, wrote.given_up);
        self.pause = FIRST_PAUSE;
        Ok(true)
    }

    fn found(&self, follower: &Follower) {
        let applied = follower.applied();
        self.shared.found(applied);
        self.shared.enter(State::Following);
        tracing::info!(
            event = "postgres_follows",
            ledger = applied.0.0,
            market = applied.1.0,
            "PostgreSQL is written to from here on"
        );
    }

    fn hear(&mut self, follower: &mut Follower, ask: Ask) -> Result<Flow, Error> {
        match ask {
            Ask::Hold(hold) => self.hold(follower, &hold),
            Ask::End => self.finish(follower),
        }
    }

    /// Writes what is durable now, for as long as it may.
    fn finish(&mut self, follower: &mut Follower) -> Result<Flow, Error> {
        let upto = self.durable();
        while self.shared.is_to_end() && self.step(follower, upto)? {}
        Ok(Flow::Ended)
    }

    /// Waits, and goes on to where it is asked to, until who asked lets go.
    fn hold(&mut self, follower: &mut Follower, hold: &Hold) -> Result<Flow, Error> {
        self.shared.enter(State::Held);
        if hold.waits.send(Ok(follower.applied())).is_err() {
            self.shared.enter(State::Following);
            return Ok(Flow::On);
        }
        let flow = loop {
            let said = flume::Selector::new()
                .recv(&hold.wanted, |wanted| wanted.ok().map(Said::GoTo))
                .recv(&self.asks, |ask| Some(Said::Ask(ask.unwrap_or(NOBODY))))
                .wait();
            match said {
                None => break Flow::On,
                Some(Said::GoTo(go)) => self.go_to(follower, &go)?,
                Some(Said::Ask(Ask::Hold(other))) => drop(other.waits.send(Err(Error::HeldAlready))),
                Some(Said::Ask(Ask::End)) => break self.finish(follower)?,
            }
        };
        self.shared.enter(State::Following);
        Ok(flow)
    }

    fn go_to(&mut self, follower: &mut Follower, go: &GoTo) -> Result<(), Error> {
        while self.step(follower, go.to)? {}
        let (asked, found) = (go.to, follower.applied());
        let arrived = if found == asked { Ok(()) } else { Err(Error::NotThere { asked, found }) };
        // Who waits no longer compares nothing.
        let _ = go.arrived.send(arrived);
        Ok(())
    }

    /// Says what failed, once as long as it stays the same.
    fn say(&self, error: &Error) {
        if !self.shared.failed(error) {
            return;
        }
        if error.is_temporary() {
            tracing::warn!(event = "postgres_lags", "PostgreSQL lags, and catches up when it is back: {error}");
        } else {
            tracing::error!(
                event = "postgres_failed",
                "nothing is written to PostgreSQL until this is put right: {error}"
            );
        }
    }

    /// Waits before the next try.
    fn wait_out(&mut self, is_temporary: bool) -> Flow {
        let until = now() + if is_temporary { self.pause } else { LONGEST_PAUSE };
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        loop {
            match self.next_ask(until.saturating_duration_since(now())) {
                Some(Ask::End) => return Flow::Ended,
                Some(Ask::Hold(hold)) => {
                    let state = self.shared.words();
                    let _ = hold.waits.send(Err(Error::NotFollowing { state }));
                }
                None => return Flow::On,
            }
        }
    }

    fn durable(&self) -> Position {
        (self.journals.ledger.get(), self.journals.market.get())
    }
}

/// What is done when nobody is left who could ask.
const NOBODY: Ask = Ask::End;

/// Why it does not wait any more.
enum Woken {
    Durable,
    Ask(Ask),
}

/// What it hears while it waits for who compares.
enum Said {
    GoTo(GoTo),
    Ask(Ask),
}

#[cfg(test)]
mod tests {
    use messages::ledger::Seq;

    use super::*;

    #[test]
    fn one_that_panics_has_ended() {
        let shared = Shared::new(Taken::default());
        let (alive, ended) = flume::bounded(1);
        let ending = Ending { shared: shared.clone(), _alive: alive };
        let state = || shared.status((Seq(0), Seq(0))).state;
        assert_eq!((state(), ended.try_recv()), (State::Connecting, Err(flume::TryRecvError::Empty)));
        let panicked: Result<(), _> = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _ending = ending;
            panic!("as a fault of ours would");
        }));
        assert!(panicked.is_err());
        assert_eq!((state(), ended.try_recv()), (State::Ended, Err(flume::TryRecvError::Disconnected)));
    }
}
