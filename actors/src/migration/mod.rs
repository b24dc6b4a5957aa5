//! The migration actor: takes the steps of the way out of PostgreSQL, forward and back.
//!
//! Hears what people ask, a timer, and the end of work that it had begun. What may be done `storage::migrate::phase` decides;
//! a change of the phase stands in the ledger before anything follows from it: rows that are written to PostgreSQL too, reads
//! that move over. Long work is done on a thread for blocking work, one at a time; nobody who trades waits for it. By itself
//! it compares both sides on a schedule, and gives reads back when the side that answers them is bad at it.
//!
//! While a change waits for the ledger nothing else is answered, for what is true then is not known yet. So none is begun while
//! the ledger's disk is full; one that fills up meanwhile leaves whoever asks with an answer that does not come in time.

mod status;
mod work;
mod write;

use std::time::Duration;

use messages::UtcNanos;
use messages::ledger::{Action, LedgerRecord};
use messages::migration::{Migration, MigrationChange, Phase};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use storage::journal::Journal;
use storage::migrate::phase::{self, Ask, Facts};
use storage::migrate::reads::watch::Breach;
use storage::migrate::way::{Way, Work};

use crate::clock::Clock;
use crate::ports::{Act, By, NotDone, Step, ToMigration};
use crate::traffic::Seen;
use work::{Ended, Working};

pub use status::{Last, Status, Underway};

/// How often it looks at the lag, at the reads, and whether a comparison is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who acts where nobody asked.
const ITSELF: &str = "merganser";

/// What the actor is given.
pub struct Arguments {
    /// How far the way was gone.
    pub state: Migration,
    /// What the steps are done with.
    pub way: Way,
    /// The ledger.
    pub ledger: Journal<LedgerRecord>,
    /// The wall clock.
    pub wall: Clock,
}

/// Its mailbox.
pub enum Mailbox {
    /// From others.
    Said(ToMigration),
    /// Look at the time.
    Look,
    /// Work has ended.
    Ended(Box<Ended>),
}

impl From<ToMigration> for Mailbox {
    fn from(message: ToMigration) -> Self {
        Self::Said(message)
    }
}

impl Seen for Mailbox {
    fn name(&self) -> &'static str {
        match self {
            Self::Said(message) => message.name(),
            Self::Look => "look",
            Self::Ended(_) => "ended",
        }
    }
    fn came_by_port(&self) -> bool {
        matches!(self, Self::Said(_))
    }
}

/// The actor.
pub struct MigrationActor;

/// The shell.
pub struct Shell {
    a: Arguments,
    /// Work that is under way. It ends with the actor, and the next start finds what it has done.
    working: Option<Working>,
    /// How the last work ended.
    last: Option<Last>,
    /// When it began a comparison by itself.
    compared_at: UtcNanos,
}

impl Actor for MigrationActor {
    type Msg = Mailbox;
    type State = Shell;
    type Arguments = Arguments;

    async fn pre_start(&self, me: ActorRef<Mailbox>, arguments: Arguments) -> Result<Shell, ActorProcessingErr> {
        follow(&arguments).await?;
        me.send_interval(LOOK_EVERY, || Mailbox::Look);
        Ok(Shell { a: arguments, working: None, last: None, compared_at: UtcNanos::default() })
    }

    async fn handle(
        &self,
        me: ActorRef<Mailbox>,
        message: Mailbox,
        shell: &mut Shell,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Mailbox::Said(ToMigration::Status(reply)) => drop(reply.send(Box::new(shell.status()))),
            // Whoever asked has given up waiting for a disk, perhaps more than once: it is not done hours later.
            Mailbox::Said(ToMigration::Act { reply, .. }) if reply.is_closed() => {}
            Mailbox::Said(ToMigration::Act { act, by, reply }) => {
                let done = shell.act(act, by, &me).await?;
                let _ = reply.send(done);
            }
            Mailbox::Look => shell.look(&me).await?,
            // It is under way until it can be noted.
            Mailbox::Ended(ended) if !shell.a.ledger.writes() => {
                me.send_after(LOOK_EVERY, move || Mailbox::Ended(ended));
            }
            Mailbox::Ended(ended) => shell.ended(*ended, &me).await?,
        }
        Ok(())
    }
}

