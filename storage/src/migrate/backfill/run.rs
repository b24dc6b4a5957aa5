//! A run: workers take slices one after the other, newest first, and who called waits for them, tells how far they are, and
//! lets them wait or stop.
//!
//! Whatever ends one worker ends the others after the rows that they have in hand. Nothing of a slice that is not published
//! is there afterwards.

use std::collections::BTreeMap;
use std::thread::ScopedJoinHandle;

use flume::RecvTimeoutError;
use messages::{UtcNanos, caps};

use super::super::apart::{LOOK, watched};
use super::super::plan::Plan;
use super::numbers::{Ids, Numbers};
use super::pace::Pace;
use super::publish::Publisher;
use super::slices::{Due, cut};
use super::worker::{Done, Shared, Task, open};
use super::{Again, Backfill, Error, OfTable, Progress, Summary, Total, Wanted, bounds, gone, unmapped};
use crate::archive;
use crate::duck;
use crate::postgres::Server;
use crate::postgres::catalog::TableName;
use crate::query::Range;
use crate::tiers::views::Columns;
use crate::tiers::{Manifest, Origin, Tier};

/// Slices after which what was brought over can be found without the database: a record names every file there is.
const NOTE_EVERY: usize = 32;

/// Brings over what is due. Blocks until it is done; its threads get behind those that trade.
///
/// # Errors
/// [`Error`] says what ended it; a later run goes on with the slices that are not done.
pub fn run(ctx: &Backfill<'_>, wanted: &Wanted) -> Result<Summary, Error> {
    let manifest = Manifest::load(&ctx.archive.db)?;
    let left = unmapped(&manifest, ctx.plans);
    let plans = chosen(ctx.plans, wanted, |name| left.keys().any(|(from, _)| *from == name.to_string()))?;
    // Whoever only takes rows out brings none a second time.
    if wanted.tables.is_empty() || wanted.again != Again::Whatever || !plans.is_empty() {
        gone::refuse_beside(&manifest, ctx.plans, wanted)?;
    }
    let (patient, before) = (ctx.server.apart(caps::LONG_QUESTION), ctx.before);
    let looked =
        watched(&patient, &|| ctx.goes_on(), || stretches(&patient, &plans, before)).map_err(Error::stopped)?;
    let (due, outside) = due(ctx, wanted, &manifest, (&plans, looked));
    ctx.archive.begin_bringing(due.slices.iter().any(|slice| slice.tier == Tier::Cold))?;
    let server = ctx.server.apart(ctx.server.answer_timeout());
    let pace = Pace::begin(ctx.limits.rows_per_second);
    let shared = Shared {
        server: &server,
        plans: ctx.plans,
        limits: ctx.limits,
        rejects: ctx.rejects,
        places: &ctx.archive.places,
        settings: &ctx.archive.settings,
        did: ctx.did,
        pace: &pace,
        publisher: Publisher::new(ctx, &pace),
        numbers: Numbers::after(&manifest),
        again: wanted.again,
        columns: Columns::load(&ctx.archive.db)?,
        tasks: tasks(&due, &outside),
        next: 0.into(),
    };
    let mut watch = Watch::new(ctx, (&server, &pace), &due);
    let taken_out = gone::take_out(ctx, &manifest, wanted, &shared.publisher);
    let done = taken_out.map(|rows| watch.summary.taken_out = rows).and_then(|()| watch.all(&shared));
    // However it ended: what was published is to be found.
    let noted = ctx.archive.end_bringing(ctx.now);
    let _ = std::fs::remove_dir_all(&ctx.archive.places.staging);
    done?;
    noted?;
    Ok(watch.summary(&Manifest::load(&ctx.archive.db)?))
}

/// What a table has: the stretches of its rows, and whether rows of it lie outside of all of them.
type Looked = (Vec<Range>, bool);

/// What each table has, asked of the server.
fn stretches(server: &Server, plans: &[(usize, &Plan)], before: UtcNanos) -> Result<Vec<Looked>, Error> {
    let session = open(server)?;
    let look = |(_, plan): &(usize, &Plan)| {
        session.in_snapshot("look at a table", |session| {
            plan.hold(session)?;
            plan.confirm(session)?;
            Ok((bounds::stretches(session, plan, before)?, bounds::has_outside(session, plan)?))
        })
    };
    plans.iter().map(look).collect()
}