/// Lets follow what follows from the state, and waits until it does: a server that does not answer takes seconds to be left,
/// and those are no thread's of all the other actors.
async fn follow(Arguments { way, state, .. }: &Arguments) -> Result<(), ActorProcessingErr> {
    let (way, state) = (way.clone(), state.clone());
    Ok(tokio::task::spawn_blocking(move || way.follow(&state)).await?)
}

impl Shell {
    /// Does what a person asks, or begins it.
    async fn act(
        &mut self,
        act: Act,
        by: By,
        me: &ActorRef<Mailbox>,
    ) -> Result<Result<String, NotDone>, ActorProcessingErr> {
        match (act, &self.working) {
            (Act::Stop, Some(working)) => {
                working.stop();
                Ok(Ok(format!("{} ends at its next step", working.what())))
            }
            (Act::Stop, None) => Ok(Err(NotDone("nothing is under way".to_owned()))),
            (Act::Work(_), Some(working)) => {
                Ok(Err(NotDone(format!("{} is under way; `merganser migrate timescale stop` ends it", working.what()))))
            }
            (Act::Work(_) | Act::Step(_), _) if !self.a.ledger.writes() => {
                Ok(Err(NotDone("the ledger cannot write; make room on its disk first".to_owned())))
            }
            (Act::Work(work), None) => self.begin(work, by, me).await,
            // Before its end nothing was begun from which a step would lead back.
            (Act::Step(Step::Rollback), Some(working)) if self.a.state.phase == Phase::Off => {
                let what = working.what();
                Ok(Err(NotDone(format!(
                    "the phase is off, and {what} is under way; `merganser migrate timescale stop` ends it"
                ))))
            }
            (Act::Step(step), _) => {
                let done = self.step(step.ask(), &by).await?;
                if step == Step::Rollback && done.is_ok() {
                    self.working.iter().for_each(Working::stop);
                }
                Ok(done.map(|()| self.where_it_stands()))
            }
        }
    }

    /// Takes a step, if it may be taken.
    async fn step(&mut self, ask: Ask, by: &By) -> Result<Result<(), NotDone>, ActorProcessingErr> {
        match phase::decide(&self.a.state, ask, &self.facts()) {
            Ok(next) => Ok(Ok(self.change(ask, next, by).await?)),
            Err(refusal) => Ok(Err(NotDone(refusal.to_string()))),
        }
    }

    /// Begins long work, if it may be done.
    async fn begin(
        &mut self,
        work: Work,
        by: By,
        me: &ActorRef<Mailbox>,
    ) -> Result<Result<String, NotDone>, ActorProcessingErr> {
        let now = self.a.wall.now();
        let Some(alone) = self.a.way.turn() else {
            let why = "work that was under way before is still ending; ask again in a minute";
            return Ok(Err(NotDone(why.to_owned())));
        };
        let ask = work.ask(&self.a.way, now);
        match phase::decide(&self.a.state, ask, &self.facts()) {
            // What was exported may be dropped later.
            Err(_) if matches!(work, Work::Decommission { .. }) && self.a.state.phase == Phase::Decommissioned => {}
            Err(refusal) => return Ok(Err(NotDone(refusal.to_string()))),
            Ok(next) if work.is_announced() => self.change(ask, next, &by).await?,
            Ok(_) => {}
        }
        let what = work.name();
        self.working = Some(Working::begin((work, alone, by), &self.a.state, &self.a.way, now, me));
        Ok(Ok(format!("{what} has begun; `merganser migrate timescale status` shows how far it is")))
    }

    fn where_it_stands(&self) -> String {
        let state = &self.a.state;
        let share = if state.phase == Phase::GradualReads {
            format!(", DuckDB answers {} of a hundred reads", state.percent)
        } else {
            String::new()
        };
        let frozen = if state.is_frozen { ", nothing is written to PostgreSQL any more" } else { "" };
        format!("{}{share}{frozen}; {}", state.phase, phase::next_command(state))
    }

    fn facts(&self) -> Facts {
        let (way, now) = (&self.a.way, self.a.wall.now());
        let settings = way.settings();
        Facts {
            now,
            lag: way.lag(),
            use_duckdb: way.use_duckdb(),
            compare_every: settings.compare_every,
            clean_for: settings.clean_for,
            standby_for: settings.standby_for,
        }
    }

    /// Writes a change to the ledger, and does what follows from it once it is durable.
    async fn change(&mut self, ask: Ask, state: Migration, by: &By) -> Result<(), ActorProcessingErr> {
        if state == self.a.state {
            return Ok(());
        }
        let change = MigrationChange {
            state: state.clone(),
            by: by.who.clone(),
            what: ask.name().to_owned(),
            why: by.why.clone(),
            at: self.a.wall.now(),
        };
        tracing::warn!(event = change.what, by = change.by, why = change.why, phase = %state.phase, "the migration changes");
        self.write(LedgerRecord::Migration(Box::new(change))).await?;
        self.a.state = state;
        follow(&self.a).await
    }

    async fn write(&self, record: LedgerRecord) -> Result<(), ActorProcessingErr> {
        write::write(&self.a.ledger, record).await
    }

    /// What is due by itself.
    async fn look(&mut self, me: &ActorRef<Mailbox>) -> Result<(), ActorProcessingErr> {
        let now = self.a.wall.now();
        // Work may have ended it for a time: the export does.
        if self.working.is_none() {
            follow(&self.a).await?;
        }
        if !self.a.ledger.writes() {
            return Ok(());
        }
        if let Some(back) = self.a.way.step_back(&self.a.state) {
            let differed = matches!(back.why, Breach::Mismatch { .. });
            let (ask, why) = (Ask::StepBack { to: back.to, differed }, back.why.to_string());
            let (by, said) = (By { who: ITSELF.to_owned(), why }, back.said(self.a.state.percent));
            if self.step(ask, &by).await?.is_ok() {
                self.write(LedgerRecord::Action(Action::alert(said, now))).await?;
            }
        }
        if self.working.is_none() && self.is_compare_due() {
            let by = By { who: ITSELF.to_owned(), why: "timescale.compare_every".to_owned() };
            self.compared_at = now;
            // Where it may not be done, that is said to whoever asks for it.
            let _ = self.begin(Work::compare_all(), by, me).await?;
        }
        Ok(())
    }

    fn is_compare_due(&self) -> bool {
        let (state, every) = (&self.a.state, self.a.way.settings().compare_every);
        let compares = matches!(state.phase, Phase::Compare | Phase::GradualReads | Phase::DuckdbPrimary);
        // From the last attempt on: a server that is down is not asked again and again.
        let last = state.compared.map_or(state.since, |compared| compared.at).max(self.compared_at);
        compares && state.writes() && !every.is_zero() && self.a.wall.now() >= last.after(every)
    }

    /// Takes in what work came to.
    async fn ended(&mut self, ended: Ended, me: &ActorRef<Mailbox>) -> Result<(), ActorProcessingErr> {
        self.working = None;
        let Ended { what, by, outcome } = ended;
        let at = self.a.wall.now();
        let done = match outcome {
            Ok(done) => done,
            Err(text) => {
                tracing::error!(event = "migration_failed", what, "{text}");
                self.last = Some(Last { what, at, is_good: false, text, report: None });
                return Ok(());
            }
        };
        let mut last = Last { what, at, is_good: done.is_good, text: done.text, report: done.report };
        if let Some(why) = done.noted {
            let (by, subject) = (by.who.clone(), what.to_owned());
            let action = Action { by, what: "migration.done".to_owned(), subject, why, at };
            self.write(LedgerRecord::Action(action)).await?;
        }
        // Facts may have changed while it worked.
        if let Some(ask) = done.ask
            && let Err(NotDone(refusal)) = self.step(ask, &by).await?
        {
            (last.is_good, last.text) = (false, format!("{}: {refusal}", last.text));
        } else if let Some(next) = done.then
            && let Err(NotDone(refusal)) = self.begin(next, by, me).await?
        {
            (last.is_good, last.text) = (false, format!("{}: {refusal}", last.text));
        }
        tracing::info!(event = "migration_done", what, is_good = last.is_good, "{}", last.text);
        self.last = Some(last);
        Ok(())
    }
}