/// What there is to do, and in which tables rows have no time.
fn due(
    ctx: &Backfill<'_>,
    wanted: &Wanted,
    manifest: &Manifest,
    (plans, looked): (&[(usize, &Plan)], Vec<Looked>),
) -> (Due, Vec<usize>) {
    let (mut due, mut outside) = (Due::default(), Vec::new());
    for ((at, plan), (mut stretches, has_outside)) in plans.iter().zip(looked) {
        if wanted.again != Again::No {
            // What came over is looked at again even where the server has nothing of it any more.
            let from = plan.from.to_string();
            let origins = manifest.of_table(plan.into.table).filter_map(|piece| piece.origin.as_ref());
            let range = |o: &Origin| Range { from: UtcNanos(o.start.saturating_mul(1_000)), to: o.end() };
            stretches.extend(origins.filter(|origin| origin.from == from).map(range));
        }
        let cut = cut(plan.table().unit, &stretches, ctx.before);
        due.add((*at, plan), cut, (manifest, &ctx.archive.settings, ctx.now), (wanted.range, wanted.again));
        outside.extend(has_outside.then_some(*at));
    }
    due.sort();
    (due, outside)
}

/// The plans that are wanted, each with its place among all; others may be named that left the mapping.
fn chosen<'a>(
    plans: &'a [Plan],
    wanted: &Wanted,
    has_left: impl Fn(&TableName) -> bool,
) -> Result<Vec<(usize, &'a Plan)>, Error> {
    for name in &wanted.tables {
        if !plans.iter().any(|plan| plan.from == *name) && !has_left(name) {
            let mapped: Vec<String> = plans.iter().map(|plan| plan.from.to_string()).collect();
            return Err(Error::NotMapped { table: name.to_string(), mapped: mapped.join(", ") });
        }
    }
    let mut ranked = BTreeMap::new();
    for plan in plans.iter().filter(|plan| Ids::of(plan.table()) == Ids::ByTime) {
        if let Some(first) = ranked.insert(plan.into.table, &plan.from) {
            let (first, second) = (first.to_string(), plan.from.to_string());
            return Err(Error::TwoTables { into: plan.into.table, first, second });
        }
    }
    let is_wanted = |plan: &Plan| wanted.tables.is_empty() || wanted.tables.contains(&plan.from);
    Ok(plans.iter().enumerate().filter(|(_, plan)| is_wanted(plan)).collect())
}

/// Rows that nobody can take come first: too many of them end a run that would end anyway.
fn tasks(due: &Due, outside: &[usize]) -> Vec<Task> {
    let outside = outside.iter().map(|plan| Task::Outside(*plan));
    outside.chain(due.slices.iter().map(|slice| Task::Slice(*slice))).collect()
}

/// Who waits for the workers.
struct Watch<'a> {
    ctx: &'a Backfill<'a>,
    server: &'a Server,
    pace: &'a Pace,
    summary: Summary,
    /// What came of each plan.
    tables: BTreeMap<usize, OfTable>,
    slices_all: usize,
    /// Rows that did not fit and of whose slices there is nothing else.
    refused_wholly: u64,
    /// Slices that were published since a record was written.
    since_noted: usize,
}

impl<'a> Watch<'a> {
    fn new(ctx: &'a Backfill<'a>, (server, pace): (&'a Server, &'a Pace), due: &Due) -> Self {
        let summary = Summary { slices_before: due.before, slices_past: due.past, ..Summary::default() };
        let slices_all = due.before + due.slices.len();
        Self { ctx, server, pace, summary, tables: BTreeMap::new(), slices_all, refused_wholly: 0, since_noted: 0 }
    }

    /// Lets workers do all tasks.
    fn all(&mut self, shared: &Shared<'_>) -> Result<(), Error> {
        let (said, heard) = flume::unbounded();
        let count = self.ctx.limits.connections.clamp(1, shared.tasks.len().max(1));
        let connect = || self.ctx.archive.db.try_clone().map_err(duck::Error::duck("open another connection"));
        let connections = (0..count).map(|_| connect()).collect::<Result<Vec<_>, _>>()?;
        std::thread::scope(|threads| {
            let mut workers = Vec::new();
            for (number, db) in connections.into_iter().enumerate() {
                let (said, name) = (said.clone(), format!("backfill-{number}"));
                let worker = std::thread::Builder::new().name(name).spawn_scoped(threads, move || {
                    let ended = shared.work(db, number, &said);
                    // Whatever ends one ends all, and what is left then has stopped with them.
                    ended.map_err(|error| if shared.pace.end() { error.stopped() } else { error })
                });
                workers.push(worker.map_err(|e| self.no_thread(e)));
            }
            drop(said);
            let watched = self.watch(&heard);
            if watched.is_err() {
                self.pace.stop();
            }
            let ended = workers.into_iter().map(|worker| worker.and_then(joined));
            ended.chain([watched]).reduce(worse).unwrap_or(Ok(()))
        })
    }

    /// Hears what workers say until they have all ended.
    fn watch(&mut self, heard: &flume::Receiver<Done>) -> Result<(), Error> {
        loop {
            let next = heard.recv_timeout(LOOK);
            if !self.ctx.goes_on() {
                self.pace.stop();
            }
            // Whatever stopped it: nobody waits for rows that are not wanted any more.
            if self.pace.is_stopped() {
                self.server.leave();
            }
            self.pace.hold((self.ctx.must_wait)());
            match next {
                Ok(done) => self.take(done)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            (self.ctx.on)(&self.progress());
        }
    }

    fn take(&mut self, done: Done) -> Result<(), Error> {
        let summary = &mut self.summary;
        summary.rows += done.rows;
        summary.refused += done.refused;
        summary.bytes += done.bytes;
        summary.rejects.extend(done.rejects.map(|file| file.display().to_string()));
        if done.rows == 0 {
            self.refused_wholly += done.refused;
        }
        if done.is_slice {
            let count = if done.rows > 0 { &mut summary.slices_done } else { &mut summary.slices_empty };
            *count += 1;
        }
        let plan = &self.ctx.plans[done.plan];
        let (from, into) = (plan.from.to_string(), plan.into.table.to_owned());
        let of_table = self.tables.entry(done.plan).or_insert(OfTable { from, into, rows: 0, refused: 0 });
        of_table.rows += done.rows;
        of_table.refused += done.refused;
        self.ctx.archive.remove_replaced(&done.replaced)?;
        self.since_noted += 1;
        if self.since_noted >= NOTE_EVERY {
            self.since_noted = 0;
            self.ctx.archive.note_brought()?;
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        let Summary { slices_done, slices_before, slices_empty, .. } = self.summary;
        Progress {
            rows: self.pace.rows(),
            refused: self.pace.refused(),
            slices_done: slices_done + slices_before + slices_empty,
            slices_all: self.slices_all,
            rows_per_second: per_second(self.pace.rows(), self.pace.elapsed()),
        }
    }

    fn summary(&self, manifest: &Manifest) -> Summary {
        let seconds = self.pace.elapsed();
        let rows_per_second = per_second(self.summary.rows, seconds);
        let mut total = Total::of(manifest);
        total.refused += self.refused_wholly;
        let tables = self.tables.values().cloned().collect();
        Summary { seconds, rows_per_second, total, tables, ..self.summary.clone() }
    }

    fn no_thread(&self, source: std::io::Error) -> Error {
        self.pace.stop();
        archive::Error::Io { what: "start the threads of", path: "the backfill".into(), source }.into()
    }
}

fn joined(worker: ScopedJoinHandle<'_, Result<(), Error>>) -> Result<(), Error> {
    worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// What ended a run: that others had to stop for it says nothing.
fn worse(first: Result<(), Error>, second: Result<(), Error>) -> Result<(), Error> {
    match (&first, &second) {
        (Ok(()), _) | (Err(Error::Stopped), Err(_)) => second,
        _ => first,
    }
}

fn per_second(rows: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { rows as f64 / seconds } else { 0.0 }
}
